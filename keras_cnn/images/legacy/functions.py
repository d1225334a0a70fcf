"""Changes of single pictures, with the results and the draws of Keras' legacy functions.

Pictures are arrays of three axes; the defaults of the axes mean (channels, height, width). The
functions whose names begin with "random" draw from NumPy's global random state.
"""

from collections.abc import Sequence

import numpy as np
from keras.utils import array_to_img, img_to_array, load_img, save_img
from PIL import ImageEnhance

from keras_cnn.errors import InputError
from keras_cnn.images import matrices, transform

__all__ = ["array_to_img", "img_to_array", "load_img", "save_img"]


def random_rotation(
    x: np.ndarray,
    rg: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> np.ndarray:
    """Rotate a picture about its centre by a random angle.

    Args:
        x: The picture.
        rg: Largest angle, in degrees.
        row_axis: Number of the axis of rows.
        col_axis: Number of the axis of columns.
        channel_axis: Number of the axis of channels.
        fill_mode: How the space beyond the edges is filled.
        cval: Value beyond the edges if `fill_mode` is "constant".
        interpolation_order: Degree of the spline that interpolates.
    """
    axes, filling = (row_axis, col_axis, channel_axis), (fill_mode, cval, interpolation_order)
    theta = np.random.uniform(-rg, rg)
    return _warp(x, {"theta": theta}, axes, *filling)


def random_shift(
    x: np.ndarray,
    wrg: float,
    hrg: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> np.ndarray:
    """Shift a picture by random distances.

    Args:
        x: The picture.
        wrg: Largest shift to the side, as a share of the width.
        hrg: Largest shift up or down, as a share of the height.
        row_axis: Number of the axis of rows.
        col_axis: Number of the axis of columns.
        channel_axis: Number of the axis of channels.
        fill_mode: How the space beyond the edges is filled.
        cval: Value beyond the edges if `fill_mode` is "constant".
        interpolation_order: Degree of the spline that interpolates.
    """
    axes, filling = (row_axis, col_axis, channel_axis), (fill_mode, cval, interpolation_order)
    tx = np.random.uniform(-hrg, hrg) * x.shape[row_axis]
    ty = np.random.uniform(-wrg, wrg) * x.shape[col_axis]
    return _warp(x, {"tx": tx, "ty": ty}, axes, *filling)


def random_shear(
    x: np.ndarray,
    intensity: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> np.ndarray:
    """Shear a picture by a random angle.

    Args:
        x: The picture.
        intensity: Largest angle, in degrees.
        row_axis: Number of the axis of rows.
        col_axis: Number of the axis of columns.
        channel_axis: Number of the axis of channels.
        fill_mode: How the space beyond the edges is filled.
        cval: Value beyond the edges if `fill_mode` is "constant".
        interpolation_order: Degree of the spline that interpolates.
    """
    axes, filling = (row_axis, col_axis, channel_axis), (fill_mode, cval, interpolation_order)
    return _warp(x, {"shear": np.random.uniform(-intensity, intensity)}, axes, *filling)


def random_zoom(
    x: np.ndarray,
    zoom_range: Sequence[float],
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> np.ndarray:
    """Zoom a picture by random factors, one for the height and one for the width.

    Args:
        x: The picture.
        zoom_range: Smallest and largest factor; factors above 1 shrink.
        row_axis: Number of the axis of rows.
        col_axis: Number of the axis of columns.
        channel_axis: Number of the axis of channels.
        fill_mode: How the space beyond the edges is filled.
        cval: Value beyond the edges if `fill_mode` is "constant".
        interpolation_order: Degree of the spline that interpolates.
    """
    axes, filling = (row_axis, col_axis, channel_axis), (fill_mode, cval, interpolation_order)
    low, high = _limits("zoom_range", zoom_range)
    zx, zy = (1, 1) if low == high == 1 else np.random.uniform(low, high, 2)
    return _warp(x, {"zx": zx, "zy": zy}, axes, *filling)


def random_channel_shift(
    x: np.ndarray, intensity_range: float, channel_axis: int = 0
) -> np.ndarray:
    """Add a random number to all values of a picture.

    Args:
        x: The picture.
        intensity_range: Largest number, in grey levels.
        channel_axis: Number of the axis of channels.
    """
    shift = np.random.uniform(-intensity_range, intensity_range)
    return apply_channel_shift(x, shift, channel_axis)


def random_brightness(
    x: np.ndarray, brightness_range: Sequence[float], scale: bool = True
) -> np.ndarray:
    """Multiply the values of a picture by a random factor.

    Args:
        x: The picture, in Keras' `image_data_format`.
        brightness_range: Smallest and largest factor.
        scale: As in `apply_brightness_shift`.
    """
    factor = np.random.uniform(*_limits("brightness_range", brightness_range))
    return apply_brightness_shift(x, factor, scale)


def apply_affine_transform(
    x: np.ndarray,
    theta: float = 0,
    tx: float = 0,
    ty: float = 0,
    shear: float = 0,
    zx: float = 1,
    zy: float = 1,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    order: int = 1,
) -> np.ndarray:
    """Rotate, shift, shear and zoom a picture in one warp, by SciPy.

    Args:
        x: The picture.
        theta: Angle of the rotation, in degrees.
        tx: Shift up, in pixels.
        ty: Shift to the left, in pixels.
        shear: Angle of the shear, in degrees.
        zx: Factor of the height; above 1 it shrinks.
        zy: Factor of the width; above 1 it shrinks.
        row_axis: Number of the axis of rows.
        col_axis: Number of the axis of columns.
        channel_axis: Number of the axis of channels.
        fill_mode: How the space beyond the edges is filled.
        cval: Value beyond the edges if `fill_mode` is "constant".
        order: Degree of the spline that interpolates.

    Raises:
        InputError: The picture does not have three axes, or the axes are not 0, 1 and 2.
    """
    params = {"theta": theta, "tx": tx, "ty": ty, "shear": shear, "zx": zx, "zy": zy}
    return _warp(x, params, (row_axis, col_axis, channel_axis), fill_mode, cval, order)


def apply_channel_shift(x: np.ndarray, intensity: float, channel_axis: int = 0) -> np.ndarray:
    """Add a number to all values of a picture; the range of its values stays.

    Args:
        x: The picture.
        intensity: The number.
        channel_axis: Number of the axis of channels. It changes nothing.
    """
    return np.clip(x + intensity, np.min(x), np.max(x))


def apply_brightness_shift(x: np.ndarray, brightness: float, scale: bool = True) -> np.ndarray:
    """Multiply the values of a picture by a factor, by Pillow.

    Args:
        x: The picture, in Keras' `image_data_format`.
        brightness: The factor.
        scale: Whether to stretch the values to 0 to 255 first. Values outside that range are
            stretched in any case; without `scale` they are brought back afterwards.

    Returns:
        float array of the same shape.
    """
    low, high = np.min(x), np.max(x)
    is_outside = low < 0 or high > 255
    image = array_to_img(x, scale=bool(is_outside or scale))
    bright = img_to_array(ImageEnhance.Brightness(image).enhance(brightness))
    return bright / 255 * (high - low) + low if is_outside and not scale else bright


def flip_axis(x: np.ndarray, axis: int) -> np.ndarray:
    """Mirror a picture.

    Args:
        x: The picture.
        axis: Number of the axis to reverse.
    """
    return np.flip(x, axis)


def _warp(x, params, axes, fill_mode, cval, order):
    if np.ndim(x) != 3 or sorted(axes) != [0, 1, 2]:
        raise InputError(
            "a picture has three axes, and row_axis, col_axis and channel_axis are 0, 1 and 2; "
            f"received shape {np.shape(x)} and axes {axes}"
        )
    picture = np.moveaxis(x, axes, (0, 1, 2))
    mapping = matrices.matrix(params, size=picture.shape[:2])
    if mapping is None:
        return x
    warped = transform.spline_warp(picture, mapping, order=order, fill_mode=fill_mode, cval=cval)
    return np.moveaxis(warped, (0, 1, 2), axes)


def _limits(name, limits):
    if np.shape(limits) != (2,):
        raise InputError(f"{name} must be two numbers, the smallest and the largest; {limits!r}")
    return limits
