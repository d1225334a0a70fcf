"""A recipe's fields as command-line options, and how a script runs at a terminal.

Importing this module loads neither Keras nor TensorFlow, so that ``--help`` answers at once.
"""

import argparse
import atexit
import dataclasses
import difflib
import gc
import io
import math
import os
import sys
import types
import typing
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from keras_cnn.errors import InputError
from keras_cnn.help_texts import HelpFormatter
from keras_cnn.i18n import LANGUAGES, N_, choose, say, translated, using

_BACKENDS = ("tensorflow", "jax", "torch")


def option(
    default: Any,
    help: str,
    *,
    at_least: float | None = None,
    above: float | None = None,
    below: float | None = None,
    whole_network: bool = False,
    name: str | None = None,
) -> Any:
    """Return a field of a recipe that is also a command-line option.

    Args:
        default: Its value unless the case or the user sets another.
        help: Its text in ``--help``.
        at_least: Smallest value.
        above: Bound that the value must be above.
        below: Bound that the value must be below.
        whole_network: Whether only a training of the whole network uses it. A classifier that is
            fitted on features computed once does not.
        name: The option where it is not the field's name: "--without" of a file.
    """
    metadata = {"help": help, "at_least": at_least, "above": above, "below": below}
    return dataclasses.field(
        default=default, metadata=metadata | {"whole_network": whole_network, "name": name}
    )


class OptionFields:
    """Base of a recipe: a frozen dataclass whose fields made by `option` are command-line options.

    The dataclass has a field `without`: names of the options that it does not offer.
    """

    def parse(self, argv: Sequence[str] | None = None, *, description: str | None = None) -> Self:
        """Read command-line options; this recipe's values are the defaults.

        Args:
            argv: Options such as ``["--epochs", "3"]``; None takes those of the script.
            description: Text above the options in ``--help``, usually the script's docstring.

        Returns:
            A recipe with the values of the options.

        Raises:
            SystemExit: With code 2 for a wrong option or value, with code 0 after ``--help``.
        """
        parser = Parser(description=description)
        self.add_options(parser)
        options = parser.parse_args(argv)
        try:
            return self.with_options(options)
        except InputError as error:
            parser.error(str(error))

    def add_options(
        self, parser: argparse.ArgumentParser, *, names: Collection[str] | None = None
    ) -> None:
        """Add the recipe's options to a parser.

        Args:
            parser: The parser; it may have other options.
            names: Names of the options to add; None adds all.
        """
        for field in self._offered():
            if names is None or field.name in names:
                add_option(parser, field, default=getattr(self, field.name))

    def with_options(self, options: argparse.Namespace, **changes: Any) -> Self:
        """Return this recipe with the values that a parser read.

        Args:
            options: Result of the parser; options that are not the recipe's are ignored, and
                fields without an option keep their values.
            **changes: Values of further fields.

        Raises:
            InputError: A value is out of its range.
        """
        names = [field.name for field in self._offered() if field.name in options]
        values = {name: getattr(options, name) for name in names}
        return dataclasses.replace(self, **values | changes)

    def check_values(self) -> None:
        """Refuse values out of range, and names in `without` that are no options.

        Raises:
            InputError: A value or a name cannot be used.
        """
        fields = {field.name: field for field in _option_fields(self)}
        for name in self.without:
            if name not in fields:
                raise InputError(
                    f"without must name options of {type(self).__name__}, some of "
                    f"{sorted(fields)}; received {name!r}"
                )
        for name, field in fields.items():
            value = getattr(self, name)
            if value is not None:
                _check_value(field, value)

    @property
    def option_names(self) -> list[str]:
        """Names of the options that this recipe offers."""
        return [field.name for field in self._offered()]

    def _offered(self):
        return [field for field in _option_fields(self) if field.name not in self.without]


def _option_fields(recipe):
    return [field for field in dataclasses.fields(recipe) if "help" in field.metadata]


def _check_value(field, value):
    limits, kind = field.metadata, kind_of(field)
    choices = typing.get_args(kind) if typing.get_origin(kind) is Literal else ()
    name = flag(field.name)
    if choices and value not in choices:
        raise InputError(f"{name} must be one of {list(choices)}; received {value!r}")
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{name} must be a finite number; received {value!r}")
    least, above, below = (limits[key] for key in ("at_least", "above", "below"))
    if least is not None and not value >= least:
        raise InputError(f"{name} must be at least {least}; received {value!r}")
    if above is not None and not value > above:
        raise InputError(f"{name} must be above {above}; received {value!r}")
    if below is not None and not value < below:
        raise InputError(f"{name} must be below {below}; received {value!r}")


def script(main: Callable[[], Any]):
    """Run a script's main function for a user at a terminal.

    Inputs that cannot be used, a backend that is not installed, and Ctrl-C outside a training end
    in one sentence instead of a traceback. TensorFlow logs errors only.

    Args:
        main: The function; it reads ``sys.argv`` itself.

    Raises:
        SystemExit: With code 2 after `keras_cnn.InputError` or a missing backend, with code 130
            after KeyboardInterrupt.
    """
    prepare_output()
    try:
        main()
    except (KeyboardInterrupt, ImportError, ValueError) as error:
        code = report_error(error)
        if code is None:
            raise
        raise SystemExit(code) from None


def report_error(error: BaseException) -> int | None:
    """Print an error that the user can act on as one sentence on stderr.

    Args:
        error: Any error.

    Returns:
        The exit code; None if the error is a bug, and nothing is printed.
    """
    if isinstance(error, KeyboardInterrupt):
        say("interrupted", file=sys.stderr)
        return 130
    message = str(error) if isinstance(error, InputError) else missing_backend(error)
    if message is None:
        return None
    say(f"error: {translated(message)}", file=sys.stderr)
    return 2


def missing_backend(error: BaseException) -> str | None:
    """Return a sentence if an error says that the backend of Keras is not installed, else None.

    Args:
        error: Any error.
    """
    if "keras" in sys.modules:
        return None
    if isinstance(error, ModuleNotFoundError) and error.name in _BACKENDS:
        return N_(
            f"the backend of Keras must be installed; {error.name}, set by KERAS_BACKEND or "
            f"keras.json, is not: run pip install {error.name}, or choose another backend"
        )
    if isinstance(error, ValueError) and "Unable to import backend" in str(error):
        name = str(error).rpartition(":")[2].strip()
        return N_(f"KERAS_BACKEND must be one of {list(_BACKENDS)}; received {name!r}")
    return None


def prepare_output() -> None:
    """Prepare a command: no printed text stops it, and it begins and ends sooner.

    A character that stdout cannot encode, such as one of a class name on Windows, becomes an escape
    sequence. TensorFlow logs errors only.

    Python looks for cycles among the objects of TensorFlow, some two million, again and again while
    it is imported, and once more at the end: that took 3 of 22 seconds of a short training.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    gc.set_threshold(5_000)  # objects; 700 by default
    atexit.register(gc.freeze)
    if sys.stdout is None:  # the parent process has closed it
        sys.stdout = open(os.devnull, "w", encoding="utf-8")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


class Parser(argparse.ArgumentParser):
    """A parser that takes arguments in any order, and reports an error in one sentence.

    It has the option ``--lang``, which sets the language of all that follows, ``--help`` included.

    Attributes:
        passes_on: Whether the words after the first are for another parser: they are not read, and
            stand in the result as `passed_on`.
    """

    passes_on = False

    def __init__(self, **options):
        """Make the parser; the options are those of `argparse.ArgumentParser`."""
        super().__init__(formatter_class=HelpFormatter, allow_abbrev=False, **options)
        self.add_argument(
            "--lang",
            choices=LANGUAGES,
            help="language of the output (default: KERAS_CNN_LANG, or the system's)",
        )

    def parse_args(self, args=None, namespace=None):
        """Read the arguments; an unknown option gets the name of the nearest known option."""
        words = sys.argv[1:] if args is None else list(args)
        begin = lang_words(words)
        own = words[: begin + 1] if self.passes_on else words
        choose_language(own)
        options, unknown = self.parse_known_intermixed_args(own, namespace)
        if unknown:
            self.error(_unknown(unknown, self))
        if self.passes_on:
            options.passed_on = words[:begin] + words[begin + 1 :]
        del options.lang  # done
        return options

    def format_usage(self):
        """Return the usage, in English: argparse cuts off the length of "usage: "."""
        with using("en"):
            return super().format_usage()

    def error(self, message):
        """Exit with code 2, without the usage block."""
        message = translated(message.rstrip("."))
        self.exit(2, translated(N_(f"error: {message}; --help lists the options")) + "\n")


def lang_words(args: Sequence[str]) -> int:
    """Return how many of the first arguments are ``--lang`` and its value.

    Args:
        args: The arguments.
    """
    if not args or not args[0].startswith("--lang"):
        return 0
    return 1 if "=" in args[0] else 2


def choose_language(args: Sequence[str]) -> None:
    """Set the language that ``--lang`` names, for ``--help`` and errors too.

    Args:
        args: The arguments; without ``--lang`` the language stays, an unknown one is refused later.
    """
    words = args[: args.index("--")] if "--" in args else args
    chosen = None
    for number, word in enumerate(words):
        if word == "--lang":
            chosen = next(iter(words[number + 1 :]), None)
        elif word.startswith("--lang="):
            chosen = word.partition("=")[2]
    if chosen in LANGUAGES:
        choose(chosen)


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
        default: Its value unless the user sets another.
    """
    hints = {"help": field.metadata["help"], "default": default}
    if default is not None and not isinstance(default, bool):
        shown = str(default).replace("%", "%%")
        hints["help"] = hints["help"].split(" (default:")[0] + f" (default: {shown})"
    kind = kind_of(field)
    if kind is bool:
        hints["action"] = argparse.BooleanOptionalAction
    elif typing.get_origin(kind) is Literal:
        hints["choices"] = typing.get_args(kind)
        hints["type"] = type(hints["choices"][0])
    elif typing.get_origin(kind) is tuple:
        hints["action"] = "append"
        hints["metavar"] = "TEXT"
    else:
        hints["type"] = kind
        hints["metavar"] = {Path: "FOLDER", int: "N", float: "X"}.get(kind)
    if name := field.metadata["name"]:
        hints |= {"dest": field.name, "metavar": "FILE"}
    parser.add_argument(name or flag(field.name), **hints)


def flag(name: str) -> str:
    """Return the option of a field: "image_size" -> "--image-size".

    Args:
        name: Name of the field.
    """
    return "--" + name.replace("_", "-")


def _unknown(words, parser):
    """Return the message about words that are no arguments of a parser."""
    option = next((word for word in words if word.startswith("-")), None)
    if option is None:
        return N_(f"unexpected argument {words[0]!r}")
    known = [text for action in parser._actions for text in action.option_strings]
    close = difflib.get_close_matches(option.split("=")[0], known, n=1)
    if close:
        return N_(f"unknown option {option}; did you mean {close[0]}?")
    return N_(f"unknown option {option}")
