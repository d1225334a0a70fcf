"""Linear and softmax regression on raw pixels: one dense layer."""

import keras
from keras import layers


def LinearRegression(
    input_shape: tuple, outputs: int = 1, *, name: str = "linear_regression"
) -> keras.Model:
    """Build linear regression: `y = x w + b` over the flattened picture.

    Args:
        input_shape: Shape of one picture or vector, e.g. `(128, 128, 3)`: 49,153 parameters.
        outputs: Number of regressed values.
        name: The model's name.

    Returns:
        The model: `(batch, *input_shape)` to `(batch, outputs)`.
    """
    return _dense(input_shape, outputs, activation=None, name=name)


def SoftmaxRegression(
    input_shape: tuple, classes: int, *, name: str = "softmax_regression"
) -> keras.Model:
    """Build softmax (multinomial logistic) regression over the flattened picture.

    Args:
        input_shape: Shape of one picture or vector, e.g. `(28, 28, 1)`: 7,850 parameters for
            10 classes.
        classes: Number of classes.
        name: The model's name.

    Returns:
        The model: `(batch, *input_shape)` to `(batch, classes)` probabilities.
    """
    return _dense(input_shape, classes, activation="softmax", name=name)


def _dense(input_shape, outputs, *, activation, name):
    image = layers.Input(input_shape)
    x = layers.Flatten(name="flatten")(image)
    x = layers.Dense(outputs, activation=activation, name="predictions")(x)
    return keras.Model(image, x, name=name)
