"""Scores and figures of a run, written to its folder.

`classification` and `regression` write `report.json`, `report.html`, `history.csv`,
`predictions.csv` and the figures; `files` is what `detection.report` writes with too. Each file is
written beside its place and renamed, so a reader never meets half a file, and `report.json` comes
last: it stands for a complete report.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from keras_cnn.report import figures, scores, sentences, writer
from keras_cnn.report.comparison import compare, summarize_runs

__all__ = [
    "classification",
    "compare",
    "regression",
    "sample_grid",
    "sentence",
    "summarize_runs",
]

WORST = 10  # mistakes shown
LOST = "(not a number)"  # what predictions.csv holds for a picture whose scores are not finite


def classification(
    folder,
    *,
    y_true,
    y_score,
    class_names: list[str],
    filepaths: list,
    history: dict[str, list],
    facts: dict,
    groups: dict | None = None,
    samples: list | None = None,
    picture: Callable | None = None,
) -> dict:
    """Score a classifier on its test set and write the report of the run.

    Args:
        folder: Folder of the run; made if it is missing.
        y_true: Integer labels, shape (pictures,), in [0, classes).
        y_score: Probabilities, shape (pictures, classes), in the order of `y_true`. A row that
            holds a NaN counts as a wrong answer.
        class_names: One name per class.
        filepaths: Path of each test picture.
        history: One list per quantity and epoch, as Keras' `History.history`; may be empty.
        facts: What else the report tells. Everything goes into `report.json` and onto the page as
            it is. These keys have a place of their own: `name`, `seconds` (a number, or part ->
            number with `total`), `images_per_second`, `best_epoch` (counted from 1), `notes`
            (sentences), `synthetic` (True, or the sentence to say), `skipped` (file -> reason),
            `interrupted`, `runs` (of `summarize_runs`). A dict becomes a table of the page.
        groups: Boolean mask of shape (pictures,) of each part to score on its own as well.
        samples: (picture, title) of training pictures, for `samples.png` and the page.
        picture: Gives the test picture of an index as an array; by default its file is opened.

    Returns:
        What `report.json` holds.

    Raises:
        ValueError: If the arrays do not describe the same pictures and classes.
        InputError: If the folder cannot be written.
    """
    y_true, y_score = np.asarray(y_true), np.asarray(y_score, dtype=np.float64)
    _check(y_true, y_score, class_names, filepaths)
    groups = {name: np.asarray(mask, bool) for name, mask in (groups or {}).items()}
    y_pred = scores.predictions(y_score)
    test = scores.classification(y_true, y_score, class_names, groups)
    notes = []
    if test["unanswered"]:
        notes.append(
            f"The answers to {test['unanswered']:,} of {len(y_true):,} test pictures are not "
            "finite numbers and count as wrong: the training diverged; lower the learning rate."
        )
    elif not scores.are_probabilities(y_score):
        notes.append(
            "The network's outputs are no probabilities, so there is no test loss and the "
            "“probability” of a mistake is only a score: end the network with a softmax."
        )
    names = _names(filepaths)
    picture = picture or partial(_open, filepaths)
    surest = np.where(y_pred < 0, np.nan, y_score.max(axis=1))
    rows = [
        (name, class_names[truth], class_names[guess] if guess >= 0 else LOST, f"{p:.6g}")
        for name, truth, guess, p in zip(names, y_true, y_pred, surest, strict=True)
    ]
    mistakes = _mistakes(y_true, y_pred, surest, class_names, names, picture)
    matrix = scores.confusion(y_true, y_pred, len(class_names))
    report = writer.contents(
        folder, facts, "classification", test, sentence=sentences.classification(test), notes=notes
    )
    plots = {
        "curves.png": _curves(history, facts, baseline=test["baseline"]),
        "confusion.png": (
            partial(figures.confusion, matrix, class_names),
            figures.confusion_parts(class_names),
        ),
    }
    return _write_answers(folder, report, history, rows, plots, samples, mistakes)


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
        What `report.json` holds.

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
    test = scores.regression(y_true, y_pred, train_mean)
    names = _names(filepaths)
    picture = picture or partial(_open, filepaths)
    rows = [
        (name, f"{truth:.6g}", f"{guess:.6g}", "")
        for name, truth, guess in zip(names, y_true, y_pred, strict=True)
    ]
    order = np.argsort(-np.abs(np.nan_to_num(y_pred - y_true)), kind="stable")[:WORST]
    worst = [
        (
            _picture(picture, k),
            f"{sentences.number(y_true[k])} → {sentences.number(y_pred[k])}",
            names[k],
        )
        for k in order
    ]
    mistakes = ("Largest errors: truth → prediction", worst)
    report = writer.contents(folder, facts, "regression", test, sentence=sentences.regression(test))
    plots = {
        "curves.png": _curves(history, facts),
        "scatter.png": (partial(figures.scatter, y_true, y_pred, train_mean), []),
        "residuals.png": (partial(figures.residuals, y_true, y_pred), []),
    }
    return _write_answers(folder, report, history, rows, plots, samples, mistakes)


def sample_grid(path, samples: list) -> None:
    """Write a 2×5 grid of pictures with their titles, as the textbook's listing shows them.

    Args:
        path: Where the PNG goes.
        samples: (picture, title) each; a picture is an array (height, width[, channels]) of uint8
            or of floats in [0, 1]; other ranges are stretched. The first ten are drawn.

    Raises:
        InputError: If the path cannot be written.
    """
    writer.put(Path(path), figures.pictures([(array, title, "") for array, title in samples]))


def sentence(report: dict) -> str:
    """Say for the terminal whether a run's score is good, with its groups and its notes."""
    return "\n".join([report["sentence"], *report["notes"]])


def _check(y_true, y_score, class_names, filepaths):
    pictures, classes = len(filepaths), len(class_names)
    if pictures == 0 or y_true.shape != (pictures,) or y_score.shape != (pictures, classes):
        raise ValueError(
            "y_true must have shape (pictures,) and y_score (pictures, classes) for at least one "
            f"picture; received {y_true.shape} and {y_score.shape} for {pictures} filepaths and "
            f"{classes} class_names"
        )
    if not np.issubdtype(y_true.dtype, np.integer) or y_true.min() < 0 or y_true.max() >= classes:
        raise ValueError(
            f"y_true must hold integers in [0, {classes}); received {y_true.dtype} from "
            f"{y_true.min()} to {y_true.max()}"
        )


def _mistakes(y_true, y_pred, surest, class_names, names, picture):
    """Choose the confident and wrong answers, or, without one, the right ones nearest to it."""
    wrong = np.flatnonzero((y_true != y_pred) & (y_pred >= 0))
    if len(wrong):
        title = "Worst mistakes: truth → prediction, most confident first"
        order = wrong[np.argsort(-surest[wrong], kind="stable")]
    else:
        order = np.flatnonzero(y_true == y_pred)
        order = order[np.argsort(surest[order], kind="stable")]
        title = f"No mistake in {len(order):,} pictures; the narrowest right answers"
    if not len(order):
        return "No picture got an answer", []
    items = []
    for k in order[:WORST]:
        lines = [class_names[y_true[k]], sentences.probability(surest[k])]
        if len(wrong):
            lines.insert(1, f"→ {class_names[y_pred[k]]}")
        items.append((_picture(picture, k), "\n".join(lines), names[k]))
    return title, items


def _curves(history, facts, **options):
    draw = partial(figures.curves, history, best_epoch=facts.get("best_epoch"), **options)
    return draw, figures.curves_parts(history)


def _write_answers(folder, report, history, rows, plots, samples, mistakes):
    """Write the report of a network with one answer a picture."""
    samples = (samples or [])[: figures.GRID[0] * figures.GRID[1]]
    title, worst = mistakes
    others = {
        "predictions.csv": writer.table(("file", "truth", "prediction", "probability"), rows),
        "mistakes.png": figures.pictures(worst, title=title) if worst else figures.sentence(title),
    }
    galleries = [(title, worst)]
    if samples:
        shown = [(array, label, "") for array, label in samples]
        others["samples.png"] = figures.pictures(shown)
        galleries.append(("Training pictures", shown))
    return writer.write(
        folder, report, history=history, others=others, plots=plots, galleries=galleries
    )


def _names(filepaths):
    """Return the paths below their common folder: the same on every machine."""
    paths = [Path(path) for path in filepaths]
    try:
        top = os.path.commonpath([path.parent for path in paths])
    except ValueError:  # absolute beside relative, or two drives: nothing in common
        return [path.as_posix() for path in paths]
    return [path.relative_to(top).as_posix() for path in paths]


def _picture(picture, index):
    """Return the picture as an array, or None where its file is gone or broken since."""
    try:
        return np.asarray(picture(int(index)))
    except (OSError, ValueError, Image.DecompressionBombError):
        return None


def _open(filepaths, index):
    with Image.open(filepaths[index]) as image:
        image.draft("RGB", (640, 640))
        return ImageOps.exif_transpose(image).convert("RGB")
