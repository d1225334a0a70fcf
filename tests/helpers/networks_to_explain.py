"""Small networks to explain."""

import keras
import numpy as np
from keras import layers


def pictures(*shape, seed=1):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")


def randomise(model, seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    model.set_weights([scale * rng.normal(0, 0.5, weight.shape) for weight in model.weights])
    return model


def values(tensor):
    return keras.ops.convert_to_numpy(tensor)


def gap_classifier(activation="softmax", scale=1.0):
    """Return the network of the CAM paper: features, global average, a dense layer."""
    inputs = keras.Input((9, 11, 3))
    x = layers.Conv2D(6, 3, padding="same", activation="relu", name="conv")(inputs)
    x = layers.GlobalAveragePooling2D(name="gap")(x)
    x = layers.Dense(4, activation=activation, name="predictions")(x)
    return randomise(keras.Model(inputs, x, name="cam"), scale=scale)


def deep(base_name="base"):
    """Return a base with a branch."""
    inputs = keras.Input((12, 12, 2))
    x = layers.Conv2D(4, 3, activation="relu", name="first")(inputs)
    y = layers.Conv2D(4, 3, padding="same", activation="tanh", name="branch")(x)
    x = layers.Add(name="joined")([x, y])
    x = layers.MaxPooling2D(2, name="pool")(x)
    return keras.Model(inputs, x, name=base_name)


def head(x, activation="softmax"):
    x = layers.Dense(5, activation="tanh", name="hidden")(layers.Flatten(name="flatten")(x))
    return layers.Dense(3, activation=activation, name="predictions")(x)


def nested():
    inputs = keras.Input((12, 12, 2))
    return keras.Model(inputs, head(layers.Rescaling(0.5)(deep()(inputs))), name="nested")
