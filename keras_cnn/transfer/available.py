"""The pretrained network that can be had on this machine."""

import functools
from collections.abc import Callable

import keras

from keras_cnn import models
from keras_cnn.i18n import N_, say
from keras_cnn.models import weights as weight_files
from keras_cnn.transfer.base import Base

# Best first: (architecture of the weights file, builder, its options).
FOR_GPU = (("resnet50", models.ResNet50, {}),)
FOR_CPU = (
    ("mobilenet_1_0_224", models.MobileNet, {"alpha": 1.0}),
    ("mobilenet_2_5_224", models.MobileNet, {"alpha": 0.25}),
)


def available_base() -> tuple[Base | None, str]:
    """Return a network with ImageNet weights, and why it was chosen; None if there is none.

    A file that was downloaded before is used. Only if there is none, the best one is downloaded.

    Returns:
        The base, and a reason for the report.
    """
    has_gpu = bool(keras.distribution.list_devices("gpu"))
    rows = (FOR_GPU if has_gpu else ()) + FOR_CPU
    for architecture, builder, options in rows:
        path = weight_files.published_path(architecture, include_top=False)
        if path.is_file():
            return _base(path, builder, options), N_("its ImageNet weights are on this machine")
    architecture, builder, options = rows[0]
    try:
        builder(include_top=False, weights="imagenet", input_shape=(224, 224, 3), **options)
    except (OSError, ValueError) as error:
        return None, N_(f"none can be downloaded ({error})")
    path = weight_files.published_path(architecture, include_top=False)
    return _base(path, builder, options), N_("it trains fast on this machine")


def published_or_random(builder: Callable, *, image_size: int) -> tuple[Base, list[str]]:
    """Return a network with ImageNet weights, or with random weights and a note if it has none.

    Args:
        builder: A builder of `models`, or a `functools.partial` of one.
        image_size: Height and width of the pictures in pixels.

    Returns:
        The base, and sentences for the report.
    """
    try:
        builder(weights="imagenet", include_top=False, input_shape=(image_size, image_size, 3))
    except OSError as error:
        note = N_(f"Random weights instead of ImageNet's: {error}.")
        say(note)
        return Base.of(builder, weights=None), [note]
    return Base.of(builder, weights="imagenet"), []


def _base(path, builder, options):
    """Return a base from a file, which serves pictures of any size."""
    return Base.of(functools.partial(builder, **options), weights=path)
