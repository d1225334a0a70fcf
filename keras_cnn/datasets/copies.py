"""Copies among pictures: equal files by their bytes, near copies by a perceptual hash."""

import collections
from collections.abc import Iterator, Sequence

import cv2
import numpy as np

SIDE = 16  # pixels of the perceptual hash's side
LEAST_CORRELATION = 0.99  # of the hashes of two near copies
_ROWS = 2048  # hashes compared at once


def perceptual_hash(pixels: np.ndarray) -> np.ndarray | None:
    """Return the centred grey levels of a thumbnail, scaled to length 1.

    The dot product of two hashes is the correlation of the two thumbnails.

    Args:
        pixels: uint8 (height, width, 3).

    Returns:
        float32 (SIDE * SIDE,); None for a picture of one shade.
    """
    grey = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA).mean(-1).ravel()
    grey -= grey.mean()
    length = np.linalg.norm(grey)
    # Below one grey level per pixel, only noise would be compared.
    return (grey / length).astype(np.float32) if length > SIDE else None


def groups_of_equal_files(digests: Sequence[bytes]) -> list[list[int]]:
    """Return the indices of each group of at least two files with the same bytes.

    Args:
        digests: Digest of each file.
    """
    groups = collections.defaultdict(list)
    for index, digest in enumerate(digests):
        groups[digest].append(index)
    return [indices for indices in groups.values() if len(indices) > 1]


def nearest(hashes: np.ndarray, others: np.ndarray) -> Iterator[tuple[int, int, float]]:
    """For each hash, find the other hash that correlates best, if they are near copies.

    Args:
        hashes: float32 (n, SIDE * SIDE).
        others: float32 (m, SIDE * SIDE).

    Yields:
        Index into `hashes`, index into `others`, and the correlation, `LEAST_CORRELATION` or more.
    """
    for start in range(0, len(hashes), _ROWS):
        correlations = hashes[start : start + _ROWS] @ others.T
        for row, column in enumerate(correlations.argmax(axis=1)):
            if correlations[row, column] >= LEAST_CORRELATION:
                yield start + row, int(column), float(correlations[row, column])
