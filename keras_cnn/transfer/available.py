"""The pretrained network that can be had on this machine."""

import functools

import keras

from keras_cnn import models
from keras_cnn.models import weights as weight_files
from keras_cnn.transfer.base import Base

# Best first: (architecture of the weights file, builder, its options).
FOR_GPU = (("resnet50", "ResNet50", {}),)
FOR_CPU = (
    ("mobilenet_1_0_224", "MobileNet", {"alpha": 1.0}),
    ("mobilenet_2_5_224", "MobileNet", {"alpha": 0.25}),
)


def available_base() -> tuple[Base | None, str]:
    """Return a network with ImageNet weights, and why it was chosen; None if there is none.

    A file that was downloaded before is used. Only if there is none, the best one is downloaded.

    Returns:
        The base, and a reason for the report.
    """
    has_gpu = bool(keras.distribution.list_devices("gpu"))
    rows = (FOR_GPU if has_gpu else ()) + FOR_CPU
    for row in rows:
        if weight_files.is_downloaded(row[0], include_top=False):
            return _base(*row), "its ImageNet weights are on this machine"
    try:
        return _base(*rows[0]), "it is the best that trains fast on this machine"
    except (OSError, ValueError) as error:
        return None, f"none can be downloaded ({error})"


def _base(architecture, builder, options):
    path = weight_files.download(architecture, include_top=False)
    return Base.of(functools.partial(getattr(models, builder), **options), weights=path)
