"""Augmentation in the graph of a training step: one warp of a whole batch, on the backend's device.

The random parameters are drawn on the host, as for `transform.apply`.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import keras
import numpy as np
from keras import ops

from keras_cnn.images import matrices

# Brightness cuts off fractions. A level this close below a whole one is taken for the whole one:
# where four pixels are equal, the sum of their shares may be less by a bit.
_LEVEL_ERROR = 1 / 4096
_IDENTITY = np.eye(3)[:2]


@dataclasses.dataclass(frozen=True)
class DeviceAugmentation:
    """The augmentation of `transform.apply`, with `order=1`, for batches of 8-bit pictures.

    It runs on every backend. Its levels have fractions, and lie within 0.02 of those of floats on
    the host for pictures up to 256 pixels. Three kinds of values may differ by more, since
    coordinates are float32:

    - at a source within 0.0001 pixels of an edge, where "constant" and "wrap" jump;
    - with brightness, which cuts off fractions: of noise 0.04 % of the values differ by one level
      before they are multiplied by the factor, and up to 5 % if sources lie close to whole pixels;
    - of 8-bit pictures larger than 64 pixels, by up to 0.51, because there the host rounds.

    Attributes:
        fill_mode: How the space beyond the edges is filled: one of `transform.FILL_MODES`.
        cval: Grey level beyond the edges if `fill_mode` is "constant".
        shifts_channels: Whether the parameters of a picture have a channel shift.
        brightens: Whether they have a factor of brightness.
    """

    fill_mode: str
    cval: float
    shifts_channels: bool
    brightens: bool

    @classmethod
    def of(cls, generator: Any) -> Self:
        """Return the augmentation of an `ImageDataGenerator`.

        Args:
            generator: The generator.
        """
        return cls(
            generator.fill_mode,
            float(generator.cval),
            bool(generator.has_levels and generator.channel_shift_range != 0),
            bool(generator.has_levels and generator.brightness_range is not None),
        )

    def parameters(self, drawn: Sequence[Mapping], *, size: tuple[int, int]) -> np.ndarray:
        """Return random parameters as an array.

        Args:
            drawn: The parameters of each picture, as `transform.draw` returns them.
            size: (height, width) of the pictures, in pixels.

        Returns:
            float32 (n, 8): the matrix that warps and mirrors, its rows one after the other, with
            the source of the pixel (height // 2, width // 2) in place of that of pixel (0, 0); the
            channel shift; the factor of brightness.
        """
        centre = np.array([size[1] // 2, size[0] // 2])
        rows = np.zeros((len(drawn), 8))
        for row, params in zip(rows, drawn, strict=True):
            mapping = matrices.matrix(params, size=size)
            mapping = _IDENTITY if mapping is None else mapping
            flips = params.get("flip_vertical", False), params.get("flip_horizontal", False)
            mapping = np.array(matrices.mirrored(mapping, flips, size=size))
            mapping[:, 2] += mapping[:, :2] @ centre
            row[:6] = mapping.ravel()
            row[6] = params["channel_shift_intensity"] if self.shifts_channels else 0
            row[7] = params["brightness"] if self.brightens else 1
        return rows.astype(np.float32)

    def __call__(self, pixels: Any, parameters: Any) -> Any:
        """Augment a batch.

        Args:
            pixels: uint8 tensor (batch, height, width, channels).
            parameters: float32 tensor (batch, 8), as `parameters` returns it.

        Returns:
            float32, same shape, 0 to 255.
        """
        levels = self._warp(pixels, parameters)
        if self.shifts_channels:
            shift = parameters[:, 6, None, None, None]
            levels = ops.clip(levels + shift, *_range(levels))
        return self._brighten(levels, parameters[:, 7]) if self.brightens else levels

    def _warp(self, pixels, parameters):
        """Warp and mirror by bilinear interpolation."""
        batch, height, width, channels = ops.shape(pixels)
        xx, xy, x, yx, yy, y = (parameters[:, number, None, None] for number in range(6))
        column = ops.arange(width, dtype="float32") - width // 2
        row = ops.arange(height, dtype="float32")[:, None] - height // 2
        # (batch, height, width)
        x = x + xx * column + xy * row
        y = y + yx * column + yy * row
        left, right, to_right = self._neighbours(x, width)
        upper, lower, to_lower = self._neighbours(y, height)
        flat = ops.reshape(pixels, (-1, channels))
        first = ops.arange(batch, dtype="int32")[:, None, None] * (height * width)

        def at(row, column, weight):
            pixel = ops.take(flat, first + row * width + column, axis=0)
            return ops.cast(pixel, "float32") * weight[..., None]

        both = to_right * to_lower
        warped = (
            at(upper, left, 1 - to_right - to_lower + both)
            + at(upper, right, to_right - both)
            + at(lower, left, to_lower - both)
            + at(lower, right, both)
        )
        if self.fill_mode == "constant":  # as in SciPy: the edge is not blended with `cval`
            beyond = (x < 0) | (x > width - 1) | (y < 0) | (y > height - 1)
            warped = ops.where(beyond[..., None], self.cval, warped)
        return warped

    def _neighbours(self, position, length):
        """Return the pixels on both sides of positions along an axis, and the way from the first.

        See `transform._within`.
        """
        period = length - 1
        if self.fill_mode == "reflect":
            position = ops.mod(position + 0.5, 2 * length)
            position = ops.minimum(position, 2 * length - position) - 0.5
        elif self.fill_mode == "wrap" and period:
            before = position + period * (ops.floor(-position / period) + 1)
            after = position - period * ops.floor(position / period)
            after = ops.where(position > period, after, position)
            position = ops.where(position < 0, before, after)
        position = ops.clip(position, 0, period)
        first = ops.floor(position)
        way = position - first
        first = ops.cast(first, "int32")
        return first, ops.minimum(first + 1, period), way

    def _brighten(self, levels, factor):
        """Multiply 8-bit values: see `transform._brighten`."""
        low, high = _range(levels)
        fits = (low >= 0) & (high <= 255)
        span = ops.where(high > low, high - low, 1.0)
        levels = ops.where(fits, levels, (levels - low) / span * 255)
        levels = ops.minimum(ops.floor(levels + _LEVEL_ERROR), 255)
        bright = ops.floor(ops.clip(factor[:, None, None, None] * levels, 0, 255))
        if ops.shape(levels)[-1] == 4:  # alpha stays as it is
            bright = ops.concatenate([bright[..., :3], levels[..., 3:]], axis=-1)
        return ops.where(fits, bright, bright / 255 * span + low)


def fused(function: Callable) -> Callable:
    """Return a function of tensors that TensorFlow compiles with XLA, whatever calls it.

    Its result is that of `function`. On a CPU, where steps are not compiled with XLA, a warp is
    several times faster so: not each of its forty operations stores what it computes.

    Args:
        function: The function.
    """
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    return tf.function(function, jit_compile=True)


def _range(levels):
    """Return each picture's lowest and highest level, (batch, 1, 1, 1)."""
    options = {"axis": (1, 2, 3), "keepdims": True}
    return ops.min(levels, **options), ops.max(levels, **options)
