"""Inception-v1, GoogLeNet (Szegedy et al., 2015), table 1."""

from functools import partial

import keras
from keras import layers

from keras_cnn.models import blocks
from keras_cnn.models import weights as weight_files
from keras_cnn.models.auxiliary import AuxiliaryModel

MODULES = {  # filters of 1x1 | reduction and 3x3 | reduction and 5x5 | after pooling
    "inception3a": (64, 96, 128, 16, 32, 32),  # (28, 28, 256)
    "inception3b": (128, 128, 192, 32, 96, 64),  # (28, 28, 480)
    "inception4a": (192, 96, 208, 16, 48, 64),  # (14, 14, 512)
    "inception4b": (160, 112, 224, 24, 64, 64),  # (14, 14, 512)
    "inception4c": (128, 128, 256, 24, 64, 64),  # (14, 14, 512)
    "inception4d": (112, 144, 288, 32, 64, 64),  # (14, 14, 528)
    "inception4e": (256, 160, 320, 32, 128, 128),  # (14, 14, 832)
    "inception5a": (256, 160, 320, 32, 128, 128),  # (7, 7, 832)
    "inception5b": (384, 192, 384, 48, 128, 128),  # (7, 7, 1024)
}
AUXILIARY = {"inception4a": "aux1", "inception4d": "aux2"}
AUXILIARY_POOLING = {  # batch_norm -> pooling; the windows differ, both reduce 14x14 to 4x4
    False: partial(layers.AveragePooling2D, 5, 3),
    True: partial(layers.AdaptiveAveragePooling2D, 4),
}


def InceptionV1(
    *,
    include_top: bool = True,
    weights: str | None = None,
    input_tensor: keras.KerasTensor | None = None,
    input_shape: tuple | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    name: str = "inception_v1",
    batch_norm: bool = False,
    aux_logits: bool = False,
) -> keras.Model:
    """Build Inception-v1 for pictures of 224x224: 6,998,552 parameters.

    The variant with batch normalisation (6,624,904 trainable parameters) equals torchvision's
    `googlenet`: no local response normalisation, and 3x3 filters where the paper has 5x5. Those
    are a mistake of torchvision, which its published weights depend on.

    Args:
        include_top: Whether to classify.
        weights: None for random weights, `"imagenet"` or the path of a file.
        input_tensor: Keras tensor to use as pictures.
        input_shape: `(height, width, channels)`, at least 32x32; height and width may be None.
        pooling: Without the top: None for feature maps, `"avg"` or `"max"` for features.
        classes: Number of classes.
        classifier_activation: Activation of the last layer; None for logits.
        name: The model's name.
        batch_norm: Whether to build the variant.
        aux_logits: Whether to add the two auxiliary classifiers: the outputs are then a list, the
            top's first. Training gives each of them a weight of 0.3 in the loss; `keras_cnn.run`
            drops them afterwards, as the paper does. See `AuxiliaryModel`.

    Returns:
        The model; its output is `(batch, classes)` with the top.

    Raises:
        ValueError: If the options contradict one another.

    References:
        Going Deeper with Convolutions, section 5, https://arxiv.org/abs/1409.4842. The constants
        of local response normalisation are AlexNet's; the paper names none.
    """
    if aux_logits and not include_top:
        raise ValueError(
            "the auxiliary classifiers belong to the top; received aux_logits=True with "
            "include_top=False: leave out one of the two."
        )
    image = blocks.image_input(
        input_shape,
        input_tensor=input_tensor,
        include_top=include_top,
        weights=weights,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
        min_size=65 if aux_logits else 32,  # auxiliary: 5x5 windows on maps of a 16th
        fixed_size=aux_logits,
    )
    if batch_norm:
        conv, pool = blocks.conv_bn, _pool_rounding_up
        x = conv(image, 64, 7, 2, name="conv1", pad=3)  # (112, 112, 64)
        x = pool(x, 3, name="pool1")  # (56, 56, 64)
    else:
        conv, pool = _conv, _pool
        x = conv(image, 64, 7, 2, name="conv1")
        x = pool(x, 3, name="pool1")
        x = blocks.LocalResponseNormalization(name="norm1")(x)
    x = conv(x, 64, 1, name="conv2")  # (56, 56, 64)
    x = conv(x, 192, 3, name="conv3")  # (56, 56, 192)
    if not batch_norm:
        x = blocks.LocalResponseNormalization(name="norm2")(x)
    x = pool(x, 3, name="pool2")  # (28, 28, 192)
    auxiliary = []
    for module, filters in MODULES.items():
        branches = _branches(*filters, five_size=3 if batch_norm else 5)
        x = blocks.inception(x, branches, conv=conv, name=module)
        if module == "inception3b":
            x = pool(x, 3, name="pool3")  # (14, 14, 480)
        if module == "inception4e":
            x = pool(x, 2 if batch_norm else 3, name="pool4")  # (7, 7, 832)
        if aux_logits and module in AUXILIARY:
            aux = AUXILIARY[module]
            y = AUXILIARY_POOLING[batch_norm](name=f"{aux}_pool")(x)  # (4, 4, 512)
            y = conv(y, 128, 1, name=f"{aux}_conv")  # (4, 4, 128)
            auxiliary.append(_classify(y, classes, classifier_activation, name=aux))
    x = blocks.head(
        x,
        include_top=include_top,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
        dropout=0.2 if batch_norm else 0.4,
    )
    model = blocks.model(image, [x, *auxiliary] if aux_logits else x, name=name)
    if aux_logits:
        model = AuxiliaryModel(model.input, model.outputs, name=name)
    return weight_files.load(
        model,
        weights,
        architecture="inception_v1_bn" if batch_norm else "inception_v1",
        include_top=include_top,
    )


def _branches(one, three_reduction, three, five_reduction, five, pooled, *, five_size):
    """Return the branches of figure 2b."""
    return (
        ((one, 1),),
        ((three_reduction, 1), (three, 3)),
        ((five_reduction, 1), (five, five_size)),
        (_pool_in_place, (pooled, 1)),
    )


def _conv(x, filters, kernel_size, strides=1, *, name):
    return layers.Conv2D(
        filters, kernel_size, strides, "same", activation="relu", name=f"{name}_conv"
    )(x)


def _pool(x, size, *, name):
    return layers.MaxPooling2D(size, 2, padding="same", name=name)(x)


def _pool_rounding_up(x, size, *, name):
    # PyTorch's ceil_mode: windows may exceed the maps at the right and at the bottom. They are
    # padded with zeros, since after ReLU no value is below 0.
    x = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"{name}_pad")(x)
    return layers.MaxPooling2D(size, 2, name=name)(x)


def _pool_in_place(x):
    return layers.MaxPooling2D(3, 1, padding="same")(x)


def _classify(x, classes, activation, *, name):
    x = layers.Flatten(name=f"{name}_flatten")(x)  # (2048,)
    x = layers.Dense(1024, activation="relu", name=f"{name}_fc1")(x)  # (1024,)
    x = layers.Dropout(0.7, name=f"{name}_dropout")(x)
    return layers.Dense(classes, activation=activation, name=f"{name}_predictions")(x)
