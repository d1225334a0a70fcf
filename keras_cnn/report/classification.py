"""The report of a classifier."""

from collections.abc import Callable
from functools import partial

import numpy as np

from keras_cnn.i18n import N_, _
from keras_cnn.report import calibration, figures, reliability, scores, sentences, unknown, writer
from keras_cnn.report.calibration import Temperature

NOT_A_NUMBER = "(not a number)"  # prediction in predictions.csv where the scores are not finite


def classification(
    folder,
    *,
    y_true,
    y_score,
    class_names: list[str],
    filepaths: list,
    history: dict[str, list],
    facts: dict,
    temperature: Temperature | None = None,
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
        facts: Further facts of the run. All of them go into `report.json` and onto the page
            unchanged. These keys have a place of their own: `name`, `seconds` (a number, or step ->
            number with `total`), `images_per_second`, `best_epoch` (counted from 1), `notes`
            (sentences), `synthetic` (True, or the sentence to show), `skipped` (file -> reason),
            `interrupted`, `runs` (of `summarize_runs`). A dict becomes a table of the page.
        temperature: The temperature that `y_score` has already been divided by; None for 1.
        groups: Name -> boolean mask of shape (pictures,): subsets to score separately as well.
        samples: (picture, title) of training pictures, for `samples.png` and the page.
        picture: Function that returns the test picture of an index as an array; by default its
            file is opened.

    Returns:
        The content of `report.json`.

    Raises:
        ValueError: If the arrays do not describe the same pictures and classes.
        InputError: If the folder cannot be written.
    """
    y_true, y_score = np.asarray(y_true), np.asarray(y_score, dtype=np.float64)
    _check(y_true, y_score, class_names, filepaths)
    groups = {name: np.asarray(mask, bool) for name, mask in (groups or {}).items()}
    y_pred = scores.predictions(y_score)
    confidence = np.where(y_pred < 0, np.nan, y_score.max(axis=1))
    names = writer.relative_names(filepaths)
    test = scores.classification(y_true, y_score, class_names, groups)
    test["calibration"] = calibration.summary(y_true, y_score, temperature or Temperature())
    facts = unknown.with_sentence(facts)
    report = writer.contents(
        folder,
        facts,
        "classification",
        test,
        sentence=sentences.classification(test),
        notes=_notes(test, y_score),
    )
    matrix = scores.confusion(y_true, y_pred, len(class_names))
    plots = {
        "curves.png": writer.curves(history, facts, baseline=test["baseline"]),
        "confusion.png": (
            partial(figures.confusion, matrix, class_names),
            figures.confusion_parts(class_names),
        ),
    }
    if test["calibration"]:
        plots["calibration.png"] = (
            partial(reliability.draw, test["calibration"]),
            reliability.panels(test["calibration"]),
        )
    plots |= unknown.plots(facts.get("unknown"))
    return writer.write_predictions(
        folder,
        report,
        history=history,
        rows=_rows(y_true, y_pred, confidence, class_names, names),
        plots=plots,
        samples=samples,
        mistakes=_mistakes(
            y_true,
            y_pred,
            confidence,
            class_names,
            names,
            picture or partial(writer.open_picture, filepaths),
        ),
    )


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


def _notes(test, y_score):
    """Return the sentences that warn about the scores."""
    if test["unanswered"]:
        return [
            N_(
                f"The answers to {test['unanswered']:,} of {test['samples']:,} test pictures are "
                "not finite numbers and count as wrong: the training diverged; lower the learning "
                "rate."
            )
        ]
    if not scores.are_probabilities(y_score):
        return [
            N_(
                "The network's outputs are no probabilities, so there is no test loss and the "
                "“probability” of a mistake is only a score: end the network with a softmax."
            )
        ]
    return []


def _rows(y_true, y_pred, confidence, class_names, names):
    """Return the rows of predictions.csv: file, truth, prediction, probability."""
    return [
        (
            name,
            class_names[truth],
            class_names[prediction] if prediction >= 0 else NOT_A_NUMBER,
            f"{probability:.6g}",
        )
        for name, truth, prediction, probability in zip(
            names, y_true, y_pred, confidence, strict=True
        )
    ]


def _mistakes(y_true, y_pred, confidence, class_names, names, picture):
    """Return heading and items of the gallery of mistakes.

    It shows the wrong answers, the most confident first. Without a wrong answer it shows the right
    ones, the least confident first.
    """
    wrong = np.flatnonzero((y_true != y_pred) & (y_pred >= 0))
    if len(wrong):
        title = _("Worst mistakes: truth → prediction, most confident first")
        order = wrong[np.argsort(-confidence[wrong], kind="stable")]
    else:
        right = np.flatnonzero(y_true == y_pred)
        order = right[np.argsort(confidence[right], kind="stable")]
        title = _("No mistake in {number:,} pictures; the narrowest right answers")
        title = title.format(number=len(right))
    if not len(order):
        return _("No picture got an answer"), []
    items = []
    for index in order[: writer.GALLERY_SIZE]:
        lines = [class_names[y_true[index]], sentences.probability(confidence[index])]
        if len(wrong):
            lines.insert(1, f"→ {class_names[y_pred[index]]}")
        items.append((writer.picture_or_none(picture, index), "\n".join(lines), names[index]))
    return title, items
