"""Scores with their baselines and intervals: arrays in, plain dicts out."""

import numpy as np
import scipy

CONFIDENCE = 0.95
TOP_K = 5


def wilson(successes: int, samples: int) -> list[float]:
    """Return the 95 % score interval of a proportion (Wilson, 1927), as [low, high] in [0, 1].

    Unlike the textbook's p ± 1.96·sqrt(p(1−p)/n), it stays inside [0, 1] and does not shrink to a
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

    The baseline is the share of the most frequent class *of the test set itself*: the most that
    always giving one answer can reach, and the most that any answer, or mixture of answers, given
    without looking at the picture can expect. The most frequent class of the training set would be
    a lower bar wherever the two sets differ, and undefined where training classes are balanced.

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
    """Return everything `report.json` holds under `test` for a classifier.

    A figure that is undefined is None: the precision of a class that was never predicted, the
    recall of a class without a test picture.

    Args:
        y_true: Integer labels, shape (samples,).
        y_score: Probabilities, shape (samples, classes).
        class_names: One name per class.
        groups: Boolean mask of shape (samples,) of each part to score on its own as well.
    """
    y_pred = predictions(y_score)
    matrix = confusion(y_true, y_pred, len(class_names))
    test = accuracy(y_true, y_pred, class_names)
    test["loss"] = cross_entropy(y_true, y_score)
    test["unanswered"] = int((y_pred < 0).sum())
    if len(class_names) > 10:
        best = np.argsort(-y_score, axis=1, kind="stable")[:, :TOP_K]
        hits = (best == y_true[:, None]).any(axis=1) & (y_pred >= 0)
        most_frequent = np.sort(np.bincount(y_true, minlength=len(class_names)))[-TOP_K:]
        test["top5"] = float(hits.mean())
        test["top5_interval"] = wilson(int(hits.sum()), len(hits))
        test["top5_baseline"] = float(most_frequent.sum() / len(hits))
    test["classes"] = per_class(y_true, y_pred, class_names)
    test["confusions"] = [
        {"truth": class_names[truth], "prediction": class_names[guess], "count": count}
        for truth, guess, count in top_confusions(matrix, 20)
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
    """Tell whether the finite rows are probabilities; half precision sums to 1 within a percent."""
    rows = y_score[np.isfinite(y_score).all(axis=1)]
    return bool((rows >= 0).all() and np.allclose(rows.sum(axis=1), 1, atol=0.02))


def cross_entropy(y_true: np.ndarray, y_score: np.ndarray) -> float | None:
    """Return the mean of -log p(truth) in nats, None where the scores are no probabilities."""
    if not (np.isfinite(y_score).all() and are_probabilities(y_score)):
        return None
    chosen = y_score[np.arange(len(y_true)), y_true]
    return float(-np.log(np.clip(chosen, 1e-7, 1)).mean())  # Keras clips at the same 1e-7


def confusion(y_true: np.ndarray, y_pred: np.ndarray, classes: int) -> np.ndarray:
    """Count answers: row = truth, column = prediction, shape (classes, classes)."""
    given = y_pred >= 0
    cells = np.bincount(y_true[given] * classes + y_pred[given], minlength=classes**2)
    return cells.reshape(classes, classes)


def top_confusions(matrix: np.ndarray, number: int) -> list[tuple[int, int, int]]:
    """Return the largest cells off the diagonal as (truth, prediction, count), largest first."""
    off = matrix - np.diag(np.diag(matrix))
    share = off / np.maximum(matrix.sum(axis=1, keepdims=True), 1)  # breaks ties
    order = np.lexsort((-share.ravel(), -off.ravel()))[:number]
    cells = zip(*np.unravel_index(order, off.shape), strict=True)
    return [
        (int(row), int(column), int(off[row, column])) for row, column in cells if off[row, column]
    ]


def per_class(y_true: np.ndarray, y_pred: np.ndarray, class_names: list[str]) -> list[dict]:
    """Return name, precision, recall, F1 and support (test pictures) of each class."""
    matrix = confusion(y_true, y_pred, len(class_names))
    hits, predicted = np.diag(matrix), matrix.sum(axis=0)
    support = np.bincount(y_true, minlength=len(class_names))  # counts unanswered pictures too
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
    """Return everything `report.json` holds under `test` for a regression.

    The baseline predicts the mean of the training targets for every picture. Whether the model
    beats it is judged on the difference of the two squared errors picture by picture, which is far
    more sensitive than comparing two separate intervals.

    Args:
        y_true: Targets, shape (samples,).
        y_pred: Predictions, shape (samples,).
        train_mean: Mean of the training targets.
    """
    test = {"samples": len(y_true), "baseline_prediction": float(train_mean)}
    error, blind = y_pred - y_true, train_mean - y_true
    test["baseline"] = {"mse": float((blind**2).mean()), "mae": float(np.abs(blind).mean())}
    if not np.isfinite(error).all():
        return test | dict.fromkeys(("mse", "mae", "r2", "interval", "gain", "gain_interval"))
    spread = float(((y_true - y_true.mean()) ** 2).sum())
    gain = blind**2 - error**2
    gain_interval = bootstrap(gain)
    return test | {
        "mse": float((error**2).mean()),
        "mae": float(np.abs(error).mean()),
        "r2": 1 - float((error**2).sum()) / spread if spread else None,
        "interval": bootstrap(error**2),
        "gain": float(gain.mean()),
        "gain_interval": gain_interval,
        "verdict": verdict(gain_interval, 0.0) if gain_interval else "around",
    }


def bootstrap(values: np.ndarray, *, resamples: int = 2000) -> list[float] | None:
    """Return the 95 % percentile bootstrap interval of a mean, None for a single value.

    Resampling is seeded, so that the same predictions always give the same interval.
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


def _share(part, whole) -> float | None:
    return float(part / whole) if whole else None
