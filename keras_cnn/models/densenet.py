"""Densely connected networks (Huang, Liu, van der Maaten, Weinberger, 2017), table 1."""

from collections.abc import Sequence

import keras
from keras import layers

from keras_cnn.models import blocks, checks
from keras_cnn.models import weights as weight_files

DEPTHS = {  # depth -> dense layers of each block
    121: (6, 12, 24, 16),
    169: (6, 12, 32, 32),
    201: (6, 12, 48, 32),
}
GROWTH_RATE = 32
EPSILON = 1.001e-5


def _builder(depth):
    def build(
        *,
        include_top: bool = True,
        weights: str | None = None,
        input_tensor: keras.KerasTensor | None = None,
        input_shape: tuple | None = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: str | None = "softmax",
        name: str = f"densenet{depth}",
        block_counts: Sequence[int] = DEPTHS[depth],
        reduction: float = 0.5,
    ) -> keras.Model:
        """Build a densely connected network (DenseNet-BC) for pictures of 224x224.

        DenseNet121 has 8,062,504 parameters, DenseNet169 14,307,880 and DenseNet201 20,242,984.
        Each dense layer adds 32 feature maps to all before it; transitions halve their number,
        height and width. Layers are named and ordered as in `keras.applications`.

        Args:
            include_top: Whether to classify.
            weights: None for random weights, `"imagenet"` or the path of a file.
            input_tensor: Keras tensor to use as pictures.
            input_shape: `(height, width, channels)`, at least 32x32; height and width may be None.
            pooling: Without the top: None for feature maps, `"avg"` or `"max"` for features.
            classes: Number of classes.
            classifier_activation: Activation of the last layer; None for logits.
            name: The model's name.
            block_counts: Number of dense layers in each block.
            reduction: Share of the feature maps that a transition keeps, above 0 and at most 1
                (the paper's compression factor; 1 is DenseNet-B).

        Returns:
            The model; its output is `(batch, classes)` with the top.

        Raises:
            ValueError: If the options contradict one another.

        References:
            Densely Connected Convolutional Networks, section 3 and table 1,
            https://arxiv.org/abs/1608.06993.
        """
        counts = checks.check_counts(
            block_counts, published=DEPTHS[depth], weights=weights, name=f"DenseNet{depth}"
        )
        if not 0 < reduction <= 1 or (weights == "imagenet" and reduction != 0.5):
            raise ValueError(
                "reduction must be a share above 0 and at most 1, and 0.5 for the published "
                f"weights; received reduction={reduction!r}."
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
        x = blocks.stem(image, pool_name="pool1", epsilon=EPSILON)  # (56, 56, 64)
        for stage, number in enumerate(counts, start=2):
            if stage > 2:
                x = _transition(x, reduction, name=f"pool{stage - 1}")  # (28, 28, ..), (14, ..)
            for i in range(1, number + 1):
                x = _dense_layer(x, name=f"conv{stage}_block{i}")
        x = _bn_relu(x)  # 121 layers: (7, 7, 1024)
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
            architecture=f"densenet{depth}",
            include_top=include_top,
        )

    build.__name__ = build.__qualname__ = f"DenseNet{depth}"
    return build


DenseNet121, DenseNet169, DenseNet201 = (_builder(depth) for depth in DEPTHS)


def _dense_layer(x, *, name):
    y = _bn_relu(x, prefix=f"{name}_0_")
    y = layers.Conv2D(4 * GROWTH_RATE, 1, use_bias=False, name=f"{name}_1_conv")(y)
    y = _bn_relu(y, prefix=f"{name}_1_")
    y = layers.Conv2D(GROWTH_RATE, 3, padding="same", use_bias=False, name=f"{name}_2_conv")(y)
    return layers.Concatenate(name=f"{name}_concat")([x, y])


def _transition(x, reduction, *, name):
    x = _bn_relu(x, prefix=f"{name}_")
    filters = int(x.shape[-1] * reduction)
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_conv")(x)
    return layers.AveragePooling2D(2, 2, name=f"{name}_pool")(x)


def _bn_relu(x, *, prefix=""):
    x = layers.BatchNormalization(epsilon=EPSILON, name=f"{prefix}bn")(x)
    return layers.Activation("relu", name=f"{prefix}relu")(x)
