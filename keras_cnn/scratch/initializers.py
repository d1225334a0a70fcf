"""Initial weights: their scale decides whether activations vanish in deep layers (section 6.2)."""

from collections.abc import Callable

import numpy as np


def xavier(inputs: int) -> float:
    """Return the standard deviation with which a linear layer keeps the variance of its inputs.

    This is 斋藤康毅's formula, for sigmoid and tanh. That of Glorot & Bengio, and of Keras, is
    `sqrt(2 / (inputs + outputs))`, a compromise with the variance of the gradients.

    Args:
        inputs: Number of inputs of each output.

    Returns:
        `sqrt(1 / inputs)`.

    References:
        Glorot & Bengio, 2010. https://proceedings.mlr.press/v9/glorot10a.html
    """
    return (1 / inputs) ** 0.5


def he(inputs: int) -> float:
    """Return the standard deviation for layers before ReLU, which sets half of the values to 0.

    Args:
        inputs: Number of inputs of each output.

    Returns:
        `sqrt(2 / inputs)`.

    References:
        He et al., 2015. https://arxiv.org/abs/1502.01852
    """
    return (2 / inputs) ** 0.5


def normal(
    shape: tuple[int, ...],
    *,
    std: float | Callable[[int], float],
    seed: int | np.random.Generator = 0,
    dtype: str = "float32",
) -> np.ndarray:
    """Draw weights around 0 from a normal distribution.

    Args:
        shape: `(inputs, outputs)`, or a convolution's `(filters, channels, height, width)`.
        std: Standard deviation, or a function that gives it for a number of inputs: `xavier`, `he`.
        seed: Seed, or the generator to draw from.
        dtype: "float32" or "float64".

    Returns:
        The weights.
    """
    if callable(std):
        inputs = shape[0] if len(shape) == 2 else int(np.prod(shape[1:]))
        std = std(inputs)
    weights = np.random.default_rng(seed).standard_normal(shape)
    return (std * weights).astype(dtype)
