"""Models in fewer bits: int8 by calibration on pictures, or weights in float16."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_cnn.explain import hooks

CALIBRATION = 128  # pictures; twice as many gave the same scores
_CORRECTION = 32  # pictures whose mean corrects the biases
_ONNX_WITH_KERNEL = ("Conv", "ConvTranspose", "Gemm", "MatMul")  # as their second input
_LAYERS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.Dense)


def correct_biases(model: keras.Model, images: np.ndarray, *, format: str) -> None:
    """Change biases in place, so that rounded weights do not shift the mean of any channel.

    The error of rounding a kernel, times the mean input, shifts the output of each channel. A
    depthwise kernel has nine weights per channel, whose errors do not average out: without the
    correction, MobileNet loses several points. Each bias, or the mean of the batch normalisation
    that follows, takes the shift back.

    Args:
        model: The model before its export.
        images: Calibration pictures (batch, height, width, channels), as the network takes them.
        format: "litert" or "onnx", which round to different numbers of steps.

    References:
        Nagel et al.: Data-Free Quantization Through Weight Equalization and Bias Correction, 2019,
        section 4.2. The mean input is measured here.
    """
    layers = {id(layer): layer for _, layer in hooks.operations(model)}.values()
    kernels = [layer for layer in layers if type(layer) in _LAYERS]
    norms = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    shifts = {id(layer): [] for layer in kernels}
    outputs, followers = [], {}

    def measuring(layer):
        original = layer.call
        error = _rounded(layer, format) - ops.convert_to_numpy(layer.kernel)

        def call(inputs, *args, **options):
            output = original(inputs, *args, **options)
            shifts[id(layer)].append(_shift(layer, ops.mean(inputs, axis=0, keepdims=True), error))
            outputs.append((output, layer))
            return output

        return call

    def finding(norm):
        original = norm.call

        def call(inputs, *args, **options):
            for output, layer in outputs:
                if output is inputs:
                    followers[id(layer)] = norm
            return original(inputs, *args, **options)

        return call

    with ExitStack() as stack:
        for layer in kernels:
            stack.enter_context(hooks.replaced(layer, call=measuring(layer)))
        for norm in norms:
            stack.enter_context(hooks.replaced(norm, call=finding(norm)))
        for start in range(0, min(len(images), _CORRECTION), 8):
            hooks.run(model, ops.convert_to_tensor(images[start : start + 8]))
            outputs.clear()
    for layer in kernels:
        if not shifts[id(layer)]:
            continue
        shift = np.mean(shifts[id(layer)], axis=0)
        if layer.use_bias:
            layer.bias.assign(layer.bias - shift)
        elif norm := followers.get(id(layer)):
            norm.moving_mean.assign(norm.moving_mean + shift)


def litert_options(precision: str, pixels: np.ndarray | None, *, dtype: str) -> dict[str, Any]:
    """Return the options of Keras' export to LiteRT.

    Args:
        precision: "float16" or "int8".
        pixels: Calibration pictures, 0 to 255; unused for "float16".
        dtype: Type of the pixels that the int8 model takes.
    """
    import tensorflow as tf  # Keras exports to LiteRT by TensorFlow

    options = {"optimizations": [tf.lite.Optimize.DEFAULT]}
    if precision == "float16":
        return options | {"target_spec": {"supported_types": [tf.float16]}}
    return options | {
        "target_spec": {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]},
        "representative_dataset": lambda: ([batch] for batch in _batches(pixels)),
        "inference_input_type": tf.as_dtype(dtype),
    }


def onnx_to_int8(path: Path, pixels: np.ndarray) -> None:
    """Quantize an ONNX file in place: QDQ, weights per channel.

    Scaling and softmax stay in float. Activations are uint8; weights have 7 bits, or 8 in depthwise
    layers. Processors without VNNI add two products in 16 bits, where 8-bit weights saturate: the
    answers would depend on the processor. Depthwise layers do not add that way.

    Args:
        path: The file.
        pixels: Calibration pictures (batch, height, width, channels), 0 to 255.
    """
    import onnx
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(quantization.CalibrationDataReader):
        def __init__(self, name, dtype):
            self.batches = ({name: batch.astype(dtype)} for batch in _batches(pixels))

        def get_next(self):
            return next(self.batches, None)

    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        folded = os.path.join(folder, "folded.onnx")
        quant_pre_process(str(path), folded, skip_symbolic_shape=True)
        model = onnx.load(folded)
        graph = model.graph
        _silence_dead_channels(graph)
        onnx.save(model, folded)
        entry = graph.input[0]
        dtype = onnx.helper.tensor_dtype_to_np_dtype(entry.type.tensor_type.elem_type)
        quantization.quantize_static(
            folded,
            str(path),
            Reader(entry.name, dtype),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            reduce_range=True,
            nodes_to_exclude=list(_left_in_float(graph)),
            extra_options={"TensorQuantOverrides": _depthwise_in_8_bits(graph)},
        )


def onnx_to_float16(path: Path) -> None:
    """Store the kernels of an ONNX file as float16, in place; it still computes in float32.

    Other tables, such as a detector's priors, keep their 32 bits.

    onnxruntime converts them once, when it loads the file.

    Args:
        path: The file.
    """
    import onnx

    model = onnx.load(path)
    casts = []
    with_kernel = [node for node in model.graph.node if node.op_type in _ONNX_WITH_KERNEL]
    kernels = {node.input[1] for node in with_kernel}
    for tensor in model.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or tensor.name not in kernels:
            continue
        halves = onnx.numpy_helper.to_array(tensor).astype(np.float16)
        if not np.isfinite(halves).all():
            continue
        name, stored = tensor.name, f"{tensor.name}_float16"
        tensor.CopyFrom(onnx.numpy_helper.from_array(halves, stored))
        to = onnx.TensorProto.FLOAT
        casts.append(onnx.helper.make_node("Cast", [stored], [name], f"{name}_cast", to=to))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, path)


def _batches(pixels) -> Iterator[np.ndarray]:
    """Yield pictures one by one. The first has black and white corners.

    They make sure that the range of the input is 0 to 255, whatever the pictures hold.
    """
    for number, picture in enumerate(pixels):
        batch = np.array(picture[None], "float32")
        if number == 0:
            batch[0, 0, 0], batch[0, -1, -1] = 0, 255
        yield batch


def _rounded(layer, format):
    """Return a kernel as the format rounds it, channel by channel."""
    kernel = ops.convert_to_numpy(layer.kernel)
    outputs = 2 if isinstance(layer, keras.layers.DepthwiseConv2D) else 1
    axes = tuple(range(kernel.ndim - outputs))
    largest = np.abs(kernel).max(axis=axes, keepdims=True)
    steps = 64 if format == "onnx" and outputs == 1 else 127
    step = np.where(largest == 0, 1, largest / steps)
    return np.round(kernel / step) * step


def _shift(layer, mean_input, error):
    """Return the mean output of a layer with the error for its kernel: (channels,)."""
    error = ops.cast(error, mean_input.dtype)
    if isinstance(layer, keras.layers.Dense):
        output = ops.matmul(mean_input, error)
    else:
        depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
        output = (ops.depthwise_conv if depthwise else ops.conv)(
            mean_input,
            error,
            strides=layer.strides,
            padding=layer.padding,
            data_format=layer.data_format,
            dilation_rate=layer.dilation_rate,
        )
    if getattr(layer, "data_format", None) == "channels_first":
        output = ops.moveaxis(output, 1, -1)
    return ops.convert_to_numpy(ops.mean(ops.reshape(output, (-1, output.shape[-1])), axis=0))


def _silence_dead_channels(graph):
    """Set kernels to 0 that are far smaller than their bias; its step would not fit into int32."""
    from onnx import numpy_helper

    tensors = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        names = list(node.input)[1:]
        if node.op_type != "Conv" or len(names) != 2 or not set(names) <= set(tensors):
            continue
        kernel, bias = (numpy_helper.to_array(tensors[name]) for name in names)
        largest = np.abs(kernel).max(axis=(1, 2, 3))
        dead = largest < 2e-5 * np.abs(bias)
        if dead.any():
            kernel = np.where(dead[:, None, None, None], np.float32(0), kernel)
            tensors[names[0]].CopyFrom(numpy_helper.from_array(kernel, names[0]))


def _depthwise_in_8_bits(graph):
    """Return the choices for depthwise kernels that differ from those for the others."""
    return {
        node.input[1]: [{"axis": 0, "reduce_range": False}]
        for node in graph.node
        if node.op_type == "Conv" and any(a.name == "group" and a.i > 1 for a in node.attribute)
    }


def _left_in_float(graph) -> Iterator[str]:
    """Yield the nodes in front of the first layer with weights, which scale, and softmax."""
    has_begun = False
    for node in graph.node:
        has_begun = has_begun or node.op_type in ("Conv", "Gemm", "MatMul")
        if not has_begun or node.op_type in ("Softmax", "Sigmoid"):
            yield node.name
