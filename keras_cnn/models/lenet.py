"""LeNet-5 (LeCun, Bottou, Bengio, Haffner, 1998), figure 2."""

import keras
from keras import layers

from keras_cnn.models import blocks
from keras_cnn.models import weights as weight_files


def LeNet5(
    *,
    include_top: bool = True,
    weights: str | None = None,
    input_tensor: keras.KerasTensor | None = None,
    input_shape: tuple | None = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: str | None = "softmax",
    name: str = "lenet5",
    activation: str = "tanh",
    subsampling: str = "average",
) -> keras.Model:
    """Build LeNet-5 for grey pictures of 32x32: 61,706 parameters.

    `activation="relu", subsampling="max"` builds the modern version. Three parts of the paper are
    not used any more and are not built: C3's maps read only 3, 4 or 6 of S2's six maps (table I;
    1,516 weights where full connection has 2,416), S2 and S4 scale each map by a trained factor and
    bias (44 weights), and the output compares F6 with fixed 7x12 bitmaps of the digits instead of
    softmax. The paper's activation is `1.7159 tanh(2x / 3)`; plain tanh differs in scale only.

    Args:
        include_top: Whether to end with the dense layers C5, F6 and the classifier.
        weights: None for random weights, or the path of a file; none are published.
        input_tensor: Keras tensor to use as pictures.
        input_shape: `(height, width, channels)`, at least 16x16.
        pooling: Without the top: None for feature maps, `"avg"` or `"max"` for features.
        classes: Number of classes.
        classifier_activation: Activation of the last layer; None for logits.
        name: The model's name.
        activation: Activation of all other layers: the paper's `"tanh"`, or `"relu"`.
        subsampling: How S2 and S4 halve the maps: the paper's `"average"`, or `"max"`.

    Returns:
        The model; its output is `(batch, classes)` with the top.

    Raises:
        ValueError: If the options contradict one another.

    References:
        LeCun et al.: Gradient-Based Learning Applied to Document Recognition, 1998, section II-B.
    """
    if subsampling not in ("average", "max"):
        raise ValueError(
            f"subsampling must be 'average' or 'max'; received subsampling={subsampling!r}."
        )
    image = blocks.image_input(
        input_shape,
        input_tensor=input_tensor,
        include_top=include_top,
        weights=None,  # `load` checks the weights
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
        min_size=16,
        default_shape=(32, 32, 1),
        default_classes=10,
        fixed_size=True,
    )
    x = convolutions(image, filters=(6, 16), activation=activation, subsampling=subsampling)
    if include_top:
        x = dense(
            x,
            classes=classes,
            activation=activation,
            classifier_activation=classifier_activation,
        )
    else:
        x = blocks.global_pooling(x, pooling)
    model = blocks.model(image, x, name=name)
    return weight_files.load(model, weights, architecture="lenet5", include_top=include_top)


def convolutions(
    x: keras.KerasTensor,
    *,
    filters: tuple,
    activation: str,
    subsampling: str,
    padding: str = "valid",
) -> keras.KerasTensor:
    """Apply convolution and subsampling twice: C1, S2, C3, S4.

    Args:
        x: Pictures of shape `(batch, height, width, channels)`.
        filters: Number of filters of C1 and of C3.
        activation: Activation of both.
        subsampling: `"average"` or `"max"`.
        padding: Padding of C1: `"valid"` for 32x32 pictures, `"same"` for MNIST's 28x28.

    Returns:
        Feature maps, `(batch, 5, 5, filters of C3)` for the paper's pictures.
    """
    halve = layers.AveragePooling2D if subsampling == "average" else layers.MaxPooling2D
    x = layers.Conv2D(filters[0], 5, padding=padding, activation=activation, name="c1")(x)
    x = halve(2, name="s2")(x)  # (14, 14, 6)
    x = layers.Conv2D(filters[1], 5, activation=activation, name="c3")(x)  # (10, 10, 16)
    return halve(2, name="s4")(x)  # (5, 5, 16)


def dense(
    x: keras.KerasTensor, *, classes: int, activation: str, classifier_activation: str | None
) -> keras.KerasTensor:
    """Classify feature maps by C5, F6 and the output layer.

    Args:
        x: Feature maps of shape `(batch, height, width, channels)`.
        classes: Number of classes.
        activation: Activation of C5 and F6.
        classifier_activation: Activation of the output; None for logits.

    Returns:
        Scores of shape `(batch, classes)`.
    """
    x = layers.Flatten(name="flatten")(x)  # (400,)
    x = layers.Dense(120, activation=activation, name="c5")(x)
    x = layers.Dense(84, activation=activation, name="f6")(x)
    return layers.Dense(classes, activation=classifier_activation, name="predictions")(x)
