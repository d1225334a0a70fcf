"""A hash of a data set's pictures, which tells whether two sets are the same."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def fingerprint(paths: Iterable[str | os.PathLike]) -> str:
    """Return a hash of the names and sizes of files.

    Names are relative to the files' common folder: a copy of the folder has the same hash.

    Args:
        paths: The files, at least one, in any order.

    Returns:
        "sha256:" and 64 hexadecimal digits.
    """
    paths = [os.path.abspath(path) for path in paths]
    top = os.path.commonpath([os.path.dirname(path) for path in paths])
    names = ((Path(os.path.relpath(path, top)).as_posix(), os.path.getsize(path)) for path in paths)
    digest = hashlib.sha256()
    for name, size in sorted(names):
        digest.update(f"{size} {name}\0".encode("utf-8", "surrogateescape"))
    return f"sha256:{digest.hexdigest()}"


def of_boxes(of_files: str, pictures: Iterable[Any], class_names: Iterable[str]) -> str:
    """Return a hash of pictures and of their annotations.

    Args:
        of_files: What `fingerprint` returned for the pictures.
        pictures: `annotations.Picture`s.
        class_names: Names of their classes.
    """
    digest = hashlib.sha256(of_files.encode())
    digest.update("\0".join(class_names).encode("utf-8", "surrogateescape"))
    for picture in sorted(pictures, key=lambda picture: picture.path):
        for values in (picture.boxes.astype("<f8"), picture.labels.astype("<i8")):
            digest.update(f"{values.shape}".encode() + values.tobytes())
        digest.update(picture.truth[2].astype("<i8").tobytes())
    return f"sha256:{digest.hexdigest()}"


def fingerprints(splits: Any) -> dict[str, dict]:
    """Return the number of pictures of each split, and a hash of them.

    Args:
        splits: An object with the attributes `train`, `validation` and `test`. A split needs the
            attribute `filepaths`, or an array of pictures as `x`; the entry of any other is empty.
    """
    import numpy as np

    entries = {}
    for name in ("train", "validation", "test"):
        split = getattr(splits, name)
        entries[name] = {}
        if hasattr(split, "filepaths"):
            entries[name] = {
                "pictures": len(split.filepaths),
                "hash": fingerprint(split.filepaths),
            }
        elif isinstance(getattr(split, "x", None), np.ndarray):
            digest = hashlib.sha256(np.ascontiguousarray(split.x)).hexdigest()
            entries[name] = {"pictures": len(split.x), "hash": f"sha256:{digest}"}
    return entries
