"""The part of `check` about pictures with boxes: the same reading and the same rules as training.

Findings are tuples: the kind, the path relative to the checked folder, the reason.
"""

import dataclasses
import os
from collections.abc import Collection
from pathlib import Path

from keras_cnn.datasets import annotations
from keras_cnn.datasets.annotations import Annotations

SPLITS = ("train", "val", "test")


def read(directory: Path) -> tuple[dict[str, Annotations], list[tuple[str, str, str]]]:
    """Read the splits of a folder of pictures with boxes.

    Args:
        directory: The folder.

    Returns:
        Split -> its annotations, empty for other folders; and the findings about annotations that
        cannot be used.
    """
    splits, findings, class_names = {}, [], None

    def report(source, error):
        reason = str(error).removeprefix(f"{source} ")
        findings.append(("bad annotation", os.path.relpath(source, directory), reason))

    for split in SPLITS:
        if annotations.has(directory, split):
            splits[split] = annotations.read(
                directory, split=split, class_names=class_names, on_error=report
            )
            class_names = splits[split].class_names or class_names
    return splits, findings


def pictures(directory: Path, splits: dict[str, Annotations]) -> list[tuple[str, str]]:
    """Return the pictures of all splits.

    Args:
        directory: The checked folder.
        splits: What `read` returned.

    Returns:
        (path relative to the folder, split) of each.
    """
    return [
        (os.path.relpath(picture.path, directory), split)
        for split, annotated in splits.items()
        for picture in annotated.pictures
    ]


def bad_boxes(
    directory: Path, splits: dict[str, Annotations], *, readable: Collection[str]
) -> list[tuple[str, str, str]]:
    """Find the boxes that cannot be used.

    Args:
        directory: The checked folder.
        splits: What `read` returned.
        readable: Paths of the pictures that can be read; the others have findings already.

    Returns:
        The findings.
    """
    findings = []
    for annotated in splits.values():
        in_order = [p for p in annotated.pictures if os.path.relpath(p.path, directory) in readable]
        annotated = dataclasses.replace(annotated, pictures=tuple(in_order))
        _, bad = annotations.check(annotated, skip_bad_boxes=True)
        for source, reason in bad.items():
            findings.append(("bad box", os.path.relpath(source, directory), reason))
    return findings
