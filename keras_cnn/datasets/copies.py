"""Copies among pictures: equal files by their bytes, near copies by a perceptual hash."""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

SIDE = 16  # pixels of the perceptual hash's side
LEAST_CORRELATION = 0.99  # of the hashes of two near copies
_AXES = 8  # principal axes that are compared first
_ROWS, _COLUMNS = 256, 8192  # hashes compared at once
_SPARSE = 16384  # candidates of a block above which one matrix product is faster


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


def stack(hashes: Sequence[np.ndarray | None]) -> np.ndarray:
    """Return hashes as an array; a picture of one shade gets zeros, which correlate with nothing.

    Args:
        hashes: What `perceptual_hash` returned.

    Returns:
        float32 (hashes, SIDE * SIDE).
    """
    array = np.zeros((len(hashes), SIDE * SIDE), np.float32)
    for row, item in zip(array, hashes, strict=True):
        if item is not None:
            row[:] = item
    return array


def near_pairs(
    hashes: np.ndarray, others: np.ndarray, *, groups: np.ndarray | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Find pairs of near copies.

    A hash consists of coordinates p on principal axes and a remainder of length r. By Cauchy and
    Schwarz, two hashes correlate by at most p·q + r·s. Only the few pairs whose bound reaches the
    threshold are compared in full.

    Args:
        hashes: float32 (n, SIDE * SIDE), see `stack`.
        others: float32 (m, SIDE * SIDE).
        groups: int (n,), if `hashes` and `others` are the same. Pairs of the same group are left
            out, and so is one of (i, j) and (j, i). The caller may change it between two blocks.

    Yields:
        Indices into `hashes`, indices into `others`, and the correlations, at least
        `LEAST_CORRELATION`, of some pairs.
    """
    axes = _principal_axes(hashes)
    order, bounds = _sorted_bounds(hashes, axes)
    other_order, other_bounds = _sorted_bounds(others, axes)
    reach = np.sqrt(2 - 2 * LEAST_CORRELATION) + 1e-4  # greatest distance of near copies
    for start in range(0, len(order), _ROWS):
        block = bounds[start : start + _ROWS]
        interval = block[0, 0] - reach, block[-1, 0] + reach
        first, end = np.searchsorted(other_bounds[:, 0], interval)
        if groups is not None:
            first = max(first, start)
        for column in range(first, end, _COLUMNS):
            i, j = order[start : start + _ROWS], other_order[column : min(column + _COLUMNS, end)]
            if groups is not None and len(np.unique(groups[np.concatenate([i, j])])) == 1:
                continue
            upper = block @ other_bounds[column : column + len(j)].T
            candidates = np.flatnonzero(upper >= LEAST_CORRELATION - 1e-4)
            if len(candidates) > _SPARSE:
                correlations = hashes[i] @ others[j].T
                rows, columns = np.nonzero(correlations >= LEAST_CORRELATION)
                correlations, i, j = correlations[rows, columns], i[rows], j[columns]
            else:
                rows, columns = np.divmod(candidates, len(j))
                i, j = i[rows], j[columns]
                correlations = np.einsum("nk,nk->n", hashes[i], others[j])
            near = correlations >= LEAST_CORRELATION
            if groups is not None:
                near &= groups[i] != groups[j]
            if near.any():
                yield i[near], j[near], correlations[near]


def _principal_axes(hashes):
    sample = hashes[:: len(hashes) // 4096 + 1]
    _, axes = np.linalg.eigh(sample.T @ sample)  # eigenvalues ascend
    return axes[:, ::-1][:, :_AXES]


def _sorted_bounds(hashes, axes):
    """Return the order by the first coordinate; coordinates and remainders in this order."""
    coordinates = hashes @ axes
    squares = np.einsum("nk,nk->n", hashes, hashes) - np.square(coordinates).sum(axis=1)
    remainders = np.sqrt(np.maximum(0, squares))
    order = np.argsort(coordinates[:, 0], kind="stable")
    return order, np.column_stack([coordinates, remainders])[order]


def group(digests: Sequence[bytes], hashes: np.ndarray) -> np.ndarray:
    """Number pictures so that equal files, near copies, and their copies have the same number.

    Args:
        digests: Digest of each file.
        hashes: float32 (files, SIDE * SIDE), see `stack`.

    Returns:
        int array (files,).
    """
    numbers = {}
    groups = np.array([numbers.setdefault(digest, len(numbers)) for digest in digests], int)
    for i, j, _ in near_pairs(hashes, hashes, groups=groups):
        pairs, size = (groups[i], groups[j]), groups.max() + 1
        graph = coo_array((np.ones(len(i), bool), pairs), shape=(size, size))
        groups[:] = connected_components(graph, directed=False)[1][groups]
    return groups


def keep_together(second: np.ndarray, groups: np.ndarray, labels: Sequence[str]) -> np.ndarray:
    """Move copies to one side of a split in two, and keep each class' share.

    Without copies on both sides the split does not change. Of a class with such copies, the
    largest groups are placed first, each on the side that keeps the share best; then pictures of
    the class without copies make up for the difference. Copies with several labels go to the first
    side. A class that consists of copies of one picture cannot be split so; it stays as it is.

    Args:
        second: bool (n,), whether a picture is on the second, smaller side.
        groups: int (n,), as `group` returns them.
        labels: Class of each picture.

    Returns:
        bool (n,), whether a picture is on the second side.
    """
    result = second.copy()
    labels = np.asarray(labels)
    members = _members(groups)
    torn = [indices for indices in members if second[indices].any() > second[indices].all()]
    of_several_labels = [indices for indices in torn if len(set(labels[indices])) > 1]
    for indices in of_several_labels:
        result[indices] = False
    for label in sorted({label for indices in torn for label in labels[indices]}):
        of_class = labels == label
        units = [indices for indices in members if (labels[indices] == label).all()]
        _place(result, units, wanted=np.count_nonzero(second & of_class))
        if len(set(result[of_class])) == 1:  # the class would be missing on one side
            result[of_class] = second[of_class]
    return result


def _members(groups):
    """Return the indices of each group, groups in the order of their first picture."""
    members = {}
    for index, number in enumerate(groups.tolist()):
        members.setdefault(number, []).append(index)
    return list(members.values())


def _place(second, units, *, wanted):
    """Put whole units (groups of indices) on one side, so that about `wanted` are on the second."""
    torn = [unit for unit in units if second[unit].any() > second[unit].all()]
    whole = [unit for unit in units if not second[unit].any() > second[unit].all()]
    count = sum(len(unit) for unit in whole if second[unit[0]])
    for unit in sorted(torn, key=len, reverse=True):
        second[unit] = 2 * count + len(unit) <= 2 * wanted
        count += len(unit) if second[unit[0]] else 0
    for unit in whole:
        if not second[unit[0]] and count + len(unit) <= wanted:
            second[unit], count = True, count + len(unit)
        elif second[unit[0]] and count - len(unit) >= max(wanted, 1):
            second[unit], count = False, count - len(unit)
    if count == 0 and len(units) > 1:
        second[min(units, key=len)] = True
