"""Options of a network's builder on the command line: ``--alpha``, ``--model-option``."""

import argparse
import functools
import inspect
import math
import types
import typing
from collections.abc import Callable
from typing import Any

from keras_cnn.errors import InputError

# Options of all builders, which the pictures and --weights determine. A network with auxiliary
# outputs cannot be trained by a command, which trains one output.
_NOT_OFFERED = {"include_top", "weights", "input_tensor", "input_shape", "pooling", "classes"}
_NOT_OFFERED |= {"classifier_activation", "name", "aux_logits"}
_TOP = {"dropout"}  # options of the top, which a new head replaces
_RULES = {bool: "true or false", int: "a whole number", float: "a finite number", str: "a text"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the builder.

    Args:
        parser: Parser of the command.
    """
    parser.add_argument(
        "--alpha",
        metavar="X",
        help="mobilenet: share of the filters that each layer has, such as 0.25 (default: 1.0)",
    )
    parser.add_argument(
        "--model-option",
        action="append",
        metavar="NAME=VALUE",
        help="another option of the network, such as depth_multiplier=2; a wrong NAME lists all; "
        "may be repeated",
    )


def texts(options: argparse.Namespace) -> dict[str, str]:
    """Return the values that the user gave, by the names of the builder's options.

    Args:
        options: Options of the command, from `add_arguments`.

    Raises:
        InputError: A word is not NAME=VALUE, or an option is given twice.
    """
    values = {} if options.alpha is None else {"alpha": options.alpha}
    for word in options.model_option or ():
        name, equals, value = word.partition("=")
        name = name.strip().replace("-", "_")
        if not (name and equals):
            raise InputError(
                f"--model-option must be NAME=VALUE, such as depth_multiplier=2; received {word!r}"
            )
        if name in values:
            raise InputError(f"{name} must be given once; received {values[name]} and {value}")
        values[name] = value
    return values


def words(options: argparse.Namespace) -> str:
    """Return the model and its options as the user may write them, for messages.

    Args:
        options: Options of the command.
    """
    given = [f"--alpha {options.alpha}"] if options.alpha is not None else []
    given += [f"--model-option {word}" for word in options.model_option or ()]
    return " ".join([f"--model {options.model}", *given])


def apply(builder: Callable, options: argparse.Namespace) -> Callable:
    """Return a builder with the options that the user gave.

    Args:
        builder: The builder.
        options: Options of the command.

    Raises:
        InputError: The builder has no such option, or the value is of another kind.
    """
    offered = {
        parameter.name: parameter
        for parameter in inspect.signature(builder).parameters.values()
        if parameter.name not in _NOT_OFFERED
    }
    chosen = {}
    for name, text in texts(options).items():
        if name not in offered:
            raise InputError(
                f"--model {options.model} has no option {name!r}: {_list(offered.values())}"
            )
        if options.weights and name in _TOP:
            raise InputError(
                f"{name} is an option of the top, which --weights replaces by a new head: leave "
                "out one of the two"
            )
        chosen[name] = _value(name, text, offered[name].annotation)
    return functools.partial(builder, **chosen) if chosen else builder


def _list(parameters):
    if not parameters:
        return "it has none"
    defaults = ", ".join(f"{parameter.name}={_text(parameter.default)}" for parameter in parameters)
    return f"it has {defaults} (the defaults)"


def _text(value):
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def _value(name: str, text: str, annotation: Any) -> Any:
    """Return the value of a text for an annotation such as `int` or `bool | None`."""
    kinds = typing.get_args(annotation) or (annotation,)
    kind = next(kind for kind in kinds if kind is not types.NoneType)
    lowered = text.strip().lower()
    if types.NoneType in kinds and lowered == "none":
        return None
    try:
        if kind is bool:
            return {"true": True, "false": False}[lowered]
        value = kind(text)
        if kind is not float or math.isfinite(value):
            return value
    except (KeyError, ValueError):
        pass
    optional = " or none" if types.NoneType in kinds else ""
    raise InputError(f"{name} must be {_RULES[kind]}{optional}; received {text!r}")
