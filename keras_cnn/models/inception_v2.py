"""Inception-v2 (Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, 2016), table 1."""

import keras

from keras_cnn.models import blocks, inception_v3
from keras_cnn.models import weights as weight_files
from keras_cnn.models.blocks import average_pool, max_pool

STEM = (
    (32, 3, 2, "valid"),  # (149, 149, 32)
    (32, 3, 1, "valid"),  # (147, 147, 32)
    (64, 3),  # (147, 147, 64)
    max_pool,  # (73, 73, 64)
    (80, 3, 1, "valid"),  # (71, 71, 80)
    (192, 3, 2, "valid"),  # (35, 35, 192)
    (288, 3),  # (35, 35, 288)
)
FIGURE_5 = (  # two 3x3 convolutions for each 5x5
    ((64, 1),),
    ((48, 1), (64, 3)),
    ((64, 1), (96, 3), (96, 3)),
    (average_pool, (64, 1)),
)
_V3 = inception_v3.MODULES
MODULES = {
    **{f"figure5_{i}": FIGURE_5 for i in (1, 2, 3)},  # (35, 35, 288)
    "reduction1": _V3["mixed3"],  # (17, 17, 768)
    # 1x7 and 7x1 convolutions for each 7x7
    **{f"figure6_{i}": _V3[f"mixed{i + 3}"] for i in (1, 2, 3, 4)},  # (17, 17, 768)
    "figure6_5": _V3["mixed7"],  # (17, 17, 768)
    "reduction2": _V3["mixed8"],  # (8, 8, 1280)
    # 1x3 beside 3x1 convolutions
    **{f"figure7_{i}": _V3[f"mixed{i + 8}"] for i in (1, 2)},  # (8, 8, 2048)
}


def InceptionV2(
    *,
    include_top: bool = True,
    weights: str | None = None,
    input_tensor: keras.KerasTensor | None = None,
    input_shape: tuple | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    name: str = "inception_v2",
) -> keras.Model:
    """Build Inception-v2 for pictures of 299x299: 26,424,648 parameters.

    All convolutions have batch normalisation. The paper gives the modules and the sizes of their
    outputs, but not the number of filters inside them and not the two reductions: here they are
    those of Inception-v3. Other programs mean by Inception-v2 the network of the article on batch
    normalisation (Ioffe and Szegedy, 2015). No weights are published for this network.

    Args:
        include_top: Whether to classify.
        weights: None for random weights, or the path of a file.
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
        Rethinking the Inception Architecture for Computer Vision, section 6, table 1 and figures 5
        to 7, https://arxiv.org/abs/1512.00567.
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
        x = step(x) if callable(step) else inception_v3.conv(x, *step)
    for module, branches in MODULES.items():
        x = blocks.inception(x, branches, conv=inception_v3.conv, name=module)
    x = blocks.head(
        x,
        include_top=include_top,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
    )
    model = blocks.model(image, x, name=name)
    return weight_files.load(model, weights, architecture="inception_v2", include_top=include_top)
