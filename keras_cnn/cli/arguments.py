"""What several commands share: their parser, the pictures they are given, how they answer."""

import argparse
import contextlib
import csv
import glob
import inspect
import io
import itertools
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator
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


def progress(items: Iterable, *, total: int | None, unit: str) -> Iterator:
    """Pass items through, and show on a terminal's stderr how many have passed.

    Args:
        items: Anything.
        total: Their number; None where nobody knows.
        unit: What they are.

    Yields:
        The items.
    """
    if not sys.stderr.isatty() or sys.stdout.isatty():  # the answers themselves show progress
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(items, unit, total=total, console=Console(stderr=True), transient=True)


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the option to answer in JSON.

    Args:
        parser: The command's.
    """
    parser.add_argument("--json", action="store_true", help="answer in JSON on stdout")


@contextlib.contextmanager
def telling(options: argparse.Namespace) -> Iterator[None]:
    """With ``--json``, send what is told on the way to stderr: stdout is for the answer.

    Args:
        options: The command's.
    """
    with contextlib.redirect_stdout(sys.stderr) if options.json else contextlib.nullcontext():
        yield


def print_json(answer: Any) -> None:
    """Print an answer as JSON; numbers that are not finite become null.

    Args:
        answer: Tables and lists of what JSON holds; paths become text.
    """
    print(json.dumps(_plain(answer), ensure_ascii=False, indent=2, default=str, allow_nan=False))


def write_rows(rows: Iterable[dict], *, style: str, line: Callable[[dict], str]) -> None:
    """Print rows as they come.

    Args:
        rows: Each with the same keys, in the same order; the values of a csv are no lists.
        style: "table", "csv" or "json".
        line: What a table says of a row.
    """
    match style:
        case "table":
            for row in rows:
                print(line(row), flush=sys.stdout.isatty())
        case "csv":
            writer = csv.writer(sys.stdout, lineterminator="\n")
            for number, row in enumerate(rows):
                if number == 0:
                    writer.writerow(row)
                writer.writerow(row.values())
        case "json":
            separator = "["
            try:
                for row in rows:
                    text = json.dumps(_plain(row), ensure_ascii=False, allow_nan=False)
                    print(separator, text, sep="\n", end="")
                    separator = ","
            finally:  # what was answered is valid JSON, whatever came then
                print("[]" if separator == "[" else "\n]")


def finished(path: Path) -> set[str]:
    """Find what a file of answers has already, but for a line that was being written.

    Args:
        path: A file that `append_rows` may have begun.

    Returns:
        The first cell of each row.

    Raises:
        InputError: It exists and is no such file.
    """
    if not path.exists():
        return set()
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    try:
        rows = list(csv.reader(whole.decode("utf-8", "surrogateescape").splitlines()))
    except (ValueError, csv.Error):
        rows = [["no table"]]
    if content and (not rows or rows[0][:1] != ["path"]):
        raise InputError(f"--out continues a file of its own; {path} is another's: name a new one")
    return {row[0] for row in rows[1:] if row}


def append_rows(rows: Iterable[dict], *, path: Path) -> int:
    """Append rows to a CSV file as they come, in place of a line that was being written.

    Args:
        rows: As `write_rows` takes them.
        path: The file; `finished` has seen it.

    Returns:
        Their number.

    Raises:
        InputError: The file has other columns.
    """
    with path.open("a+", encoding="utf-8", errors="surrogateescape", newline="") as file:
        file.seek(0)
        head = next(csv.reader(file), None)
        writer, number = csv.writer(file, lineterminator="\n"), 0
        for row in rows:
            if head is None:
                writer.writerow(row)
                head = list(row)
            if head != list(row):
                raise InputError(
                    f"{path} has the columns {head}, these answers {list(row)}: use the options "
                    "it was begun with, or another --out"
                )
            if number == 0:
                _cut(path)
            writer.writerow(row.values())
            file.flush()
            number += 1
    return number


def _cut(path):
    """Take what follows the last whole line away."""
    content = path.read_bytes()
    os.truncate(path, content.rfind(b"\n") + 1)


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


def _plain(value):
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
