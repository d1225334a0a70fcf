"""A detector's report: scores, curves and drawings of its test pictures as files in a folder."""

import io
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from keras_cnn.datasets.annotations import Picture
from keras_cnn.detection import boxes, draw, scoring
from keras_cnn.i18n import N_, _, ngettext
from keras_cnn.images import files
from keras_cnn.report import canvas, figures, fonts, sentences, writer

HEAD = ("file", "class", "score", "x1", "y1", "x2", "y2")
COLUMNS = {"detections": 2, "augment": 5, "samples": 5}  # of the sheets of pictures
WIDTHS = {"detections": 720, "augment": 240, "samples": 240}  # of their pictures, in pixels
DRAWN_SCORE = 0.3  # the gallery draws detections above it
GALLERY = 10  # pictures of the gallery


def write(
    folder: Path,
    *,
    pictures: Sequence[Picture],
    answers: list[tuple],
    class_names: Sequence[str],
    facts: dict,
    baseline: list[tuple] | None = None,
    history: dict[str, list] | None = None,
    samples: Sequence[tuple[np.ndarray, str]] = (),
    steps: Sequence[tuple[np.ndarray, str]] = (),
) -> dict:
    """Score a detector and write report.json, report.html, the tables and the figures.

    Args:
        folder: Folder of the run; made if it is missing.
        pictures: The test pictures with their boxes.
        answers: Boxes, scores and class ids of the objects found in each picture.
        class_names: Names of the classes, without background.
        facts: As in `keras_cnn.report.classification`; "samples" tells the number of test pictures.
        baseline: Boxes, scores and class ids of `baseline.ConstantBoxes` in each picture, or None.
        history: One list per quantity and epoch.
        samples: (picture, title) of training pictures as the model receives them.
        steps: (picture, step) of the augmentation, five steps a picture.

    Returns:
        What report.json holds.

    Raises:
        InputError: The folder cannot be written.
    """
    truths = [picture.truth for picture in pictures]
    test, curves_of_classes = scoring.score(
        truths, answers, class_names=class_names, baseline=baseline
    )
    history = history or {}
    curved = {key: values for key, values in history.items() if "map" not in key}
    curved |= {"mAP (VOC)": [], "val_mAP (VOC)": history.get("val_map", [])}
    plots = {
        "curves.png": (
            partial(figures.curves, curved, best_epoch=facts.get("best_epoch")),
            figures.curves_parts(curved),
        ),
        "precision_recall.png": (partial(precision_recall, curves_of_classes), []),
    }
    gallery = _gallery(pictures, answers, class_names)
    sheets = {"detections": gallery, "augment": steps, "samples": samples}
    galleries = {
        _("Most mistakes first: truth beside prediction"): gallery,
        _("Training pictures"): samples,
        _("Augmentation, step by step"): steps,
    }
    return writer.write(
        folder,
        _contents(folder, test, facts),
        history=history,
        others={"detections.csv": writer.table(HEAD, _rows(pictures, answers, class_names))}
        | {f"{name}.png": _sheet(name, items) for name, items in sheets.items() if items},
        plots=plots,
        galleries=[
            (heading, [(picture, title, "") for picture, title in items])
            for heading, items in galleries.items()
            if items
        ],
    )


def _contents(folder, test, facts):
    """Return the content of report.json."""
    notes = []
    if facts.get("skipped_boxes"):
        number = len(facts["skipped_boxes"])
        notes.append(N_(f"Boxes left out because they cannot be used: {number:d}."))
    notes.append(
        N_(
            "Precision and recall count detections with a score above 0.01; pictures show those "
            f"above {DRAWN_SCORE}."
        )
    )
    where = N_(f"{facts['samples']['test']:d} test pictures")
    sentence = sentences.detection(test, where=where)
    return writer.contents(folder, facts, "detection", test, sentence=sentence, notes=notes)


def _rows(pictures, answers, class_names):
    """Cells of `HEAD` of each detection."""
    return [
        (
            Path(picture.path).name,
            class_names[label - 1],
            f"{score:.4f}",
            *(f"{edge:.1f}" for edge in box),
        )
        for picture, answer in zip(pictures, answers, strict=True)
        for box, score, label in zip(*answer, strict=True)
    ]


def _gallery(pictures, answers, class_names):
    """Drawings (picture, title) of the pictures with the most mistakes."""
    shown = [tuple(values[answer[1] > DRAWN_SCORE] for values in answer) for answer in answers]
    mistakes = np.array([_mistakes(*pair) for pair in zip(pictures, shown, strict=True)])
    gallery = []
    for index in np.argsort(-mistakes, kind="stable")[:GALLERY]:
        picture, number = pictures[index], mistakes[index]
        drawing = draw.pair(
            files.read(picture.path), picture.truth, shown[index], class_names=class_names
        )
        counted = ngettext("{number} mistake", "{number} mistakes", number).format(number=number)
        gallery.append((drawing, f"{Path(picture.path).name}: {counted}"))
    return gallery


def _mistakes(picture, answer):
    """Return the number of missed objects and of wrong detections, at IoU 0.5."""
    corners, _, labels = answer
    overlap = boxes.iou(picture.boxes, corners) * (picture.labels[:, None] == labels)
    missed = overlap.max(axis=1, initial=0)[~picture.difficult] < 0.5
    wrong = overlap.max(axis=0, initial=0) < 0.5
    return int(missed.sum() + wrong.sum())


def precision_recall(classes: list, *, dark: bool = False) -> bytes:
    """Draw how precision falls as more of the objects are found.

    Args:
        classes: `metrics.ClassScore` of each class.
        dark: Whether the paper is dark.

    Returns:
        The figure as PNG bytes.
    """
    with canvas.paper((7.2, 4.2), dark) as (figure, _ink):
        ax = figure.subplots()
        for label, entry in enumerate(classes, start=1):
            if not entry.objects:
                continue
            name = fonts.shorten(fonts.printable(entry.name), width=24)
            ax.step(
                np.r_[0, entry.recall],
                np.r_[1, entry.precision],
                where="post",
                color=[value / 255 for value in draw.colour(label, dark=dark)],
                label=f"{name}  {entry.average_precision:.3f}",
            )
        ax.set(xlim=(0, 1.005), ylim=(0, 1.02), xlabel=_("recall"), ylabel=_("precision"))
        ax.grid(True)
        figure.legend(
            title=_("average precision"), loc="outside right upper", ncols=1 + len(classes) // 22
        )
        return canvas.png(figure)


def _sheet(name, pictures):
    sheet = draw.sheet(pictures, columns=COLUMNS[name], width=WIDTHS[name])
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, format="png")
    return buffer.getvalue()
