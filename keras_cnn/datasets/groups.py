"""Which pictures belong together: frames of a video, pictures of a patient, a typeface.

A network recognises the video, the patient or the typeface. If pictures of one group are in train
and in test, its score is too high for pictures of other groups.
"""

import csv
import os
import re
from collections.abc import Sequence
from pathlib import Path

from keras_cnn.errors import InputError
from keras_cnn.i18n import N_

NEAR_COPIES = "near-copies"
COLUMNS = ("file", "group")  # of a csv file
KIND = N_("group")  # what a report calls a group without a name of its own


def names(paths: Sequence[str], *, by: str, folder: str | os.PathLike) -> list[str]:
    """Return the group of each picture.

    Args:
        paths: The pictures, absolute.
        by: A regular expression, searched in each file's name without its extension: what its
            group matches is the name of the picture's group. Or the path of a csv file with the
            columns "file", relative to `folder`, and "group".
        folder: The set's folder.

    Raises:
        InputError: The expression is none, or has not one group; a name does not match; the csv
            file cannot be read, names a file that does not exist, or lacks a picture.
    """
    if by.lower().endswith(".csv"):
        return _of_table(paths, Path(by), Path(folder))
    return of_expression(paths, by)


def of_expression(paths: Sequence[str], text: str) -> list[str]:
    """Return the group of each picture by a regular expression.

    Args:
        paths: The pictures.
        text: The expression, as in `names`.

    Raises:
        InputError: As `names` raises it.
    """
    pattern = _pattern(text)
    matches = [pattern.search(Path(path).stem) for path in paths]
    without = [path for path, match in zip(paths, matches, strict=True) if not (match and match[1])]
    if without:
        raise InputError(
            f"--group-by {text!r} must match the name of every picture; it does not match "
            f"{len(without):,} of {len(paths):,}, such as {Path(without[0]).name}: correct it"
        )
    return [match[1] for match in matches]


def kind(by: str | None) -> str:
    """Return what a group is: the name of the expression's group, or "group".

    Args:
        by: As in `names`, or None.
    """
    if by is None or by == NEAR_COPIES or by.lower().endswith(".csv"):
        return KIND
    return next(iter(_pattern(by).groupindex), KIND)


def _pattern(text):
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise InputError(f"--group-by must be a regular expression; {error}: {text!r}") from None
    if pattern.groups != 1:
        raise InputError(
            f"--group-by must have one pair of brackets around the group's name; {text!r} has "
            f"{pattern.groups}: write such as '(patient[0-9]+)_'"
        )
    return pattern


def _of_table(paths, table, folder):
    """Return the group of each picture by a csv file."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"--group-by {table} cannot be read ({reason}): correct it") from None
    if not rows or not all(row.get(column) for row in rows for column in COLUMNS):
        raise InputError(
            f"--group-by {table} must have the columns file and group, with a value in every row: "
            "correct it"
        )
    groups = {os.path.abspath(folder / row["file"]): row["group"] for row in rows}
    if unknown := sorted(path for path in groups if not os.path.isfile(path)):
        raise InputError(
            f"--group-by {table} must name files of {folder}, relative to it; {len(unknown):,} of "
            f"{len(groups):,} are not there, such as {os.path.relpath(unknown[0], folder)!r}: "
            "correct them"
        )
    paths = [os.path.abspath(path) for path in paths]
    if missing := sorted(set(paths) - set(groups)):
        raise InputError(
            f"--group-by {table} must list each picture; it lacks {len(missing):,} of "
            f"{len(paths):,}, such as {os.path.relpath(missing[0], folder)!r}: add them"
        )
    return [groups[path] for path in paths]
