"""Accuracy over the number of training pictures, and a forecast for twice as many.

The error of a classifier falls about as a power of the number of its training pictures, down to a
level that more pictures do not change: ``error = a + b * n ** -c``.

References:
    Hestness et al., 2017. Deep learning scaling is predictable, empirically, section 3.
    https://arxiv.org/abs/1712.00409
"""

import dataclasses
import json
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from keras_cnn import filesystem
from keras_cnn.datasets import division
from keras_cnn.errors import InputError
from keras_cnn.report import learning_curve as report
from keras_cnn.report import writer
from keras_cnn.transfer import linear
from keras_cnn.transfer.labelled_features import LabelledFeatures

TEST_SHARE = 0.2  # of a set without test pictures
VALIDATION_SHARE = 0.15  # of the training pictures; they choose the penalty, as in `Recipe`
STEP = math.sqrt(2)  # ratio of two sizes
MOST_SIZES, LEAST_SIZES = 8, 4
REPLICATES = 400  # of the bootstrap
EXPONENTS = np.linspace(0.05, 1, 96)  # of the power law; published curves have 0.1 to 0.7


@dataclasses.dataclass(frozen=True)
class LearningCurve:
    """Right answers of classifiers that learnt from subsets of the training pictures.

    Attributes:
        sizes: int (sizes,), numbers of training pictures, growing.
        right: bool (seeds, sizes, test pictures).
    """

    sizes: np.ndarray
    right: np.ndarray

    @property
    def accuracies(self) -> np.ndarray:
        """Mean accuracy of each size, (sizes,)."""
        return self.right.mean(axis=(0, 2))


@dataclasses.dataclass(frozen=True)
class Forecast:
    """Accuracies of a fitted power law, with 95 % intervals.

    Attributes:
        sizes: (n,), numbers of training pictures; the last is twice the number of the set.
        accuracies: (n,), of the fitted law.
        low: (n,), lower bound of what one training would measure on the same test pictures.
        high: (n,), upper bound.
        law: The numbers a, b and c of ``error = a + b * n ** -c``.
    """

    sizes: np.ndarray
    accuracies: np.ndarray
    low: np.ndarray
    high: np.ndarray
    law: tuple[float, float, float]


def split(pictures: LabelledFeatures, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the training pictures and of the test pictures.

    Those of a test folder, or else of a validation folder, are the test pictures; all others are
    training pictures. Without either, a share of every class is taken, copies on one side.

    Args:
        pictures: The pictures of a set.
        seed: Seed of the share.

    Raises:
        InputError: A class is too small, or one side lacks a class.
    """
    splits = pictures.table["split"].to_numpy()
    labels = pictures.table["label"].to_numpy(str)
    name = next((name for name in ("test", "validation") if name in splits), None)
    if name is None:
        first, second = division.divide(labels, pictures.groups, share=TEST_SHARE, seed=seed)
        return np.sort(first), np.sort(second)
    train, test = np.flatnonzero(splits != name), np.flatnonzero(splits == name)
    if set(labels[train]) != set(labels[test]):
        raise InputError(
            f"training and {name} pictures must have the same classes; they have "
            f"{np.unique(labels[train]).tolist()} and {np.unique(labels[test]).tolist()}: add or "
            "remove folders"
        )
    return train, test


def sizes(labels: np.ndarray) -> np.ndarray:
    """Return the numbers of training pictures at which to measure, growing by a constant ratio.

    Args:
        labels: Class of each training picture; the number of all is the last size.

    Raises:
        InputError: A class has too few pictures for a curve.
    """
    names, counts = np.unique(labels, return_counts=True)
    # At the smallest size a picture of each class is left to choose the penalty.
    steps = [step for step in range(MOST_SIZES) if counts.min() >= STEP**step / VALIDATION_SHARE]
    if len(steps) < LEAST_SIZES:
        needed = math.ceil(STEP ** (LEAST_SIZES - 1) / VALIDATION_SHARE)
        raise InputError(
            f"a learning curve needs at least {needed} training pictures of each class; "
            f"{str(names[counts.argmin()])!r} has {counts.min()}: add pictures"
        )
    return np.array([round(len(labels) / STEP**step) for step in reversed(steps)])


def measure(
    features: np.ndarray,
    labels: np.ndarray,
    test_features: np.ndarray,
    test_labels: np.ndarray,
    *,
    numbers: np.ndarray,
    seeds: int = 5,
    watch: Callable[[Iterable, int], Iterable] = lambda items, total: items,
) -> LearningCurve:
    """Fit logistic regressions to growing subsets of the training pictures, and test each.

    Args:
        features: (pictures, features) of the training pictures.
        labels: int (pictures,), from 0.
        test_features: (test pictures, features).
        test_labels: int (test pictures,).
        numbers: Numbers of training pictures to learn from, growing; see `sizes`.
        seeds: Number of subsets of each size; those of a seed are nested.
        watch: As in `datasets.check.check`; it watches the classifiers.
    """

    def answers(job):
        seed, number = job
        return right(features, labels, test_features, test_labels, number=number, seed=seed)

    jobs = [(seed, number) for seed in range(seeds) for number in numbers]
    answered = np.array(list(watch(map(answers, jobs), len(jobs))))
    return LearningCurve(numbers, answered.reshape(seeds, len(numbers), -1))


def right(
    features: np.ndarray,
    labels: np.ndarray,
    test_features: np.ndarray,
    test_labels: np.ndarray,
    *,
    number: int,
    seed: int,
) -> np.ndarray:
    """Fit a logistic regression to some of the training pictures, and test it.

    Args:
        features: As in `measure`.
        labels: As in `measure`.
        test_features: As in `measure`.
        test_labels: As in `measure`.
        number: Number of training pictures to use.
        seed: Seed of their choice, and of the validation pictures among them.

    Returns:
        bool (test pictures,), whether the answer is right.
    """
    rows = division.same_share(labels, number, seed=seed)
    first, second = division.divide(labels[rows], share=VALIDATION_SHARE, seed=seed)
    parts = {"train": rows[first], "validation": rows[second]}
    (kernel, bias), _ = linear.fit_linear(
        "logistic",
        {name: features[part] for name, part in parts.items()},
        {name: labels[part] for name, part in parts.items()},
        labels.max() + 1,
        seed=seed,
    )
    return (test_features @ kernel + bias).argmax(axis=1) == test_labels


def fit(numbers: np.ndarray, errors: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a, b and c of ``error = a + b * n ** -c`` by least squares; a and b are at least 0.

    For a given exponent c the best a and b are known in closed form, so that all exponents are
    tried: an iteration would take minutes for the curves of a bootstrap, and may end in a local
    minimum.

    Args:
        numbers: (sizes,), numbers of training pictures.
        errors: (..., sizes), shares of wrong answers of one curve or several.

    Returns:
        a, b and c, (...) each.
    """
    largest = numbers.max()
    laws = []
    for c in EXPONENTS:
        u = (numbers / largest) ** -c
        mean = errors.mean(axis=-1)
        b = np.maximum((errors @ (u - u.mean())) / np.sum((u - u.mean()) ** 2), 0)
        a = mean - b * u.mean()
        b = np.where(a < 0, errors @ u / (u @ u), b)  # the best line through the origin
        a = np.maximum(a, 0)
        squares = np.sum((a[..., None] + b[..., None] * u - errors) ** 2, axis=-1)
        laws.append([squares, a, b * largest**c, np.full_like(a, c)])
    laws = np.array(laws)  # (exponents, 4, ...)
    best = np.take_along_axis(laws, laws[:, :1].argmin(axis=0)[None], axis=0)[0]
    return best[1], best[2], best[3]


def forecast(curve: LearningCurve, *, seed: int = 0) -> Forecast:
    """Fit a power law, and predict what is measured with up to twice as many training pictures.

    The interval is a bootstrap over seeds and test pictures. The test pictures of the prediction
    are those of the curve: what all sizes of a replicate have in common is no error of it.

    Args:
        curve: The measured curve.
        seed: Seed of the bootstrap.
    """
    rng = np.random.default_rng(seed)
    numbers, errors = curve.sizes, 1 - curve.accuracies
    at = np.append(numbers, np.geomspace(numbers[-1], 2 * numbers[-1], 9)[1:])
    law = fit(numbers, errors)
    seeds, _, pictures = curve.right.shape
    drawn = np.empty((REPLICATES, len(numbers)))
    for replicate in drawn:
        chosen = curve.right[rng.integers(seeds, size=seeds)]
        replicate[:] = 1 - chosen[:, :, rng.integers(pictures, size=pictures)].mean(axis=(0, 2))
    common = (drawn - errors).mean(axis=1, keepdims=True)
    laws = [part[:, None] for part in fit(numbers, drawn)]
    spread = _deviation(curve)
    noisy = power_law(at, laws) - common + rng.normal(0, spread, (REPLICATES, 1))
    low, high = np.quantile(1 - noisy, (0.025, 0.975), axis=0)
    accuracies = 1 - power_law(at, law)
    low, high = np.minimum(low, accuracies), np.maximum(high, accuracies)
    return Forecast(at, accuracies, np.clip(low, 0, 1), np.clip(high, 0, 1), law)


def _deviation(curve):
    """Return the standard deviation of one training, from the half of the training pictures on."""
    accuracies = curve.right.mean(axis=2)[:, :-1]  # the whole set is the same for every seed
    last = accuracies[:, -3:]
    return float(np.sqrt(last.var(axis=0, ddof=1).mean())) if len(last) > 1 else 0.0


def power_law(numbers: np.ndarray, law: Sequence) -> np.ndarray:
    """Return the errors of a power law, at most 1.

    Args:
        numbers: Numbers of training pictures.
        law: a, b and c: numbers, or arrays that broadcast with `numbers`.
    """
    a, b, c = law
    return np.minimum(a + b * np.asarray(numbers, float) ** -c, 1)


def of(
    pictures: LabelledFeatures,
    *,
    seeds: int = 5,
    watch: Callable[[Iterable, int], Iterable] = lambda items, total: items,
) -> LearningCurve:
    """Measure the learning curve of a set.

    Args:
        pictures: The pictures of the set.
        seeds: As in `measure`.
        watch: As in `measure`.

    Raises:
        InputError: As in `split` and `sizes`.
    """
    names = pictures.table["label"].to_numpy(str)
    labels = np.unique(names, return_inverse=True)[1]
    train, test = split(pictures)
    numbers = sizes(names[train])
    x = pictures.features
    sides = (x[train], labels[train], x[test], labels[test])
    return measure(*sides, numbers=numbers, seeds=seeds, watch=watch)


def write(curve: LearningCurve, folder: Path, *, network: str) -> dict:
    """Write `learning_curve.png`, `learning_curve.csv` and, last, `learning_curve.json`.

    Args:
        curve: The measured curve.
        folder: An existing folder.
        network: The network that computed the features.

    Returns:
        The content of the JSON file; "sentence" has the forecast for twice as many pictures.

    Raises:
        OSError: The files cannot be written.
    """
    law = forecast(curve)
    measured = curve.right.mean(axis=2)
    # Both numbers are the law's: the measured accuracy has luck, which would seem to be lost.
    now = law.accuracies[len(curve.sizes) - 1]
    twice = law.accuracies[-1], law.low[-1], law.high[-1]
    samples = curve.right.shape[2]
    answer = {
        "sentence": report.sentence(now, twice, samples=samples),
        "network": network,
        "test_pictures": samples,
        "training_pictures": curve.sizes.tolist(),
        "accuracies": measured.tolist(),
        "law": dict(zip("abc", map(float, law.law), strict=True)),
        "forecast": {
            name: getattr(law, name).tolist() for name in ("sizes", "accuracies", "low", "high")
        },
    }
    bounds = [measured.mean(axis=0), measured.min(axis=0), measured.max(axis=0)]
    unknown = [""] * (len(law.sizes) - len(curve.sizes))
    cells = [[*(f"{value:.6g}" for value in column), *unknown] for column in bounds]
    cells += [[f"{v:.6g}" for v in column] for column in (law.accuracies, law.low, law.high)]
    head = ("pictures", "accuracy", "lowest", "highest", "fitted", "low", "high")
    rows = zip([round(size) for size in law.sizes], *cells, strict=True)
    drawing = report.draw((curve.sizes, measured), (law.sizes, law.accuracies, law.low, law.high))
    content = json.dumps(answer, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    files = {
        "learning_curve.png": drawing,
        "learning_curve.csv": writer.table(head, rows),
        "learning_curve.json": content.encode("utf-8", "backslashreplace"),
    }
    for name, data in files.items():
        with filesystem.write_atomically(folder / name) as beside:
            beside.write_bytes(data)
    return answer
