"""Divide pictures into two splits or into folds, each class by the same share.

Copies, or the pictures of a group, stay together.
"""

from collections.abc import Sequence

import numpy as np

from keras_cnn.datasets import copies
from keras_cnn.errors import InputError
from keras_cnn.i18n import N_


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


def divide_groups(
    labels: Sequence[str], groups: Sequence[str], *, share: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Divide pictures in two, so that the second split has no group of the first.

    A class whose pictures are of one group is divided as by `divide`: `lone_groups` names it.

    Args:
        labels: Class of each picture.
        groups: Group of each picture.
        share: Share of the second split. It is as near to that as whole groups allow.
        seed: Seed of the choice.

    Returns:
        Indices of the first and the second split, ascending.

    Raises:
        InputError: A class is too small, or no division leaves every class in both splits.
    """
    labels, groups = np.asarray(labels), np.asarray(groups)
    lone = np.isin(labels, list(lone_groups(labels, groups)))
    second = np.zeros(len(labels), bool)
    if lone.any():
        _, rows = divide(labels[lone], share=share, seed=seed)
        second[np.flatnonzero(lone)[rows]] = True
    if not lone.all():
        rows = np.flatnonzero(~lone)
        second[rows] = _nearest_fold(labels[rows], groups[rows], share=share, seed=seed)
    return np.flatnonzero(~second), np.flatnonzero(second)


def lone_groups(labels: Sequence[str], groups: Sequence[str]) -> dict[str, str]:
    """Return the classes whose pictures are all of one group: class -> group.

    Args:
        labels: Class of each picture.
        groups: Group of each picture.
    """
    members = _groups_of_classes(labels, groups)
    return {label: next(iter(names)) for label, names in members.items() if len(names) == 1}


def folds(
    labels: Sequence[str], groups: Sequence | None = None, *, number: int, seed: int
) -> np.ndarray:
    """Divide pictures into folds, each class by the same share; a group is in one fold.

    The division is that of scikit-learn's `StratifiedGroupKFold`, or of `StratifiedKFold` if every
    group is one picture.

    Args:
        labels: Class of each picture.
        groups: Group of each picture; None if there are none.
        number: Number of folds.
        seed: Seed of the choice.

    Returns:
        int (pictures,), the fold of each picture, from 0.

    Raises:
        InputError: A class has fewer groups, or fewer pictures, than there are folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    labels = np.asarray(labels)
    is_grouped = groups is not None and len(set(groups)) < len(labels)
    units = np.asarray(groups) if is_grouped else np.arange(len(labels))
    for label, names in _groups_of_classes(labels, units).items():
        if len(names) < number:
            what = N_("groups") if is_grouped else N_("pictures")
            raise InputError(
                f"--folds {number} needs at least {number} {what} of each class; {str(label)!r} "
                f"has {len(names)}: choose fewer folds or add {what}"
            )
    kind = StratifiedGroupKFold if is_grouped else StratifiedKFold
    division = kind(number, shuffle=True, random_state=seed)
    division = division.split(labels, labels, units if is_grouped else None)
    result = np.empty(len(labels), int)
    for fold, (_, rows) in enumerate(division):
        result[rows] = fold
    for label in np.unique(labels):
        if len(np.unique(result[labels == label])) == 1:
            raise InputError(
                f"--folds {number} would leave all pictures of {str(label)!r} in one fold, because "
                "their groups hold several classes: choose other folds or groups"
            )
    return result


def _groups_of_classes(labels, groups):
    """Return the groups of each class: class -> set of groups, classes sorted."""
    members = {label: set() for label in sorted(set(labels))}
    for label, group in zip(labels, groups, strict=True):
        members[label].add(group)
    return members


def _nearest_fold(labels, groups, *, share, seed):
    """Return which pictures are in the fold that holds every class and is nearest to a share."""
    from sklearn.model_selection import StratifiedGroupKFold

    _, classes = np.unique(labels, return_inverse=True)
    # scikit-learn refuses more folds than groups, and warns of more than pictures of a class.
    most = min(len(set(groups)), np.bincount(classes).min())
    for number in range(min(max(2, round(1 / share)), most), 1, -1):
        division = StratifiedGroupKFold(number, shuffle=True, random_state=seed)
        sides = [rows for _, rows in division.split(labels, labels, groups)]
        inside = [np.bincount(classes[rows], minlength=classes.max() + 1) for rows in sides]
        usable = [
            rows
            for rows, counts in zip(sides, inside, strict=True)
            if ((counts > 0) & (counts < np.bincount(classes))).all()
        ]
        if usable:
            best = min(usable, key=lambda rows: abs(len(rows) - share * len(labels)))
            return np.isin(np.arange(len(labels)), best)
    raise InputError(
        "--group-by must allow every class on both sides of a split; these groups do not, because "
        "they hold several classes each: choose smaller groups"
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

    The rows of a smaller number are among those of a larger one.

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
