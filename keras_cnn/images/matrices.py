"""Matrices of an augmentation: where the pixels of the result come from."""

import functools
from collections.abc import Mapping

import numpy as np


def matrix(params: Mapping, *, size: tuple[int, int]) -> np.ndarray | None:
    """Return rotation, shift, shear and zoom about the centre as one matrix.

    Args:
        params: The parameters; missing ones have no effect.
        size: (height, width) of the picture, in pixels.

    Returns:
        float64 array (2, 3) that maps (x, y, 1) of a pixel of the result to its source; None for
        the identity. The centre has height and width exchanged, as in Keras' legacy class: wrong
        unless the picture is square, but kept so that results are equal.
    """
    steps = []
    if theta := np.deg2rad(params.get("theta", 0)):
        cos, sin = np.cos(theta), np.sin(theta)
        steps.append([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    tx, ty = params.get("tx", 0), params.get("ty", 0)
    if tx != 0 or ty != 0:
        steps.append([[1, 0, tx], [0, 1, ty], [0, 0, 1]])
    if shear := np.deg2rad(params.get("shear", 0)):
        steps.append([[1, -np.sin(shear), 0], [0, np.cos(shear), 0], [0, 0, 1]])
    zx, zy = params.get("zx", 1), params.get("zy", 1)
    if zx != 1 or zy != 1:
        steps.append([[zx, 0, 0], [0, zy, 0], [0, 0, 1]])
    if not steps:
        return None
    product = steps[0]
    for step in steps[1:]:  # np.dot, like Keras: at an edge the last bit decides
        product = np.dot(product, step)
    to_centre, back = _about_centre(*size)
    return np.dot(np.dot(back, product), to_centre)[:2]


@functools.lru_cache
def _about_centre(height, width):
    """Return the shifts of the centre to the origin and back, as matrices."""
    x, y = height / 2 - 0.5, width / 2 - 0.5
    to_centre, back = np.eye(3), np.eye(3)
    to_centre[:2, 2], back[:2, 2] = (-x, -y), (x, y)
    return to_centre, back


def mirrored(
    mapping: np.ndarray, flips: tuple[bool, bool], *, size: tuple[int, int]
) -> tuple[tuple[float, ...], ...]:
    """Return the matrix that warps a picture and mirrors the result.

    Args:
        mapping: float64 array (2, 3), as `matrix` returns it.
        flips: Whether to mirror top to bottom, and whether left to right.
        size: (height, width) of the picture, in pixels.
    """
    height, width = size
    (xx, xy, x0), (yx, yy, y0) = mapping.tolist()  # source x = xx * column + xy * row + x0
    if flips[0]:
        xy, yy, x0, y0 = -xy, -yy, x0 + xy * (height - 1), y0 + yy * (height - 1)
    if flips[1]:
        xx, yx, x0, y0 = -xx, -yx, x0 + xx * (width - 1), y0 + yx * (width - 1)
    return (xx, xy, x0), (yx, yy, y0)
