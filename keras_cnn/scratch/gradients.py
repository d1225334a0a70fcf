"""Numerical gradients, for checks of backpropagation."""

from collections.abc import Callable

import numpy as np


def numerical_gradient(
    f: Callable[[np.ndarray], float], x: np.ndarray, *, h: float = 1e-4
) -> np.ndarray:
    """Differentiate a function by central differences, `(f(x + h) - f(x - h)) / 2h`.

    It evaluates `f` twice for each element of `x`, so it is for small networks only. The error is
    of the order of h² plus the rounding error of `f` divided by h: about 1e-8 in float64, and too
    large in float32.

    Args:
        f: Function of `x` that returns a number. It may ignore its argument and read `x` itself,
            which is changed in place and restored.
        x: Point at which to differentiate: an array of floats, of any shape.
        h: Half the distance of the two points.

    Returns:
        The derivative with respect to each element, of the shape of `x`.

    Raises:
        ValueError: If `x` does not hold floats.
    """
    if not np.issubdtype(x.dtype, np.floating):
        raise ValueError(
            f"x must hold floats; received dtype {x.dtype}: convert it with x.astype(float)"
        )
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
