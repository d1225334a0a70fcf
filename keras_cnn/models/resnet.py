"""Residual networks (He, Zhang, Ren, Sun, 2016), table 1."""

from collections.abc import Sequence

import keras
from keras import layers

from keras_cnn.models import blocks, checks
from keras_cnn.models import weights as weight_files

BASIC = {"epsilon": 1e-5}  # torchvision's constants
BOTTLENECK = {"epsilon": 1.001e-5, "use_bias": True}  # Keras' constants


def _basic_block(x, filters, *, strides, drop_path, name):
    """Add two 3x3 convolutions to `x`: 18 and 34 layers, as torchvision has them."""
    shortcut = x
    if strides > 1:
        shortcut = blocks.conv_bn(
            x, filters, 1, strides, name=f"{name}_0", activation=None, **BASIC
        )
    pad = strides - 1  # at stride 1, "same" already pads all sides
    x = blocks.conv_bn(x, filters, 3, strides, name=f"{name}_1", pad=pad, **BASIC)
    x = blocks.conv_bn(x, filters, 3, name=f"{name}_2", activation=None, **BASIC)
    return _add(shortcut, x, drop_path=drop_path, name=name)


def _bottleneck_block(x, filters, *, strides, drop_path, name):
    """Add a 1x1, a 3x3 and a 1x1 convolution to `x`: from 50 layers on, as Keras has them."""
    shortcut = x
    if name.endswith("_block1"):
        shortcut = blocks.conv_bn(
            x, 4 * filters, 1, strides, name=f"{name}_0", activation=None, **BOTTLENECK
        )
    x = blocks.conv_bn(x, filters, 1, strides, name=f"{name}_1", **BOTTLENECK)
    x = blocks.conv_bn(x, filters, 3, name=f"{name}_2", **BOTTLENECK)
    x = blocks.conv_bn(x, 4 * filters, 1, name=f"{name}_3", activation=None, **BOTTLENECK)
    return _add(shortcut, x, drop_path=drop_path, name=name)


def _add(shortcut, x, *, drop_path, name):
    if drop_path:  # one draw per picture: its whole branch is kept or dropped
        x = layers.Dropout(drop_path, noise_shape=(None, 1, 1, 1), name=f"{name}_drop_path")(x)
        # The order of weights follows the depth of layers: both sides get a layer more.
        shortcut = layers.Identity(name=f"{name}_skip")(shortcut)
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.Activation("relu", name=f"{name}_out")(x)


DEPTHS = {  # depth -> block, and number of blocks in each stage
    18: (_basic_block, (2, 2, 2, 2)),
    34: (_basic_block, (3, 4, 6, 3)),
    50: (_bottleneck_block, (3, 4, 6, 3)),
    101: (_bottleneck_block, (3, 4, 23, 3)),
    152: (_bottleneck_block, (3, 8, 36, 3)),
}


def _builder(depth):
    block, numbers = DEPTHS[depth]
    constants = BASIC if block is _basic_block else BOTTLENECK

    def build(
        *,
        include_top: bool = True,
        weights: str | None = None,
        input_tensor: keras.KerasTensor | None = None,
        input_shape: tuple | None = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: str | None = "softmax",
        name: str = f"resnet{depth}",
        block_counts: Sequence[int] = numbers,
        drop_path: float = 0.0,
    ) -> keras.Model:
        """Build a residual network for pictures of 224x224.

        ResNet18 and ResNet34 (11,689,512 and 21,797,672 trainable parameters) stack pairs of 3x3
        convolutions and equal torchvision's. ResNet50, 101 and 152 (25,636,712, 44,707,176 and
        60,419,944 parameters) stack bottlenecks; their layers are named and ordered as in
        `keras.applications`, with the stride in the first 1x1 convolution as in the paper.

        Args:
            include_top: Whether to classify.
            weights: None for random weights, `"imagenet"` or the path of a file.
            input_tensor: Keras tensor to use as pictures.
            input_shape: `(height, width, channels)`, at least 32x32; height and width may be None.
            pooling: Without the top: None for feature maps, `"avg"` or `"max"` for features.
            classes: Number of classes.
            classifier_activation: Activation of the last layer; None for logits.
            name: The model's name.
            block_counts: Number of blocks in each stage; a stage has twice as many filters as the
                stage before, and half its height and width.
            drop_path: Share of the pictures of a batch for which training drops the last block's
                branch, below 1; it grows linearly from 0 with the number of the block (stochastic
                depth). The paper of Huang et al. takes 0.5. Kept branches are scaled up instead of
                scaling down in the test, which gives the same expected value.

        Returns:
            The model; its output is `(batch, classes)` with the top.

        Raises:
            ValueError: If the options contradict one another.

        References:
            Deep Residual Learning for Image Recognition, section 3.3 and table 1,
            https://arxiv.org/abs/1512.03385. Huang et al., 2016. Deep Networks with Stochastic
            Depth, section 3, https://arxiv.org/abs/1603.09382.
        """
        counts = checks.check_counts(
            block_counts, published=numbers, weights=weights, name=f"ResNet{depth}"
        )
        if not 0 <= drop_path < 1:
            raise ValueError(
                f"drop_path must be a share from 0 to below 1; received drop_path={drop_path!r}."
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
        x = blocks.stem(image, pool_name="pool1_pool", **constants)  # (56, 56, 64)
        rates = iter(drop_path * i / sum(counts) for i in range(1, sum(counts) + 1))
        for stage, number in enumerate(counts, start=2):
            for i in range(1, number + 1):
                x = block(
                    x,
                    16 * 2**stage,
                    strides=2 if stage > 2 and i == 1 else 1,
                    drop_path=next(rates),
                    name=f"conv{stage}_block{i}",
                )
            # 50 layers: (56, 56, 256), (28, 28, 512), (14, 14, 1024), (7, 7, 2048)
        x = blocks.head(
            x,
            include_top=include_top,
            pooling=pooling,
            classes=classes,
            classifier_activation=classifier_activation,
        )
        return weight_files.load(
            blocks.model(image, x, name=name),
            weights,
            architecture=f"resnet{depth}",
            include_top=include_top,
        )

    build.__name__ = build.__qualname__ = f"ResNet{depth}"
    return build


ResNet18, ResNet34, ResNet50, ResNet101, ResNet152 = (_builder(depth) for depth in DEPTHS)
