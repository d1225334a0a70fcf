"""One random change of a picture: random parameters -> matrix -> warped pixels.

Parameters are a dict with the keys of Keras' legacy `ImageDataGenerator`:

- theta: rotation in degrees; shear: shear angle in degrees;
- tx, ty: shift along height and width in pixels;
- zx, zy: zoom factors, above 1 the picture shrinks;
- flip_horizontal, flip_vertical: bool;
- channel_shift_intensity: grey levels added, or None;
- brightness: factor, or None.
"""

import functools
import math
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from scipy import ndimage

FILL_MODES = ("nearest", "constant", "reflect", "wrap")
_WARP_ERROR = 0.008  # of float32 coordinates, in grey levels: the worst case measured, rounded up
_TILE = 224  # pixels: the larger coordinates are, the coarser OpenCV rounds them
_SMALL = 64  # pixels: up to here one call that minds the edges is the fastest, and exact enough
_MOST_PADDED = 6  # times a picture's own pixels: of memory, and of time to fill it


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
    """Draw random parameters, in the order in which Keras' legacy class draws them.

    Args:
        rng: Where the random numbers come from; advanced.
        size: (height, width) of the picture, in pixels.
        rotation_range: Largest rotation, in degrees.
        width_shift_range: Largest shift: a share of the width, or pixels (an int), or a list of
            either to choose from.
        height_shift_range: The same for the height.
        shear_range: Largest shear, in degrees.
        zoom_range: Smallest and largest zoom factor, drawn for height and width apart.
        horizontal_flip: Whether to mirror every second picture left to right.
        vertical_flip: Whether to mirror every second picture top to bottom.
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
    """Do what `rng.uniform` does, to the last bit, in a tenth of the time."""
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
    except ValueError:  # NumPy's float32, or below 0: nothing has been drawn yet
        shift = rng.uniform(-shift_range, shift_range)
    return shift * length if np.max(shift_range) < 1 else shift


def matrix(params: Mapping, *, size: tuple[int, int]) -> np.ndarray | None:
    """Turn rotation, shift, shear and zoom about the centre into one matrix.

    Args:
        params: The parameters; missing ones change nothing.
        size: (height, width) of the picture, in pixels.

    Returns:
        float64 array (2, 3) that takes (x, y, 1) of a pixel of the result to where it comes from;
        None if nothing moves. Height and width stand for x and y in the centre, as in Keras'
        legacy class: off the centre unless the picture is square, kept for equal results.
    """
    parts = []
    if theta := np.deg2rad(params.get("theta", 0)):
        cos, sin = np.cos(theta), np.sin(theta)
        parts.append([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    tx, ty = params.get("tx", 0), params.get("ty", 0)
    if tx != 0 or ty != 0:
        parts.append([[1, 0, tx], [0, 1, ty], [0, 0, 1]])
    if shear := np.deg2rad(params.get("shear", 0)):
        parts.append([[1, -np.sin(shear), 0], [0, np.cos(shear), 0], [0, 0, 1]])
    zx, zy = params.get("zx", 1), params.get("zy", 1)
    if zx != 1 or zy != 1:
        parts.append([[zx, 0, 0], [0, zy, 0], [0, 0, 1]])
    if not parts:
        return None
    whole = parts[0]
    for part in parts[1:]:  # by NumPy, for the bits of Keras: at an edge the last one decides
        whole = np.dot(whole, part)
    to_centre, back = _about_centre(*size)
    return np.dot(np.dot(back, whole), to_centre)[:2]


@functools.lru_cache
def _about_centre(height, width):
    """The shifts of the centre to the origin and back, as matrices."""
    x, y = height / 2 - 0.5, width / 2 - 0.5
    to_centre, back = np.eye(3), np.eye(3)
    to_centre[:2, 2], back[:2, 2] = (-x, -y), (x, y)
    return to_centre, back


def apply(
    picture: np.ndarray,
    params: Mapping,
    *,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    order: int = 1,
) -> np.ndarray:
    """Change a picture by given parameters, as Keras' legacy class does with SciPy and Pillow.

    Args:
        picture: uint8 or float array (height, width, channels), floats in any range; grey levels
            are 0 to 255. Not written to.
        params: The parameters.
        fill_mode: What lies beyond the edges: one of `FILL_MODES`, in SciPy's sense.
        cval: Value beyond the edges if `fill_mode` is "constant".
        order: Degree of the spline that interpolates, 0 to 5. 1 runs on OpenCV and is equal to
            0.008 of 256 grey levels for floats in pictures up to 512 pixels wide, to 0.51, which
            is rounding, for uint8 in pictures larger than 64 pixels; the others run on SciPy.

    Returns:
        The changed picture, float array or, if it needs no fractions, still uint8; `picture` itself
        if nothing changes.
    """
    height, width = picture.shape[:2]
    mapping = matrix(params, size=(height, width))
    flips = params.get("flip_vertical", False), params.get("flip_horizontal", False)
    channel_shift = params.get("channel_shift_intensity")
    brightness = params.get("brightness")
    if picture.dtype == np.uint8 and (order != 1 or brightness is not None):
        picture = picture.astype(np.float32)  # brightness would make a grey level of a rounded one
    if mapping is not None:  # mirrors go into the same warp
        source = picture
        options = {"flips": flips, "fill_mode": fill_mode, "cval": cval}
        picture = warp(source, mapping, order=order, **options)
        if brightness is not None and order == 1:
            _settle(picture, source, mapping, channel_shift or 0, **options)
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
    """Take each pixel from where a matrix says, and mirror the result.

    Args:
        picture: uint8 or float array (height, width, channels).
        mapping: float64 array (2, 3), as `matrix` returns it.
        flips: Whether to mirror top to bottom, and left to right.
        fill_mode: What lies beyond the edges: one of `FILL_MODES`, in SciPy's sense.
        cval: Value beyond the edges if `fill_mode` is "constant".
        order: Degree of the spline that interpolates, 0 to 5.

    Returns:
        array (height, width, channels): float32 if `order` is 1, or uint8 of uint8.
    """
    height, width, channels = picture.shape
    if order != 1:
        warped = [
            ndimage.affine_transform(
                picture[..., channel],
                mapping[::-1, 1::-1],  # SciPy takes (row, column), not (x, y)
                mapping[::-1, 2],
                order=order,
                mode=fill_mode,
                cval=cval,
            )
            for channel in range(channels)
        ]
        return _flip(np.stack(warped, axis=-1), flips)
    if channels not in (1, 3, 4):  # OpenCV rounds coordinates of two to 1/32, and takes no five
        step = 4 if channels > 4 else 1
        parts = [picture[..., first : first + step] for first in range(0, channels, step)]
        options = {"flips": flips, "fill_mode": fill_mode, "cval": cval}
        return np.concatenate([warp(part, mapping, **options) for part in parts], axis=-1)
    warped, small = None, max(height, width) <= _SMALL
    if small and fill_mode in ("nearest", "constant"):
        warped = cv2.warpAffine(
            np.ascontiguousarray(picture, np.float32),
            np.array(_mirrored(mapping, flips, height, width)),
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    elif picture.dtype == np.uint8 and fill_mode != "wrap" and not small:
        warped = _warp_8_bit(picture, mapping, flips, fill_mode)
    if warped is None or fill_mode == "constant":
        x, y = _sources(mapping, *np.ogrid[:height, :width], (height, width), flips)
    if warped is None:
        # Less is lost by rounding these coordinates to float32 than by letting OpenCV find them.
        maps = [
            _within(position, length, fill_mode).astype(np.float32)
            for position, length in ((x, width), (y, height))
        ]
        picture = np.ascontiguousarray(picture, np.float32)
        warped = cv2.remap(picture, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    warped = warped.reshape(height, width, channels)
    if fill_mode == "constant":  # SciPy, unlike OpenCV, does not blend the edge into it
        warped = warped.astype(np.float32, copy=False)
        warped[(x < 0) | (x > width - 1) | (y < 0) | (y > height - 1)] = cval
    return warped


def _warp_8_bit(picture, mapping, flips, fill_mode):
    """Warp in half the time: of four channels, not three, and padded so that no edge is met.

    None if the padding took too much memory.
    """
    height, width, channels = picture.shape
    (xx, xy, x0), (yx, yy, y0) = _mirrored(mapping, flips, height, width)
    left, right = _reach(x0, xx * (width - 1), xy * (height - 1))
    top, bottom = _reach(y0, yx * (width - 1), yy * (height - 1))
    left, right = max(0, -left), max(0, right - width)
    top, bottom = max(0, -top), max(0, bottom - height)
    if (width + left + right) * (height + top + bottom) > _MOST_PADDED * width * height:
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


def _mirrored(mapping, flips, height, width):
    """The matrix after which nothing is left to be mirrored, as tuples of floats."""
    (xx, xy, x0), (yx, yy, y0) = mapping.tolist()  # source x = xx * column + xy * row + x0
    if flips[0]:
        xy, yy, x0, y0 = -xy, -yy, x0 + xy * (height - 1), y0 + yy * (height - 1)
    if flips[1]:
        xx, yx, x0, y0 = -xx, -yx, x0 + xx * (width - 1), y0 + yx * (width - 1)
    return (xx, xy, x0), (yx, yy, y0)


def _reach(start, across, down):
    """First pixel that a start and two ways from it need, to interpolate, and the one after all."""
    low = start + min(across, 0) + min(down, 0)
    high = start + max(across, 0) + max(down, 0)
    return math.floor(low) - 1, math.ceil(high) + 2


def _flip(picture, flips):
    if not any(flips):
        return picture
    code = -1 if all(flips) else int(flips[1])  # OpenCV's: 0 top to bottom, 1 left to right
    return cv2.flip(np.ascontiguousarray(picture), code).reshape(picture.shape)


def _sources(mapping, row, column, size, flips):
    """Where pixels come from, x and y, summed in SciPy's order so that it rounds alike.

    Whether a pixel lies on the edge or beyond may hang on the last bit.
    """
    row = size[0] - 1 - row if flips[0] else row
    column = size[1] - 1 - column if flips[1] else column
    return [offset + row * by_row + column * by_column for by_column, by_row, offset in mapping]


def _within(position, length, fill_mode):
    """Bring positions beyond the edges to where SciPy looks for them instead."""
    if fill_mode == "reflect":  # an edge lies half a pixel off the last one's centre
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


def _settle(warped, source, mapping, channel_shift, *, flips, fill_mode, cval):
    """Recompute, in float64, the few pixels whose error could tip them over a whole number.

    Brightness works on whole grey levels, fractions cut off: 99.999 instead of 100 is 99.
    """
    level = warped + np.float32(channel_shift)
    distance = np.abs(level - np.rint(level))
    row, column, channel = np.nonzero((distance > 0) & (distance < _WARP_ERROR))
    x, y = _sources(mapping, row, column, source.shape, flips)
    warped[row, column, channel] = ndimage.map_coordinates(
        source, [y, x, channel], order=1, mode=fill_mode, cval=cval, output=np.float32
    )


def _brighten(picture, factor):
    """Multiply brightness, on 8 bits, as Pillow's `ImageEnhance.Brightness` does; alpha stays."""
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
