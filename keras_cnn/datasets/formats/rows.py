"""The table that every reader of annotations fills: a row per picture, boxes in pixels."""

import contextlib
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from keras_cnn.box_layouts import LAYOUTS
from keras_cnn.datasets.reading import class_name
from keras_cnn.errors import InputError

ALL = "all"  # the split of a set that is not divided

_THOUSANDS = re.compile(r"-?[1-9][0-9]{0,2}(,[0-9]{3})+(\.[0-9]*)?")

Faults = list[tuple[str, InputError]]  # where an annotation stands, and why it cannot be used


class Object(NamedTuple):
    """An object of a picture."""

    box: tuple[float, float, float, float]  # left, top, right and bottom edge in pixels
    name: str  # its class
    difficult: bool = False  # whether it may be missed
    crowd: bool = False  # whether the box stands for many objects at once


class Row(NamedTuple):
    """The annotation of one picture."""

    path: str  # the picture's file
    boxes: np.ndarray  # corners in pixels, (n, 4)
    names: list[str]  # class names, (n,)
    difficult: np.ndarray  # whether each object may be missed, (n,)
    crowd: np.ndarray  # whether each box holds a crowd, (n,)
    source: str  # the annotation's file, with the line or picture in a file of many
    size: tuple[int, int] | None = None  # width and height that the annotation states


class Table(NamedTuple):
    """What a reader found in one split."""

    rows: list[Row]
    class_names: list[str] | None = None  # declared, in the order of their ids; None: as used


class Format(NamedTuple):
    """A layout of annotations and its reader."""

    name: str  # a key of `box_layouts.LAYOUTS`
    find: Callable[[Path], dict[str, Any]]  # folder -> split -> its annotations; {} for others
    read: Callable[[Any, Faults], Table]  # a value of `find` -> its table

    @property
    def layout(self) -> str:
        """Its files, for messages."""
        return LAYOUTS[self.name]


def row(
    path: str,
    objects: Iterable[Object],
    source: str | os.PathLike,
    *,
    size: tuple[int, int] | None = None,
) -> Row:
    """Return the row of a picture.

    Args:
        path: The picture's file.
        objects: Its objects.
        source: Where the annotation stands.
        size: Width and height that the annotation states.
    """
    objects = list(objects)
    return Row(
        path,
        np.array([item.box for item in objects], float).reshape(-1, 4),
        [class_name(item.name) for item in objects],
        np.array([item.difficult or item.crowd for item in objects], bool),
        np.array([item.crowd for item in objects], bool),
        os.fspath(source),
        size,
    )


@contextlib.contextmanager
def collecting(faults: Faults, source: str | os.PathLike) -> Iterator[None]:
    """Append an InputError of the block to the faults, in place of raising it.

    Args:
        faults: Receives the error.
        source: Where the annotation stands.
    """
    try:
        yield
    except InputError as error:
        faults.append((os.fspath(source), error))


def number(text: Any, *, of: str, source: str) -> float:
    """Return a coordinate; text with a decimal comma is a number, too.

    "1,200" is none: it may be 1.2, or 1200 with a separator of thousands.

    Args:
        text: The value as written, or None if it is missing.
        of: Name of its field, for the message.
        source: Where it stands, for the message.

    Raises:
        InputError: It is no number.
    """
    try:
        is_text = isinstance(text, str)
        if is_text and _THOUSANDS.fullmatch(text.strip()):
            raise ValueError
        return float(text.replace(",", ".") if is_text else text)
    except (TypeError, ValueError, OverflowError):
        has = "none" if text in (None, "") else repr(text)
        raise InputError(f"{source} must have a number in {of}; it has {has}") from None


def whole_number(text: str) -> int | None:
    """Return the number of a class, also of "3.0"; None for other text.

    Args:
        text: The number as written.
    """
    try:
        value = float(text)
    except ValueError:
        return None
    return int(value) if math.isfinite(value) and value == int(value) else None


def around(points: Any, *, source: str) -> tuple[float, float, float, float]:
    """Return the box around the points of a shape.

    Args:
        points: Pairs of coordinates.
        source: Where the shape stands, for the message.

    Raises:
        InputError: They are no pairs of numbers, or fewer than two.
    """
    try:
        corners = np.array(points, float).reshape(-1, 2)
        if len(corners) < 2:
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{source} must have two or more points of two numbers") from None
    return (*map(float, corners.min(0)), *map(float, corners.max(0)))


def stated_size(width: Any, height: Any) -> tuple[int, int] | None:
    """Return width and height as whole numbers; None for sizes that tools leave empty or 0.

    Args:
        width: The width as written.
        height: The height as written.
    """
    try:
        size = int(float(width)), int(float(height))
    except (TypeError, ValueError, OverflowError):
        return None
    return size if min(size) > 0 else None


def unknown_class(number: object, count: int, *, source: str) -> InputError:
    """Return the error of a class number without a name.

    Args:
        number: The number.
        count: Number of the classes that have names.
        source: Where it stands.
    """
    return InputError(
        f"a class must be below the number of classes, {count}; {source} has {number}: correct it, "
        "or name all classes"
    )
