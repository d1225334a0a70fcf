"""The report of a segmentation: mean IoU, IoU of each class, pictures beside their masks."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from keras_cnn.i18n import _
from keras_cnn.images import masks
from keras_cnn.report import figures, scores, sentences, writer

GALLERY = 10  # test pictures shown


def write(
    folder: str | Path,
    *,
    y_true: np.ndarray,
    y_pred: np.ndarray,
    class_names: list[str],
    filepaths: list,
    picture: Callable,
    history: dict[str, list],
    facts: dict,
    samples: list,
) -> dict:
    """Score a segmentation on its test set and write the report of the run.

    Args:
        folder: Folder of the run; made if it is missing.
        y_true: Class numbers, uint8 (pictures, height, width); `masks.VOID` does not count.
        y_pred: Class numbers of the same shape.
        class_names: One name per class, the first for the background.
        filepaths: Path of each test picture.
        picture: Function that returns the picture of a path, uint8 (height, width, 3).
        history: One list per quantity and epoch, as Keras' `History.history`.
        facts: As in `classification`.
        samples: (picture, title) of training pictures.

    Returns:
        The content of `report.json`.

    Raises:
        InputError: If the folder cannot be written.
    """
    test, of_pictures = scores.segmentation(y_true, y_pred, class_names)
    names = writer.relative_names(filepaths)
    items = []
    for index in np.argsort(of_pictures, kind="stable")[:GALLERY]:
        shown = writer.picture_or_none(lambda k: picture(filepaths[k]), index)
        if shown is None:  # its file has been removed
            shown = np.zeros((*y_true[index].shape, 3), np.uint8)
        title = _("mean IoU {score:.3f}").format(score=of_pictures[index])
        items.append((beside(shown, [y_true[index], y_pred[index]]), title, names[index]))
    galleries = {
        _("Lowest scores first: picture, truth, prediction"): items,
        _("Training pictures"): [(shown, title, "") for shown, title in samples],
    }
    rows = zip(names, (f"{score:.4f}" for score in of_pictures), strict=True)
    return writer.write(
        folder,
        writer.contents(folder, facts, "segmentation", test, sentence=sentences.segmentation(test)),
        history=history,
        others={"predictions.csv": writer.table(("file", "mean IoU"), rows)}
        | {
            f"{name}.png": _sheet([shown for shown, *_ in gallery])
            for name, gallery in zip(("masks", "samples"), galleries.values(), strict=True)
        },
        plots={"curves.png": writer.curves(history, facts, baseline=test["baseline"])},
        galleries=list(galleries.items()),
    )


def _sheet(shown):
    """Return pictures of one size as a PNG, two in a row."""
    if len(shown) % 2:
        shown = [*shown, np.full_like(shown[0], 255)]
    framed = [np.pad(each, ((4, 4), (4, 4), (0, 0)), constant_values=255) for each in shown]
    rows = [np.concatenate(pair, axis=1) for pair in zip(framed[::2], framed[1::2], strict=True)]
    buffer = io.BytesIO()
    Image.fromarray(np.concatenate(rows)).save(buffer, format="png")
    return buffer.getvalue()


def beside(picture: np.ndarray, drawn: list[np.ndarray]) -> np.ndarray:
    """Put masks beside their picture, in the colours of `masks.palette`.

    Args:
        picture: As `figures.pixels` takes it, (height, width, 3).
        drawn: Masks: class numbers (height, width).

    Returns:
        RGB, uint8 (height, width of all, 3).
    """
    return np.concatenate([figures.pixels(picture), *(masks.palette()[mask] for mask in drawn)], 1)
