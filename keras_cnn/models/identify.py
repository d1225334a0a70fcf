"""Which network a weights file holds, from the shapes of its arrays. No network is built."""

import dataclasses
import hashlib
import importlib.resources
import json
import math
import os
import re
from collections.abc import Sequence
from typing import Any

import keras

from keras_cnn.models import mobilenet, weight_readers
from keras_cnn.models import weights as weight_files

FACTS = importlib.resources.files("keras_cnn") / "models" / "facts.json"
Shapes = Sequence[tuple[int, ...]]  # of one layer's arrays: kernel first, Keras' order of axes


@dataclasses.dataclass(frozen=True)
class Network:
    """A network, as far as the shapes of its weights tell.

    Attributes:
        builder: Name in `models`, such as "MobileNet" or "book.VGG16". `AlexNet(groups=1)` and
            `book.AlexNet` have the same weights; the first is named.
        options: Options of the builder that differ from their defaults and that shapes can tell;
            of MobileNet always `alpha`.
        channels: Channels of the pictures.
        classes: Number of classes of the top; None without the top.
        size: Height and width of the pictures, in pixels, if the top has only weights for this
            size; None for any size, or an unknown size.
    """

    builder: str
    options: dict[str, Any]
    channels: int | None
    classes: int | None
    size: int | None

    @property
    def include_top(self) -> bool:
        """Whether the network ends with a classifier."""
        return self.classes is not None

    def __str__(self):
        """Return the builder with its options: "MobileNet with alpha=0.25"."""
        options = [f"{name}={value!r}" for name, value in self.options.items()]
        return self.builder + (f" with {', '.join(options)}" if options else "")


def identify(path: str | os.PathLike) -> Network | None:
    """Return the network that a weights file holds; None if it is none of this package's.

    Only names and shapes are read, so the answer takes a fraction of a second. A `.pth` file is
    read whole.

    Args:
        path: A `.h5`, `.weights.h5`, `.keras` or `.pth` file, published or saved by Keras or
            torchvision.

    Raises:
        InputError: There is no such file.
        ValueError: The file is no weights file, or damaged.
        ImportError: A `.pth` file needs PyTorch.
    """
    path = weight_files.check_path(path)
    if path.suffix == ".pth":
        network = _network(_torch_shapes(path))
        if network and network.classes == 1001:  # class 0 of Inception-v4 is background
            network = dataclasses.replace(network, classes=1000)
        return network
    with weight_readers.open_hdf5(path) as file:
        if "layers" in file:
            return _network(_keras3_shapes(file["layers"]))
        saved = weight_readers.legacy_layers(file)
        return _network([[tuple(value.shape) for value in values] for _, values in saved])


def identify_model(model: keras.Model) -> Network | None:
    """Return the network that a model is; None if it is none of this package's.

    Args:
        model: A model with its weights.
    """
    network = _network(
        [
            [tuple(variable.shape) for variable in layer.weights]
            for layer in model._flatten_layers(include_self=False, recursive=True)
            if not isinstance(layer, keras.Model) and layer.weights
        ]
    )
    if network is None or not network.include_top or not _fact(network)["flatten"]:
        return network
    return dataclasses.replace(network, size=model.input_shape[1])


class UnfitWeights(ValueError):
    """A weights file holds another network than the model.

    Attributes:
        held: The network of the file.
        asked: The network of the model.
    """

    def __init__(self, path: str | os.PathLike, *, held: Network, asked: Network):
        """Write the sentence.

        Args:
            path: The file.
            held: The network of the file.
            asked: The network of the model.
        """
        self.held, self.asked = held, asked
        self._start = (
            f"{path} holds {_with_differences(held, asked)}; the model is "
            f"{_with_differences(asked, held)}"
        )
        super().__init__(f"{self._start}: {self._way_out()}")

    def for_command_line(self) -> str:
        """Return the sentence with a way out in options of `keras-cnn`."""
        held, asked = self.held, self.asked
        pairs = [pair for pair in held.options.items() if pair not in asked.options.items()]
        words = " ".join(flag_of(*pair) for pair in pairs)
        surplus = [name for name in asked.options if name not in held.options]
        if held.builder != asked.builder:
            words = f"use --model {held.builder.lower()} {words}".rstrip() + ", or "
        elif words:
            words = f"add {words}, or "
        elif surplus:
            words = f"leave out the option {surplus[0]}, or "
        return f"{self._start}: {words}name another file"

    def _way_out(self):
        held, asked = self.held, self.asked
        if held.builder != asked.builder:
            words = ", ".join(f"{name}={value!r}" for name, value in held.options.items())
            return f"build {held.builder}({words}), or pass a file of {asked}"
        names = [*held.options, *(name for name in asked.options if name not in held.options)]
        pairs = [(name, held.options.get(name), asked.options.get(name)) for name in names]
        words = [
            f"without {name}" if mine is None else f"with {name}={mine!r}"
            for name, mine, other in pairs
            if mine != other
        ]
        if held.include_top != asked.include_top:
            words.append(f"with include_top={held.include_top}")
        elif held.classes != asked.classes:
            words.append(f"with classes={held.classes}")
        if (held.channels, held.size) != (asked.channels, asked.size):
            size = held.size or "height"
            words.append(f"with input_shape=({size}, {held.size or 'width'}, {held.channels})")
        top = None not in (held.classes, asked.classes) and held.classes != asked.classes
        return f"build it {' and '.join(words)}" + (", or with include_top=False" if top else "")


def flag_of(name: str, value: Any) -> str:
    """Return an option of a builder as `keras-cnn` takes it.

    Args:
        name: Its name.
        value: Its value.
    """
    if name == "alpha":
        return f"--alpha {value}"
    return f"--model-option {name}={str(value).lower() if isinstance(value, bool) else value}"


def unfit(model: keras.Model, path: str | os.PathLike) -> UnfitWeights | None:
    """Return the error for a file that did not fit a model; None if one of the two is not known.

    Args:
        model: The model.
        path: The file.
    """
    try:
        held = identify(path)
    except (ValueError, ImportError):  # damaged: the error of the reader says so
        return None
    asked = identify_model(model)
    if held is None or asked is None:
        return None
    if not asked.include_top:  # a top in the file is ignored
        held = dataclasses.replace(held, classes=None, size=None)
    if held.size is None or asked.size is None:
        held, asked = (dataclasses.replace(network, size=None) for network in (held, asked))
    return None if held == asked else UnfitWeights(path, held=held, asked=asked)


def _with_differences(network, other):
    """Return a network in words, with the properties in which it differs from another."""
    parts = [str(network)]
    if network.include_top != other.include_top:
        parts.append("with its top" if network.include_top else "without its top")
    elif network.classes != other.classes:
        parts.append(f"for {network.classes} classes")
    if network.channels != other.channels and network.channels is not None:
        plural = "" if network.channels == 1 else "s"
        parts.append(f"for pictures of {network.channels} channel{plural}")
    if network.size != other.size:
        parts.append(f"for pictures of {network.size}x{network.size}")
    return ", ".join(parts)


def facts() -> list[dict[str, Any]]:
    """Return the table of networks: for each builder and its variants, sizes and costs.

    `tests/helpers/network_facts.py` measures it and says what its keys mean.
    """
    return json.loads(FACTS.read_text("utf-8"))


def digest(shapes: Sequence[Shapes]) -> str:
    """Return a hash of the shapes of a network without its top.

    It depends neither on the order of the layers nor on the channels of the pictures.

    Args:
        shapes: For each layer, the shapes of its arrays.
    """
    return _hash(_split(shapes)[0])


def _hash(body):
    body = sorted(map(list, _without_channels(body)))
    return hashlib.sha256(json.dumps(body).encode()).hexdigest()[:16]


def _network(shapes):
    body, top = _split(shapes)
    channels = next((layer[0][2] for layer in body if len(layer[0]) == 4), None)
    classes = top[-1][0][-1] if top else None
    if (options := _options_of_mobilenet(body)) is not None:
        return Network("MobileNet", options, channels, classes, None)
    key = _hash(body)
    rows = facts() if body or len(top) == 1 else ()  # softmax regression has nothing but its top
    for row in rows:
        if row["digest"] == key:
            size = row["size"] if top and top[0][0][0] == row["flatten"] else None
            return Network(row["builder"], row["options"], channels, classes, size)
    return None


def _fact(network):
    return next(
        row
        for row in facts()
        if row["builder"] == network.builder
        and (row["options"] == network.options or network.builder == "MobileNet")
    )


def _split(shapes):
    """Return the layers of the body, and those of the top."""
    biased = [layer for layer in shapes if len(layer[0]) == 4 and len(layer) > 1]
    # MobileNet's top is a convolution, the only one with a bias.
    is_top = len(biased) == 1 and biased[0][0][:2] == (1, 1)
    top = [layer for layer in shapes if len(layer[0]) == 2 or (is_top and layer is biased[0])]
    return [layer for layer in shapes if not any(layer is other for other in top)], top


def _without_channels(body):
    """Return the layers of a body; the first convolution's number of channels becomes 0."""
    for i, (kernel, *others) in enumerate(body):
        if len(kernel) == 4:
            return [*body[:i], [(*kernel[:2], 0, kernel[3]), *others], *body[i + 1 :]]
    return body


def _options_of_mobilenet(body):
    """Return the options with which MobileNet has these layers; None if it has not."""
    pointwise = [layer[0] for layer in body if len(layer[0]) == 4 and layer[0][:2] == (1, 1)]
    if len(pointwise) != len(mobilenet.BLOCKS):
        return None
    widest = max(kernel[3] for kernel in pointwise)
    alpha = _shortest(widest, mobilenet.BLOCKS[-1][0])
    depth_multiplier = max(kernel[2] for kernel in pointwise) // widest
    channels = int(32 * alpha)
    expected = [[(3, 3, 0, channels)], [(channels,)] * 4]
    for filters, _ in mobilenet.BLOCKS:
        deep, filters = channels * depth_multiplier, int(alpha * filters)
        expected += [[(3, 3, channels, depth_multiplier)], [(deep,)] * 4]
        expected += [[(1, 1, deep, filters)], [(filters,)] * 4]
        channels = filters
    if _hash(expected) != _hash(body):
        return None
    options = {"alpha": alpha}
    return options if depth_multiplier == 1 else options | {"depth_multiplier": depth_multiplier}


def _shortest(scaled, filters):
    """Return the decimal with the fewest digits for which `int(alpha * filters)` is `scaled`."""
    for digits in range(1, 7):
        alpha = math.ceil(scaled * 10**digits / filters) / 10**digits
        if int(alpha * filters) == scaled:
            return alpha
    return scaled / filters


def _keras3_shapes(group):
    """Return the shapes of each layer in a file of Keras 3, nested layers included."""
    layers = {}

    def collect(name, item):
        is_layer = name.endswith("vars") and "seed_generator" not in name
        if is_layer and len(item):
            layers[name] = [tuple(item[str(i)].shape) for i in range(len(item))]

    group.visititems(collect)

    def in_order(name):  # conv2d, conv2d_1, ..., conv2d_10
        return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]

    return [layers[name] for name in sorted(layers, key=in_order)]


def _torch_shapes(path):
    """Return the shapes of each layer in a file of PyTorch, in Keras' order of axes."""
    modules = weight_readers.torch_modules(weight_readers.read_torch(path))
    layers = [[tuple(value.shape) for value in values.values()] for values in modules.values()]
    orders = {4: (2, 3, 1, 0), 2: (1, 0), 1: (0,)}
    return [
        [tuple(shape[axis] for axis in orders[len(shape)]) for shape in shapes]
        for shapes in layers
        if shapes[0] and {len(shape) for shape in shapes} <= set(orders)
    ]
