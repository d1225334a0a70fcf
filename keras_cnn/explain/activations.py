"""Filters and feature maps as pictures.

Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2014, section 4,
https://arxiv.org/abs/1311.2901.
"""

import contextlib
import math
from collections.abc import Sequence

import keras
import numpy as np
from keras import layers as keras_layers

from keras_cnn.explain import hooks
from keras_cnn.models.surgery import as_functional


def filters(model: keras.Model, layer: str | keras.Layer) -> np.ndarray:
    """Return the filters of a convolution as pictures.

    Args:
        model: The model; the layer may be in a nested model.
        layer: Name of a 2-D convolution, its path (`"vgg16/block1_conv1"`), or the layer.

    Returns:
        float32 (filters, rows, columns, channels) in [0, 1], all filters on one scale: 0.5 is a
        weight of zero. The channels are those of the layer's input: the filters of a first layer
        are colour pictures, those of deeper layers are viewed channel by channel. A depthwise
        convolution has one channel. Published VGG and ResNet weights take BGR: reverse the channels
        of their first layer by `[..., ::-1]`.

    Raises:
        ValueError: There is no such layer, or it is no 2-D convolution.
    """
    layer = hooks.find(model, layer)
    if not layer.built:
        raise ValueError(f"{layer.name} of {model.name} has no weights yet: build the model")
    depthwise = isinstance(layer, keras_layers.DepthwiseConv2D | keras_layers.SeparableConv2D)
    if depthwise:
        first = getattr(layer, "depthwise_kernel", None)
        kernel = keras.ops.convert_to_numpy(layer.kernel if first is None else first)
        kernel = kernel.reshape(*kernel.shape[:2], 1, -1)
    elif isinstance(layer, keras_layers.Conv2D | keras_layers.Conv2DTranspose):
        kernel = keras.ops.convert_to_numpy(layer.kernel)
        if isinstance(layer, keras_layers.Conv2DTranspose):
            kernel = kernel.swapaxes(2, 3)
    else:
        raise ValueError(
            f"filters are those of a 2-D convolution; {layer.name} of {model.name} is "
            f"{type(layer).__name__}: name another layer"
        )
    kernel = np.moveaxis(kernel.astype("float32"), 3, 0)
    largest = np.abs(kernel).max()
    return 0.5 + kernel / (2 * largest) if largest > 0 else np.full_like(kernel, 0.5)


def feature_maps(
    model: keras.Model, image: np.ndarray, layers: str | Sequence[str]
) -> dict[str, np.ndarray]:
    """Return the outputs of layers for a picture, before and after their activation.

    `["c1", "s2"]` of LeNet-5 gives `"c1 before tanh"`, `"c1"` and `"s2"`: after the convolution,
    after its activation, after pooling. A layer without activation has one entry.

    Args:
        model: The model; the layers may be in nested models.
        image: (height, width, channels), prepared as the network needs it.
        layers: Names or paths of layers.

    Returns:
        Name -> output, in the order of `layers`: (rows, columns, channels) of a feature map,
        without the batch axis.

    Raises:
        ValueError: There is no such layer, it does not run exactly once, the picture has another
            size, or the model is neither functional nor Sequential.
    """
    model = as_functional(model, image_shape=np.shape(image))
    names = [layers] if isinstance(layers, str | keras.Layer) else list(layers)
    named = [(str(getattr(name, "name", name)), hooks.find(model, name)) for name in names]
    images = hooks.batch_of(model, image)
    before = {}
    with contextlib.ExitStack() as stack:
        after = stack.enter_context(hooks.recorded([layer for _, layer in named]))
        for layer in {id(layer): layer for _, layer in named}.values():
            if isinstance(layer, keras_layers.Activation) or not _activation_name(layer):
                continue  # the input of an activation layer is the output of the layer before it
            recording = _recording(layer.activation, before, layer)
            stack.enter_context(hooks.replaced(layer, activation=recording))
        hooks.run(model, images)
    maps = {}
    for name, layer in named:
        outputs = after[id(layer)]
        if len(outputs) != 1:
            raise ValueError(
                f"feature_maps shows layers that run once per picture; {layer.name} of "
                f"{model.name} ran {len(outputs)} times: name another"
            )
        if id(layer) in before:
            maps[f"{name} before {_activation_name(layer)}"] = _array(before[id(layer)])
        maps[name] = _array(outputs[0])
    return maps


def mosaic(pictures: np.ndarray, *, columns: int | None = None, gap: int = 1) -> np.ndarray:
    """Arrange pictures of one size in a grid, to view many filters or feature maps at once.

    Args:
        pictures: (pictures, rows, columns[, channels]); feature maps as
            `np.moveaxis(maps, -1, 0)`, filters of deep layers as `kernels[..., channel]`.
        columns: Pictures in a row; by default the grid is about as wide as high.
        gap: Pixels between pictures: NaN for floats, 0 for integers.

    Returns:
        One picture (height, width[, channels]).

    Raises:
        ValueError: There is no picture.
    """
    pictures = np.asarray(pictures)
    if pictures.ndim not in (3, 4) or not len(pictures):
        raise ValueError(
            "pictures must be (pictures, rows, columns) with or without channels, at least one; "
            f"received shape {pictures.shape}"
        )
    columns = columns or math.ceil(math.sqrt(len(pictures)))
    rows = math.ceil(len(pictures) / columns)
    height, width = pictures.shape[1] + gap, pictures.shape[2] + gap
    empty = np.nan if np.issubdtype(pictures.dtype, np.floating) else 0
    shape = (rows * height - gap, columns * width - gap, *pictures.shape[3:])
    canvas = np.full(shape, empty, pictures.dtype)
    for index, picture in enumerate(pictures):
        top, left = height * (index // columns), width * (index % columns)
        canvas[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return canvas


def _activation_name(layer):
    """Return the name of the activation at a layer's end, or None."""
    activation = getattr(layer, "activation", None)
    if activation is None or activation is keras.activations.linear:
        return None
    return getattr(activation, "__name__", None) or activation.name


def _recording(activation, before, layer):
    """Return the activation, made to record its input in `before`."""

    def call(x):
        before[id(layer)] = x
        return activation(x)

    call.__name__ = _activation_name(layer)
    return call


def _array(tensor):
    return keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32"))[0]
