"""Scores by name: Keras 2.2 called them ``acc`` and ``val_acc``, Keras 3 ``accuracy``."""

import re

import libcst as cst

from keras_cnn.port import syntax
from keras_cnn.port.context import Context

_SCORES = re.compile(r"(?i)hist|\blogs?\b|\bh\b")
_KEY = re.compile(r"(?<![a-zA-Z])acc$")
_FORMAT = re.compile(r"\{((?:val_)?)acc(?=[:}])")


def _new_key(text):
    return _KEY.sub("accuracy", text)


class _Keys(cst.CSTTransformer):
    def leave_SimpleString(self, original_node, updated_node):
        text = syntax.literal(original_node)
        if isinstance(text, str) and _new_key(text) != text:
            return syntax.string(_new_key(text), like=updated_node)
        return updated_node


def has_old_keys(context: Context) -> bool:
    """Return whether ``acc`` is called ``accuracy`` today: `compile` asks for no "acc".

    Args:
        context: The context.
    """
    metrics = context.facts.metrics
    return "acc" not in metrics and ("accuracy" in metrics or not metrics)


def rewrite_subscript(
    original: cst.Subscript, node: cst.Subscript, context: Context
) -> cst.Subscript:
    """Return ``history.history["accuracy"]`` for ``history.history["acc"]``.

    Args:
        original: The subscript before any change.
        node: The subscript with its parts rewritten.
        context: The context.
    """
    if not isinstance(original.slice[0].slice, cst.Index):
        return node
    base = syntax.code(original.value)
    if base in context.facts.histories or _SCORES.search(base):
        return node.with_changes(slice=[part.visit(_Keys()) for part in node.slice])
    return node


def rewrite_call(original: cst.Call, call: cst.Call, context: Context) -> cst.Call:
    """Return a call that names scores as Keras 3 does: ``monitor=``, ``logs.get(...)``, paths.

    Args:
        original: The call before any change.
        call: The call with its parts rewritten.
        context: The context.
    """
    kind = context.facts.kind(original.func)
    if kind.startswith("callbacks."):
        args = list(call.args)
        monitor = syntax.argument(args, "monitor")
        if monitor is not None:
            args = syntax.with_argument(args, "monitor", monitor.visit(_Keys()))
        elif kind == "callbacks.EarlyStopping" and args and args[0].keyword is None:
            args[0] = args[0].with_changes(value=args[0].value.visit(_Keys()))
        elif kind == "callbacks.ModelCheckpoint" and len(args) > 1 and args[1].keyword is None:
            args[1] = args[1].with_changes(value=args[1].value.visit(_Keys()))
        return call if args == list(call.args) else call.with_changes(args=args)
    if isinstance(original.func, cst.Attribute) and original.func.attr.value == "get" and call.args:
        if _SCORES.search(syntax.code(original.func.value)):
            first = call.args[0]
            first = first.with_changes(value=first.value.visit(_Keys()))
            return call.with_changes(args=[first, *call.args[1:]])
    return call


def rewrite_text(node: cst.SimpleString) -> cst.SimpleString:
    """Return a file name with ``{val_accuracy:.2f}`` for ``{val_acc:.2f}``.

    Args:
        node: A string.
    """
    return node.with_changes(value=_FORMAT.sub(r"{\1accuracy", node.value))
