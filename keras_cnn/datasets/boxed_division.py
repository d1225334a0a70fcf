"""Divide pictures with boxes into splits: each class by the same share, copies on one side."""

from collections.abc import Sequence

import numpy as np

from keras_cnn.datasets import groups as group_names
from keras_cnn.datasets.boxed_pictures import Annotations, Picture
from keras_cnn.datasets.formats import ALL
from keras_cnn.errors import InputError


def to_make(splits: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Return which split is divided, and the splits that are made of it, the first one first.

    A set with train and val alone is tested on val.

    Args:
        splits: The splits that a set has.
    """
    source = ALL if ALL in splits else "train"
    if "val" in splits or source not in splits:
        return source, ()
    return source, ("val",) if "test" in splits else ("test", "val")


def divide(
    splits: dict[str, Annotations],
    groups: np.ndarray,
    *,
    share: float,
    seed: int,
    group_by: str | None = None,
) -> dict[str, Annotations]:
    """Make the splits that a set lacks.

    Args:
        splits: The splits that it has.
        groups: int (pictures,), equal for pictures that stay together; of the divided split.
        share: Share of the pictures in each new split.
        seed: Seed of the choice.
        group_by: As in `joined`.

    Returns:
        "train", "val" and perhaps "test".

    Raises:
        InputError: There are too few pictures, or `group_by` cannot be used.
    """
    source, made = to_make(splits)
    if group_by is not None:
        check_group_by(splits, group_by)
    if not made:
        return splits
    whole = splits[source]
    groups = joined(whole.pictures, groups, group_by)
    rest, taken = np.arange(len(whole.pictures)), {}
    for split in made:
        is_second = _second([whole.pictures[k] for k in rest], groups[rest], share, seed)
        taken[split], rest = rest[is_second], rest[~is_second]
    parts = {"train": rest} | {split: taken[split] for split in reversed(made)}
    return {
        split: _only(whole, parts[split]) if split in parts else splits[split]
        for split in ("train", "val", "test")
        if split in parts or split in splits
    }


def _only(annotations, rows):
    pictures = tuple(annotations.pictures[row] for row in sorted(rows))
    return Annotations(annotations.class_names, pictures)


def _second(pictures, groups, share, seed):
    """Mask of the pictures in the second split, after Sechidis et al., 2011: rarest class first."""
    units = [np.flatnonzero(groups == number) for number in np.unique(groups)]
    with_objects = [unit for unit in units if any(len(pictures[k].boxes) for k in unit)]
    if len(with_objects) < 2:
        raise InputError(
            "a set that is to be divided must have 2 or more pictures with objects that are no "
            "copies and of different groups, for each split; for one it has "
            f"{len(with_objects)}: add pictures, or name its splits"
        )
    np.random.default_rng(seed).shuffle(units)
    second, settled = np.zeros(len(pictures), bool), np.zeros(len(pictures), bool)
    holds = {}  # class id -> its pictures; 0 for all pictures
    for row, picture in enumerate(pictures):
        for label in {0, *picture.labels.tolist()}:
            holds.setdefault(label, []).append(row)
    for label in sorted(holds, key=lambda label: (label == 0, len(holds[label]), label)):
        rows = np.array(holds[label])
        wanted = max(1, round(share * len(rows)))
        of_label = [unit for unit in units if not settled[unit[0]] and np.isin(unit, rows).any()]
        for unit in of_label:
            count = np.count_nonzero(second[rows])
            more = np.isin(unit, rows).sum()
            leaves_some = np.count_nonzero(~second[rows]) > more
            second[unit] = leaves_some and 2 * count + more <= 2 * wanted
            settled[unit] = True
    if not any(second[unit].any() for unit in with_objects):  # all units are larger than the share
        second[min(with_objects, key=len)] = True
    return second


def check_group_by(splits: dict[str, Annotations], pattern: str) -> None:
    """Refuse a pattern that does not take a group's name out of the file names of a set.

    Args:
        splits: The splits that the set has.
        pattern: As in `joined`.

    Raises:
        InputError: The set is divided already, or the pattern cannot be used.
    """
    source, made = to_make(splits)
    if not made:
        raise InputError(
            f"--group-by divides a set without splits; this one has {list(splits)}: leave it out"
        )
    joined(splits[source].pictures, np.arange(len(splits[source].pictures)), pattern)


def joined(pictures: Sequence[Picture], groups: np.ndarray, pattern: str | None) -> np.ndarray:
    """Join the groups of pictures whose file names agree in a part.

    Args:
        pictures: The pictures.
        groups: int (pictures,), as `copies.group` returns them.
        pattern: Regular expression with a group in brackets, which takes this part out of a file's
            name without its ending; None joins none.

    Returns:
        int (pictures,).

    Raises:
        InputError: The pattern is no such expression, or a file's name does not match it.
    """
    if pattern is None:
        return groups
    names = group_names.of_expression([picture.path for picture in pictures], pattern)
    groups, firsts = groups.copy(), {}
    for row, name in enumerate(names):
        first = firsts.setdefault(name, row)
        groups[groups == groups[row]] = groups[first]
    return groups
