"""Random weights with which a network's answer depends on its picture."""

import keras
import numpy as np


def randomise(model, seed):
    """Give every weight a random value, normalisations and biases included."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        for weight in layer.weights:
            if weight.name in ("gamma", "moving_variance"):
                value = rng.uniform(0.5, 1.5, weight.shape)
            elif weight.name in ("beta", "bias", "moving_mean"):
                value = rng.normal(0, 0.2, weight.shape)
            else:  # keeps the energy of the activations, so that no layer saturates
                depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
                inputs = np.prod(weight.shape[:2] if depthwise else weight.shape[:-1])
                value = rng.standard_normal(weight.shape, "float32") * np.float32(
                    (2 / inputs) ** 0.5
                )
            weight.assign(value.astype("float32"))
    return model
