"""Leave each class out once: choose what detects unknown pictures, and measure how well it does."""

import numpy as np
import scipy

from keras_cnn.inference.unknown import METHODS, Pictures, Unknown, odds, threshold

MOST_LEFT_OUT = 20  # classes, each once: more would take long
BINS = 40


def choose(train: Pictures, validation: Pictures, test: Pictures) -> tuple[Unknown, dict]:
    """Choose a method out of fold, and measure it on the test pictures.

    Each class is left out once: the centres of the others are found without its pictures, and its
    logit is dropped. The method with the higher AUROC, on average over the classes, on validation
    pictures is taken.

    The network is not trained anew: its features know the class that is left out, so a class that
    it never saw is harder to detect. Of two classes a single class remains, and its probability is
    always 1: max-softmax then detects nothing (AUROC 0.5), and the distance is taken.

    Args:
        train: Training pictures.
        validation: Validation pictures.
        test: Test pictures. Of more than `MOST_LEFT_OUT` classes a random choice is left out,
            always the same.

    Returns:
        What detects unknown pictures, and the entry "unknown" of report.json: see `report.unknown`.

    Raises:
        InputError: As in `Unknown.of`.
    """
    from threadpoolctl import threadpool_limits

    # The matrices are small: several threads take ten times as long while other programs run.
    with threadpool_limits(1, user_api="blas"):
        return _choose(train, validation, test)


def score(unlikeness: np.ndarray, is_unknown: np.ndarray) -> tuple[float, float]:
    """Return AUROC and false answers.

    Args:
        unlikeness: (pictures,).
        is_unknown: bool (pictures,): which of them are unknown, neither all nor none.

    Returns:
        The share of pairs of an unknown and a known picture in which the unknown is more unlike;
        and the share of unknown pictures that get an answer if `KEPT` of the known ones do.
    """
    from sklearn.metrics import roc_auc_score

    limit = threshold(unlikeness[~is_unknown])
    false = np.mean(unlikeness[is_unknown] <= limit)
    return float(roc_auc_score(is_unknown, unlikeness)), float(false)


def _choose(train, validation, test):
    fitted = Unknown.of(train)
    splits = {"validation": validation, "test": test}
    scores = {split: {name: [] for name in (*METHODS, "softmax")} for split in splits}
    left_out = {method: np.full(len(test.labels), np.nan) for method in METHODS}
    for label in _classes(train, validation, test):
        candidates = Unknown.of(train.without(label))
        candidates = {
            method: candidates.adjusted(validation.without(label), method=method)
            for method in METHODS
        }
        for split, pictures in splits.items():
            rest, is_unknown = pictures.ignoring(label), pictures.labels == label
            values = {
                method: candidate.unlikeness(rest.features, rest.logits)
                for method, candidate in candidates.items()
            }
            for name, of_method in (values | {"softmax": odds(rest.logits)}).items():
                if is_unknown.any():
                    scores[split][name].append(score(of_method, is_unknown))
            if split == "test":
                for method in METHODS:
                    left_out[method][is_unknown] = values[method][is_unknown]
    means = {name: np.mean(scores["validation"][name] or [(0, 0)], axis=0)[0] for name in METHODS}
    method = max(METHODS, key=means.get)  # the distance, if both are equal
    fitted = fitted.adjusted(validation, method=method)
    known = fitted.unlikeness(test.features, test.logits)
    return fitted, _measured(fitted, known, left_out[method], scores["test"], test)


def _classes(train, validation, test):
    """Return the classes to leave out: each of the test, if each split has others."""
    classes = [
        label
        for label in np.unique(test.labels)
        if all((split.labels != label).any() for split in (train, validation, test))
    ]
    return sorted(np.random.default_rng(0).permutation(classes)[:MOST_LEFT_OUT].astype(int))


def _measured(fitted, known, left_out, scores, test):
    """Return the entry of the report."""
    ours, softmax = (np.array(scores[name]) for name in (fitted.method, "softmax"))
    result = {
        "method": fitted.method,
        "classes": test.logits.shape[1],
        "left_out": len(ours),
        "pictures": len(known),
        "kept": float(np.mean(known <= 0)),
    }
    if not len(ours):
        return result
    for column, name in enumerate(("auroc", "false_answers")):
        columns = {"": ours[:, column], "softmax_": softmax[:, column]}
        columns["gain_"] = ours[:, column] - softmax[:, column]
        for prefix, values in columns.items():
            low, high = (-1, 1) if prefix == "gain_" else (0, 1)
            result[prefix + name] = float(values.mean())
            result[f"{prefix}{name}_interval"] = interval(values, low=low, high=high)
    left_out = left_out[np.isfinite(left_out)]
    most = np.quantile(np.concatenate([known, left_out]), 0.99)  # a few are far from all others
    edges = np.histogram_bin_edges(np.minimum(np.concatenate([known, left_out]), most), BINS)
    result["histogram"] = {"edges": edges.tolist()}
    for name, values in (("known", known), ("left_out", left_out)):
        counts = np.histogram(np.minimum(values, edges[-1]), edges)[0]
        result["histogram"][name] = counts.tolist()
    return result


def interval(values: np.ndarray, *, low: float, high: float) -> list[float] | None:
    """Return the 95 % interval of the mean over classes by Student's t; None for a single class.

    Args:
        values: One value per class.
        low: Lowest possible value.
        high: Highest possible value.
    """
    if len(values) < 2:
        return None
    half = scipy.stats.t.ppf(0.975, len(values) - 1) * scipy.stats.sem(values)
    return [max(low, float(values.mean() - half)), min(high, float(values.mean() + half))]
