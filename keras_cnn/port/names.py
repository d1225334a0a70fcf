"""Names of Keras 1 and 2: where Keras 3 has them, and why it lacks the others.

A name is canonical if it begins with ``keras.``, also where a script writes ``tf.keras`` or
``tensorflow.python.keras``.
"""

import re

from keras_cnn.port.arguments import DROPPED, POSITIONAL, RENAMED
from keras_cnn.port.removed import NO_SESSIONS, REMOVED

_ROOTS = (  # beginning in a script -> beginning that works
    ("tensorflow.python.keras.api._v1.keras", "tensorflow.keras"),
    ("tensorflow.python.keras", "tensorflow.keras"),
    ("tensorflow.contrib.keras.python.keras", "tensorflow.keras"),
    ("tensorflow.contrib.keras.api.keras", "tensorflow.keras"),
    ("tensorflow.contrib.keras", "tensorflow.keras"),
    ("tensorflow.compat.v1.keras", "tensorflow.keras"),
    ("tensorflow.compat.v2.keras", "tensorflow.keras"),
    ("tensorflow.keras", "tensorflow.keras"),
    ("keras.api._v2.keras", "keras"),
    ("keras.api.keras", "keras"),
    ("keras_preprocessing", "keras"),
    ("keras_applications", "keras"),
    ("keras", "keras"),
)
_UNDER = {"keras_preprocessing": "preprocessing", "keras_applications": "applications"}

MODULES = {  # old module -> module of Keras 3 that has its names
    **{
        f"keras.layers.{name}": "keras.layers"
        for name in (
            "advanced_activations convolutional convolutional_recurrent core cudnn_recurrent "
            "dense_attention embeddings merge noise normalization normalization_v2 pooling "
            "recurrent recurrent_v2 wrappers experimental experimental.preprocessing"
        ).split()
    },
    **{
        f"keras.utils.{name}": "keras.utils"
        for name in (
            "all_utils data_utils generic_utils io_utils layer_utils multi_gpu_utils np_utils "
            "training_utils vis_utils visualize_util"
        ).split()
    },
    **{
        f"keras.{package}.{name}": "keras.optimizers"
        for package in ("optimizers", "optimizer_v2", "optimizers.legacy")
        for name in (
            "adadelta adagrad adam adamax ftrl gradient_descent nadam rmsprop sgd adadelta_v2 "
            "adagrad_v2 adam_v2 adamax_v2 gradient_descent_v2 nadam_v2 rmsprop_v2 optimizer_v2"
        ).split()
    },
    "keras.optimizers.experimental": "keras.optimizers",
    "keras.optimizers.legacy": "keras.optimizers",
    "keras.backend.tensorflow_backend": "keras.backend",
    "keras.backend.common": "keras.backend",
    "keras.callbacks.callbacks": "keras.callbacks",
    "keras.initializations": "keras.initializers",
    "keras.objectives": "keras.losses",
    "keras.preprocessing.image.image_data_generator": "keras.preprocessing.image",
    "keras.mixed_precision.experimental": "keras.mixed_precision",
}

_KERAS_1_LAYERS = {
    "AtrousConv1D": "Conv1D",
    "AtrousConv2D": "Conv2D",
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution2DTranspose": "Conv2DTranspose",
    "Convolution3D": "Conv3D",
    "CuDNNGRU": "GRU",
    "CuDNNLSTM": "LSTM",
    "Deconv2D": "Conv2DTranspose",
    "Deconvolution2D": "Conv2DTranspose",
    "SeparableConvolution1D": "SeparableConv1D",
    "SeparableConvolution2D": "SeparableConv2D",
    "ThresholdedReLU": "ReLU",
}
OBJECTS = {  # old name -> name in Keras 3
    **{f"keras.layers.{old}": f"keras.layers.{new}" for old, new in _KERAS_1_LAYERS.items()},
    **{
        f"keras.engine.{module}{name}": new
        for module in (
            "",
            "topology.",
            "training.",
            "input_layer.",
            "base_layer.",
            "network.",
            "sequential.",
            "functional.",
            "saving.",
            "input_spec.",
            "data_adapter.",
            "keras_tensor.",
        )
        for name, new in {
            "Container": "keras.models.Model",
            "Functional": "keras.models.Model",
            "Input": "keras.layers.Input",
            "InputLayer": "keras.layers.InputLayer",
            "InputSpec": "keras.layers.InputSpec",
            "Layer": "keras.layers.Layer",
            "Model": "keras.models.Model",
            "Network": "keras.models.Model",
            "Sequential": "keras.models.Sequential",
            "get_source_inputs": "keras.utils.get_source_inputs",
            "load_model": "keras.models.load_model",
            "merge": "keras.layers.merge",
            "save_model": "keras.models.save_model",
        }.items()
    },
    **{
        f"keras.{module}.{old}": f"keras.{module}.{new}"
        for module in ("losses", "metrics")
        for old, new in {
            "KLD": "kl_divergence",
            "MAE": "mean_absolute_error",
            "MAPE": "mean_absolute_percentage_error",
            "MSE": "mean_squared_error",
            "MSLE": "mean_squared_logarithmic_error",
            "kld": "kl_divergence",
            "kullback_leibler_divergence": "kl_divergence",
            "logcosh": "log_cosh",
            "mae": "mean_absolute_error",
            "mape": "mean_absolute_percentage_error",
            "mse": "mean_squared_error",
            "msle": "mean_squared_logarithmic_error",
        }.items()
    },
    "keras.constraints.maxnorm": "keras.constraints.MaxNorm",
    "keras.constraints.nonneg": "keras.constraints.NonNeg",
    "keras.constraints.unitnorm": "keras.constraints.UnitNorm",
    "keras.initializers.normal": "keras.initializers.RandomNormal",
    "keras.initializers.one": "keras.initializers.Ones",
    "keras.initializers.uniform": "keras.initializers.RandomUniform",
    "keras.initializers.zero": "keras.initializers.Zeros",
    "keras.models.Input": "keras.layers.Input",
    "keras.mixed_precision.set_policy": "keras.mixed_precision.set_global_policy",
    "keras.optimizers.adadelta": "keras.optimizers.Adadelta",
    "keras.optimizers.adagrad": "keras.optimizers.Adagrad",
    "keras.optimizers.adam": "keras.optimizers.Adam",
    "keras.optimizers.adamax": "keras.optimizers.Adamax",
    "keras.optimizers.nadam": "keras.optimizers.Nadam",
    "keras.optimizers.rmsprop": "keras.optimizers.RMSprop",
    "keras.optimizers.sgd": "keras.optimizers.SGD",
    "keras.regularizers.WeightRegularizer": "keras.regularizers.L1L2",
    "keras.regularizers.activity_l1": "keras.regularizers.l1",
    "keras.regularizers.activity_l1l2": "keras.regularizers.l1_l2",
    "keras.regularizers.activity_l2": "keras.regularizers.l2",
    "keras.regularizers.l1l2": "keras.regularizers.l1_l2",
    "keras.utils.plot": "keras.utils.plot_model",
    "keras.backend.get_variable_shape": "keras.backend.int_shape",
    "keras.backend.random_binomial": "keras.backend.random_bernoulli",
}
TENSORFLOW = {  # names of TensorFlow 1 that scripts with Keras use
    "tensorflow.set_random_seed": "tensorflow.random.set_seed",
    "tensorflow.random.set_random_seed": "tensorflow.random.set_seed",
    "tensorflow.compat.v1.set_random_seed": "tensorflow.random.set_seed",
    "tensorflow.log": "tensorflow.math.log",
    "tensorflow.logging": "tensorflow.compat.v1.logging",
    "tensorflow.image.resize_images": "tensorflow.image.resize",
    "tensorflow.depth_to_space": "tensorflow.nn.depth_to_space",
    "tensorflow.space_to_depth": "tensorflow.nn.space_to_depth",
    "tensorflow.image.resize_bilinear": "tensorflow.image.resize",
    "tensorflow.random_normal": "tensorflow.random.normal",
    "tensorflow.random_uniform": "tensorflow.random.uniform",
    "tensorflow.truncated_normal": "tensorflow.random.truncated_normal",
    "tensorflow.debugging.is_nan": "tensorflow.math.is_nan",
    "tensorflow.read_file": "tensorflow.io.read_file",
    **{
        f"tensorflow.{name}": f"tensorflow.math.{name}"
        for name in "ceil is_finite is_inf is_nan log1p rsqrt".split()
    },
    **{
        f"tensorflow.{name}": f"tensorflow.compat.v1.{name}"
        for name in "Print div py_func to_double to_float to_int32 to_int64".split()
    },
}
# TensorFlow itself, as a name that the backend of Keras 2 happened to have.
IN_BACKEND = re.compile(r"(tensorflow\.)?keras\.backend\.(tf|control_flow_ops)(?=\.|$)")
_IN_TENSORFLOW = set(  # names under ``tf`` that TensorFlow 1 and 2 share
    "Assert DType Graph IndexedSlices SparseTensor Tensor TensorArray TensorShape Variable abs "
    "acos add add_n argmax argmin argsort as_dtype as_string asin assert_equal assert_greater "
    "assert_less assert_rank atan atan2 bitcast bool boolean_mask broadcast_to case cast "
    "clip_by_global_norm clip_by_norm clip_by_value complex complex64 concat cond constant "
    "constant_initializer control_dependencies convert_to_tensor cos cosh cumsum custom_gradient "
    "data debugging device divide dtypes dynamic_partition dynamic_stitch einsum ensure_shape "
    "equal errors exp expand_dims eye fill float16 float32 float64 floor foldl foldr gather "
    "gather_nd gradients greater greater_equal group identity identity_n image int16 int32 int64 "
    "int8 io is_tensor keras less less_equal linalg linspace logical_and logical_not logical_or "
    "losses map_fn math matmul maximum meshgrid minimum multiply name_scope negative newaxis nn "
    "no_op norm not_equal numpy_function one_hot ones ones_initializer ones_like pad pow print "
    "py_function random range rank realdiv reduce_all reduce_any reduce_logsumexp reduce_max "
    "reduce_mean reduce_min reduce_prod reduce_sum repeat reshape reverse reverse_sequence roll "
    "round scan scatter_nd searchsorted sequence_mask shape sigmoid sign signal sin sinh size "
    "slice sort space_to_batch sparse split sqrt square squeeze stack stop_gradient strided_slice "
    "string strings subtract tan tanh tensordot tile transpose truediv tuple uint16 uint32 uint64 "
    "uint8 unique unstack where while_loop zeros zeros_initializer zeros_like".split()
)
_TENSORFLOW_1 = re.compile(
    r"tensorflow\.(Session|InteractiveSession|placeholder|get_default_graph|ConfigProto|GPUOptions"
    r"|reset_default_graph|global_variables_initializer|contrib|app|flags|layers)\b"
)

_TENSORFLOW_LOSSES = {  # names of functions under ``tensorflow.keras.losses`` and ``metrics``
    "kl_divergence": "KLD",
    "log_cosh": "logcosh",
    "mean_absolute_error": "MAE",
    "mean_absolute_percentage_error": "MAPE",
    "mean_squared_error": "MSE",
    "mean_squared_logarithmic_error": "MSLE",
}
# Keras 3 on TensorFlow still has these, under ``tensorflow.keras`` only.
_ON_TENSORFLOW = {
    "keras.preprocessing.text",
    "keras.preprocessing.sequence.TimeseriesGenerator",
    "keras.preprocessing.sequence.make_sampling_table",
    "keras.preprocessing.sequence.skipgrams",
    "keras.layers.RandomHeight",
    "keras.layers.RandomWidth",
}
KEPT_IN_BACKEND = set(
    "backend clear_session epsilon floatx get_uid image_data_format is_float_dtype is_int_dtype "
    "is_keras_tensor result_type set_epsilon set_floatx set_image_data_format "
    "standardize_dtype".split()
)
KEPT_IN_IMAGE = set("array_to_img img_to_array load_img save_img smart_resize".split())
_LEGACY_IMAGE = set(
    "BatchFromFilesMixin DataFrameIterator DirectoryIterator Iterator NumpyArrayIterator "
    "apply_affine_transform apply_brightness_shift apply_channel_shift flip_axis pair "
    "random_brightness random_channel_shift random_rotation random_shear random_shift "
    "random_zoom".split()
)

KNOWN = {  # under ``keras.``: names whose calls may change
    *RENAMED,
    *DROPPED,
    *POSITIONAL,
    "callbacks.ModelCheckpoint",
    "layers.merge",
    "models.Sequential",
    "models.load_model",
    "utils.multi_gpu_model",
}


def split(name: str) -> tuple[str, str] | None:
    """Return the beginning of a name that works today, and its canonical name.

    Args:
        name: The full name in the script, such as "tensorflow.python.keras.layers.Dense".

    Returns:
        "keras" or "tensorflow.keras", and "keras.layers.Dense"; None if it is not of Keras.
    """
    for beginning, root in _ROOTS:
        if name == beginning or name.startswith(f"{beginning}."):
            rest = name[len(beginning) :]
            if package := _UNDER.get(beginning):
                rest = f".{package}{rest}"
            return root, f"keras{rest}"
    return None


def canonical(name: str) -> str:
    """Return the name as Keras 3 writes it under ``keras``; a removed name stays as it is.

    Args:
        name: A full name, with any beginning.
    """
    parts = split(name)
    if parts is None:
        return TENSORFLOW.get(name, name)
    name = parts[1]
    module, _, last = name.rpartition(".")
    name = f"{MODULES.get(module, module)}.{last}" if module else name
    return OBJECTS.get(name, name)


def unrenamed(name: str) -> str:
    """Return a canonical name in its new module, but with its old last part.

    Args:
        name: A full name, with any beginning.
    """
    parts = split(name)
    if parts is None:
        return name
    module, _, last = parts[1].rpartition(".")
    return f"{MODULES.get(module, module)}.{last}" if module else parts[1]


def modern(name: str) -> str:
    """Return the full name that works in Keras 3; the same name if it works already.

    Args:
        name: The full name in the script.
    """
    parts = split(name)
    if parts is None:
        for old, new in TENSORFLOW.items():
            if name == old or name.startswith(f"{old}."):
                return new + name[len(old) :]
        return name
    root, new = parts[0], canonical(name)
    last = new.rpartition(".")[2]
    if new.startswith("keras.preprocessing.image."):
        if last == "ImageDataGenerator":
            return "keras_cnn.ImageDataGenerator"
        if last in _LEGACY_IMAGE:
            return f"keras_cnn.legacy.{last}"
        if last in KEPT_IN_IMAGE and not name.startswith(("keras.pre", "tensorflow.keras.pre")):
            return f"{root}.utils.{last}"
    if new.startswith("keras.backend.") and last not in KEPT_IN_BACKEND:
        root = "tensorflow.keras"
    if any(new == old or new.startswith(f"{old}.") for old in _ON_TENSORFLOW):
        root = "tensorflow.keras"
    if root == "tensorflow.keras" and re.match(r"keras\.(losses|metrics)\.", new):
        new = new.rpartition(".")[0] + "." + _TENSORFLOW_LOSSES.get(last, last)
    return root + new[len("keras") :]


def modern_module(name: str) -> str:
    """Return the full name of a module that holds an old module's names.

    Args:
        name: The full name of the module in the script.
    """
    parts = split(name)
    if parts is None:
        return TENSORFLOW.get(name, name)
    root, old = parts
    new = MODULES.get(old, old)
    if any(new == kept or new.startswith(f"{kept}.") for kept in _ON_TENSORFLOW):
        root = "tensorflow.keras"
    return root + new[len("keras") :]


def in_tensorflow(name: str) -> str | None:
    """Return the name in TensorFlow of what Keras 2's backend had from there.

    Args:
        name: A full name that `IN_BACKEND` matches.

    Returns:
        The name, such as "tf.cond"; None if TensorFlow 2 is not known to have it.
    """
    match = IN_BACKEND.match(name)
    rest = name[match.end() :]
    new = modern(f"tensorflow{rest}").removeprefix("tensorflow")
    first = rest[1:].partition(".")[0]
    if new == rest and first not in _IN_TENSORFLOW and (first or match[2] != "tf"):
        return None
    return f"tf{new}"


def why_removed(name: str) -> str | None:
    """Return why Keras 3 lacks a name and what to do, or None if it has it.

    Args:
        name: The full name in the script.
    """
    new = canonical(name)
    for old, reason in REMOVED.items():
        if new == old or new.startswith(f"{old}."):
            return f"{new.rpartition('.')[2]}: {reason}"
    if match := _TENSORFLOW_1.match(name):
        return f"{match[0]}: {NO_SESSIONS}"
    return None


def is_known(name: str) -> bool:
    """Return whether a name that a star import may bind is in one of the tables.

    Args:
        name: The module that is imported with a star, and a name of the script.
    """
    if modern(name) != name or why_removed(name) is not None:
        return True
    return canonical(name).removeprefix("keras.") in KNOWN
