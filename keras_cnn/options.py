"""A recipe's fields as command-line options, and how a script runs at a terminal.

Importing this module loads neither Keras nor TensorFlow, so that ``--help`` answers at once.
"""

import argparse
import dataclasses
import difflib
import io
import os
import sys
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from keras_cnn.errors import InputError


def option(
    default: Any,
    help: str,
    *,
    at_least: float | None = None,
    above: float | None = None,
    below: float | None = None,
) -> Any:
    """Return the field of a recipe that is a command-line option too.

    Args:
        default: Its value unless the case or the user gives another.
        help: What ``--help`` says of it.
        at_least: The least value.
        above: The bound that the value must be above.
        below: The bound that the value must be below.
    """
    limits = {"at_least": at_least, "above": above, "below": below}
    return dataclasses.field(default=default, metadata={"help": help, **limits})


def script(main: Callable[[], Any]):
    """Run a script's main function the way a user at a terminal expects it.

    Input that cannot be used, and Ctrl-C where no training is under way, end in one sentence
    instead of a traceback, and TensorFlow tells errors only, except for the lines it prints before
    it reads that wish.

    Args:
        main: The function; it reads ``sys.argv`` itself.

    Raises:
        SystemExit: With code 2 where `main` raises `keras_cnn.InputError`, with code 130 where it
            raises KeyboardInterrupt.
    """
    prepare_output()
    try:
        main()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise SystemExit(130) from None


def prepare_output() -> None:
    """See to it that what a command prints never ends it.

    TensorFlow tells errors only, and a character that standard output cannot encode, such as one of
    a class name on Windows, becomes an escape sequence.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if sys.stdout is None:  # closed by who called
        sys.stdout = open(os.devnull, "w", encoding="utf-8")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, without the usage block."""

    def parse_args(self, args=None, namespace=None):
        """Read the options; name the nearest known one of an unknown."""
        options, unknown = self.parse_known_args(args, namespace)
        if unknown:
            command = getattr(options, "parser", self)  # the one of a sub-command, where set
            command.error(_unknown_option(unknown[0], command))
        return options

    def error(self, message):
        """End with exit code 2."""
        self.exit(2, f"error: {message.rstrip('.')}; --help lists the options\n")


def kind_of(field: dataclasses.Field) -> Any:
    """Return the type of a field's values, without None.

    Args:
        field: A field that `option` made.
    """
    kind = field.type
    return typing.get_args(kind)[0] if types.NoneType in typing.get_args(kind) else kind


def add_option(parser: argparse.ArgumentParser, field: dataclasses.Field, *, default: Any) -> None:
    """Add a field of a recipe to a parser.

    Args:
        parser: The parser.
        field: A field that `option` made.
        default: Its value where the user gives none.
    """
    hints = {"help": field.metadata["help"], "default": default}
    if default is not None and not isinstance(default, bool):
        hints["help"] = hints["help"].split(" (default:")[0] + " (default: %(default)s)"
    kind = kind_of(field)
    if kind is bool:
        hints["action"] = argparse.BooleanOptionalAction
    elif typing.get_origin(kind) is Literal:
        hints["choices"] = typing.get_args(kind)
        hints["type"] = type(hints["choices"][0])
    else:
        hints["type"] = kind
        hints["metavar"] = {Path: "FOLDER", int: "N", float: "X"}.get(kind)
    parser.add_argument(flag(field.name), **hints)


def flag(name: str) -> str:
    """Return the option of a field: "image_size" -> "--image-size".

    Args:
        name: Name of the field.
    """
    return "--" + name.replace("_", "-")


def _unknown_option(text, parser):
    known = [text for action in parser._actions for text in action.option_strings]
    close = difflib.get_close_matches(text.split("=")[0], known, n=1)
    return f"unknown option {text}" + (f"; did you mean {close[0]}?" if close else "")
