"""Find layers at any depth of a model, and record their outputs while it runs.

A nested model has a graph of its own, which does not connect the tensors of its layers with the
outer output. Therefore a layer's method is replaced while a picture runs through the model, and
restored afterwards. Graph and weights do not change. This works on every backend, but a model must
not be explained on two threads at once.
"""

import contextlib
import difflib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np


def operations(model: keras.Model, *, prefix: str = "") -> Iterator[tuple[str, keras.Operation]]:
    """List the operations of a model, those of nested models in their place.

    Args:
        model: The model.
        prefix: Beginning of all paths.

    Yields:
        Path (`"vgg16/block1_conv1"` in a nested model) and the layer or operation.
    """
    for operation in getattr(model, "operations", model.layers):
        if isinstance(operation, keras.Model) and operation.layers:
            yield from operations(operation, prefix=f"{prefix}{operation.name}/")
        elif not isinstance(operation, keras.layers.InputLayer):
            yield prefix + operation.name, operation


def find(model: keras.Model, name: str | keras.Layer) -> keras.Layer:
    """Return a layer of a model or of the models nested in it.

    Args:
        model: The model.
        name: The layer's name, its path (`"vgg16/block5_conv3"`), or the layer itself.

    Raises:
        ValueError: There is no such layer, or there are several.
    """
    layers = {path: layer for path, layer in operations(model) if hasattr(layer, "call")}
    if not isinstance(name, str):
        matches = [layer for layer in layers.values() if layer is name]
        name = name.name
    else:
        matches = [layer for path, layer in layers.items() if name in (path, layer.name)]
    if len({id(layer) for layer in matches}) == 1:
        return matches[0]
    if matches:
        paths = [path for path in layers if path.endswith(name)]
        raise ValueError(f"{model.name} has {len(matches)} layers {name!r}: name one of {paths}")
    close = difflib.get_close_matches(name, layers, n=3, cutoff=0.4) or list(layers)[-3:]
    raise ValueError(
        f"{model.name} has no layer {name!r}; close names are {', '.join(close)} "
        "(explain.table(model) lists all)"
    )


@contextlib.contextmanager
def replaced(layer: Any, **attributes: Any) -> Iterator[None]:
    """Give a layer other attributes within a `with` block.

    Args:
        layer: The layer.
        **attributes: The attributes. They bypass Keras' own `__setattr__`, which would track them.
    """
    current = vars(layer)
    before = {name: current[name] for name in attributes if name in current}
    current.update(attributes)
    try:
        yield
    finally:
        for name in attributes:
            del current[name]
        current.update(before)


@contextlib.contextmanager
def recorded(layers: list[keras.Layer]) -> Iterator[dict[int, list]]:
    """Record the outputs of layers while the model runs.

    Args:
        layers: The layers.

    Yields:
        `id(layer)` -> its outputs, one per call; empty until the model has run.
    """
    outputs = {id(layer): [] for layer in layers}

    def recording(layer):
        original = layer.call

        def call(*args, **kwargs):
            output = original(*args, **kwargs)
            outputs[id(layer)].append(output)
            return output

        return call

    with contextlib.ExitStack() as stack:
        for layer in {id(layer): layer for layer in layers}.values():
            stack.enter_context(replaced(layer, call=recording(layer)))
        yield outputs


@contextlib.contextmanager
def without_softmax(model: keras.Model) -> Iterator[None]:
    """Let a model that ends with softmax or sigmoid return logits within a `with` block.

    Args:
        model: The model.
    """
    squashing = (keras.activations.softmax, keras.activations.sigmoid)
    *_, (_, last) = operations(model)
    if isinstance(last, keras.layers.Softmax) or (
        isinstance(last, keras.layers.Activation) and last.activation in squashing
    ):
        with replaced(last, call=lambda inputs, *_, **__: inputs):
            yield
    elif getattr(last, "activation", None) in squashing:
        with replaced(last, activation=keras.activations.linear):
            yield
    else:
        yield


def run(model: keras.Model, images: Any) -> Any:
    """Run a model in inference mode without any change of its state: no statistics, no seeds.

    Args:
        model: A functional model.
        images: Pictures (batch, height, width, channels), as the network takes them.
    """
    with keras.StatelessScope():
        # A `keras.Model([x], y)` takes a list with one tensor, and warns otherwise.
        inputs = keras.tree.map_structure(lambda _: images, model.input)
        return model(inputs, training=False)


def batch_of(model: keras.Model, image: np.ndarray) -> Any:
    """Return one picture as the batch a model takes.

    Args:
        model: The model.
        image: (height, width, channels), prepared as the network needs it.

    Raises:
        ValueError: The model takes another size, or more than one input.
    """
    image = np.asarray(image)
    inputs = model.inputs
    if len(inputs) != 1 or len(inputs[0].shape) != 4:
        shapes = [tuple(tensor.shape) for tensor in inputs]
        raise ValueError(f"the model must take one picture; {model.name} takes {shapes}")
    shape = tuple(inputs[0].shape[1:])
    if image.ndim != 3 or any(n not in (None, m) for n, m in zip(shape, image.shape, strict=True)):
        raise ValueError(
            f"image must be one picture as {model.name} takes it, {shape}; received "
            f"{image.shape}: resize and scale it as for training"
        )
    return keras.ops.convert_to_tensor(image[None], dtype=inputs[0].dtype)
