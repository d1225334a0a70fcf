"""A small base, a recipe and pictures for the tests of transfer learning."""

import keras

from keras_cnn import Recipe

layers = keras.layers


def body(*, input_shape):
    """Convolutions with batch normalisation, which fine-tuning must not touch."""
    image = keras.Input(input_shape)
    x = image
    for number, filters in enumerate((8, 16), start=1):
        x = layers.Conv2D(filters, 3, strides=2, use_bias=False, name=f"conv{number}")(x)
        x = layers.BatchNormalization(name=f"bn{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(x)
    return keras.Model(image, x, name="body")


def spread_of_rows_and_columns(*, input_shape):
    """A base whose two features distinguish lying from upright stripes."""
    image = keras.Input(input_shape)
    rows = keras.ops.std(keras.ops.mean(image, axis=(2, 3)), axis=1, keepdims=True)
    columns = keras.ops.std(keras.ops.mean(image, axis=(1, 3)), axis=1, keepdims=True)
    return keras.Model(image, keras.ops.concatenate([rows, columns], axis=1), name="spread")


def small_recipe(folder, out, **choices):
    defaults = {"image_size": 24, "epochs": 2, "learning_rate": 0.05, "batch_size": 8}
    return Recipe(name="case", dataset="stripes", data=folder, out=out, **defaults | choices)


def pictures_of_test(stripes):
    return sorted((stripes / "test").rglob("*.png"))
