"""Divide pictures into two splits, each class by the same share, copies on one side."""

from collections.abc import Sequence

import numpy as np

from keras_cnn.datasets import copies
from keras_cnn.errors import InputError


def divide(
    labels: Sequence[str], groups: np.ndarray | None = None, *, share: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Divide pictures in two as scikit-learn's `train_test_split` does, stratified by class.

    Copies that it would separate move to one side; without copies the division is scikit-learn's.

    Args:
        labels: Class of each picture.
        groups: int (pictures,), equal for copies, see `copies.group`; None if there are none.
        share: Share of the second split.
        seed: Seed of the choice.

    Returns:
        Indices of the first and the second split, in random order.

    Raises:
        InputError: A class is too small to be divided.
    """
    from sklearn.model_selection import train_test_split

    labels = np.asarray(labels)
    names, counts = np.unique(labels, return_counts=True)
    if counts.min() < 2:
        raise InputError(
            f"every class needs at least 2 training pictures, one to learn from and one to "
            f"validate with; {str(names[counts.argmin()])!r} has {counts.min()}: add pictures"
        )
    try:
        first, second = train_test_split(
            np.arange(len(labels)), test_size=share, stratify=labels, random_state=seed
        )
    except ValueError:
        raise too_few(share, len(labels), f"fewer than the {len(names)} classes") from None
    for indices in (first, second):
        if lost := sorted(set(names) - set(labels[indices])):  # of a class below half a picture
            raise too_few(share, len(labels), f"no picture of {str(lost[0])!r}")
    if groups is None or len(np.unique(groups)) == len(groups):
        return first, second
    before = np.zeros(len(labels), bool)
    before[second] = True
    after = copies.keep_together(before, groups, labels)
    moved_to_first = second[~after[second]]
    moved_to_second = first[after[first]]
    return (
        np.concatenate([first[~after[first]], moved_to_first]),
        np.concatenate([second[after[second]], moved_to_second]),
    )


def too_few(share: float, count: int, left: str) -> InputError:
    """Return the error of a division that leaves a split without pictures it needs.

    Args:
        share: Share of the second split.
        count: Number of pictures to divide.
        left: What one split would hold.
    """
    return InputError(
        f"--validation-split {share} of {count} pictures leaves {left} in one split: choose "
        "another share or add pictures"
    )


def same_share(labels: np.ndarray, number: int, *, seed: int) -> np.ndarray:
    """Return the rows of about `number` items, of every class the same share, at least one.

    Args:
        labels: Class of each item.
        number: Number of items to choose.
        seed: Seed of the choice.

    Returns:
        Their rows in ascending order; all rows if there are no more than `number`.
    """
    if number >= len(labels):
        return np.arange(len(labels))
    rows = np.random.default_rng(seed).permutation(len(labels))
    ranks = np.empty(len(labels))  # within its class, from 0 to 1
    for label in np.unique(labels):
        of_class = rows[labels[rows] == label]
        ranks[of_class] = np.arange(len(of_class)) / len(of_class)
    return np.sort(np.argsort(ranks, kind="stable")[: max(number, len(np.unique(labels)))])
