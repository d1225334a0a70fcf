"""Scores with their baselines and intervals: arrays in, plain dicts out."""

import numpy as np
import scipy

from keras_cnn.images import masks

CONFIDENCE = 0.95
TOP_K = 5


def wilson(successes: int, samples: int) -> list[float]:
    """Return the 95 % score interval of a proportion (Wilson, 1927), as [low, high] in [0, 1].

    Unlike the usual p ± 1.96·sqrt(p(1−p)/n), it stays inside [0, 1] and does not shrink to a
    point when every answer is right.
    """
    test = scipy.stats.binomtest(successes, samples)
    return [float(bound) for bound in test.proportion_ci(CONFIDENCE, method="wilson")]


def verdict(interval: list[float], baseline: float) -> str:
    """Say where an interval lies: "above", "around" or "below" its baseline."""
    if interval[0] > baseline:
        return "above"
    return "below" if interval[1] < baseline else "around"


def accuracy(y_true: np.ndarray, y_pred: np.ndarray, class_names: list[str]) -> dict:
    """Score labels against the truth.

    The baseline is the share of the most frequent class *of the test set*: the highest accuracy
    that can be expected without looking at the pictures. The most frequent class of the training
    set would be a lower baseline where the two sets differ, and undefined where the training
    classes are balanced.

    Args:
        y_true: Integer labels, shape (samples,), in [0, classes).
        y_pred: Integer labels, shape (samples,); -1 stands for no answer.
        class_names: One name per class.
    """
    samples, correct = len(y_true), int((y_true == y_pred).sum())
    if samples == 0:
        return {"samples": 0, "correct": 0, "accuracy": None, "interval": None, "baseline": None}
    support = np.bincount(y_true, minlength=len(class_names))
    interval, baseline = wilson(correct, samples), float(support.max() / samples)
    return {
        "accuracy": correct / samples,
        "interval": interval,
        "baseline": baseline,
        "baseline_class": class_names[int(support.argmax())],
        "verdict": verdict(interval, baseline),
        "samples": samples,
        "correct": correct,
    }


def classification(
    y_true: np.ndarray,
    y_score: np.ndarray,
    class_names: list[str],
    groups: dict[str, np.ndarray] | None = None,
) -> dict:
    """Return the scores of a classifier: the entry `test` of `report.json`.

    A score that is undefined is None: the precision of a class that was never predicted, the
    recall of a class without a test picture.

    Args:
        y_true: Integer labels, shape (samples,).
        y_score: Probabilities, shape (samples, classes).
        class_names: One name per class.
        groups: Name -> boolean mask of shape (samples,): subsets to score separately as well.
    """
    y_pred = predictions(y_score)
    matrix = confusion(y_true, y_pred, len(class_names))
    test = accuracy(y_true, y_pred, class_names)
    test["loss"] = cross_entropy(y_true, y_score)
    test["unanswered"] = int((y_pred < 0).sum())
    if len(class_names) > 10:
        top_k = np.argsort(-y_score, axis=1, kind="stable")[:, :TOP_K]
        hits = (top_k == y_true[:, None]).any(axis=1) & (y_pred >= 0)
        most_frequent = np.sort(np.bincount(y_true, minlength=len(class_names)))[-TOP_K:]
        test["top5"] = float(hits.mean())
        test["top5_interval"] = wilson(int(hits.sum()), len(hits))
        test["top5_baseline"] = float(most_frequent.sum() / len(hits))
    test["classes"] = per_class(y_true, y_pred, class_names)
    test["confusions"] = [
        {"truth": class_names[truth], "prediction": class_names[prediction], "count": count}
        for truth, prediction, count in top_confusions(matrix, 20)
    ]
    test["groups"] = {
        name: accuracy(y_true[mask], y_pred[mask], class_names)
        for name, mask in (groups or {}).items()
    }
    return test


def predictions(y_score: np.ndarray) -> np.ndarray:
    """Return the most probable class of each row, or -1 where a score is not a finite number."""
    return np.where(np.isfinite(y_score).all(axis=1), y_score.argmax(axis=1), -1)


def are_probabilities(y_score: np.ndarray) -> bool:
    """Return whether the finite rows are probabilities.

    Rows must sum to 1 within 2 %: half precision is accurate to about 1 %.
    """
    rows = y_score[np.isfinite(y_score).all(axis=1)]
    return bool((rows >= 0).all() and np.allclose(rows.sum(axis=1), 1, atol=0.02))


def cross_entropy(y_true: np.ndarray, y_score: np.ndarray) -> float | None:
    """Return the mean of -log p(truth) in nats, None where the scores are no probabilities."""
    if not (np.isfinite(y_score).all() and are_probabilities(y_score)):
        return None
    of_truth = y_score[np.arange(len(y_true)), y_true]
    return float(-np.log(np.clip(of_truth, 1e-7, 1)).mean())  # Keras clips at 1e-7 too


def confusion(y_true: np.ndarray, y_pred: np.ndarray, classes: int) -> np.ndarray:
    """Return the confusion matrix: row = truth, column = prediction, shape (classes, classes)."""
    answered = y_pred >= 0
    cells = np.bincount(y_true[answered] * classes + y_pred[answered], minlength=classes**2)
    return cells.reshape(classes, classes)


def top_confusions(matrix: np.ndarray, number: int) -> list[tuple[int, int, int]]:
    """Return the largest cells off the diagonal as (truth, prediction, count), largest first."""
    errors = matrix - np.diag(np.diag(matrix))
    share = errors / np.maximum(matrix.sum(axis=1, keepdims=True), 1)  # breaks ties
    order = np.lexsort((-share.ravel(), -errors.ravel()))[:number]
    cells = zip(*np.unravel_index(order, errors.shape), strict=True)
    return [
        (int(truth), int(prediction), int(errors[truth, prediction]))
        for truth, prediction in cells
        if errors[truth, prediction]
    ]


def per_class(y_true: np.ndarray, y_pred: np.ndarray, class_names: list[str]) -> list[dict]:
    """Return name, precision, recall, F1 and support (test pictures) of each class."""
    matrix = confusion(y_true, y_pred, len(class_names))
    hits, predicted = np.diag(matrix), matrix.sum(axis=0)
    support = np.bincount(y_true, minlength=len(class_names))  # the matrix lacks the unanswered
    return [
        {
            "name": name,
            "precision": _share(hits[k], predicted[k]),
            "recall": _share(hits[k], support[k]),
            "f1": _share(2 * hits[k], predicted[k] + support[k]),
            "support": int(support[k]),
        }
        for k, name in enumerate(class_names)
    ]


def regression(y_true: np.ndarray, y_pred: np.ndarray, train_mean: float) -> dict:
    """Return the scores of a regression: the entry `test` of `report.json`.

    The baseline predicts the mean of the training targets for every picture. The verdict compares
    the squared errors of model and baseline picture by picture (`gain`), which is far more
    sensitive than a comparison of two separate intervals.

    Args:
        y_true: Targets, shape (samples,).
        y_pred: Predictions, shape (samples,).
        train_mean: Mean of the training targets.
    """
    test = {"samples": len(y_true), "baseline_prediction": float(train_mean)}
    error, baseline_error = y_pred - y_true, train_mean - y_true
    test["baseline"] = {
        "mse": float((baseline_error**2).mean()),
        "mae": float(np.abs(baseline_error).mean()),
    }
    if not np.isfinite(error).all():
        return test | dict.fromkeys(("mse", "mae", "r2", "interval", "gain", "gain_interval"))
    squares = float(((y_true - y_true.mean()) ** 2).sum())
    gain = baseline_error**2 - error**2
    gain_interval = bootstrap(gain)
    return test | {
        "mse": float((error**2).mean()),
        "mae": float(np.abs(error).mean()),
        "r2": 1 - float((error**2).sum()) / squares if squares else None,
        "interval": bootstrap(error**2),
        "gain": float(gain.mean()),
        "gain_interval": gain_interval,
        "verdict": verdict(gain_interval, 0.0) if gain_interval else "around",
    }


def segmentation(
    y_true: np.ndarray, y_pred: np.ndarray, class_names: list[str], *, resamples: int = 2000
) -> tuple[dict, np.ndarray]:
    """Return the scores of a segmentation: the entry `test` of `report.json`.

    The IoU of a class is that of all its pixels in the test set. The mean is over the classes that
    occur, in truth or prediction. The baseline calls every pixel background. The interval is a 95 %
    percentile bootstrap over pictures, with a fixed seed.

    Args:
        y_true: Class numbers, uint8 (pictures, height, width); `masks.VOID` does not count.
        y_pred: Class numbers of the same shape.
        class_names: One name per class, the first for the background.
        resamples: Number of resamples.

    Returns:
        The scores; and the mean IoU of each picture, NaN where all is void.
    """
    classes = len(class_names)
    matrices = np.stack(
        [
            confusion(truth[valid].astype(int), prediction[valid].astype(int), classes)
            for truth, prediction in zip(y_true, y_pred, strict=True)
            for valid in [truth != masks.VOID]
        ]
    )
    matrix = matrices.sum(axis=0)
    background = np.zeros_like(matrix)
    background[:, 0] = matrix.sum(axis=1)
    score, baseline = mean_iou(matrix), mean_iou(background)
    samples = len(matrices)
    counts = np.random.default_rng(0).multinomial(samples, [1 / samples] * samples, resamples)
    resampled = mean_iou(np.tensordot(counts, matrices, 1))
    tail = 50 * (1 - CONFIDENCE)
    interval = np.nanpercentile(resampled, [tail, 100 - tail]).tolist()
    return {
        "mean_iou": float(score),
        "interval": interval,
        "baseline": float(baseline),
        "verdict": verdict(interval, float(baseline)) if samples > 1 else "around",
        "samples": samples,
        "pixel_accuracy": _share(np.trace(matrix), matrix.sum()),
        "classes": [
            {"name": name, "iou": value, "pixels": int(pixels)}
            for name, value, pixels in zip(
                class_names, iou(matrix).tolist(), matrix.sum(axis=1), strict=True
            )
        ],
    }, mean_iou(matrices)


def iou(matrix: np.ndarray) -> np.ndarray:
    """Return the intersection over union of each class, NaN for a class that does not occur.

    Args:
        matrix: Confusion matrices (..., classes, classes).
    """
    hits = np.diagonal(matrix, axis1=-2, axis2=-1)
    union = matrix.sum(axis=-1) + matrix.sum(axis=-2) - hits
    return np.where(union, hits / np.maximum(union, 1), np.nan)


def mean_iou(matrix: np.ndarray) -> np.ndarray:
    """Return the mean of `iou` over the classes that occur, NaN where none does.

    Args:
        matrix: As in `iou`.
    """
    values = iou(matrix)
    occurring = np.isfinite(values)
    number = occurring.sum(axis=-1)
    return np.where(number, np.nansum(values, axis=-1) / np.maximum(number, 1), np.nan)


def bootstrap(values: np.ndarray, *, resamples: int = 2000) -> list[float] | None:
    """Return the 95 % percentile bootstrap interval of a mean, None for a single value.

    The seed of the resampling is fixed: the same predictions always give the same interval.
    """
    if len(values) < 2:
        return None
    result = scipy.stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=resamples,
        batch=100,  # bounds the memory
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=0,
    )
    return [float(bound) for bound in result.confidence_interval]


def mcnemar(only_a: int, only_b: int) -> float:
    """Return the two-sided p-value of McNemar's exact test (McNemar, 1947).

    Args:
        only_a: Pictures that only the first classifier gets right.
        only_b: Pictures that only the second classifier gets right.
    """
    differing = only_a + only_b
    return float(scipy.stats.binomtest(only_a, differing).pvalue) if differing else 1.0


def _share(count, total) -> float | None:
    return float(count / total) if total else None
