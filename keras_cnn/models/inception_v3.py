"""Inception-v3 (Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, 2016), table 1."""

from functools import partial
from typing import Any

import keras

from keras_cnn.models import blocks
from keras_cnn.models import weights as weight_files
from keras_cnn.models.blocks import average_pool, max_pool


def conv(x: keras.KerasTensor, *step: Any, name: str | None = None) -> keras.KerasTensor:
    """Apply a convolution with batch normalisation and ReLU, as in `blocks.conv_bn`.

    Args:
        x: Feature maps of shape `(batch, height, width, channels)`.
        *step: Filters, kernel size, strides and padding.
        name: Not used. `keras.applications` does not name these layers: Keras numbers them in the
            order of creation.

    Returns:
        Feature maps of shape `(batch, new height, new width, filters)`.
    """
    return blocks.conv_bn(x, *step, scale=False)


def _mixed_35(pooled):
    """Return the branches of figure 5: two 3x3 convolutions for each 5x5, except for one 5x5."""
    return (
        ((64, 1),),
        ((48, 1), (64, 5)),
        ((64, 1), (96, 3), (96, 3)),
        (average_pool, (pooled, 1)),
    )


def _mixed_17(width):
    """Return the branches of figure 6: 1x7 and 7x1 convolutions for each 7x7."""
    return (
        ((192, 1),),
        ((width, 1), (width, (1, 7)), (192, (7, 1))),
        ((width, 1), (width, (7, 1)), (width, (1, 7)), (width, (7, 1)), (192, (1, 7))),
        (average_pool, (192, 1)),
    )


def _mixed_8(name):
    """Return the branches of figure 7: 1x3 beside 3x1 convolutions for some 3x3."""
    return (
        ((320, 1),),
        ((384, 1), partial(blocks.split, filters=384, conv=conv, name=name)),
        ((448, 1), (384, 3), partial(blocks.split, filters=384, conv=conv)),
        (average_pool, (192, 1)),
    )


STEM = (
    (32, 3, 2, "valid"),  # (149, 149, 32)
    (32, 3, 1, "valid"),  # (147, 147, 32)
    (64, 3),  # (147, 147, 64)
    max_pool,  # (73, 73, 64)
    (80, 1, 1, "valid"),  # (73, 73, 80)
    (192, 3, 1, "valid"),  # (71, 71, 192)
    max_pool,  # (35, 35, 192)
)
MODULES = {
    "mixed0": _mixed_35(32),  # (35, 35, 256)
    "mixed1": _mixed_35(64),  # (35, 35, 288)
    "mixed2": _mixed_35(64),  # (35, 35, 288)
    "mixed3": (  # (17, 17, 768)
        ((384, 3, 2, "valid"),),
        ((64, 1), (96, 3), (96, 3, 2, "valid")),
        (max_pool,),
    ),
    "mixed4": _mixed_17(128),  # (17, 17, 768)
    "mixed5": _mixed_17(160),  # (17, 17, 768)
    "mixed6": _mixed_17(160),  # (17, 17, 768)
    "mixed7": _mixed_17(192),  # (17, 17, 768)
    "mixed8": (  # (8, 8, 1280)
        ((192, 1), (320, 3, 2, "valid")),
        ((192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3, 2, "valid")),
        (max_pool,),
    ),
    "mixed9": _mixed_8("mixed9_0"),  # (8, 8, 2048)
    "mixed10": _mixed_8("mixed9_1"),  # (8, 8, 2048)
}


def InceptionV3(
    *,
    include_top: bool = True,
    weights: str | None = None,
    input_tensor: keras.KerasTensor | None = None,
    input_shape: tuple | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    name: str = "inception_v3",
) -> keras.Model:
    """Build Inception-v3 for pictures of 299x299: 23,851,784 parameters.

    Layers are ordered as in `keras.applications`, so that its published weights fit. As there, the
    auxiliary classifier of the paper's section 4 is left out.

    Args:
        include_top: Whether to classify.
        weights: None for random weights, `"imagenet"` or the path of a file.
        input_tensor: Keras tensor to use as pictures.
        input_shape: `(height, width, channels)`, at least 75x75; height and width may be None.
        pooling: Without the top: None for feature maps, `"avg"` or `"max"` for features.
        classes: Number of classes.
        classifier_activation: Activation of the last layer; None for logits.
        name: The model's name.

    Returns:
        The model; its output is `(batch, classes)` with the top.

    Raises:
        ValueError: If the options contradict one another.

    References:
        Rethinking the Inception Architecture for Computer Vision, sections 3 to 6,
        https://arxiv.org/abs/1512.00567.
    """
    image = x = blocks.image_input(
        input_shape,
        input_tensor=input_tensor,
        include_top=include_top,
        weights=weights,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
        min_size=75,
        default_shape=(299, 299, 3),
    )
    for step in STEM:
        x = step(x) if callable(step) else conv(x, *step)
    for module, branches in MODULES.items():
        x = blocks.inception(x, branches, conv=conv, name=module)
    x = blocks.head(
        x,
        include_top=include_top,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
    )
    model = blocks.model(image, x, name=name)
    return weight_files.load(model, weights, architecture="inception_v3", include_top=include_top)
