"""The report of a regression."""

from collections.abc import Callable
from functools import partial

import numpy as np

from keras_cnn.i18n import _
from keras_cnn.report import figures, scores, sentences, writer


def regression(
    folder,
    *,
    y_true,
    y_pred,
    train_mean: float,
    filepaths: list,
    history: dict[str, list],
    facts: dict,
    samples: list | None = None,
    picture: Callable | None = None,
) -> dict:
    """Score a regression on its test set and write the report of the run.

    Args:
        folder: Folder of the run; made if it is missing.
        y_true: Targets, shape (pictures,) or (pictures, 1).
        y_pred: Predictions of the same shape; NaN makes the scores None.
        train_mean: Mean of the training targets: the baseline predicts it for every picture.
        filepaths: Path of each test picture.
        history: One list per quantity and epoch, as Keras' `History.history`; may be empty.
        facts: As in `classification`.
        samples: As in `classification`.
        picture: As in `classification`.

    Returns:
        The content of `report.json`.

    Raises:
        ValueError: If the arrays do not describe the same pictures.
        InputError: If the folder cannot be written.
    """
    y_true = np.asarray(y_true, dtype=np.float64).reshape(-1)
    y_pred = np.asarray(y_pred, dtype=np.float64).reshape(-1)
    if not 0 < len(y_true) == len(y_pred) == len(filepaths):
        raise ValueError(
            "y_true, y_pred and filepaths must describe the same pictures, at least one; received "
            f"{len(y_true)}, {len(y_pred)} and {len(filepaths)}"
        )
    names = writer.relative_names(filepaths)
    rows = [
        (name, f"{truth:.6g}", f"{prediction:.6g}", "")
        for name, truth, prediction in zip(names, y_true, y_pred, strict=True)
    ]
    test = scores.regression(y_true, y_pred, train_mean)
    report = writer.contents(folder, facts, "regression", test, sentence=sentences.regression(test))
    plots = {
        "curves.png": writer.curves(history, facts),
        "scatter.png": (partial(figures.scatter, y_true, y_pred, train_mean), []),
        "residuals.png": (partial(figures.residuals, y_true, y_pred), []),
    }
    return writer.write_predictions(
        folder,
        report,
        history=history,
        rows=rows,
        plots=plots,
        samples=samples,
        mistakes=_mistakes(
            y_true, y_pred, names, picture or partial(writer.open_picture, filepaths)
        ),
    )


def _mistakes(y_true, y_pred, names, picture):
    """Return heading and items of the gallery of mistakes: the largest errors first."""
    error = np.abs(np.nan_to_num(y_pred - y_true))
    items = [
        (
            writer.picture_or_none(picture, index),
            f"{sentences.number(y_true[index])} → {sentences.number(y_pred[index])}",
            names[index],
        )
        for index in np.argsort(-error, kind="stable")[: writer.GALLERY_SIZE]
    ]
    return _("Largest errors: truth → prediction"), items
