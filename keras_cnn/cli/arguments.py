"""What several commands share: their parser, the pictures they are given, how they answer."""

import argparse
import glob
import inspect
import io
import itertools
import math
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from keras_cnn.errors import InputError


def command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], int | None], *, help: str
) -> argparse.ArgumentParser:
    """Add a command and return its parser.

    Args:
        commands: What `add_subparsers` returned.
        name: Its name.
        run: What it does; its docstring stands above the options in ``--help``.
        help: What ``keras-cnn --help`` says of it.
    """
    parser = commands.add_parser(
        name,
        help=help,
        description=inspect.getdoc(run),
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run, parser=parser)
    return parser


def add_run(parser: argparse.ArgumentParser) -> None:
    """Add the model of a command, and whether its code may run.

    Args:
        parser: The command's.
    """
    parser.add_argument("model", metavar="RUN", help="folder of a run, or a .keras file")
    parser.add_argument(
        "--unsafe", action="store_true", help="run code that the model holds (Lambda layers)"
    )


def add_paths(parser: argparse.ArgumentParser, *, nargs: str = "+") -> None:
    """Add the pictures of a command.

    Args:
        parser: The command's.
        nargs: "+" for at least one, "*" for any number.
    """
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs=nargs,
        help="pictures, folders of them, quoted patterns like '*.jpg', or - for a list on stdin",
    )


def pictures(paths: list[str]) -> tuple[Iterator[str], int | None]:
    """Find the pictures that paths stand for.

    Args:
        paths: As `add_paths` takes them.

    Returns:
        The pictures' names, in order, one after the other; and how many, None while more may come
        on stdin.

    Raises:
        InputError: A path stands for no picture.
    """
    found = [_expanded(path) for path in paths]
    total = None if "-" in paths else sum(map(len, found))
    return itertools.chain.from_iterable(found), total


def _expanded(path):
    from keras_cnn.images import files

    if path == "-":
        if sys.stdin is None:
            raise InputError("- stands for a list on stdin, which is closed: name the pictures")
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(errors="surrogateescape")  # as file names are read
        return (line for line in (text.strip().lstrip("\ufeff") for text in sys.stdin) if line)
    if os.path.isdir(path):
        _, listed = files.find(path, classes=["."])
        listed = [os.path.normpath(os.path.join(path, name)) for name, _ in listed]
        if note := files.left_out_note(listed, directory=path):
            print(note, file=sys.stderr)
        return listed
    if os.path.exists(path):
        return [path]
    matches = sorted(name for name in glob.glob(path, recursive=True) if os.path.isfile(name))
    if not matches:
        raise InputError(f"{path!r} must be a picture, a folder or a pattern; there is no such")
    return matches


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the option to answer in JSON.

    Args:
        parser: The command's.
    """
    parser.add_argument("--json", action="store_true", help="answer in JSON on stdout")


def add_format(parser: argparse.ArgumentParser) -> None:
    """Add the choice of how a command answers.

    Args:
        parser: The command's.
    """
    parser.add_argument(
        "--format",
        dest="style",
        choices=("table", "csv", "json"),
        default="table",
        help="how to answer (default: %(default)s)",
    )
    parser.add_argument(
        "--json", dest="style", action="store_const", const="json", help="same as --format json"
    )


def positive(text: str) -> int:
    """Read a whole number of at least 1, as argparse's types do.

    Args:
        text: What the user wrote.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1; received {text}")
    return int(text)


def share(text: str) -> float:
    """Read a number from 0 to 1, as argparse's types do.

    Args:
        text: What the user wrote.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 1; received {text}")
    return value


def folder(text: str) -> Path:
    """Check that a folder is there.

    Args:
        text: What the user wrote.

    Raises:
        InputError: There is none.
    """
    path = Path(text)
    if not path.is_dir():
        raise InputError(f"{text!r} must be a folder; there is no such: check the path")
    return path
