"""Measure the table of networks, `keras_cnn/models/facts.json`; as a script, write it anew.

Keys of a row:
    builder, options: which network.
    paper: its source.
    size, channels: height and width, and channels, of the pictures it is laid out for.
    smallest: smallest height and width that its layers accept.
    parameters, multiply_adds: of the network with its default number of classes, at its size.
    flatten: length of the vector that a top without pooling takes at this size, else null.
    digest: of the shapes of its weights: `keras_cnn.models.identify.digest`.
    imagenet: whether `weights="imagenet"` is to be had.
    top1: top-1 accuracy on ImageNet in per cent, as `source` states it; null where nobody does.
"""

import inspect
import json
import re
from unittest import mock

import keras

from keras_cnn import models
from keras_cnn.explain.layer_table import table
from keras_cnn.models import identify, weights

SIZES = {"SoftmaxRegression": (28, 28, 1)}  # the others have a default


def builder(row):
    """Return the builder of a row, and the options to call it with."""
    package, _, name = row["builder"].rpartition(".")
    build = getattr(models.book if package else models, name)
    options = dict(row["options"])
    if row["builder"] in SIZES:
        options |= {"input_shape": SIZES[row["builder"]], "classes": 10}
    return build, options


def measure(row):
    """Return the measured part of a row."""
    build, options = builder(row)
    with mock.patch.object(weights, "load", wraps=weights.load) as load:
        model = build(**options)
    architecture = load.call_args.kwargs["architecture"] if load.called else None
    height, _, channels = model.input_shape[1:]
    flatten = [layer.output.shape[1] for layer in model.layers if type(layer).__name__ == "Flatten"]
    shapes = [[tuple(w.shape) for w in layer.weights] for layer in model.layers if layer.weights]
    facts = {
        "size": height,
        "channels": channels,
        "smallest": smallest(build, options, channels),
        "parameters": model.count_params(),
        "multiply_adds": table(model).multiply_adds,
        "flatten": flatten[-1] if flatten else None,
        "digest": identify.digest(shapes),
        "imagenet": (architecture, True) in weights.FILES,
    }
    keras.backend.clear_session()
    return facts


def smallest(build, options, channels):
    """Return the smallest size that a builder accepts: it says so, or it is searched for."""
    if "pooling" in inspect.signature(build).parameters:
        try:
            build(**options | {"input_shape": (1, 1, channels)})
        except ValueError as error:
            return int(re.search(r"at least (\d+)x", str(error))[1])
    low, high = 0, 128
    while high - low > 1:
        middle = (low + high) // 2
        try:
            build(**options | {"input_shape": (middle, middle, channels)})
            high = middle
        except ValueError:
            low = middle
    return high


if __name__ == "__main__":
    rows = []
    for row in identify.facts():
        measured = measure(row)
        print(row["builder"], row["options"], measured, flush=True)
        rows.append(row | measured)
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    identify.FACTS.write_text(f"[\n{lines}\n]\n", "utf-8")
