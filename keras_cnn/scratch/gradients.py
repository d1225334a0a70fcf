"""Gradients by trying: what backpropagation is checked against."""

from collections.abc import Callable

import numpy as np


def numerical_gradient(
    f: Callable[[np.ndarray], float], x: np.ndarray, *, h: float = 1e-4
) -> np.ndarray:
    """Differentiate a function by central differences, `(f(x + h) - f(x - h)) / 2h`.

    Two evaluations for each element of `x`, so for small networks only. The error is of the order
    of h² plus the rounding of `f` divided by h: about 1e-8 in float64, too much to use in float32.

    Args:
        f: Function of `x` with one number as value. It may ignore its argument and use `x` itself,
            which is changed in place and back again.
        x: Where to differentiate: an array of floats, of any shape.
        h: Half the distance of the two points.

    Returns:
        The derivative with respect to each element, of the shape of `x`.

    Raises:
        ValueError: If `x` is not of floats, where adding `h` would be lost.
    """
    if not np.issubdtype(x.dtype, np.floating):
        raise ValueError(f"x must hold floats, in which h is not lost; received dtype {x.dtype}")
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        before = x[index]
        x[index] = before + h
        above = f(x)
        x[index] = before - h
        below = f(x)
        x[index] = before
        gradient[index] = (above - below) / (2 * h)
    return gradient
