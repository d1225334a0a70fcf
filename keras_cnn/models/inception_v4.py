"""Inception-v4 (Szegedy, Ioffe, Vanhoucke, Alemi, 2017), figure 9."""

from functools import partial

import keras

from keras_cnn.models import blocks
from keras_cnn.models import weights as weight_files
from keras_cnn.models.blocks import average_pool, max_pool

INCEPTION_A = (  # figure 4
    ((96, 1),),
    ((64, 1), (96, 3)),
    ((64, 1), (96, 3), (96, 3)),
    (average_pool, (96, 1)),
)
INCEPTION_B = (  # figure 5
    ((384, 1),),
    ((192, 1), (224, (1, 7)), (256, (7, 1))),
    ((192, 1), (192, (7, 1)), (224, (1, 7)), (224, (7, 1)), (256, (1, 7))),
    (average_pool, (128, 1)),
)


def _inception_c(name):
    """Return the branches of figure 6."""
    side_by_side = partial(blocks.split, filters=256)
    return (
        ((256, 1),),
        ((384, 1), partial(side_by_side, name=f"{name}_branch2_1")),
        ((384, 1), (448, (3, 1)), (512, (1, 3)), partial(side_by_side, name=f"{name}_branch3_3")),
        (average_pool, (256, 1)),
    )


STEM = ((32, 3, 2, "valid"), (32, 3, 1, "valid"), (64, 3))  # figure 3; (147, 147, 64)
MODULES = {
    "mixed3": (  # (73, 73, 160)
        (max_pool,),
        ((96, 3, 2, "valid"),),
    ),
    "mixed4": (  # (71, 71, 192)
        ((64, 1), (96, 3, 1, "valid")),
        ((64, 1), (64, (1, 7)), (64, (7, 1)), (96, 3, 1, "valid")),
    ),
    "mixed5": (  # (35, 35, 384)
        ((192, 3, 2, "valid"),),
        (max_pool,),
    ),
    **{f"inception_a{i}": INCEPTION_A for i in range(1, 5)},  # (35, 35, 384)
    "reduction_a": (  # figure 7, table 1; (17, 17, 1024)
        ((384, 3, 2, "valid"),),
        ((192, 1), (224, 3), (256, 3, 2, "valid")),
        (max_pool,),
    ),
    **{f"inception_b{i}": INCEPTION_B for i in range(1, 8)},  # (17, 17, 1024)
    "reduction_b": (  # figure 8; (8, 8, 1536)
        ((192, 1), (192, 3, 2, "valid")),
        ((256, 1), (256, (1, 7)), (320, (7, 1)), (320, 3, 2, "valid")),
        (max_pool,),
    ),
    **{f"inception_c{i}": _inception_c(f"inception_c{i}") for i in range(1, 4)},  # (8, 8, 1536)
}


def InceptionV4(
    *,
    include_top: bool = True,
    weights: str | None = None,
    input_tensor: keras.KerasTensor | None = None,
    input_shape: tuple | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    name: str = "inception_v4",
    dropout: float = 0.2,
) -> keras.Model:
    """Build Inception-v4 for pictures of 299x299: 42,679,816 trainable parameters.

    It equals timm's `inception_v4`.

    Args:
        include_top: Whether to classify.
        weights: None for random weights, `"imagenet"` or the path of a file.
        input_tensor: Keras tensor to use as pictures.
        input_shape: `(height, width, channels)`, at least 75x75; height and width may be None.
        pooling: Without the top: None for feature maps, `"avg"` or `"max"` for features.
        classes: Number of classes.
        classifier_activation: Activation of the last layer; None for logits.
        name: The model's name.
        dropout: Share of the pooled features that training drops.

    Returns:
        The model; its output is `(batch, classes)` with the top.

    Raises:
        ValueError: If the options contradict one another.

    References:
        Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning,
        section 3.1, https://arxiv.org/abs/1602.07261.
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
    for i, step in enumerate(STEM, start=1):
        x = blocks.conv_bn(x, *step, name=f"conv{i}")
    for module, branches in MODULES.items():
        x = blocks.inception(x, branches, name=module)
    x = blocks.head(
        x,
        include_top=include_top,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
        dropout=dropout,
    )
    model = blocks.model(image, x, name=name)
    return weight_files.load(model, weights, architecture="inception_v4", include_top=include_top)
