"""Cut a model: extract feature maps, or turn a classifier's head into convolutions.

Sources: Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic Segmentation"
(2015), section 3.1, https://arxiv.org/abs/1411.4038; Sermanet et al., "OverFeat" (2014), section
3.5, https://arxiv.org/abs/1312.6229.
"""

import dataclasses
import difflib
from collections.abc import Sequence

import keras
import numpy as np
from keras import layers

from keras_cnn.errors import InputError

# Global pooling -> the layer that pools within one window.
_POOLING = {
    layers.GlobalAveragePooling2D: layers.AveragePooling2D,
    layers.GlobalMaxPooling2D: layers.MaxPooling2D,
}
_POINTWISE = (layers.Activation, layers.BatchNormalization, layers.Dropout, layers.ReLU)
# What may follow a classifier's last dense layer.
_TAIL = (layers.Activation, layers.Softmax, layers.Reshape, layers.Flatten, layers.Dropout)


def as_functional(
    model: keras.Model,
    *,
    image_shape: tuple[int, int, int] | None = None,
    single_output: bool = False,
) -> keras.Model:
    """Return a user's model as a functional model of the same layers.

    A `keras.Sequential` is trained and saved like a functional model, but lacks its tensors `input`
    and `output`.

    Args:
        model: A functional model, which is returned as it is, or a `keras.Sequential`.
        image_shape: (height, width, channels) for a `keras.Sequential` without an input layer.
        single_output: Whether to refuse a model with several outputs.

    Raises:
        InputError: The model is another subclass of `keras.Model`, whose layers Keras does not
            know; its input shape is unknown; or it has several outputs.
    """
    is_sequential = isinstance(model, keras.Sequential)
    if is_sequential and not getattr(model, "inputs", None) and image_shape is not None:
        model.build((None, *image_shape))
    if not getattr(model, "inputs", None):
        if is_sequential:
            raise InputError(
                f"the input shape of the Sequential model {model.name} is unknown: begin it with "
                "keras.Input((height, width, channels))"
            )
        raise InputError(
            f"a model must be functional or Sequential, so that Keras knows its layers; "
            f"{model.name} is a {type(model).__name__}: build it as keras.Model(inputs, outputs)"
        )
    if single_output and len(model.outputs) != 1:
        raise InputError(
            f"a model must have one output; {model.name} has {len(model.outputs)}: pass "
            "keras.Model(model.inputs[0], model.outputs[0])"
        )
    if not is_sequential:
        return model
    if model.inputs[0].shape[0] is not None:  # a call with pictures built it for their number
        weights = model.get_weights()
        model = keras.models.clone_model(model, input_tensors=keras.Input(model.input_shape[1:]))
        model.set_weights(weights)
    return keras.Model(model.inputs[0], model.outputs[0], name=model.name)


def features(model: keras.Model, names: Sequence[str]) -> keras.Model:
    """Return the model whose outputs are those of the named layers.

    It shares the layers, hence the weights, of `model`; layers after the last named one are not
    run.

    Args:
        model: A functional or sequential model.
        names: Names of layers of `model`, e.g. `["block4_conv3", "block5_conv3"]` of VGG16.

    Returns:
        A model with a list of outputs, one per name and in the same order.

    Raises:
        ValueError: There is no name, or no layer of that name.
    """
    names = [names] if isinstance(names, str) else list(names)
    if not names:
        raise ValueError(f"features needs at least one layer name of {model.name}; received none")
    known = {layer.name: layer for layer in model.layers}
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or list(known)[-3:]
            raise ValueError(
                f"{model.name} has no layer {name!r}; close names are {', '.join(close)} "
                "(model.summary() lists all)"
            )
    inputs = model.inputs[0] if len(model.inputs) == 1 else model.inputs
    outputs = [known[name].output for name in names]
    return keras.Model(inputs, outputs, name=f"{model.name}_features")


@dataclasses.dataclass(frozen=True)
class Penultimate:
    """What a classifier's last layer takes, and the weights by which it scores the classes.

    Attributes:
        model: From pictures to vectors (batch, features); it shares the classifier's layers.
        kernel: (features, classes).
        bias: (classes,).
    """

    model: keras.Model
    kernel: np.ndarray
    bias: np.ndarray

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Return the scores before softmax.

        Args:
            features: (batch, features).

        Returns:
            (batch, classes).
        """
        return features @ self.kernel + self.bias


def penultimate(model: keras.Model) -> Penultimate:
    """Cut a classifier before its last layer with weights.

    Args:
        model: A functional classifier that ends with a dense layer, or with a 1 x 1 convolution of
            a single position as MobileNet does, and softmax or nothing after it.

    Raises:
        ValueError: It ends with other layers.
    """
    plain = (keras.activations.linear, keras.activations.softmax)
    layer = model.layers[-1]
    for layer in reversed(model.operations):
        if getattr(layer, "activation", plain[0]) not in plain or not isinstance(layer, _TAIL):
            break
    of_vector = _is_1x1(layer) and all(side == 1 for side in layer.input.shape[1:3])
    of_vector = of_vector or (isinstance(layer, layers.Dense) and len(layer.input.shape) == 2)
    if not of_vector or layer.activation not in plain:
        raise ValueError(
            f"a classifier must end with a dense layer and softmax; {model.name} ends with "
            f"{layer.name}, a {type(layer).__name__}"
        )
    features = layer.input
    if len(features.shape) > 2:
        features = layers.Flatten()(features)
    kernel, *bias = layer.get_weights()
    kernel = kernel.reshape(-1, kernel.shape[-1])
    return Penultimate(
        keras.Model(model.inputs[0], features, name=f"{model.name}_penultimate"),
        kernel,
        bias[0] if bias else np.zeros(len(kernel.T), kernel.dtype),
    )


def to_fully_convolutional(model: keras.Model) -> keras.Model:
    """Turn the head of a classifier into convolutions, so that it slides over larger pictures.

    A dense layer after `Flatten` takes the whole feature map, so it equals a convolution whose
    kernel is as large as that map (7 x 7 for VGG16 at 224 x 224). The dense layers after it equal
    1 x 1 convolutions. Global pooling becomes pooling over a window of the same size with stride 1.
    Weights are copied, not shared: the result needs its own memory and can be trained on its own.

    At the native size the answer is that of the classifier. On a larger picture each cell is the
    answer for the window under it; windows are one stride of the network (32 pixels for VGG16)
    apart. This is exact for networks without padding. A network with padding sees the pixels around
    a window where it would see zeros around a cropped picture.

    Args:
        model: A classifier with one input `(height, width, channels)` of fixed size, one output,
            and `Flatten` or global pooling before its dense layers.

    Returns:
        A model from `(batch, rows, columns, channels)`, rows and columns at least the native size,
        to scores `(batch, rows', columns', classes)`; softmax, if any, runs over the last axis.

    Raises:
        ValueError: The model has no such head, or its input size is not fixed.
    """
    cut = _end_of_trunk(model)
    pool, head = model.layers[cut], model.layers[cut + 1 :]
    window = tuple(pool.input.shape[1:3])
    if None in window:
        raise ValueError(
            f"to_fully_convolutional needs the native size of {model.name}; its input is "
            f"{model.input_shape}: build it with a fixed input_shape=(height, width, channels)"
        )
    native, feature_map = model.inputs[0], _feature_map(model, cut)
    x = inputs = keras.Input((None, None, model.input_shape[-1]), dtype=native.dtype)
    if feature_map is not native:  # there are layers before the head
        trunk = keras.Model(native, feature_map)
        slid = keras.models.clone_model(trunk, input_tensors=inputs)
        slid.set_weights(trunk.get_weights())
        x = slid.output
    if not isinstance(pool, layers.Flatten):
        windowed = _POOLING[type(pool)]
        x = windowed(window, strides=1, padding="valid", name=pool.name, dtype=pool.dtype_policy)(x)
        window = (1, 1)
    pairs = []
    for layer in head:
        convolution = _convolutional(layer, window, model)
        if convolution is None:
            continue
        x = convolution(x)
        pairs.append((layer, convolution))
        if isinstance(layer, (layers.Dense, layers.Conv2D)):
            window = (1, 1)
    for layer, convolution in pairs:
        values = zip(layer.get_weights(), convolution.weights, strict=True)
        convolution.set_weights([value.reshape(weight.shape) for value, weight in values])
    return keras.Model(inputs, x, name=f"{model.name}_fully_convolutional")


def _end_of_trunk(model):
    """Return the index of the layer that turns feature maps into a vector."""
    if len(model.inputs) != 1 or len(model.outputs) != 1 or len(model.input_shape) != 4:
        raise ValueError(
            "to_fully_convolutional takes a classifier with one picture in and one answer out; "
            f"{model.name} has inputs {model.input_shape} and outputs {model.output_shape}"
        )
    kinds = (layers.Flatten, *_POOLING)
    ends = [index for index, layer in enumerate(model.layers) if isinstance(layer, kinds)]
    dense = ends and any(
        isinstance(layer, (layers.Dense, layers.Conv2D)) for layer in model.layers[ends[-1] :]
    )
    if not dense:
        raise ValueError(
            "to_fully_convolutional needs Flatten or global pooling followed by dense layers; "
            f"{model.name} has none: build it with include_top=True"
        )
    return ends[-1]


def _feature_map(model, cut):
    """Return the input of the head; adaptive pooling before it is left out.

    At the native size such pooling changes nothing.
    """
    before, pool = model.layers[max(cut - 1, 0)], model.layers[cut]
    if not isinstance(before, layers.AdaptiveAveragePooling2D):
        return pool.input
    if before.input.shape != before.output.shape:
        raise ValueError(
            f"{before.name} of {model.name} resizes {before.input.shape[1:3]} feature maps to "
            f"{before.output.shape[1:3]}, which no convolution can do: build the network at the "
            "size where both are equal (224 x 224 for AlexNet)"
        )
    return before.input


def _convolutional(layer, window, model):
    """Return the convolutional counterpart of a layer of the head; None for a reshape."""
    if isinstance(layer, layers.Dense):
        return layers.Conv2D(
            layer.units,
            window,
            padding="valid",
            activation=layer.activation,
            use_bias=layer.use_bias,
            trainable=layer.trainable,
            dtype=layer.dtype_policy,
            name=layer.name,
        )
    if isinstance(layer, layers.Reshape):  # MobileNet's (1, 1, 1000) -> (1000,)
        return None
    if isinstance(layer, _POINTWISE) or _is_1x1(layer):
        return type(layer).from_config(layer.get_config())
    raise ValueError(
        "to_fully_convolutional takes heads of dense layers, 1x1 convolutions, activations, "
        f"dropout and batch normalization; {layer.name} of {model.name} is "
        f"{type(layer).__name__}: replace it"
    )


def _is_1x1(layer):
    return isinstance(layer, layers.Conv2D) and layer.kernel_size == (1, 1)
