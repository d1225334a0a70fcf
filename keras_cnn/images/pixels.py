"""Batches of 8-bit pixels, which the network's graph scales: a quarter of the bytes of floats."""

import copy
import functools
from typing import Any, NamedTuple

import numpy as np

from keras_cnn.i18n import N_
from keras_cnn.images import transform
from keras_cnn.images.device import DeviceAugmentation
from keras_cnn.images.iterators import Iterator
from keras_cnn.images.legacy import draws
from keras_cnn.images.scaling import Scaling, scaling_of

_WARPS = ("rotation_range", "width_shift_range", "height_shift_range", "shear_range")
_BYTES = np.empty(0, np.uint8)  # pictures of files


class EightBit(NamedTuple):
    """Batches of pixels from 0 to 255, and what remains to be done with them."""

    batches: Any  # a dataset of the same pictures, targets and draws, pictures uint8
    scaling: Scaling
    # If not None, a batch has a tuple of pictures and parameters in place of its pictures; this
    # augments them, before they are scaled.
    augmentation: DeviceAugmentation | None = None


def eight_bit(flow: Any, *, on_device: bool = False) -> EightBit | str:
    """Return a flow's batches before they are scaled.

    Scaled by its scaling, the pixels equal those of the flow: exactly for `rescale`, otherwise up
    to a millionth, because a graph may multiply by the reciprocal where the flow divides.

    Args:
        flow: Batches that an `ImageDataGenerator` returned, or any with a method `eight_bit`.
        on_device: Whether the batches are not augmented yet: see `DeviceAugmentation`.

    Returns:
        The batches and their scaling; or why there are none, to be read after "because".
    """
    if hasattr(flow, "eight_bit"):
        return flow.eight_bit()
    if reason := _obstacle(flow, on_device=on_device):
        return reason
    generator = copy.copy(flow.image_data_generator)
    scaling = scaling_of(generator)
    generator.rescale = generator.preprocessing_function = None
    batches = flow.with_generator(generator, nearest=False)
    batches._pixel_dtype = batches._working_dtype = np.dtype("uint8")
    if not (on_device and _augments(generator)):
        return EightBit(batches, scaling)
    augmentation = DeviceAugmentation.of(generator)
    batches._encode = functools.partial(augmentation.parameters, size=flow.image_shape[:2])
    return EightBit(batches, scaling, augmentation)


def _obstacle(flow, *, on_device):
    if not (isinstance(flow, Iterator) and draws.is_ours(type(flow).__getitem__)):
        return N_("the batches come from a dataset of your own")
    generator = flow.image_data_generator
    is_grey = getattr(flow, "color_mode", None) == "grayscale"
    if is_grey or flow.dtype != "float32" or getattr(flow, "x", _BYTES).dtype != np.uint8:
        return N_("the pictures may have more than 8 bits")
    if draws.has_user_code(generator) or not draws.is_ours(type(generator).get_random_transform):
        return N_("a function of yours changes the pictures")
    if flow.data_format != "channels_last" or scaling_of(generator) is None:
        return N_("a saved model cannot hold their scaling")
    if scaling_of(generator).samplewise_center:
        return N_("the graph would sum the mean of a picture in another order")
    if getattr(flow, "class_mode", "sparse") in ("input", None) or getattr(flow, "x_misc", None):
        return N_("the model has further inputs, or no targets beside its pictures")
    if flow.save_to_dir or flow._is_sequential():
        return N_("pictures are saved, or made one after the other")
    if on_device:
        return _obstacle_on_device(flow, generator)
    if not _keeps_whole_levels(generator, flow.image_shape):
        return N_("the augmentation makes fractions of grey levels")
    return None


def _obstacle_on_device(flow, generator):
    if generator.alexnet:
        return N_("AlexNet's crops and colours are made on the host")
    if generator.interpolation_order != 1 and _warps(generator):
        return N_("the device interpolates with interpolation_order=1 only")
    if getattr(flow, "y", _BYTES) is None:
        return N_("the pictures have no targets")
    return None


def _warps(generator):
    is_warped = any(np.any(getattr(generator, name)) for name in _WARPS)
    return is_warped or tuple(generator.zoom_range) != (1, 1)


def _shifts_levels(generator):
    shifts = generator.channel_shift_range or generator.brightness_range is not None
    return generator.has_levels and shifts


def _augments(generator):
    flips = generator.horizontal_flip or generator.vertical_flip
    return _warps(generator) or flips or _shifts_levels(generator)


def _keeps_whole_levels(generator, image_shape):
    """Return whether augmented 8-bit pictures have whole grey levels: see `transform.apply`."""
    if generator.alexnet or _shifts_levels(generator):
        return False
    if not _warps(generator):
        return True
    has_level = generator.fill_mode != "constant" or generator.cval in range(256)
    is_large = max(image_shape[:2]) > transform.SMALL
    return generator.interpolation_order == 1 and has_level and is_large
