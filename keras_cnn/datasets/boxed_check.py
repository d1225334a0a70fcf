"""The part of `check` about pictures with boxes: the same reading and the same rules as training.

Findings are tuples: the kind, the path relative to the checked folder, the reason.
"""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from keras_cnn.datasets import annotations, boxed_division, copies
from keras_cnn.datasets.annotations import AnnotatedSet, Annotations
from keras_cnn.datasets.boxed_division import to_make
from keras_cnn.errors import InputError
from keras_cnn.i18n import N_

SPLITS = ("all", "train", "val", "test")

Finding = tuple[str, str, str]


def read(
    directory: Path, *, reading: annotations.Reading | None = None
) -> tuple[AnnotatedSet, list[Finding]]:
    """Read the splits of a folder of pictures with boxes.

    Args:
        directory: The folder.
        reading: How it is read.

    Returns:
        The set, without splits for other folders; and the findings about annotations that cannot
        be used.
    """
    findings = []

    def report(source, error):
        reason = str(error).removeprefix(f"{source} ")
        findings.append(("bad annotation", os.path.relpath(source, directory), reason))

    annotated = annotations.read_set(directory, reading=reading, on_error=report)
    if annotated.splits and not {"train", "all"} & set(annotated.splits):
        reason = N_(
            f"has the lists {list(annotated.splits)} and no list train: add it for a training"
        )
        findings.append(("bad annotation", ".", reason))
    for part in annotated.splits.values():
        for place, reason in part.notes:
            findings.append(("listed twice", os.path.relpath(place, directory), reason))
    return annotated, findings


def pictures(directory: Path, splits: dict[str, Annotations]) -> list[tuple[str, str]]:
    """Return the pictures of all splits.

    Args:
        directory: The checked folder.
        splits: The splits that `read` returned.

    Returns:
        (path relative to the folder, split) of each.
    """
    return [
        (os.path.relpath(picture.path, directory), split)
        for split, annotated in splits.items()
        for picture in annotated.pictures
    ]


def boxes(
    directory: Path,
    splits: dict[str, Annotations],
    *,
    sizes: Mapping[str, tuple[int, int]],
    fix_boxes: bool = False,
) -> tuple[dict[str, Annotations], list[Finding]]:
    """Find the boxes that cannot be used, and those that are too small to be learned.

    Args:
        directory: The checked folder.
        splits: The splits that `read` returned.
        sizes: Path relative to the folder -> width and height of the pictures that can be read;
            the others have findings already.
        fix_boxes: As in `annotations.check`.

    Returns:
        The splits without these boxes, and the findings.
    """
    findings, good = [], {}
    for split, annotated in splits.items():
        paths = {p.path: os.path.relpath(p.path, directory) for p in annotated.pictures}
        read = {path: sizes[short] for path, short in paths.items() if short in sizes}
        kept = tuple(picture for picture in annotated.pictures if picture.path in read)
        good[split], bad = annotations.check(
            dataclasses.replace(annotated, pictures=kept),
            skip_bad_boxes=True,
            fix_boxes=fix_boxes,
            sizes=read,
        )
        for source, reason in bad.items():
            findings.append(("bad box", os.path.relpath(source, directory), reason))
        for name, reason in annotations.small_objects(good[split], sizes=read).items():
            findings.append(("small objects", split, N_(f"of {name}: {reason}")))
        if kept and split in ("train", "all") and annotated.without_objects:
            reason = N_(f"has no object of {', '.join(annotated.without_objects)}")
            findings.append(("no objects", split, reason))
    return good, findings


def division(
    splits: dict[str, Annotations],
    digests: Sequence[bytes],
    hashes: np.ndarray,
    *,
    share: float,
    seed: int,
    group_by: str | None = None,
) -> list[Finding]:
    """Find out whether a training can make the splits that a set lacks.

    Args:
        splits: What `boxes` returned.
        digests: Digest of each picture of the split that is to be divided.
        hashes: Its hash, see `copies.stack`.
        share: Share of each new split.
        seed: Seed of the choice.
        group_by: As in `boxed_division.joined`.

    Raises:
        InputError: `group_by` cannot be used.
    """
    source, made = to_make(splits)
    if group_by is not None:
        boxed_division.check_group_by(splits, group_by)
    if not made or len(digests) != len(splits[source].pictures):
        return []
    groups = copies.group(digests, hashes)
    try:
        boxed_division.divide(splits, groups, share=share, seed=seed, group_by=group_by)
    except InputError as error:
        return [("too few", ".", str(error))]
    return []


def objects(splits: dict[str, Annotations]) -> dict[str, dict]:
    """Count the objects of each split.

    Args:
        splits: What `boxes` returned.

    Returns:
        Split -> "pictures", "without objects" and "objects": class -> "number", and the least,
        median and largest square root of the area in pixels of the picture as "size".
    """
    table = {}
    for split, annotated in splits.items():
        labels = np.concatenate([np.zeros(0, int), *(p.labels for p in annotated.pictures)])
        corners = np.concatenate([np.zeros((0, 4)), *(p.boxes for p in annotated.pictures)])
        sides = np.sqrt((corners[:, 2:] - corners[:, :2]).prod(axis=1))
        by_class = {}
        for label, name in enumerate(annotated.class_names, start=1):
            its_sides = sides[labels == label]
            quantiles = (
                np.quantile(its_sides, (0, 0.5, 1)).round(1).tolist() if its_sides.size else []
            )
            by_class[name] = {"number": len(its_sides), "size": quantiles}
        table[split] = {
            "pictures": len(annotated.pictures),
            "without objects": sum(not len(p.boxes) for p in annotated.pictures),
            "objects": by_class,
        }
    return table
