"""MobileNet (Howard et al., 2017), table 1."""

import keras
from keras import layers

from keras_cnn.models import blocks
from keras_cnn.models import weights as weight_files

BLOCKS = (  # filters and stride of each separable convolution
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *[(512, 1)] * 5,
    (1024, 2),
    (1024, 1),
)
PUBLISHED_ALPHAS = {0.25: "2_5", 0.5: "5_0", 0.75: "7_5", 1.0: "1_0"}
PUBLISHED_SIZES = (128, 160, 192, 224)


def MobileNet(
    *,
    include_top: bool = True,
    weights: str | None = None,
    input_tensor: keras.KerasTensor | None = None,
    input_shape: tuple | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    name: str = "mobilenet",
    alpha: float = 1.0,
    depth_multiplier: int = 1,
    dropout: float = 1e-3,
) -> keras.Model:
    """Build MobileNet for pictures of 224x224: 4,253,864 parameters.

    Layers are named and ordered as in `keras.applications`. `"imagenet"` loads the weights trained
    at this `alpha` and size; at other sizes than 128, 160, 192 and 224, those trained at 224.

    Args:
        include_top: Whether to classify.
        weights: None for random weights, `"imagenet"` or the path of a file.
        input_tensor: Keras tensor to use as pictures.
        input_shape: `(height, width, channels)`, at least 32x32; height and width may be None.
        pooling: Without the top: None for feature maps, `"avg"` or `"max"` for features.
        classes: Number of classes.
        classifier_activation: Activation of the last layer; None for logits.
        name: The model's name.
        alpha: Width multiplier: the share of the paper's filters each layer has, above 0.
        depth_multiplier: Filters per channel of each depthwise convolution.
        dropout: Share of the pooled features that training drops.

    Returns:
        The model; its output is `(batch, classes)` with the top.

    Raises:
        ValueError: If the options contradict one another.

    References:
        MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications,
        section 3, https://arxiv.org/abs/1704.04861.
    """
    if weights == "imagenet" and (alpha not in PUBLISHED_ALPHAS or depth_multiplier != 1):
        raise ValueError(
            f"weights are published for alpha in {list(PUBLISHED_ALPHAS)} with depth_multiplier=1; "
            f"received alpha={alpha}, depth_multiplier={depth_multiplier}: choose one of these, or "
            "weights=None."
        )
    image = blocks.image_input(
        input_shape,
        input_tensor=input_tensor,
        include_top=include_top,
        weights=weights,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
        min_size=32,
    )
    x = stem(image, 32, alpha=alpha)  # (112, 112, 32)
    for i, (filters, strides) in enumerate(BLOCKS, start=1):
        x = separable_block(
            x,
            filters,
            strides=strides,
            block_id=i,
            alpha=alpha,
            depth_multiplier=depth_multiplier,
        )  # (112, 112, 64), (56, 56, 128), (28, 28, 256), (14, 14, 512), (7, 7, 1024)
    if include_top:
        x = layers.GlobalAveragePooling2D(keepdims=True, name="avg_pool")(x)  # (1, 1, 1024)
        x = layers.Dropout(dropout, name="dropout")(x)
        x = layers.Conv2D(classes, 1, padding="same", name="conv_preds")(x)
        x = layers.Reshape((classes,), name="reshape_2")(x)
        x = layers.Activation(classifier_activation, name="predictions")(x)
    else:
        x = blocks.global_pooling(x, pooling)
    height, width, _ = image.shape[1:]
    size = height if height == width and height in PUBLISHED_SIZES else 224
    return weight_files.load(
        blocks.model(image, x, name=name),
        weights,
        architecture=f"mobilenet_{PUBLISHED_ALPHAS.get(alpha, alpha)}_{size}",
        include_top=include_top,
    )


def stem(
    x: keras.KerasTensor, filters: int, *, alpha: float, pad_first: bool = False
) -> keras.KerasTensor:
    """Apply a 3x3 convolution with stride 2, batch normalisation and ReLU6.

    Args:
        x: Pictures of shape `(batch, height, width, channels)`.
        filters: Number of filters at `alpha` of 1.
        alpha: Width multiplier.
        pad_first: Whether a layer of its own pads at the right and the bottom, as in the separable
            convolutions. At even sizes the result is the same.

    Returns:
        Feature maps of shape `(batch, height / 2, width / 2, alpha * filters)`.

    Raises:
        ValueError: If `alpha` leaves no filter.
    """
    scaled = int(alpha * filters)
    if scaled < 1:
        raise ValueError(
            f"alpha must leave at least one of {filters} filters; received alpha={alpha}: give at "
            f"least {1 / filters}."
        )
    padding = "same"
    if pad_first:
        x = layers.ZeroPadding2D(((0, 1), (0, 1)), name="conv1_pad")(x)
        padding = "valid"
    x = layers.Conv2D(scaled, 3, 2, padding=padding, use_bias=False, name="conv1")(x)
    return _bn_relu6(x, name="conv1")


def separable_block(
    x: keras.KerasTensor,
    filters: int,
    *,
    strides: int,
    block_id: int,
    alpha: float = 1.0,
    depth_multiplier: int = 1,
) -> keras.KerasTensor:
    """Apply a depthwise 3x3 convolution, then a 1x1 convolution that combines the channels.

    Args:
        x: Feature maps of shape `(batch, height, width, channels)`.
        filters: Number of 1x1 filters at `alpha` of 1.
        strides: Step of the 3x3 filters, 1 or 2.
        block_id: Number in the layers' names.
        alpha: Width multiplier.
        depth_multiplier: 3x3 filters per channel.

    Returns:
        Feature maps of shape `(batch, height / strides, width / strides, alpha * filters)`.
    """
    if strides == 2:
        x = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{block_id}")(x)
    x = layers.DepthwiseConv2D(
        3,
        strides,
        padding="same" if strides == 1 else "valid",
        depth_multiplier=depth_multiplier,
        use_bias=False,
        name=f"conv_dw_{block_id}",
    )(x)
    x = _bn_relu6(x, name=f"conv_dw_{block_id}")
    x = layers.Conv2D(int(alpha * filters), 1, use_bias=False, name=f"conv_pw_{block_id}")(x)
    return _bn_relu6(x, name=f"conv_pw_{block_id}")


def _bn_relu6(x, *, name):
    x = layers.BatchNormalization(name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x)
