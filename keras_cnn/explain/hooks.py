"""Find layers at any depth of a model, and listen to them while it runs.

A nested model is a graph of its own: no Keras tensor of an inner layer leads to the outer output.
So a layer's method is replaced while one picture runs through and is put back afterwards. Graph and
weights stay as they are, and it works on every backend. One model must not be explained on two
threads at once.
"""

import contextlib
import difflib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np


def operations(model: keras.Model, *, prefix: str = "") -> Iterator[tuple[str, keras.Operation]]:
    """List what a model computes, the parts of nested models in their place.

    Args:
        model: The model.
        prefix: What all paths begin with.

    Yields:
        Path (`"vgg16/block1_conv1"` for a nested model's) and the layer or operation.
    """
    for part in getattr(model, "operations", model.layers):
        if isinstance(part, keras.Model) and part.layers:
            yield from operations(part, prefix=f"{prefix}{part.name}/")
        elif not isinstance(part, keras.layers.InputLayer):
            yield prefix + part.name, part


def find(model: keras.Model, name: str | keras.Layer) -> keras.Layer:
    """Return a layer of a model or of the models nested in it.

    Args:
        model: The model.
        name: The layer's name, its path (`"vgg16/block5_conv3"`), or the layer itself.

    Raises:
        ValueError: There is no such layer, or there are several.
    """
    known = {path: layer for path, layer in operations(model) if hasattr(layer, "call")}
    if not isinstance(name, str):
        found = [layer for layer in known.values() if layer is name]
    else:
        found = [layer for path, layer in known.items() if name in (path, layer.name)]
    if len({id(layer) for layer in found}) == 1:
        return found[0]
    asked = name if isinstance(name, str) else name.name
    if found:
        paths = [path for path in known if path.endswith(asked)]
        raise ValueError(f"{model.name} has {len(found)} layers {asked!r}: name one of {paths}")
    close = difflib.get_close_matches(asked, known, n=3, cutoff=0.4) or list(known)[-3:]
    raise ValueError(
        f"{model.name} has no layer {asked!r}; close names are {', '.join(close)} "
        "(explain.table(model) lists all)"
    )


@contextlib.contextmanager
def replaced(thing: Any, **attributes: Any) -> Iterator[None]:
    """Give a layer other attributes for a while.

    Args:
        thing: The layer.
        **attributes: The attributes. Keras, which would track them as its own, does not notice.
    """
    own = vars(thing)
    before = {name: own[name] for name in attributes if name in own}
    own.update(attributes)
    try:
        yield
    finally:
        for name in attributes:
            del own[name]
        own.update(before)


@contextlib.contextmanager
def recorded(layers: list[keras.Layer]) -> Iterator[dict[int, list]]:
    """Keep what layers answer while the model runs.

    Args:
        layers: The layers.

    Yields:
        `id(layer)` to its answers, one per call; empty until the model has run.
    """
    answers = {id(layer): [] for layer in layers}

    def listening(layer):
        original = layer.call

        def call(*args, **kwargs):
            answer = original(*args, **kwargs)
            answers[id(layer)].append(answer)
            return answer

        return call

    with contextlib.ExitStack() as stack:
        for layer in {id(layer): layer for layer in layers}.values():
            stack.enter_context(replaced(layer, call=listening(layer)))
        yield answers


@contextlib.contextmanager
def without_softmax(model: keras.Model) -> Iterator[None]:
    """Let a model answer with logits where it ends with softmax or sigmoid.

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
    """Run a model in inference mode and change nothing in it: no statistics, no seeds.

    Args:
        model: The model.
        images: Pictures (batch, height, width, channels), as the network takes them.
    """
    with keras.StatelessScope():
        # `keras.Model([x], y)` wants a list of one, and warns otherwise.
        given = keras.tree.map_structure(lambda _: images, model.input)
        return model(given, training=False)


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
    wanted = tuple(inputs[0].shape[1:])
    if image.ndim != 3 or any(n not in (None, m) for n, m in zip(wanted, image.shape, strict=True)):
        raise ValueError(
            f"image must be one picture as {model.name} takes it, {wanted}; received "
            f"{image.shape}: resize and scale it as for training"
        )
    return keras.ops.convert_to_tensor(image[None], dtype=inputs[0].dtype)
