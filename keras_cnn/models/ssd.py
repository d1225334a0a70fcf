"""SSD300 (Liu et al., 2016), figure 2 and section 2.2.

The network takes RGB in [0, 255] with every base: the mean is subtracted inside, and the first
filters of weights for BGR are reversed when they are loaded.
"""

from collections.abc import Collection

import keras
from keras import layers

from keras_cnn.models import blocks, mobilenet, ssd_weights, vgg

MAPS = {  # feature map -> priors per cell
    "conv4_3_norm": 4,  # 38 x 38 cells
    "fc7": 6,  # 19 x 19
    "conv6_2": 6,  # 10 x 10
    "conv7_2": 6,  # 5 x 5
    "conv8_2": 4,  # 3 x 3
    "conv9_2": 4,  # 1 x 1
}
EXTRAS = {  # stage behind the base -> filters of its 1x1 and 3x3 convolutions, stride
    "conv6": (256, 512, 2),
    "conv7": (128, 256, 2),
    "conv8": (128, 256, 1),
    "conv9": (128, 256, 1),
}
MEAN = (123, 117, 104)  # mean of ImageNet's pictures, RGB
PRIORS = 8732
MOMENTUM = 0.9  # of BatchNormalization: Keras' 0.99 is too slow for the few steps of small sets
LAST_FROZEN = ("pool3", "conv_pw_3_relu")  # last frozen layer of VGG16 and of the light base


def SSD300(
    *,
    base: str = "vgg16",
    weights: str | None = None,
    input_shape: tuple = (300, 300, 3),
    classes: int = 21,
    alpha: float = 1.0,
    name: str = "ssd300",
) -> keras.Model:
    """Build the detector for pictures of 300x300: 26,285,486 parameters with 21 classes.

    Layers are called as in the original Caffe model. With the light base the maps and heads are the
    same, the first six stages a MobileNet: 10 times fewer multiplications, for CPUs and lessons.

    Args:
        base: `"vgg16"` or `"mobilenet"`.
        weights: None; `"imagenet"` for a base trained on ImageNet, with `fc6` and `fc7` subsampled
            from the dense layers of VGG16; a `.h5` or `.keras` of VGG16 or MobileNet for the base;
            or a file for the whole network: a `.h5` ported from Caffe, torchvision's
            `ssd300_vgg16` as `.pth`, `.weights.h5` or `.keras` of this network. Heads for another
            number of classes keep their random weights; a line on stdout names them.
        input_shape: `(300, 300, 3)`.
        classes: Number of classes, background included as the first.
        alpha: Factor of the number of filters in the light base and the stages after it; 0.5
            trains twice as fast on a CPU.
        name: The model's name.

    Returns:
        The model. Its output is `(batch, 8732, 4 + classes)`: for each prior, offsets and logits,
        background first, in float32.

    Raises:
        ValueError: An option cannot be used, or the weights do not fit.
        OSError: The weights of `"imagenet"` are not in the cache and cannot be downloaded.

    References:
        SSD: Single Shot MultiBox Detector, https://arxiv.org/abs/1512.02325.
    """
    if base not in BASES:
        raise ValueError(f"base must be one of {list(BASES)}; received base={base!r}.")
    if tuple(input_shape) != (300, 300, 3):
        raise ValueError(
            "SSD300 is laid out for pictures of (300, 300, 3); received "
            f"input_shape={tuple(input_shape)}: letterbox the pictures to 300x300."
        )
    if not isinstance(classes, int) or classes < 2:
        raise ValueError(
            "classes must count the background and at least one more; received "
            f"classes={classes!r}."
        )
    if base == "vgg16" and alpha != 1:
        raise ValueError(f"alpha is for the light base only; received alpha={alpha}, base='vgg16'.")
    image = layers.Input(input_shape)
    maps = BASES[base](image, alpha)
    x = maps["fc7"]
    for name_of_stage in EXTRAS:
        _, x = extra_stage(x, name_of_stage, alpha=alpha)
        maps[f"{name_of_stage}_2"] = x  # (10, 10, 512), (5, 5, 256), (3, 3, 256), (1, 1, 256)
    model = with_heads(image, maps, classes=classes, name=name)  # (8732, 4 + classes)
    blocks.with_momentum(model, MOMENTUM)
    if weights == "imagenet":
        ssd_weights.load_base(model, base, alpha=alpha)
    elif weights is not None:
        ssd_weights.load(model, weights)
    return model


def extra_stage(
    x: keras.KerasTensor, stage: str, *, alpha: float = 1.0
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Apply a stage behind the base: a 1x1 and a 3x3 convolution.

    Args:
        x: Feature maps, (batch, height, width, channels).
        stage: A key of `EXTRAS`, which begins the layers' names.
        alpha: Factor of the number of filters.

    Returns:
        The maps after the first and after the second convolution.
    """
    narrow, filters, strides = EXTRAS[stage]
    narrow, filters = int(narrow * alpha), int(filters * alpha)
    first = x = layers.Conv2D(narrow, 1, activation="relu", name=f"{stage}_1")(x)
    if strides == 2:
        x = layers.ZeroPadding2D(1, name=f"{stage}_padding")(x)
    return first, layers.Conv2D(filters, 3, strides, activation="relu", name=f"{stage}_2")(x)


def with_heads(
    image: keras.KerasTensor, maps: dict[str, keras.KerasTensor], *, classes: int, name: str
) -> keras.Model:
    """Return the model whose heads predict offsets and logits from the feature maps.

    Args:
        image: The network's input.
        maps: Name -> feature map, for each key of `MAPS`.
        classes: Number of classes, background included as the first.
        name: The model's name.

    Returns:
        The model: (batch, priors, 4 + classes), in float32.
    """
    outputs = []
    for head, size in (("loc", 4), ("conf", classes)):
        flat = []
        for feature_map, priors in MAPS.items():
            title = f"{feature_map}_mbox_{head}"
            y = layers.Conv2D(priors * size, 3, padding="same", name=title)(maps[feature_map])
            flat.append(layers.Reshape((-1, size), name=f"{title}_flat")(y))
        outputs.append(layers.Concatenate(axis=1, name=f"mbox_{head}")(flat))
    # float32 also under mixed precision: the exponentials of decoding and softmax need it.
    predictions = layers.Concatenate(name="predictions", dtype="float32")(outputs)
    return blocks.model(image, predictions, name=name)


def freeze(model: keras.Model, *, through: Collection[str] = LAST_FROZEN):
    """Freeze the base's first stages, whose edges and textures suit all pictures.

    Args:
        model: A network of `SSD300` with trained weights.
        through: Names of the last frozen layer. The paper's implementation freezes no layer.
    """
    for layer in model.layers:
        layer.trainable = False
        if layer.name in through:
            return


def unfreeze(model: keras.Model):
    """Make all layers trainable.

    Args:
        model: A network after `freeze`.
    """
    for layer in model.layers:  # `model.trainable = True` has no effect: it already is True
        layer.trainable = True


def vgg16_maps(image: keras.KerasTensor, _: float = 1.0) -> dict[str, keras.KerasTensor]:
    """Return the maps of VGG16 up to `conv5_3`, followed by its dense layers as convolutions."""
    x = layers.Rescaling(1.0, offset=[-value for value in MEAN], name="mean")(image)
    maps = {}
    for stage, (convolutions, filters) in enumerate(vgg.STAGES[16], start=1):
        for number in range(1, convolutions + 1):
            title = f"conv{stage}_{number}"
            x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=title)(x)
            maps[title] = x
        pool, strides = (3, 1) if stage == 5 else (2, 2)
        x = layers.MaxPooling2D(pool, strides, padding="same", name=f"pool{stage}")(x)
        # (150, 150, 64), (75, 75, 128), (38, 38, 256), (19, 19, 512), (19, 19, 512)
    x = layers.Conv2D(1024, 3, padding="same", dilation_rate=6, activation="relu", name="fc6")(x)
    x = layers.Conv2D(1024, 1, activation="relu", name="fc7")(x)  # (19, 19, 1024)
    return {"conv4_3_norm": _l2_norm(maps["conv4_3"]), "fc7": x}


def _mobilenet(image, alpha):
    """MobileNet, whose maps of 38x38 and 19x19 cells replace those of VGG16."""
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="scale")(image)
    x = mobilenet.stem(x, 32, alpha=alpha)
    maps = {}
    for number, (filters, strides) in enumerate(mobilenet.BLOCKS[:11], start=1):
        if strides == 2 and x.shape[1] % 2:  # 75 becomes 38 cells like VGG16's, not 37
            x = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"even_{number}")(x)
        x = mobilenet.separable_block(x, filters, strides=strides, block_id=number, alpha=alpha)
        maps[x.shape[1]] = x  # (150, 150, 64), (75, 75, 128), (38, 38, 256), (19, 19, 512)
    return {"conv4_3_norm": _l2_norm(maps[38]), "fc7": maps[19]}


def _l2_norm(x):
    """Scale each cell's features to length 20; the factor is learned, one per channel.

    Liu et al., ParseNet, 2015, section 3.3, https://arxiv.org/abs/1506.04579.
    """
    # The squares of unscaled features overflow float16.
    x = layers.UnitNormalization(dtype="float32", name="conv4_3_unit")(x)
    return layers.DepthwiseConv2D(
        1,
        use_bias=False,
        depthwise_initializer=keras.initializers.Constant(20.0),
        name="conv4_3_norm",
    )(x)


BASES = {"vgg16": vgg16_maps, "mobilenet": _mobilenet}
