"""AlexNet: the network of 2012 and its one-weird-trick variant of 2014."""

import keras
from keras import layers

from keras_cnn.models import blocks
from keras_cnn.models import weights as weight_files

KERNEL_SIZES = (11, 5, 3, 3, 3)
FILTERS = (96, 256, 384, 384, 256)
FILTERS_ONE_WEIRD_TRICK = (64, 192, 384, 256, 256)


def AlexNet(
    *,
    include_top: bool = True,
    weights: str | None = None,
    input_tensor: keras.KerasTensor | None = None,
    input_shape: tuple | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    name: str = "alexnet",
    one_weird_trick: bool = False,
    lrn: bool | None = None,
    groups: int | None = None,
) -> keras.Model:
    """Build AlexNet for pictures of 227x227, or its variant for 224x224.

    The paper says 224x224, but 55 positions of an 11x11 filter at stride 4 need 227. With the
    paper's convolutions, split over two GPUs, it has 60,965,224 parameters; `groups=1` makes them
    62,378,344.
    The variant has 64-192-384-256-256 filters, no splits and no local response normalisation:
    61,100,840 parameters. It equals torchvision's `alexnet`.

    Args:
        include_top: Whether to end with the three dense layers.
        weights: None for random weights, `"imagenet"` (the variant only) or the path of a file.
        input_tensor: Keras tensor to use as pictures.
        input_shape: `(height, width, channels)`, at least 67x67 (63x63 for the variant).
        pooling: Without the top: None for feature maps, `"avg"` or `"max"` for features.
        classes: Number of classes.
        classifier_activation: Activation of the last layer; None for logits.
        name: The model's name.
        one_weird_trick: Whether to build the variant.
        lrn: Whether to normalise after the first two convolutions. None for the published
            network: the paper normalises, the variant does not.
        groups: Groups into which the second, fourth and fifth convolution are split. None for the
            published network: 2 in the paper, 1 in the variant.

    Returns:
        The model; its output is `(batch, classes)` with the top.

    Raises:
        ValueError: If the options contradict one another.

    References:
        Krizhevsky, Sutskever, Hinton: ImageNet Classification with Deep Convolutional Neural
        Networks, 2012, section 3. Krizhevsky: One weird trick for parallelizing convolutional
        neural networks, 2014, https://arxiv.org/abs/1404.5997.
    """
    lrn = not one_weird_trick if lrn is None else lrn
    groups = (1 if one_weird_trick else 2) if groups is None else groups
    image = x = blocks.image_input(
        input_shape,
        input_tensor=input_tensor,
        include_top=include_top,
        weights=weights,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
        min_size=63 if one_weird_trick else 67,
        default_shape=(224, 224, 3) if one_weird_trick else (227, 227, 3),
        fixed_size=True,
    )
    if one_weird_trick:
        x = layers.ZeroPadding2D(2, name="conv1_pad")(x)  # (228, 228, 3)
    rows = zip(FILTERS_ONE_WEIRD_TRICK if one_weird_trick else FILTERS, KERNEL_SIZES, strict=True)
    for i, (filters, kernel_size) in enumerate(rows, start=1):
        x = layers.Conv2D(
            filters,
            kernel_size,
            strides=4 if i == 1 else 1,
            padding="valid" if i == 1 else "same",
            groups=groups if i in (2, 4, 5) else 1,  # the third reads from both GPUs
            activation="relu",
            name=f"conv{i}",
        )(x)  # (55, 55, 96), (27, 27, 256), (13, 13, 384), (13, 13, 384), (13, 13, 256)
        if lrn and i <= 2:
            x = blocks.LocalResponseNormalization(name=f"norm{i}")(x)
        if i in (1, 2, 5):  # windows of 3 at stride 2 overlap
            x = layers.MaxPooling2D(3, 2, name=f"pool{i}")(x)  # (27, ..), (13, ..), (6, 6, 256)
    if include_top:
        if one_weird_trick:  # does nothing at 224x224, where the maps are 6x6
            x = layers.AdaptiveAveragePooling2D(6, name="avg_pool")(x)
        x = layers.Flatten(name="flatten")(x)  # (9216,)
        for i in (6, 7):
            if one_weird_trick:  # torchvision applies dropout before the layer, the paper after it
                x = layers.Dropout(0.5, name=f"drop{i}")(x)
            x = layers.Dense(4096, activation="relu", name=f"fc{i}")(x)  # (4096,)
            if not one_weird_trick:
                x = layers.Dropout(0.5, name=f"drop{i}")(x)
        x = layers.Dense(classes, activation=classifier_activation, name="predictions")(x)
    else:
        x = blocks.global_pooling(x, pooling)
    return weight_files.load(
        blocks.model(image, x, name=name),
        weights,
        architecture="alexnet_owt" if one_weird_trick else "alexnet",
        include_top=include_top,
    )
