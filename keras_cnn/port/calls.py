"""Calls of Keras' classes and functions: layers, optimizers, callbacks, models."""

import re

import libcst as cst

from keras_cnn.i18n import N_
from keras_cnn.port import arguments, names, syntax
from keras_cnn.port.context import Context

_SEQUENCES = ("layers.LSTM", "layers.GRU", "layers.SimpleRNN", "layers.Conv1D")
_FIRST_LAYERS = ("layers.Conv2D", "layers.Input", "layers.MaxPooling2D", "layers.ZeroPadding2D")
_OLD_LEARNING_RATES = {  # where Keras 2 and Keras 3 differ
    "optimizers.Adadelta": "1.0",
    "optimizers.Adagrad": "0.01",
    "optimizers.Adamax": "0.002",
    "optimizers.Nadam": "0.002",
}
_KERNEL_DIMENSIONS = {  # class -> keywords of Keras 1 for the kernel's sides
    "layers.Conv2D": ("nb_row", "nb_col"),
    "layers.Conv2DTranspose": ("nb_row", "nb_col"),
    "layers.SeparableConv2D": ("nb_row", "nb_col"),
    "layers.ConvLSTM2D": ("nb_row", "nb_col"),
    "layers.Conv3D": ("kernel_dim1", "kernel_dim2", "kernel_dim3"),
}


def rewrite(original: cst.Call, call: cst.Call, context: Context) -> cst.BaseExpression:
    """Return a call of something of Keras with the arguments of Keras 3.

    Args:
        original: The call before any change.
        call: The call with its parts rewritten.
        context: The context.
    """
    kind = context.facts.kind(original.func)
    if not kind:
        return _phase_dropped(original, call, context)
    if kind == "backend.function" and is_mended("keras.backend.function", context):
        return _function(original, call, context)
    if kind == "layers.merge":
        return _merge(original, call, context)
    if kind == "utils.multi_gpu_model":
        context.report(
            original,
            N_("multi_gpu_model is removed: one device is used; see keras.distribution"),
        )
        return syntax.argument(call.args, "model", position=0) or call
    if kind in ("backend.set_image_data_format", "backend.set_image_dim_ordering"):
        return _data_format_call(original, call, context)
    if kind == "backend.image_dim_ordering":
        return call.with_changes(
            func=call.func.with_changes(attr=cst.Name("image_data_format"))
            if isinstance(call.func, cst.Attribute)
            else cst.Name("image_data_format")
        )
    if kind == "backend.set_value":
        return _set_value(call)
    args = list(call.args)
    full = context.facts.full_name(original.func)
    if kind in _KERNEL_DIMENSIONS:
        args = _kernel(args, kind=kind, full=full)
    if kind.startswith("optimizers."):
        args = _optimizer(original, args, kind=kind, full=full, context=context)
    table = arguments.RENAMED.get(kind, {})
    args = syntax.renamed(
        args, {old: new for old, new in table.items() if not syntax.has(args, new)}
    )
    args = syntax.without(args, *arguments.DROPPED.get(kind, ()))
    if kind.startswith("layers.") or "dim_ordering" in table:
        args = _data_format(args)
        args = _input_shape(original, args, kind=kind, context=context)
    if kind == "callbacks.ModelCheckpoint":
        args = _period(original, args, context)
    if kind.endswith(("image.load_img", "utils.load_img")) and syntax.has(args, "grayscale"):
        grey = syntax.literal(syntax.argument(args, "grayscale"))
        args = syntax.without(args, "grayscale")
        if grey:
            args = syntax.with_argument(args, "color_mode", cst.SimpleString('"grayscale"'))
    return call if args == list(call.args) else call.with_changes(args=args)


def merge_function(call: cst.Call) -> str | None:
    """Return the function of Keras 3 for a call of Keras 1's `merge`, or None.

    Args:
        call: The call.
    """
    mode = syntax.argument(call.args, "mode", position=1)
    mode = "sum" if mode is None else syntax.literal(mode)
    return arguments.MERGE_MODES.get(mode) if isinstance(mode, str) else None


def is_mended(full: str, context: Context) -> bool:
    """Return whether a name of Keras' backend is removed, and its calls are mended.

    Args:
        full: The full name.
        context: The context.
    """
    kind = names.canonical(full).removeprefix("keras.")
    if kind not in ("backend.function", "backend.learning_phase"):
        return False
    if not context.uses("backend.function") or "Function" in context.facts.bound:
        return False
    if context.facts.phases > 0:
        return False
    return not context.uses("backend.gradients", "backend.in_train_phase")


def _function(original, call, context):
    """Return ``Function(inputs, outputs)`` for ``K.function(inputs, outputs)``."""
    args = syntax.without(syntax.named(call.args, ("inputs", "outputs", "updates")), "name")
    inputs, outputs = (syntax.argument(args, name) for name in ("inputs", "outputs"))
    updates = syntax.code(syntax.argument(args, "updates"))
    inputs = inputs and _without_phase(inputs)
    if inputs is None or outputs is None or updates not in ("", "[]", "None"):
        context.report(original, names.why_removed("keras.backend.function"))
        return call
    text = f"({syntax.code(inputs)}, {syntax.code(outputs)})"
    if original not in (value for each in context.facts.values.values() for value in each):
        if "learning_phase" in syntax.code(original):
            context.report(original, N_("learning_phase is removed: call the function without it"))
    name = context.imported("keras.Function")
    return cst.parse_expression(name.value + text)


def _without_phase(inputs):
    """Return the inputs of a backend function without the learning phase; None if unknown."""
    if isinstance(inputs, cst.BinaryOperation) and "learning_phase" in syntax.code(inputs.right):
        return inputs.left
    if "learning_phase" not in syntax.code(inputs):
        return inputs
    if not isinstance(inputs, cst.List):
        return None
    return _without_last(inputs) if "learning_phase" in syntax.code(inputs.elements[-1]) else None


def _without_last(items):
    kept = list(items.elements[:-1])
    kept[-1] = kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return items.with_changes(elements=kept)


def _phase_dropped(original, call, context):
    """Return the call of a backend function without the value of its learning phase."""
    if syntax.code(original.func) not in context.facts.phased or not call.args:
        return call
    if not is_mended("keras.backend.function", context):
        return call
    items = call.args[0].value
    if not isinstance(items, cst.List) or len(items.elements) < 2:
        context.report(original, N_("learning_phase is removed: pass the inputs without it"))
        return call
    if syntax.literal(items.elements[-1].value) not in (0, None):
        context.report(original, N_("keras.Function does not train: call model(x, training=True)"))
    return call.with_changes(args=[call.args[0].with_changes(value=_without_last(items))])


def _merge(original, call, context):
    function = merge_function(original)
    if function is None:
        context.report(
            original,
            N_("merge: its mode is no constant string: use keras.layers.Lambda or a layer"),
        )
        return call
    mode = syntax.literal(syntax.argument(original.args, "mode", position=1))
    args = syntax.named(call.args, ("inputs", "mode", "dot_axes", "concat_axis"), after=1)
    args = syntax.without(args, "mode", "output_shape", "output_mask", "arguments", "node_indices")
    args = syntax.without(args, "tensor_indices")
    args = syntax.without(args, "concat_axis" if function != "concatenate" else "dot_axes")
    args = syntax.without(args, "dot_axes") if function not in ("dot",) else args
    args = syntax.renamed(args, {"concat_axis": "axis", "dot_axes": "axes"})
    if function == "dot" and not syntax.has(args, "axes"):
        args = syntax.with_argument(args, "axes", cst.parse_expression("-1"))
    if mode == "cos":
        args = syntax.with_argument(args, "normalize", cst.Name("True"))
    if isinstance(call.func, cst.Attribute):
        func = call.func.with_changes(attr=cst.Name(function))
    else:  # the import of `merge` becomes an import of its functions
        func = cst.Name(function)
    return call.with_changes(func=func, args=args)


def _kernel(args, *, kind, full):
    """Merge the kernel's sides, which Keras 1 took one by one, into a tuple."""
    sides = _KERNEL_DIMENSIONS[kind]
    number = len(sides)
    plain = [arg.keyword is None and not arg.star for arg in args]
    if kind == "layers.Conv2DTranspose" and sum(plain) == 4:
        args = args[:3] + args[4:]
        plain = plain[:3] + plain[4:]
    root = names.split(full)[0]
    positional = len(args) > number and all(plain[: number + 1])
    values = [arg.value for arg in args[1 : number + 1]]
    tuples = any(isinstance(value, cst.Tuple | cst.List | cst.SimpleString) for value in values)
    if positional and not tuples and root == "keras":
        return syntax.merged(args, 1, number)
    given = [syntax.argument(args, side, position=place) for place, side in enumerate(sides, 1)]
    if all(given) and any(syntax.has(args, side) for side in sides):
        kept = [arg for arg, is_plain in zip(args, plain, strict=True) if is_plain][:1]
        rest = [arg for arg in args if arg.keyword is not None and arg.keyword.value not in sides]
        kept = [arg.with_changes(comma=syntax.COMMA) for arg in kept]
        return syntax.with_argument([*kept, *rest], "kernel_size", syntax.tuple_of(given))
    return args


def _data_format(args):
    value = syntax.argument(args, "data_format")
    text = syntax.literal(value)
    if text == "default":
        return syntax.without(args, "data_format")
    if text in arguments.DIM_ORDERINGS:
        new = syntax.string(arguments.DIM_ORDERINGS[text], like=value)
        return syntax.with_argument(args, "data_format", new)
    return args


def _input_shape(original, args, *, kind, context):
    if kind in _SEQUENCES and syntax.has(args, "input_dim"):
        length = syntax.argument(args, "input_length") or cst.Name("None")
        shape = syntax.tuple_of([length, syntax.argument(args, "input_dim")])
        args = syntax.without(args, "input_dim", "input_length")
        return syntax.with_argument(args, "input_shape", shape)
    if kind == "layers.Input":
        shape = syntax.argument(args, "shape", position=0)
        if isinstance(shape, cst.Integer):
            bare = shape.with_changes(lpar=[], rpar=[])
            new = syntax.tuple_of([bare])
            return [arg.with_changes(value=new) if arg.value is shape else arg for arg in args]
    if _is_channels_first(args, kind=kind, context=context):
        context.report(
            original,
            N_(
                "if these are pictures, the shape begins with the channels, as Theano took them: "
                "Keras takes the channels last; change the shape and the data, or call "
                'keras.config.set_image_data_format("channels_first") on a GPU'
            ),
        )
    if syntax.has(args, "batch_input_shape"):
        shape = syntax.argument(args, "batch_input_shape")
        stateful = syntax.argument(args, "stateful")
        if isinstance(shape, cst.Tuple) and syntax.literal(stateful) in (None, False):
            rest = syntax.tuple_of([element.value for element in shape.elements[1:]])
            args = syntax.renamed(args, {"batch_input_shape": "input_shape"})
            return syntax.with_argument(args, "input_shape", rest)
        context.report(
            original,
            N_("batch_input_shape: begin the model with keras.Input(batch_shape=...) instead"),
        )
    if syntax.has(args, "weights") and kind.startswith("layers.") and kind != "layers.Embedding":
        context.report(
            original, N_("weights=: call layer.set_weights(...) after the model is built")
        )
    return args


def _is_channels_first(args, *, kind, context):
    """Return whether a first layer takes (3, rows, columns), and nothing says that it may."""
    if kind not in _FIRST_LAYERS or syntax.has(args, "data_format"):
        return False
    is_input = kind == "layers.Input"
    if is_input and not any(re.match(r"keras\.layers\.\w+2D$", key) for key in context.keys):
        return False
    formats = ("image_data_format", "image_dim_ordering")
    if context.uses(*(f"backend.{verb}{name}" for verb in ("", "set_") for name in formats)):
        return False
    name, position = ("shape", 0) if is_input else ("input_shape", None)
    shape = syntax.argument(args, name, position=position)
    if not isinstance(shape, cst.Tuple) or len(shape.elements) != 3:
        return False
    first, _, last = (element.value for element in shape.elements)
    is_side = syntax.literal(last) not in (1, 3, 4)
    is_side &= re.search(r"(?i)ch|depth|dim|band|feat", syntax.code(last)) is None
    return syntax.literal(first) in (1, 3) and is_side


def _optimizer(original, args, *, kind, full, context):
    positions = arguments.POSITIONAL.get(kind)
    if positions is None:
        return args
    old_keras = names.split(full)[0] == "keras"
    flags = [syntax.code(arg.value) for arg in args if arg.keyword is None]
    if old_keras and len(flags) > 1 and not {"True", "False"} & set(flags):
        args = syntax.named(args, positions, after=1)
    args = syntax.renamed(args, arguments.RENAMED[kind])
    if syntax.literal(syntax.argument(args, "epsilon")) is None and syntax.has(args, "epsilon"):
        if syntax.code(syntax.argument(args, "epsilon")) == "None":
            args = syntax.without(args, "epsilon")
    rate = syntax.argument(args, "learning_rate", position=0)
    if rate is None and old_keras and kind in _OLD_LEARNING_RATES and not _has_star(args):
        rate = cst.parse_expression(_OLD_LEARNING_RATES[kind])
        args = syntax.with_argument(args, "learning_rate", rate)
    decay = syntax.argument(args, "decay")
    if decay is None:
        return args
    if syntax.literal(decay) == 0 or syntax.code(decay) == "None":
        return syntax.without(args, "decay")
    setters = ("callbacks.ReduceLROnPlateau", "callbacks.LearningRateScheduler")
    if context.uses(*setters, "backend.set_value"):
        context.report(
            original,
            N_(
                "decay is removed: Keras 3 ignores it, and its schedules exclude callbacks that "
                "set the learning rate"
            ),
        )
        return syntax.without(args, "decay")
    rate = rate or cst.parse_expression("0.01" if kind == "optimizers.SGD" else "0.001")
    schedule = context.imported("keras.optimizers.schedules.InverseTimeDecay")
    text = f"{schedule.value}({syntax.code(rate)}, decay_steps=1, decay_rate={syntax.code(decay)})"
    args = syntax.without(args, "decay")
    new = cst.parse_expression(text)
    if args and args[0].keyword is None and not args[0].star:
        return [args[0].with_changes(value=new), *args[1:]]
    return syntax.with_argument(args, "learning_rate", new)


def _has_star(args):
    return any(arg.star for arg in args)


def _period(original, args, context):
    period = syntax.argument(args, "period")
    if period is None:
        return args
    if syntax.literal(period) == 1:
        return syntax.without(args, "period")
    context.report(
        original,
        N_("period is removed: Keras 3 saves every epoch, or every save_freq batches"),
    )
    return syntax.without(args, "period")


def _data_format_call(original, call, context):
    value = syntax.argument(call.args, "data_format", position=0) or (
        call.args[0].value if call.args else None
    )
    text = syntax.literal(value)
    if text in arguments.DIM_ORDERINGS:
        value = syntax.string(arguments.DIM_ORDERINGS[text], like=value)
    if text in ("th", "channels_first"):
        context.report(
            original,
            N_("channels_first: TensorFlow convolves it on GPUs only: use channels_last on a CPU"),
        )
    name = cst.Name("set_image_data_format")
    is_attribute = isinstance(call.func, cst.Attribute)
    func = call.func.with_changes(attr=name) if is_attribute else name
    if value is None:
        return call
    return call.with_changes(func=func, args=[cst.Arg(value)])


def _set_value(call):
    """Return ``optimizer.learning_rate.assign(value)`` for ``K.set_value(optimizer.lr, value)``."""
    if len(call.args) != 2 or not isinstance(call.args[0].value, cst.Attribute):
        return call
    variable = call.args[0].value
    if variable.attr.value not in ("lr", "learning_rate"):
        return call
    variable = variable.with_changes(attr=cst.Name("learning_rate"))
    func = cst.Attribute(variable, cst.Name("assign"))
    return call.with_changes(func=func, args=[call.args[1].with_changes(keyword=None)])
