"""How commands answer: rows, JSON, progress."""

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


def _plain(value):
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
