"""Load published weights into SSD300, layer by layer and by name: all of them or none.

A file holds a whole detector, or the classifier that the base was made from. A layer that is
missing in a detector's file is an error that names it. Only the `conf` heads, which depend on the
number of classes, may differ.
"""

import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path

import h5py
import keras
import numpy as np

from keras_cnn.i18n import say
from keras_cnn.models import identify, mobilenet, vgg, weight_readers

FIRST = "conv1"  # MobileNet's first layer
TURNED = "conv1_1"  # the layer whose filters are reversed from BGR to RGB
TORCH_FEATURES = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21)  # conv1_1 to conv4_3 in torchvision
TORCH_CONV5 = (1, 3, 5)
CLASSIFIERS = {"VGG16": vgg.VGG16, "MobileNet": mobilenet.MobileNet}  # from which bases are made


def load_base(model: keras.Model, base: str, *, alpha: float = 1.0) -> keras.Model:
    """Load the weights published for ImageNet into the base.

    Args:
        model: A network of `SSD300`.
        base: `"vgg16"` or `"mobilenet"`.
        alpha: Factor of the number of filters in the light base.

    Returns:
        `model`.

    Raises:
        ValueError: No weights are published for this `alpha`.
        OSError: The published file is not in the cache and cannot be downloaded.
    """
    if base == "vgg16":
        return from_classifier(model, vgg.VGG16(weights="imagenet"))
    classifier = mobilenet.MobileNet(
        weights="imagenet", include_top=False, input_shape=(224, 224, 3), alpha=alpha
    )
    return from_classifier(model, classifier)


def from_classifier(model: keras.Model, classifier: keras.Model) -> keras.Model:
    """Copy a classifier's weights into the base that was made from it.

    `fc6` keeps every third row and column of VGG16's 7x7 window, which the dilation of 6 spreads
    out again, and every fourth filter; `fc7` keeps every fourth filter (section 3 of the paper).

    Args:
        model: A network of `SSD300`.
        classifier: VGG16 with its top, or MobileNet.

    Returns:
        `model`.

    Raises:
        ValueError: The classifier has other layers than the base.
    """
    theirs = {layer.name: layer.get_weights() for layer in classifier.layers if layer.weights}
    if FIRST in theirs:  # MobileNet, with the same layer names
        ours = [layer for layer in model.layers if layer.name in theirs]
        shapes = [[value.shape for value in theirs[layer.name]] for layer in ours]
        if (
            shapes != [[tuple(value.shape) for value in layer.weights] for layer in ours]
            or not ours
        ):
            raise ValueError(
                f"the base must be MobileNet with the classifier's alpha, "
                f"{theirs[FIRST][0].shape[-1] / 32:g}"
            )
        for layer in ours:
            layer.set_weights(theirs[layer.name])
        return model
    if "fc1" not in theirs:
        raise ValueError("a classifier VGG16 must have its dense layers, which become fc6 and fc7")
    for name, values in theirs.items():
        if numbers := re.fullmatch(r"block(\d)_conv(\d)", name):
            title = f"conv{numbers[1]}_{numbers[2]}"
            if title == TURNED:  # published for BGR
                values = [values[0][:, :, ::-1], values[1]]
            model.get_layer(title).set_weights(values)
    kernel, bias = theirs["fc1"]
    kernel = kernel.reshape(7, 7, 512, 4096)[::3, ::3, :, ::4]
    model.get_layer("fc6").set_weights([kernel, bias[::4]])
    kernel, bias = theirs["fc2"]
    model.get_layer("fc7").set_weights([kernel[None, None, ::4, ::4], bias[::4]])
    return model


def load(
    model: keras.Model, weights: str | os.PathLike, *, may_differ: Collection[str] = ()
) -> keras.Model:
    """Load the weights of the whole network, or of its base, from a file.

    Args:
        model: A network of `SSD300`.
        weights: A `.h5` ported from Caffe or saved by Keras, a `.pth` of torchvision, or a
            `.weights.h5` or `.keras` of this network; or a `.h5` or `.keras` of MobileNet or VGG16,
            the classifier that the base was made from.
        may_differ: As in `assign`.

    Returns:
        `model`.

    Raises:
        ValueError: The file is missing or does not fit.
    """
    path = Path(weights)
    if not path.is_file():
        raise ValueError(
            f"weights must be None, 'imagenet' or an existing file; received weights={weights!r}."
        )
    weight_readers.refuse_web_page(path)
    if (network := base_in(path)) is not None:
        try:
            return from_classifier(model, _classifier(path, network))
        except ValueError as error:
            raise ValueError(f"{path} holds {network}: {error}") from error
    if path.suffix == ".pth":
        named = from_torchvision(weight_readers.read_torch(path))
    elif path.suffix == ".keras":
        saved = keras.saving.load_model(path, compile=False)
        named = {layer.name: layer.get_weights() for layer in saved.layers if layer.weights}
    elif path.name.endswith(".weights.h5"):
        named = weight_readers.by_name(model, path)
    else:
        named = from_caffe(path)
    return assign(model, named, source=path, may_differ=may_differ)


def base_in(path: Path) -> identify.Network | None:
    """Return the classifier in a file from which a base is made; None for another file.

    Args:
        path: A file of weights.
    """
    if path.suffix == ".pth":  # torchvision's classifiers need other pixel values
        return None
    try:
        network = identify.identify(path)
    except ValueError:  # damaged, or a port from Caffe: its reader says so
        return None
    return network if network is not None and network.builder in CLASSIFIERS else None


def _classifier(path, network):
    if path.suffix == ".keras":
        return keras.saving.load_model(path, compile=False)
    builder, include_top = CLASSIFIERS[network.builder], network.builder == "VGG16"
    if include_top and not network.include_top:
        return builder(weights=path, include_top=False)
    top = {"classes": network.classes} if include_top else {"input_shape": (224, 224, 3)}
    return builder(weights=path, include_top=include_top, **network.options, **top)


def from_caffe(path: Path) -> dict[str, list[np.ndarray]]:
    """Read a `.h5` whose layers have the names of the Caffe model.

    Args:
        path: Weights or a whole model, saved by a Keras older than 3.

    Returns:
        Layer name -> weights. The first filters are reversed from BGR to RGB, except in files of
        this network, which have a layer `mean`.

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
    """Rename the tensors of torchvision's `ssd300_vgg16`, which takes RGB like this network.

    Args:
        state_dict: PyTorch's name -> tensor.

    Returns:
        Layer name -> weights. Their priors are `boxes.priors("torchvision")`.
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


def assign(
    model: keras.Model,
    named: Mapping[str, list],
    *,
    source: object,
    may_differ: Collection[str] = (),
) -> keras.Model:
    """Copy weights by the names of layers, once all of them are known to fit.

    Args:
        model: A network of `SSD300`.
        named: Layer name -> weights.
        source: Name of the file for the messages.
        may_differ: Layers besides the `conf` heads that keep their random weights where the file's
            have another shape.

    Returns:
        `model`.

    Raises:
        ValueError: A layer is missing, or has another shape and is not a `conf` head.
    """
    fitting, fresh = [], []
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
            fitting.append((layer, named[layer.name]))
        elif layer.name in may_differ or (
            layer.name.endswith("_mbox_conf") and ours[0][:3] == theirs[0][:3]
        ):
            fresh.append(layer.name)
        else:
            raise ValueError(
                f"{source} does not fit {model.name}: layer {layer.name!r} has shapes {ours}, in "
                f"the file {theirs}."
            )
    for layer, values in fitting:
        layer.set_weights(values)
    if fresh:
        say(
            f"{source} has other shapes or classes, so these layers keep their random weights: "
            f"{', '.join(fresh)}"
        )
    return model


def _arrays(group):
    """Return a layer's arrays, the one with the most axes first: kernel, then bias."""
    arrays = []

    def collect(_, item):
        if isinstance(item, h5py.Dataset):
            arrays.append(np.asarray(item))

    group.visititems(collect)
    return sorted(arrays, key=lambda array: -array.ndim)
