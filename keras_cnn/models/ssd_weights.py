"""Published weights into SSD300, layer by layer and by name: all of them or an error.

A layer that is missing in the file is named, never skipped. Only the `conf` heads may differ, where
the number of classes does.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import h5py
import keras
import numpy as np

from keras_cnn.models import mobilenet, vgg, weight_readers

TURNED = "conv1_1"  # its filters see the picture's channels
TORCH_FEATURES = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21)  # conv1_1 to conv4_3 in torchvision
TORCH_CONV5 = (1, 3, 5)


def load_base(model: keras.Model, base: str) -> keras.Model:
    """Gives the base the weights published for ImageNet.

    Args:
        model: What `SSD300` built.
        base: `"vgg16"` or `"mobilenet"`.

    Returns:
        `model`.

    Raises:
        OSError: The published file is neither in the cache nor can it be downloaded.
    """
    if base == "vgg16":
        return from_classifier(model, vgg.VGG16(weights="imagenet"))
    classifier = mobilenet.MobileNet(
        weights="imagenet", include_top=False, input_shape=(224, 224, 3)
    )
    return from_classifier(model, classifier)


def from_classifier(model: keras.Model, classifier: keras.Model) -> keras.Model:
    """Gives the base the weights of the classifier it was made from.

    `fc6` keeps every third row and column of VGG16's 7x7 window, which its dilation of 6 spreads
    again, and every fourth filter; `fc7` every fourth filter (section 3 of the paper).

    Args:
        model: What `SSD300` built.
        classifier: VGG16 with its top and 1,000 or more classes, or MobileNet.

    Returns:
        `model`.
    """
    theirs = {layer.name: layer.get_weights() for layer in classifier.layers if layer.weights}
    if "fc1" not in theirs:  # MobileNet: same names
        for layer in model.layers:
            if layer.name in theirs:
                layer.set_weights(theirs[layer.name])
        return model
    for name, values in theirs.items():
        if found := re.fullmatch(r"block(\d)_conv(\d)", name):
            title = f"conv{found[1]}_{found[2]}"
            if title == TURNED:  # published for BGR
                values = [values[0][:, :, ::-1], values[1]]
            model.get_layer(title).set_weights(values)
    kernel, bias = theirs["fc1"]
    kernel = kernel.reshape(7, 7, 512, 4096)[::3, ::3, :, ::4]
    model.get_layer("fc6").set_weights([kernel, bias[::4]])
    kernel, bias = theirs["fc2"]
    model.get_layer("fc7").set_weights([kernel[None, None, ::4, ::4], bias[::4]])
    return model


def load(model: keras.Model, weights: str | os.PathLike) -> keras.Model:
    """Gives the whole network the weights of a file.

    Args:
        model: What `SSD300` built.
        weights: A `.h5` ported from Caffe or saved by Keras, a `.pth` of torchvision, or a
            `.weights.h5` or `.keras` of this network.

    Returns:
        `model`.

    Raises:
        ValueError: There is no such file, or it does not fit.
    """
    path = Path(weights)
    if not path.is_file():
        raise ValueError(
            f"weights must be None, 'imagenet' or an existing file; received weights={weights!r}."
        )
    if path.suffix == ".pth":
        return assign(model, from_torchvision(weight_readers.read_torch(path)), source=path)
    if path.suffix == ".keras":
        saved = keras.saving.load_model(path, compile=False)
        named = {layer.name: layer.get_weights() for layer in saved.layers if layer.weights}
        return assign(model, named, source=path)
    if path.name.endswith(".weights.h5"):
        return assign(model, weight_readers.by_name(model, path), source=path)
    return assign(model, from_caffe(path), source=path)


def from_caffe(path: Path) -> dict[str, list[np.ndarray]]:
    """Reads a `.h5` whose layers are called as in the Caffe model.

    Args:
        path: Weights or a whole model, saved by any Keras before 3.

    Returns:
        Layer names to weights; the first filters turned from BGR to RGB where the file's network
        does not take the mean off itself, as ours does.

    Raises:
        ValueError: The file is damaged.
    """
    try:
        with h5py.File(path) as file:
            groups = file.get("model_weights", file)
            named = {name: _arrays(group) for name, group in groups.items()}
    except (OSError, AttributeError) as error:
        raise ValueError(f"{path} is not a weights file of Keras, or damaged: {error}") from error
    if "mean" not in named and TURNED in named:
        named[TURNED][0] = named[TURNED][0][:, :, ::-1]
    if named.get("conv4_3_norm"):
        named["conv4_3_norm"] = [named["conv4_3_norm"][0].reshape(1, 1, -1, 1)]
    return {name: values for name, values in named.items() if values}


def from_torchvision(state_dict: Mapping) -> dict[str, list[np.ndarray]]:
    """Renames the tensors of torchvision's `ssd300_vgg16`, whose network takes RGB as ours does.

    Args:
        state_dict: PyTorch's names to tensors.

    Returns:
        Layer names to weights. The priors that belong to them are `boxes.priors("torchvision")`.
    """
    modules = {}
    titles = [f"conv{i}_{j}" for i, (n, _) in enumerate(vgg.STAGES[16], 1) for j in range(1, n + 1)]
    modules |= {f"backbone.features.{k}": t for k, t in zip(TORCH_FEATURES, titles, strict=False)}
    modules |= {f"backbone.extra.0.{k}": f"conv5_{j}" for j, k in enumerate(TORCH_CONV5, start=1)}
    modules |= {"backbone.extra.0.7.1": "fc6", "backbone.extra.0.7.3": "fc7"}
    for k in range(1, 5):
        modules |= {f"backbone.extra.{k}.{2 * j}": f"conv{k + 5}_{j + 1}" for j in (0, 1)}
    maps = ("conv4_3_norm", "fc7", "conv6_2", "conv7_2", "conv8_2", "conv9_2")
    for k, feature_map in enumerate(maps):
        modules[f"head.regression_head.module_list.{k}"] = f"{feature_map}_mbox_loc"
        modules[f"head.classification_head.module_list.{k}"] = f"{feature_map}_mbox_conf"
    named = {}
    for key, tensor in state_dict.items():
        value = np.asarray(tensor)
        module, _, part = key.rpartition(".")
        if key == "backbone.scale_weight":
            named["conv4_3_norm"] = [value.reshape(1, 1, -1, 1)]
        elif module in modules:
            values = named.setdefault(modules[module], [None, None])
            values[part == "bias"] = value.transpose(2, 3, 1, 0) if value.ndim == 4 else value
    return named


def assign(model: keras.Model, named: Mapping[str, list], *, source: object) -> keras.Model:
    """Copies weights by the names of layers, after all were found to fit.

    Args:
        model: What `SSD300` built.
        named: Layer names to weights.
        source: What an error calls the file.

    Returns:
        `model`.

    Raises:
        ValueError: A layer is missing, or differs in shape and is no `conf` head.
    """
    found, fresh = [], []
    for layer in model.layers:
        if not layer.weights:
            continue
        ours = [tuple(weight.shape) for weight in layer.weights]
        theirs = [tuple(np.shape(value)) for value in named.get(layer.name, ())]
        if not theirs:
            raise ValueError(
                f"{source} does not fit {model.name}: it has no layer {layer.name!r}; give a file "
                "of this network and base."
            )
        if ours == theirs:
            found.append((layer, named[layer.name]))
        elif layer.name.endswith("_mbox_conf") and ours[0][:3] == theirs[0][:3]:
            fresh.append(layer.name)
        else:
            raise ValueError(
                f"{source} does not fit {model.name}: layer {layer.name!r} has shapes {ours}, in "
                f"the file {theirs}."
            )
    for layer, values in found:
        layer.set_weights(values)
    if fresh:
        print(f"{source}: another number of classes, so these begin anew: {', '.join(fresh)}")
    return model


def _arrays(group):
    """A layer's kernel and vector, whatever their names: they tell themselves by their axes."""
    found = []
    group.visititems(lambda _, item: found.append(np.asarray(item)) if _is_data(item) else None)
    return sorted(found, key=lambda value: -value.ndim)


def _is_data(item):
    return isinstance(item, h5py.Dataset)
