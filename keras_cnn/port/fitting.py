"""Methods of models: `fit_generator`, `predict_classes`, `compile`, and their arguments."""

import re

import libcst as cst

from keras_cnn.i18n import N_
from keras_cnn.port import arguments, syntax
from keras_cnn.port.context import Context

_OLD_OPTIMIZERS = {"adadelta": "1.0", "adagrad": "0.01", "adamax": "0.002", "nadam": "0.002"}
_SAMPLES = {"steps_per_epoch": "samples_per_epoch", "steps": "val_samples"}
_CLASSES = {"adadelta": "Adadelta", "adagrad": "Adagrad", "adamax": "Adamax", "nadam": "Nadam"}


def rewrite(original: cst.Call, call: cst.Call, context: Context) -> cst.BaseExpression:
    """Return a call of a model's method as Keras 3 takes it.

    Args:
        original: The call before any change.
        call: The call with its parts rewritten.
        context: The context.
    """
    if isinstance(original.func, cst.Name) and original.func.value == "zip":
        return _zip(original, call, context)
    if not isinstance(original.func, cst.Attribute):
        return call
    method, receiver = original.func.attr.value, original.func.value
    defined = method in context.facts.functions
    is_model = context.facts.is_model(receiver)
    if defined and not (is_model and syntax.code(receiver) in context.facts.models):
        return call
    if method in arguments.GENERATORS:
        return _generator(original, call, context)
    if method in arguments.FIT:
        return _fit(original, call, context, method=method)
    if method == "predict_classes":
        return _predict_classes(original, call, context)
    if method == "predict_proba" and syntax.code(receiver) in context.facts.models:
        return call.with_changes(func=call.func.with_changes(attr=cst.Name("predict")))
    if method == "compile":
        return _compile(original, call, context)
    if method == "train_on_batch" and syntax.code(receiver) in context.facts.frozen:
        name = syntax.code(receiver)
        context.report(
            original,
            N_(
                f"{name}.trainable = False also stops this training in Keras 3: set "
                f"{name}.trainable = True before this line and False after it"
            ),
        )
    if method == "add_weight" and call.args and not call.args[0].keyword:
        if isinstance(syntax.literal(call.args[0].value), str):
            names = ("name", "shape", "initializer", "regularizer", "trainable")
            return call.with_changes(args=syntax.named(call.args, names))
    if method in ("get_output_at", "get_input_at") and len(call.args) == 1:
        if syntax.literal(call.args[0].value) == 0:
            attribute = "output" if "output" in method else "input"
            return call.func.with_changes(attr=cst.Name(attribute))
    if method == "next" and not call.args and context.facts.batch_size(receiver) is not None:
        return cst.Call(cst.Name("next"), [cst.Arg(call.func.value)])
    return call


def _generator(original, call, context):
    """Rewrite `fit_generator`, `evaluate_generator` and `predict_generator`."""
    new, positions = arguments.GENERATORS[original.func.attr.value]
    source = syntax.argument(original.args, "generator", position=0)
    if _is_keras_1(context):  # the second argument was a number of pictures
        positions = (positions[0], _SAMPLES[positions[1]], *positions[2:])
    args = syntax.named(call.args, positions, after=1)
    args = _samples(original, args, source, context)
    args = _renamed(args, arguments.GENERATOR_ARGUMENTS)
    args = _steps(args, source, context)
    if new == "predict" and syntax.has(args, "callbacks"):
        if syntax.code(syntax.argument(args, "callbacks")) == "None":
            args = syntax.without(args, "callbacks")
    func = call.func.with_changes(attr=call.func.attr.with_changes(value=new))
    return call.with_changes(func=func, args=args)


def _zip(original, call, context):
    """Make a generator of pairs of batches, since Keras 3 takes no ``zip``."""
    facts = context.facts
    if original in facts.looped or len(original.args) < 2:
        return call
    fed = [value for name in facts.fed for value in facts.values.get(name, [])]
    is_fed = original in fed or syntax.code(original).strip() in facts.fed
    if is_fed or all(facts.batch_size(arg.value) is not None for arg in original.args):
        return cst.parse_expression(f"(batch for batch in {syntax.code(call)})")
    return call


def batch(value: cst.BaseExpression | None) -> cst.BaseExpression | None:
    """Return a batch with tuples where it has lists of inputs or targets, which Keras 3 refuses.

    Args:
        value: What a generator yields.
    """
    if not isinstance(value, cst.Tuple) or not 2 <= len(value.elements) <= 3:
        return value
    elements = [
        element.with_changes(value=_tuple(element.value))
        if isinstance(element.value, cst.List) and element.value.elements
        else element
        for element in value.elements
    ]
    return value.with_changes(elements=elements)


def _tuple(items):
    text = syntax.code(items)
    last = items.elements[-1].comma
    lonely = len(items.elements) == 1 and not isinstance(last, cst.Comma)
    return cst.parse_expression(f"({text[1:-1]}{',' * lonely})")


def _fit(original, call, context, *, method):
    args = _renamed(call.args, arguments.FIT[method])
    source = syntax.argument(original.args, "x", position=0)
    if method == "fit" and isinstance(source, cst.Tuple | cst.List):
        source = None
    args = _steps(args, source, context)
    return call if list(args) == list(call.args) else call.with_changes(args=args)


def _renamed(args, table):
    dropped = [old for old, new in table.items() if new is None]
    args = syntax.without(args, *dropped)
    return syntax.renamed(args, {old: new for old, new in table.items() if new})


def _samples(original, args, source, context):
    """Turn Keras 1's numbers of pictures into numbers of batches."""
    pairs = (
        ("samples_per_epoch", source),
        ("val_samples", source),
        ("nb_val_samples", syntax.argument(original.args, "validation_data")),
    )
    for name, batches in pairs:
        value = syntax.argument(args, name)
        if value is None:
            continue
        if isinstance(batches, cst.Tuple):  # arrays: Keras takes them all
            args = syntax.without(args, name)
            continue
        size = _batch_size(batches, context)
        if size is None:
            context.report(
                original, N_(f"{name} counted pictures: divide it by the pictures per batch")
            )
        else:
            quotient = cst.parse_expression(f"{_operand(value)} / {size}")
            args = syntax.with_argument(args, name, context.ceiling(quotient))
    return args


def _is_keras_1(context):
    return bool({"samples_per_epoch", "nb_epoch", "nb_val_samples"} & context.facts.keywords)


def _operand(value):
    text = syntax.code(value).strip()
    return text if re.fullmatch(r"[\w.]+(\([^()]*\))?", text) else f"({text})"


def _batch_size(batches, context):
    """Return the text of the pictures per batch, or None."""
    if batches is None:
        return None
    if context.facts.batch_size(batches) is not None:
        if isinstance(batches, cst.Call):
            return context.facts.batch_size(batches)
        return f"{syntax.code(batches).strip()}.batch_size"
    if isinstance(batches, cst.Call):
        size = syntax.argument(batches.args, "batch_size")
        if size is not None:
            return syntax.code(size).strip()
    return next(
        (name for name in ("batch_size", "BATCH_SIZE") if name in context.facts.bound), None
    )


def is_flow(source: cst.BaseExpression | None, context: Context, *, steps: str = "") -> bool:
    """Return whether an expression is batches of pictures that know their number.

    Args:
        source: What `fit` gets; None if it is not known.
        context: The context.
        steps: Text of the number of steps.
    """
    if source is None:
        return False
    facts, text = context.facts, syntax.code(source).strip()
    if facts.batch_size(source) is not None:
        return True
    if re.search(rf"\b{re.escape(text)}\.(samples|n|batch_size)\b|len\({re.escape(text)}\)", steps):
        return True
    if facts.generators or not (facts.flows or facts.flow_calls) or facts.zips:
        return False
    return isinstance(source, cst.Name | cst.Attribute) and not isinstance(
        (facts.values.get(text) or [None])[-1], cst.Tuple
    )


def _steps(args, source, context):
    """Leave out the number of batches where Keras knows it; make it whole elsewhere."""
    validation = syntax.argument(args, "validation_data")
    pairs = (("steps_per_epoch", source), ("validation_steps", validation), ("steps", source))
    for name, batches in pairs:
        value = syntax.argument(args, name)
        if value is None:
            continue
        text = _spelled(value, context)
        if is_flow(batches, context, steps=text) and re.search(r"/|\blen\(|ceil|\.samples", text):
            args = syntax.without(args, name)
        elif not syntax.is_integer(value):
            args = syntax.with_argument(args, name, _whole(value, text, context))
    return args


def _spelled(value, context):
    """Return the text of a value, with that of the variables in it."""
    text = syntax.code(value).strip()
    known = context.facts.values
    for name in re.findall(r"[A-Za-z_][\w.]*", text):
        for assigned in known.get(name, []):
            text += f" {syntax.code(assigned)}"
    return text


def _whole(value, text, context):
    """Return a number of steps as an integer."""
    if isinstance(value, cst.BinaryOperation) and isinstance(value.operator, cst.Divide):
        return context.ceiling(value)
    if isinstance(value, cst.Name | cst.Attribute):
        assigned = context.facts.values.get(syntax.code(value), [])
        if any(not syntax.is_integer(item) and _has_division(item) for item in assigned):
            return context.ceiling(value)
        return value
    if _has_division(value) or "ceil" in text:
        bare = value.with_changes(lpar=[], rpar=[])
        return cst.parse_expression(f"int({syntax.code(bare).strip()})")
    return value


def _has_division(node):
    pattern = r"(?<!/)/(?!/)|\d\.\d*\s*//|//\s*\d*(\d\.|\.\d|\de)|np\.|numpy\."
    return re.search(pattern, syntax.code(node)) is not None


def _predict_classes(original, call, context):
    """Use the probabilities as Keras 2's `predict_classes` did."""
    losses = " ".join(map(syntax.code, context.facts.losses))
    binary, several = "binary" in losses, "categorical" in losses
    dropped = ("workers", "use_multiprocessing", "max_queue_size")
    func = call.func.with_changes(attr=cst.Name("predict"))
    prediction = call.with_changes(func=func, args=syntax.without(call.args, *dropped))
    text = syntax.code(prediction)
    if binary == several:
        context.report(
            original,
            N_(
                "predict_classes: now the most probable class; with one output write "
                '(model.predict(x) > 0.5).astype("int32")'
            ),
        )
    if binary and not several:
        return cst.parse_expression(f'({text} > 0.5).astype("int32")')
    return cst.parse_expression(f"{text}.argmax(axis=-1)")


def _compile(original, call, context):
    args = call.args
    is_model = context.facts.is_model(original.func.value)
    if not is_model and not syntax.has(args, "loss", "optimizer", "metrics"):
        return call
    args = syntax.without(args, "class_mode")
    if syntax.has(args, "sample_weight_mode", "target_tensors"):
        context.report(
            original, N_("sample_weight_mode, target_tensors: compile takes neither today")
        )
    for position, name in enumerate(("loss", "metrics"), 1):
        value = syntax.argument(args, name, position=position)
        if value is not None:
            args = _with_value(args, value, value.visit(_Losses()))
    metrics = syntax.argument(args, "metrics", position=2)
    if isinstance(metrics, cst.SimpleString):
        args = _with_value(args, metrics, cst.parse_expression(f"[{metrics.value}]"))
    loss = syntax.argument(args, "loss")
    args = _metrics_per_output(args, loss, syntax.argument(args, "metrics"))
    optimizer = syntax.argument(args, "optimizer", position=0)
    if (text := syntax.code(optimizer)) in context.facts.shared_optimizers():
        new = cst.parse_expression(f"{text}.from_config({text}.get_config())")
        return call.with_changes(args=_with_value(args, optimizer, new))
    name = syntax.literal(optimizer)
    if isinstance(name, str) and name.lower() in _OLD_OPTIMIZERS and context.root == "keras":
        kind = context.imported(f"keras.optimizers.{_CLASSES[name.lower()]}")
        rate = _OLD_OPTIMIZERS[name.lower()]
        new = cst.parse_expression(f"{kind.value}(learning_rate={rate})")
        args = _with_value(args, optimizer, new)
    return call if list(args) == list(call.args) else call.with_changes(args=args)


def _with_value(args, old, new):
    return [arg.with_changes(value=new) if arg.value is old else arg for arg in args]


class _Losses(cst.CSTTransformer):
    """Gives the losses that are named by strings their new names."""

    def leave_SimpleString(self, original_node, updated_node):
        new = arguments.LOSSES.get(syntax.literal(original_node))
        return updated_node if new is None else syntax.string(new, like=updated_node)


def _metrics_per_output(args, loss, metrics):
    """Give every output its list of metrics, where one list was for all of them."""
    if not isinstance(metrics, cst.List) or not metrics.elements:
        return args
    if any(isinstance(e.value, cst.List | cst.Dict | cst.Tuple) for e in metrics.elements):
        return args
    if isinstance(loss, cst.Dict) and len(loss.elements) > 1:
        keys = [syntax.code(e.key) for e in loss.elements if isinstance(e, cst.DictElement)]
        text = ", ".join(f"{key}: {syntax.code(metrics)}" for key in keys)
        return syntax.with_argument(args, "metrics", cst.parse_expression(f"{{{text}}}"))
    if isinstance(loss, cst.List) and len(loss.elements) > 1:
        text = ", ".join([syntax.code(metrics)] * len(loss.elements))
        return syntax.with_argument(args, "metrics", cst.parse_expression(f"[{text}]"))
    return args
