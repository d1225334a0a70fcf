"""A hash of the pictures of a data set, to tell one set from another."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def fingerprint(paths: Iterable[str | os.PathLike]) -> str:
    """Return a hash of the names and sizes of files: another set of files, another hash.

    Names count below the files' common folder, so that a copy of the folder has the same hash.

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


def fingerprints(splits: Any) -> dict[str, dict]:
    """Return for each part of a set the number of its pictures and a hash of them.

    Args:
        splits: With the attributes `train`, `validation` and `test`. A part has the attribute
            `filepaths`, or an array of pictures as `x`; of any other nothing is told.
    """
    import numpy as np

    found = {}
    for name in ("train", "validation", "test"):
        part = getattr(splits, name)
        found[name] = {}
        if hasattr(part, "filepaths"):
            found[name] = {"pictures": len(part.filepaths), "hash": fingerprint(part.filepaths)}
        elif isinstance(getattr(part, "x", None), np.ndarray):
            digest = hashlib.sha256(np.ascontiguousarray(part.x)).hexdigest()
            found[name] = {"pictures": len(part.x), "hash": f"sha256:{digest}"}
    return found
