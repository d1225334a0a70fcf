"""Augmentation of one picture: random parameters -> warped pixels.

Parameters are a dict with the keys of Keras' legacy `ImageDataGenerator`:

- theta: rotation in degrees; shear: shear angle in degrees;
- tx, ty: shift along height and width in pixels;
- zx, zy: zoom factors along height and width; factors above 1 shrink;
- flip_horizontal, flip_vertical: bool;
- channel_shift_intensity: grey levels to add, or None;
- brightness: factor, or None.
"""

import math
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from scipy import ndimage

from keras_cnn.images import matrices

FILL_MODES = ("nearest", "constant", "reflect", "wrap")
# Largest error of the warp in grey levels, from float32 coordinates: measured, rounded up.
_WARP_ERROR = 0.008
_TILE = 224  # pixels; OpenCV rounds large coordinates more coarsely
# Pixels. Up to this size one call of OpenCV without padding is fastest, and exact enough.
SMALL = 64
_MAX_PADDING = 6  # times the picture's own pixels; more costs too much memory and time


def draw(
    rng: np.random.RandomState,
    *,
    size: tuple[int, int],
    rotation_range: float,
    width_shift_range: float | int | Sequence,
    height_shift_range: float | int | Sequence,
    shear_range: float,
    zoom_range: Sequence[float],
    horizontal_flip: bool,
    vertical_flip: bool,
    channel_shift_range: float,
    brightness_range: Sequence[float] | None,
) -> dict:
    """Draw random parameters in the order of Keras' legacy class.

    Args:
        rng: Source of the random numbers; its state advances.
        size: (height, width) of the picture, in pixels.
        rotation_range: Largest rotation, in degrees.
        width_shift_range: Largest shift: a share of the width, or pixels (an int), or a list of
            either to choose from.
        height_shift_range: The same for the height.
        shear_range: Largest shear, in degrees.
        zoom_range: Smallest and largest zoom factor; height and width get factors of their own.
        horizontal_flip: Whether to mirror half of the pictures, at random, left to right.
        vertical_flip: Whether to mirror half of the pictures, at random, top to bottom.
        channel_shift_range: Largest shift of all channels, in grey levels.
        brightness_range: Smallest and largest factor of brightness.

    Returns:
        The parameters, for `apply`.
    """
    theta = _uniform(rng, -rotation_range, rotation_range) if rotation_range else 0
    tx = _draw_shift(rng, height_shift_range, size[0])
    ty = _draw_shift(rng, width_shift_range, size[1])
    shear = _uniform(rng, -shear_range, shear_range) if shear_range else 0
    zx = zy = 1
    if tuple(zoom_range) != (1, 1):
        zx, zy = _uniform(rng, *zoom_range), _uniform(rng, *zoom_range)
    flips = [(rng.random_sample() < 0.5) * flip for flip in (horizontal_flip, vertical_flip)]
    channel_shift = brightness = None
    if channel_shift_range != 0:
        channel_shift = _uniform(rng, -channel_shift_range, channel_shift_range)
    if brightness_range is not None:
        brightness = _uniform(rng, *brightness_range)
    return {
        "theta": theta,
        "tx": tx,
        "ty": ty,
        "shear": shear,
        "zx": zx,
        "zy": zy,
        "flip_horizontal": flips[0],
        "flip_vertical": flips[1],
        "channel_shift_intensity": channel_shift,
        "brightness": brightness,
    }


def _uniform(rng, low, high):
    """Return the same number as `rng.uniform`, to the last bit, in a tenth of the time."""
    low = float(low)
    return low + (float(high) - low) * rng.random_sample()


def _draw_shift(rng, shift_range, length):
    if isinstance(shift_range, float):
        shift = _uniform(rng, -shift_range, shift_range) if shift_range else 0
        return shift * length if shift_range < 1 else shift
    if not shift_range:
        return 0
    try:  # an int or a list
        shift = rng.choice(shift_range) * rng.choice([-1, 1])
    except ValueError:  # a float32 of NumPy, or a negative number; nothing has been drawn yet
        shift = rng.uniform(-shift_range, shift_range)
    return shift * length if np.max(shift_range) < 1 else shift


def apply(
    picture: np.ndarray,
    params: Mapping,
    *,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    order: int = 1,
) -> np.ndarray:
    """Augment a picture, with the result of Keras' legacy class, which uses SciPy and Pillow.

    Args:
        picture: uint8 or float array (height, width, channels). Floats may have any range;
            grey levels are 0 to 255. It is not changed.
        params: The parameters.
        fill_mode: How the space beyond the edges is filled: one of `FILL_MODES`, as in SciPy.
        cval: Value beyond the edges if `fill_mode` is "constant".
        order: Degree of the spline that interpolates, 0 to 5. Degree 1 runs on OpenCV. Its results
            differ from the legacy class by up to 0.008 of 256 grey levels for floats in pictures up
            to 512 pixels wide, and by up to 0.51 (rounding) for uint8 in pictures larger than 64
            pixels. The other degrees run on SciPy.

    Returns:
        The augmented picture: a float array or, if no fractions are needed, uint8; `picture` itself
        if no parameter has an effect.
    """
    height, width = picture.shape[:2]
    mapping = matrices.matrix(params, size=(height, width))
    flips = params.get("flip_vertical", False), params.get("flip_horizontal", False)
    channel_shift = params.get("channel_shift_intensity")
    brightness = params.get("brightness")
    if picture.dtype == np.uint8 and (order != 1 or brightness is not None):
        picture = picture.astype(np.float32)  # brightness cuts off fractions: do not round first
    if mapping is not None:  # the warp mirrors too
        source = picture
        options = {"flips": flips, "fill_mode": fill_mode, "cval": cval}
        picture = warp(source, mapping, order=order, **options)
        if brightness is not None and order == 1:
            _recompute_near_levels(picture, source, mapping, channel_shift or 0, **options)
    else:
        picture = _flip(picture, flips)
    if channel_shift is not None:
        picture = picture.astype(np.float32) if picture.dtype == np.uint8 else picture
        picture = np.clip(picture + channel_shift, picture.min(), picture.max())
    if brightness is not None:
        picture = _brighten(picture, brightness)
    return picture


def warp(
    picture: np.ndarray,
    mapping: np.ndarray,
    *,
    flips: tuple[bool, bool] = (False, False),
    fill_mode: str = "nearest",
    cval: float = 0.0,
    order: int = 1,
) -> np.ndarray:
    """Warp a picture by a matrix, and mirror the result.

    Args:
        picture: uint8 or float array (height, width, channels).
        mapping: float64 array (2, 3), as `matrices.matrix` returns it.
        flips: Whether to mirror top to bottom, and whether left to right.
        fill_mode: How the space beyond the edges is filled: one of `FILL_MODES`, as in SciPy.
        cval: Value beyond the edges if `fill_mode` is "constant".
        order: Degree of the spline that interpolates, 0 to 5.

    Returns:
        Array (height, width, channels). If `order` is 1, it is float32. uint8 pictures larger than
        `SMALL` get whole grey levels: uint8, or float32 if `fill_mode` is "constant".
    """
    height, width, channels = picture.shape
    if order != 1:
        warped = spline_warp(picture, mapping, order=order, fill_mode=fill_mode, cval=cval)
        return _flip(warped, flips)
    if channels not in (1, 3, 4):  # with two channels OpenCV is too coarse; it refuses five
        step = 4 if channels > 4 else 1
        options = {"flips": flips, "fill_mode": fill_mode, "cval": cval}
        firsts = range(0, channels, step)
        warped = [warp(picture[..., i : i + step], mapping, **options) for i in firsts]
        return np.concatenate(warped, axis=-1)
    warped, small = None, max(height, width) <= SMALL
    if small and fill_mode in ("nearest", "constant"):
        warped = cv2.warpAffine(
            np.ascontiguousarray(picture, np.float32),
            np.array(matrices.mirrored(mapping, flips, size=(height, width))),
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    elif picture.dtype == np.uint8 and fill_mode != "wrap" and not small:
        warped = _warp_8_bit(picture, mapping, flips, fill_mode)
    if warped is None or fill_mode == "constant":
        x, y = _sources(mapping, *np.ogrid[:height, :width], (height, width), flips)
    if warped is None:
        is_8_bit = picture.dtype == np.uint8 and not small
        # Rounding these coordinates to float32 is more exact than computing them in OpenCV.
        sources = ((x, width), (y, height))
        maps = [_within(at, length, fill_mode).astype(np.float32) for at, length in sources]
        picture = np.ascontiguousarray(picture, np.float32)
        warped = cv2.remap(picture, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        warped = np.rint(warped).astype(np.uint8) if is_8_bit else warped
    warped = warped.reshape(height, width, channels)
    if fill_mode == "constant":  # unlike OpenCV, SciPy does not blend the edge with `cval`
        warped = warped.astype(np.float32, copy=False)
        warped[(x < 0) | (x > width - 1) | (y < 0) | (y > height - 1)] = cval
    return warped


def spline_warp(
    picture: np.ndarray, mapping: np.ndarray, *, order: int, fill_mode: str, cval: float
) -> np.ndarray:
    """Warp a picture by a matrix, by SciPy.

    Args:
        picture: Array (height, width, channels).
        mapping: float64 array (2, 3), as `matrices.matrix` returns it.
        order: Degree of the spline that interpolates, 0 to 5.
        fill_mode: How the space beyond the edges is filled: one of `FILL_MODES`.
        cval: Value beyond the edges if `fill_mode` is "constant".

    Returns:
        Array of the same shape and type.
    """
    warped = [
        ndimage.affine_transform(
            picture[..., channel],
            mapping[::-1, 1::-1],  # SciPy takes (row, column), not (x, y)
            mapping[::-1, 2],
            order=order,
            mode=fill_mode,
            cval=cval,
        )
        for channel in range(picture.shape[2])
    ]
    return np.stack(warped, axis=-1)


def _warp_8_bit(picture, mapping, flips, fill_mode):
    """Warp a uint8 picture in half the time: with four channels, and padded beyond its edges.

    Return None if the padding needs too much memory.
    """
    height, width, channels = picture.shape
    (xx, xy, x0), (yx, yy, y0) = matrices.mirrored(mapping, flips, size=(height, width))
    left, right = _reach(x0, xx * (width - 1), xy * (height - 1))
    top, bottom = _reach(y0, yx * (width - 1), yy * (height - 1))
    left, right = max(0, -left), max(0, right - width)
    top, bottom = max(0, -top), max(0, bottom - height)
    if (width + left + right) * (height + top + bottom) > _MAX_PADDING * width * height:
        return None
    picture = np.ascontiguousarray(picture)
    if channels == 3:
        picture = cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA)
    border = cv2.BORDER_REFLECT if fill_mode == "reflect" else cv2.BORDER_REPLICATE
    picture = cv2.copyMakeBorder(picture, top, bottom, left, right, border)
    warped = np.empty((height, width, 4 if channels == 3 else channels), np.uint8)
    tall, wide = (-(-length // -(-length // _TILE)) for length in (height, width))
    for row in range(0, height, tall):
        for column in range(0, width, wide):
            x, y = x0 + xx * column + xy * row + left, y0 + yx * column + yy * row + top
            first_x = max(0, _reach(x, xx * wide, xy * tall)[0])
            first_y = max(0, _reach(y, yx * wide, yy * tall)[0])
            tile = warped[row : row + tall, column : column + wide]
            cv2.warpAffine(
                picture[first_y:, first_x:],
                np.array(((xx, xy, x - first_x), (yx, yy, y - first_y))),
                tile.shape[1::-1],
                tile,
                cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            )
    return cv2.cvtColor(warped, cv2.COLOR_RGBA2RGB) if channels == 3 else warped


def _reach(start, across, down):
    """Return the range of pixels (first, end) that interpolation needs along one axis."""
    low = start + min(across, 0) + min(down, 0)
    high = start + max(across, 0) + max(down, 0)
    return math.floor(low) - 1, math.ceil(high) + 2


def _flip(picture, flips):
    if not any(flips):
        return picture
    code = -1 if all(flips) else int(flips[1])  # OpenCV's: 0 top to bottom, 1 left to right
    return cv2.flip(np.ascontiguousarray(picture), code).reshape(picture.shape)


def _sources(mapping, row, column, size, flips):
    """Return the source x and y of pixels, summed in SciPy's order so that rounding is equal.

    The last bit may decide whether a pixel lies on the edge or beyond it.
    """
    row = size[0] - 1 - row if flips[0] else row
    column = size[1] - 1 - column if flips[1] else column
    return [offset + row * by_row + column * by_column for by_column, by_row, offset in mapping]


def _within(position, length, fill_mode):
    """Move positions beyond the edges to the pixels that SciPy takes instead."""
    if fill_mode == "reflect":  # the edge lies half a pixel beyond the last pixel's centre
        position = (position + 0.5) % (2 * length)
        return np.minimum(position, 2 * length - position) - 0.5
    if fill_mode != "wrap":
        return position
    if length == 1:
        return np.zeros_like(position)
    period = length - 1
    periods = np.where(position < 0, np.trunc(-position / period) + 1, 0)
    periods = np.where(position > period, -np.trunc(position / period), periods)
    return position + period * periods


def _recompute_near_levels(warped, source, mapping, channel_shift, *, flips, fill_mode, cval):
    """Recompute in float64 the few values that lie very close to a whole grey level.

    Brightness cuts off fractions: 99.999 instead of 100 would become 99.
    """
    level = warped + np.float32(channel_shift)
    distance = np.abs(level - np.rint(level))
    row, column, channel = np.nonzero((distance > 0) & (distance < _WARP_ERROR))
    x, y = _sources(mapping, row, column, source.shape, flips)
    warped[row, column, channel] = ndimage.map_coordinates(
        source, [y, x, channel], order=1, mode=fill_mode, cval=cval, output=np.float32
    )


def _brighten(picture, factor):
    """Multiply 8-bit values, like Pillow's `ImageEnhance.Brightness`; alpha stays as it is."""
    low, high = picture.min(), picture.max()
    fits = low >= 0 and high <= 255
    if not fits:
        picture = (picture - low) / ((high - low) or 1) * 255
    levels = picture.astype(np.uint8)
    table = np.clip(np.float32(factor) * np.arange(256, dtype=np.float32), 0, 255)
    bright = np.trunc(table)[levels]
    if picture.shape[2] == 4:
        bright[..., 3] = levels[..., 3]
    return bright if fits else bright / 255 * (high - low) + low
