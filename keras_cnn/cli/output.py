"""Answers of commands: rows, JSON, CSV files, progress."""

import argparse
import contextlib
import csv
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from keras_cnn.errors import InputError
from keras_cnn.i18n import _


def progress(items: Iterable, *, total: int | None, unit: str) -> Iterator:
    """Yield items, and show their number in a progress bar on a terminal's stderr.

    Args:
        items: Anything.
        total: Number of items; None if it is not known.
        unit: Name of the items, such as "pictures".

    Yields:
        The items.
    """
    if not sys.stderr.isatty() or sys.stdout.isatty():  # answers on a terminal show progress
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(items, _(unit), total=total, console=Console(stderr=True), transient=True)


@contextlib.contextmanager
def stdout_for_answer(options: argparse.Namespace) -> Iterator[None]:
    """With ``--json``, send everything that is printed to stderr, as stdout is for the answer.

    Args:
        options: Options of the command.
    """
    with contextlib.redirect_stdout(sys.stderr) if options.json else contextlib.nullcontext():
        yield


def print_json(answer: Any) -> None:
    """Print an answer as JSON; numbers that are not finite become null.

    Args:
        answer: Tables and lists of JSON values; paths become text.
    """
    text = json.dumps(_finite(answer), ensure_ascii=False, indent=2, default=str, allow_nan=False)
    print(text)


def write_rows(rows: Iterable[dict], *, style: str, line: Callable[[dict], str]) -> None:
    """Print each row as soon as it is there.

    Args:
        rows: Tables with the same keys in the same order; in a csv no value is a list.
        style: "table", "csv" or "json".
        line: Returns the text of a row in a table.
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
                    text = json.dumps(_finite(row), ensure_ascii=False, allow_nan=False)
                    print(separator, text, sep="\n", end="")
                    separator = ","
            finally:  # after an error, too, the output is valid JSON
                print("[]" if separator == "[" else "\n]")


def finished(path: Path) -> set[str]:
    """Return the pictures that a file of answers has; an incomplete last line does not count.

    Args:
        path: A file that `append_rows` may have begun.

    Returns:
        The first cell of each row.

    Raises:
        InputError: The file exists and was not written by `append_rows`.
    """
    if not path.exists():
        return set()
    content = path.read_bytes()
    complete = content[: content.rfind(b"\n") + 1]
    try:
        rows = list(csv.reader(complete.decode("utf-8", "surrogateescape").splitlines()))
    except (ValueError, csv.Error):
        rows = []
    if content and (not rows or rows[0][:1] != ["path"]):
        raise InputError(f"--out adds to a file of answers; {path} is another file: name a new one")
    return {row[0] for row in rows[1:] if row}


def append_rows(rows: Iterable[dict], *, path: Path) -> int:
    """Append each row to a CSV file as soon as it is there, in place of an incomplete last line.

    Args:
        rows: As in `write_rows`.
        path: The file; `finished` has accepted it.

    Returns:
        The number of rows.

    Raises:
        InputError: The file has other columns.
    """
    with path.open("a+", encoding="utf-8", errors="surrogateescape", newline="") as file:
        file.seek(0)
        header = next(csv.reader(file), None)
        writer, number = csv.writer(file, lineterminator="\n"), 0
        for row in rows:
            if header is None:
                header = list(row)
                writer.writerow(header)
            if header != list(row):
                raise InputError(
                    f"{path} has the columns {header}, these answers {list(row)}: use the options "
                    "that it was begun with, or another --out"
                )
            if number == 0:
                _remove_incomplete_line(path)
            writer.writerow(row.values())
            file.flush()
            number += 1
    return number


def _remove_incomplete_line(path):
    content = path.read_bytes()
    os.truncate(path, content.rfind(b"\n") + 1)


def _finite(value):
    """Return a value of JSON with null in place of numbers that are not finite."""
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
