"""Do the probabilities of a classifier come true? Of the answers given with 0.8, 80 % should.

A temperature divides the network's logits. Above 1 it lowers the probabilities of the answers,
below 1 it raises them; the order of the classes, hence every answer, stays. It is fitted on the
validation pictures.

References:
    Guo et al., 2017. On calibration of modern neural networks. https://arxiv.org/abs/1706.04599
    Vaicenavicius et al., 2019. Evaluating model calibration in classification.
    https://arxiv.org/abs/1902.06977
"""

import dataclasses

import numpy as np
from scipy import optimize, special

from keras_cnn.report import scores

BINS = 15  # as in Guo et al.
LIMITS = (0.1, 10.0)  # of a temperature
FEWEST = 20  # validation pictures; fewer say little about a temperature
SMALLEST = 1e-37  # a smaller probability counts as this one; float32 ends a little below
THRESHOLDS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99)
RESAMPLES = 500


@dataclasses.dataclass(frozen=True)
class Temperature:
    """What the logits of a classifier are divided by.

    Attributes:
        value: The temperature; 1 changes nothing.
        note: How it was fitted, or why it was not: a sentence, or nothing.
    """

    value: float = 1.0
    note: str = ""


def fit(y_true: np.ndarray, y_score: np.ndarray) -> Temperature:
    """Return the temperature with the lowest cross entropy on validation pictures.

    It stays 1 if there are fewer than `FEWEST` pictures, or if all answers are right: then a lower
    temperature always has a lower cross entropy.

    Args:
        y_true: Integer labels, shape (pictures,).
        y_score: Probabilities before any temperature, shape (pictures, classes).
    """
    y_true, y_score = np.asarray(y_true), np.asarray(y_score, np.float64)
    if not (np.isfinite(y_score).all() and scores.are_probabilities(y_score)):
        return Temperature()
    pictures = len(y_true)
    if pictures < FEWEST:
        return Temperature(
            note=f"The temperature stays 1: it is fitted on at least {FEWEST} validation pictures, "
            f"and there are {pictures}."
        )
    if (y_score.argmax(axis=1) == y_true).all():
        return Temperature(
            note=f"The temperature stays 1: all {pictures:,} validation pictures are right, so "
            "they do not show how often an answer is wrong."
        )
    logits = np.log(np.maximum(y_score, SMALLEST))
    rows = np.arange(pictures)

    def cross_entropy(log_temperature):
        scaled = logits / np.exp(log_temperature)
        return np.mean(special.logsumexp(scaled, axis=1) - scaled[rows, y_true])

    solution = optimize.minimize_scalar(cross_entropy, bounds=np.log(LIMITS), method="bounded")
    value = float(np.exp(solution.x))
    return Temperature(
        value, f"The temperature {value:.3g} was fitted on {pictures:,} validation pictures."
    )


def tempered(y_score: np.ndarray, temperature: float) -> np.ndarray:
    """Return probabilities after their logits are divided by a temperature.

    Args:
        y_score: Probabilities, shape (pictures, classes).
        temperature: The temperature; its inverse undoes it.

    Returns:
        float64 of the same shape; for temperature 1 the probabilities themselves.
    """
    if temperature == 1:
        return y_score
    logits = np.log(np.maximum(np.asarray(y_score, np.float64), SMALLEST))
    return special.softmax(logits / temperature, axis=1)


def summary(y_true: np.ndarray, y_score: np.ndarray, temperature: Temperature) -> dict | None:
    """Return how far the probabilities come true: the entry "calibration" of a test's scores.

    Args:
        y_true: Integer labels, shape (pictures,).
        y_score: Probabilities as people get them, after the temperature: (pictures, classes).
        temperature: The temperature.

    Returns:
        "temperature" and its "note"; "before" and "after" it a dictionary each: "ece" (expected
        calibration error), "ece_interval", "loss" (cross entropy) and the "bins" of the reliability
        diagram; and "thresholds", a row for each of `THRESHOLDS`: how many pictures are answered if
        the less probable answers are withheld, and how many of those are right. None where the
        scores are no probabilities.
    """
    if not (np.isfinite(y_score).all() and scores.are_probabilities(y_score)):
        return None
    right = y_score.argmax(axis=1) == y_true
    return {
        "temperature": temperature.value,
        "note": temperature.note,
        "before": _trust(y_true, tempered(y_score, 1 / temperature.value), right),
        "after": _trust(y_true, y_score, right),
        "thresholds": [_answered(y_score.max(axis=1), right, p) for p in THRESHOLDS],
    }


def expected_calibration_error(
    confidence: np.ndarray, right: np.ndarray, *, bins: int = BINS
) -> float:
    """Return the mean distance between the probability of answers and the share of right ones.

    The answers are sorted into bins of equal width by their probability. The mean weighs each bin
    by its answers.

    Args:
        confidence: Probability of each answer, shape (pictures,).
        right: Whether it is right, shape (pictures,).
        bins: Number of bins between 0 and 1; each includes its upper end.
    """
    gaps = np.bincount(_bin(confidence, bins), weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(right))


def interval(confidence: np.ndarray, right: np.ndarray, *, bins: int = BINS) -> list[float] | None:
    """Return the 95 % bootstrap interval of the expected calibration error; None for one picture.

    The error of few pictures is too high, because chance alone makes distances; that of a resample
    is too high once more. So the interval is the basic one: the quantiles of the resamples,
    mirrored at the error. It begins at 0 if answers whose probabilities are true have an error as
    high in one of twenty draws (Vaicenavicius et al., 2019, "consistency resampling"). The seed is
    fixed.

    Args:
        confidence: As in `expected_calibration_error`.
        right: As there.
        bins: As there.
    """
    samples = len(right)
    if samples < 2:
        return None
    rng = np.random.default_rng(0)
    error = expected_calibration_error(confidence, right, bins=bins)
    of_resamples, of_truth = [], []
    for _ in range(RESAMPLES):
        rows = rng.integers(samples, size=samples)
        drawn = rng.random(samples) < confidence
        of_resamples.append(expected_calibration_error(confidence[rows], right[rows], bins=bins))
        of_truth.append(expected_calibration_error(confidence, drawn, bins=bins))
    tail = (1 - scores.CONFIDENCE) / 2
    low, high = 2 * error - np.quantile(of_resamples, [1 - tail, tail])
    if error <= np.quantile(of_truth, scores.CONFIDENCE):
        low = 0.0
    return [float(max(low, 0)), float(max(high, 0))]


def reliability(confidence: np.ndarray, right: np.ndarray, *, bins: int = BINS) -> list[dict]:
    """Return the bins of a reliability diagram that hold answers.

    Args:
        confidence: As in `expected_calibration_error`.
        right: As there.
        bins: As there.

    Returns:
        A row per bin: "from" and "to", its ends; "pictures"; "confidence", the mean probability;
        "accuracy", the share of right answers, and its "interval".
    """
    numbers, rows = _bin(confidence, bins), []
    for number in np.unique(numbers):
        inside = numbers == number
        rows.append(
            {
                "from": number / bins,
                "to": (number + 1) / bins,
                "pictures": int(inside.sum()),
                "confidence": float(confidence[inside].mean()),
                "accuracy": float(right[inside].mean()),
                "interval": scores.wilson(int(right[inside].sum()), int(inside.sum())),
            }
        )
    return rows


def _bin(confidence, bins):
    """Return the number of each answer's bin, from 0 on."""
    return np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)


def _trust(y_true, y_score, right):
    confidence = y_score.max(axis=1)
    return {
        "ece": expected_calibration_error(confidence, right),
        "ece_interval": interval(confidence, right),
        "loss": scores.cross_entropy(y_true, y_score),
        "bins": reliability(confidence, right),
    }


def _answered(confidence, right, threshold):
    """Return the row of `summary`'s thresholds for one of them."""
    answered = confidence >= threshold
    number, hits = int(answered.sum()), int(right[answered].sum())
    return {
        "threshold": threshold,
        "answered": number,
        "share": number / len(right),
        "right": hits,
        "accuracy": hits / number if number else None,
        "interval": scores.wilson(hits, number) if number else None,
    }
