"""Read weights from files: HDF5 of every Keras version, archives of Keras 3, PyTorch's tensors.

No code in a file is run: HDF5 holds arrays, only the arrays of a `.keras` archive are read, and
PyTorch's files are read with `weights_only=True`. A model gets all its weights, or keeps those it
had.
"""

import contextlib
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from keras_cnn import downloads

INCEPTION_V4 = (  # timm's features.0 to features.21
    *("conv1", "conv2", "conv3", "mixed3", "mixed4", "mixed5"),
    *(f"inception_a{i}" for i in range(1, 5)),
    "reduction_a",
    *(f"inception_b{i}" for i in range(1, 8)),
    "reduction_b",
    *(f"inception_c{i}" for i in range(1, 4)),
)
KERAS_NAMES = {
    "conv1": "conv1_conv",  # ResNet
    "bn1": "conv1_bn",
    "fc": "predictions",
    "aux1.fc2": "aux1_predictions",  # Inception-v1
    "aux2.fc2": "aux2_predictions",
    "last_linear": "predictions",  # Inception-v4
    "features.3.conv.conv": "mixed3_branch2_conv",
    "features.3.conv.bn": "mixed3_branch2_bn",
    "features.5.conv.conv": "mixed5_branch1_conv",
    "features.5.conv.bn": "mixed5_branch1_bn",
}
SEQUENTIAL = r"(features|classifier)\.\d+"  # AlexNet and VGG: one layer after another
CLASSIFIERS = r"classifier|fc|last_linear|aux"


def read_hdf5(model: keras.Model, path: Path, *, include_top: bool = True) -> keras.Model:
    """Give `model` the weights of a file of Keras.

    Layers are matched by their order, as Keras does: among all layers in older files, among the
    layers of the same class in files of Keras 3.

    Args:
        model: The model.
        path: A `.keras` or `.weights.h5` file of Keras 3, or an `.h5` file of weights or of a model
            of any Keras version.
        include_top: Whether all layers of the file must be used; if False, layers at its end may be
            ignored.

    Returns:
        `model`.

    Raises:
        ValueError: The file is damaged or does not fit.
    """
    with _layers(model, path) as (saved, unused):
        return _assign(model, saved, unused=unused if include_top else (), source=path)


def by_name(model: keras.Model, path: Path) -> dict[str, list[np.ndarray]]:
    """Read the weights that a file of Keras holds for each layer, whether they fit or not.

    Args:
        model: The model; its layers are matched as in `read_hdf5`.
        path: As in `read_hdf5`.

    Returns:
        Layer name -> weights, in the layer's order; without layers that the file lacks.

    Raises:
        ValueError: The file is damaged.
    """
    with _layers(model, path) as (saved, _):
        return {layer.name: [np.asarray(v) for v in values] for layer, _, values in saved if values}


@contextlib.contextmanager
def open_hdf5(path: Path) -> Iterator[h5py.File]:
    """Open the HDF5 part of a file of Keras.

    Args:
        path: As in `read_hdf5`.

    Yields:
        The open file.

    Raises:
        ValueError: The file is damaged; or the caller found that it lacks a part (KeyError).
    """
    refuse_web_page(path)
    try:
        archive = (
            zipfile.ZipFile(path).open("model.weights.h5") if path.suffix == ".keras" else path
        )
        with h5py.File(archive) as file:
            link = file.visititems_links(_soft)
            if link is not None:  # it may point to any file of the machine
                raise KeyError(f"{link} is a link")
            yield file
    except (KeyError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is not a weights file of Keras, or damaged: {error}") from error


@contextlib.contextmanager
def _layers(model, path):
    """Open a file of Keras.

    Yields:
        A list of (layer, name in the file, weights), and the names in the file that no layer uses.
    """
    with open_hdf5(path) as file:
        if "layers" in file:
            yield _keras3_layers(model, file["layers"])
        else:
            yield _legacy_layers(model, legacy_layers(file))


def refuse_web_page(path: Path) -> None:
    """Refuse a file that is a web page.

    Args:
        path: The file.

    Raises:
        ValueError: It is a web page.
    """
    if downloads.is_web_page(path):
        raise ValueError(
            f"{path} is a web page, such as the login page of a network, not a weights file: "
            "delete it and download the file again"
        )


def _soft(name, link):
    return None if isinstance(link, h5py.HardLink) else name


def legacy_layers(file: h5py.File) -> list[tuple[str, list[h5py.Dataset]]]:
    """Return (name, weights) of the layers with weights in a file of a Keras older than 3.

    Args:
        file: The file, of weights or of a whole model.

    Raises:
        KeyError: The file has no lists of names.
    """
    group, saved = file.get("model_weights", file), []
    for name in _strings(group, "layer_names"):
        if weights := _strings(group[name], "weight_names"):
            saved.append((name, [group[name][weight] for weight in weights]))
    return saved


def _legacy_layers(model, saved):
    ours = _weighted(model)
    missing = [(None, [])] * (len(ours) - len(saved))
    return (
        [(layer, *entry) for layer, entry in zip(ours, saved + missing, strict=False)],
        [name for name, _ in saved[len(ours) :]],
    )


def _strings(group, name):
    """Read a list of strings; a long list is stored in pieces: name0, name1, ..."""
    keys = [name] if name in group.attrs else []
    while f"{name}{len(keys)}" in group.attrs:
        keys.append(f"{name}{len(keys)}")
    if not keys:
        raise KeyError(f"it has no {name}")
    strings = [string for key in keys for string in group.attrs[key]]
    return [string.decode() if isinstance(string, bytes) else string for string in strings]


def _keras3_layers(model, group):
    saved, numbers = [], {}
    for layer in model.layers:
        kind = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", type(layer).__name__)
        kind = re.sub("([a-z])([A-Z])", r"\1_\2", kind).lower()
        number = numbers[kind] = numbers.get(kind, -1) + 1
        key = f"{kind}_{number}" if number else kind
        if layer.weights:
            values = group[key]["vars"] if key in group else {}
            saved.append((layer, key, [values[str(i)] for i in range(len(values))]))
    used = {key for _, key, _ in saved}
    return saved, [key for key in group if key not in used and len(group[key].get("vars", ()))]


def read_torch(path: Path) -> Mapping[str, Any]:
    """Read a `.pth` file.

    Args:
        path: A state_dict, saved by `torch.save`.

    Returns:
        PyTorch's name -> tensor.

    Raises:
        ImportError: PyTorch is not installed.
        ValueError: The file is damaged or holds more than tensors.
    """
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            f"{path.name} is a file of PyTorch: pip install 'keras-cnn[torch]'"
        ) from error
    refuse_web_page(path)
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises errors of many types
        raise ValueError(
            f"{path} holds more than tensors, or is damaged, and was not read: save it by "
            "torch.save(model.state_dict(), path)"
        ) from error
    if not isinstance(weights, Mapping) or not all(map(torch.is_tensor, weights.values())):
        raise ValueError(
            f"{path} is not a state_dict: save it by torch.save(model.state_dict(), path)"
        )
    return weights


def from_torch(model: keras.Model, state_dict: Mapping[str, Any]) -> keras.Model:
    """Give `model` the weights of the same network in torchvision or timm.

    Kernels of convolutions change from (out, in, rows, columns) to (rows, columns, in, out). Dense
    kernels are transposed. The first dense layer after `Flatten` is also reordered, since PyTorch
    flattens with the channels first. For a model without a top the file's classifiers are ignored.

    Args:
        model: `AlexNet(one_weird_trick=True)`, `InceptionV1(batch_norm=True)`, `InceptionV4`,
            `ResNet18`, `ResNet34` or a VGG, with or without the top.
        state_dict: PyTorch's name -> tensor or array.

    Returns:
        `model`.

    Raises:
        ValueError: A layer is missing or differs in shape.
    """
    modules = {
        module: {variable: _to_numpy(tensor) for variable, tensor in tensors.items()}
        for module, tensors in torch_modules(state_dict).items()
    }
    names = [layer.name for layer in _weighted(model)]
    if all(re.fullmatch(SEQUENTIAL, module) for module in modules):
        module_of = dict(zip(names, modules, strict=False))
    else:
        module_of = {_keras_name(module): module for module in modules}
    used = {module_of[name] for name in names if name in module_of}
    unused = [name for name in modules if name not in used and not re.match(CLASSIFIERS, name)]
    flattened = []  # shapes of feature maps that no dense layer has taken yet
    saved = []  # (layer, name in the file, values)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Flatten):
            flattened.append(layer.input.shape[1:])
        if not layer.weights:
            continue
        module = module_of.get(layer.name)
        values = list(modules.get(module, {}).values())
        if isinstance(layer, keras.layers.Dense):
            if values and len(values[0]) == 1001 and layer.units == 1000:
                values = [value[1:] for value in values]  # class 0 of Inception-v4 is background
            shape = next((s for s in flattened if np.prod(s) == layer.kernel.shape[0]), None)
            if shape and values:
                flattened.remove(shape)
                values[0] = _flatten_channels_last(values[0], *shape)
        saved.append((layer, module, [_channels_last(value) for value in values]))
    return _assign(model, saved, unused=unused, source="the PyTorch file")


def torch_modules(state_dict: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Group the tensors of a state_dict by their layer.

    Args:
        state_dict: PyTorch's name -> tensor.

    Returns:
        Layer, such as "layer1.0.bn1" -> variable, such as "running_mean" -> tensor.
    """
    modules = {}
    for key, tensor in state_dict.items():
        module, _, variable = key.rpartition(".")
        if variable != "num_batches_tracked":
            modules.setdefault(module, {})[variable] = tensor
    return modules


def _to_numpy(tensor):
    if hasattr(tensor, "detach"):
        tensor = tensor.detach().cpu().float()
    return np.asarray(tensor, dtype="float32")


def _keras_name(module):
    """Return the Keras name of a PyTorch layer: layer1.0.conv2 -> conv2_block1_2_conv."""
    if module in KERAS_NAMES:
        return KERAS_NAMES[module]
    if match := re.fullmatch(r"layer(\d)\.(\d+)\.(conv|bn|downsample\.)(\d)", module):
        stage, block, kind, number = match.groups()
        if kind == "downsample.":
            kind, number = ("conv", "bn")[int(number)], 0
        return f"conv{int(stage) + 1}_block{int(block) + 1}_{number}_{kind}"
    if match := re.fullmatch(r"features\.(\d+)\.(.+)", module):
        module = f"{INCEPTION_V4[int(match[1])]}.{match[2]}"
        module = re.sub(r"branch(\d)", lambda branch: f"branch{int(branch[1]) + 1}", module)
    return module.replace(".", "_")


def _flatten_channels_last(kernel, rows, columns, channels):
    """Reorder a kernel (out, channels * rows * columns) to (out, rows * columns * channels)."""
    if kernel.shape[1] != rows * columns * channels:
        return kernel  # `_assign` refuses it
    kernel = kernel.reshape(-1, channels, rows, columns)
    return kernel.transpose(0, 2, 3, 1).reshape(len(kernel), -1)


def _channels_last(value):
    return value.transpose(2, 3, 1, 0) if value.ndim == 4 else value.T


def _assign(model, saved, *, unused, source):
    """Check each layer's shapes against those of the file, then copy all values.

    Args:
        model: The model.
        saved: `(layer, its name in the file, its values in the file)` in the model's order.
        unused: Names of layers in the file that the model should have but lacks.
        source: The file, for error messages.

    Returns:
        `model`.
    """
    for layer, name, values in saved:
        ours = [tuple(variable.shape) for variable in _variables(layer)]
        theirs = [tuple(value.shape) for value in values]
        if ours != theirs:
            difference = _difference(layer, name, ours, theirs, saved[0][0], saved[-1][0])
            raise ValueError(f"{source} does not fit {model.name}: {difference}")
    if unused:
        raise ValueError(
            f"{source} does not fit {model.name}: it has weights of {unused[0]}, which the model "
            "lacks; build the network it was saved from, or with include_top=False"
        )
    for layer, _, values in saved:
        for variable, value in zip(_variables(layer), values, strict=True):
            variable.assign(np.asarray(value))
    return model


def _difference(layer, name, ours, theirs, first, last):
    """Return a sentence on how a layer differs from the file, with the way out."""
    if not theirs:
        return f"it has no weights for layer {layer.name}; build the network it was saved from"
    if len(ours) == len(theirs):
        pairs = zip(ours, theirs, strict=True)
        ours, theirs = next((our, their) for our, their in pairs if our != their)
    way_out = "build the network with the options it was saved with, or with include_top=False"
    if len(ours) == len(theirs) and ours[:-2] == theirs[:-2]:
        if layer is first and ours[-1] == theirs[-1]:
            way_out = f"build it with input_shape=(height, width, {theirs[-2]})"
        if layer is last and ours[-2:-1] == theirs[-2:-1]:
            way_out = f"build it with classes={theirs[-1]}, or with include_top=False"
    return (
        f"layer {layer.name} has shape {_shortened(ours)}, {name} in the file "
        f"{_shortened(theirs)}; {way_out}"
    )


def _shortened(shapes):
    """Return a shape or a list of shapes as text, only the first of a nested network's many."""
    if isinstance(shapes, list) and len(shapes) > 4:
        return f"[{', '.join(map(str, shapes[:2]))}, ...] ({len(shapes)} arrays)"
    return str(shapes)


def _weighted(model):
    return [layer for layer in model.layers if layer.weights]


def _variables(layer):
    """Return a layer's weights in the order of files: trainable weights first."""
    return layer.trainable_weights + layer.non_trainable_weights
