"""Small networks with random weights, and their files."""

from functools import partial

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from keras_cnn.models.weights import load

APPLICATIONS = keras.applications


slow = pytest.mark.slow


def tiny(*, channels=3, classes=5, include_top=True, filters=4, bias=True):
    """Return a network with a branch and with all kinds of layers that weights files hold."""
    inputs = keras.Input((8, 8, channels))
    x = layers.Conv2D(filters, 3, use_bias=bias, name="conv1")(inputs)
    x = layers.BatchNormalization(name="bn1")(x)
    y = layers.DepthwiseConv2D(1, use_bias=False, name="depthwise")(x)
    x = layers.Conv2D(filters, 1, name="conv2")(x)
    x = layers.Add(name="add")([x, y])
    if include_top:
        x = layers.Flatten(name="flatten")(x)
        x = layers.Dropout(0.5, name="dropout")(x)
        x = layers.Dense(classes, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, x, name="tiny")


def randomise(model, seed=0):
    rng = np.random.default_rng(seed)
    model.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in model.weights])
    return model


def save(model, path):
    """Write `path` as Keras does; `.by_order.h5` like the published files of keras.applications."""
    if path.name.endswith(".by_order.h5"):
        with h5py.File(path, "w") as file:
            file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
            for layer in model.layers:
                group = file.create_group(layer.name)
                variables = layer.trainable_weights + layer.non_trainable_weights
                group.attrs["weight_names"] = [variable.path.encode() for variable in variables]
                for variable in variables:
                    group[variable.path] = keras.ops.convert_to_numpy(variable)
    elif path.name.endswith(".weights.h5"):
        model.save_weights(path)
    else:
        model.save(path)
    return path


def assert_same_weights(model, expected):
    for mine, theirs in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


load_tiny = partial(load, architecture="tiny")


def conv_net_of_torch(torch, last="classifier.3"):
    rng = np.random.default_rng(0)
    shapes = {
        "features.0": [(4, 3, 3, 3), (4,)],
        "features.3": [(6, 4, 3, 3), (6,)],
        "classifier.1": [(7, 6 * 2 * 3), (7,)],
        last: [(5, 7), (5,)],
    }
    return {
        f"{module}.{variable}": torch.from_numpy(rng.normal(size=shape).astype("float32"))
        for module, pair in shapes.items()
        for variable, shape in zip(("weight", "bias"), pair, strict=True)
    }


def conv_net(*, include_top=True, classes=5, channels=3):
    inputs = keras.Input((6, 7, channels))
    x = layers.Conv2D(4, 3, activation="relu")(inputs)
    x = layers.Conv2D(6, 3, activation="relu")(x)
    if include_top:
        x = layers.Flatten()(x)
        x = layers.Dropout(0.5)(x)
        x = layers.Dense(7, activation="relu")(x)
        x = layers.Dense(classes, name="predictions")(x)
    return keras.Model(inputs, x, name="net")


def gap_network(shape, outputs, activation="softmax"):
    inputs = keras.Input(shape)
    x = layers.Conv2D(4, 3, activation="relu")(inputs)
    x = layers.Dense(outputs, activation=activation)(layers.GlobalMaxPooling2D()(x))
    return keras.Model(inputs, x)
