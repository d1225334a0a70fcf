"""A table of objects as delimited text: its lines, and which of its columns hold boxes."""

import csv
import io
import itertools
from collections.abc import Iterator
from pathlib import Path

from keras_cnn.datasets.formats import rows, texts
from keras_cnn.errors import InputError
from keras_cnn.images import files

_NAMES = {  # column -> the names that tools give it
    "path": ("filename", "file", "image", "path", "image_path", "imageid", "image_id", "img"),
    "class": ("class", "label", "name", "class_name", "classname", "labelname"),
    "xmin": ("xmin", "x1", "x_min", "left"),
    "ymin": ("ymin", "y1", "y_min", "top"),
    "xmax": ("xmax", "x2", "x_max", "right"),
    "ymax": ("ymax", "y2", "y_max", "bottom"),
    "width": ("width",),
    "height": ("height",),
}
EDGES = ("xmin", "ymin", "xmax", "ymax")
_RETINANET = ("path", *EDGES, "class")  # its columns, in this order


def has_boxes(path: Path) -> bool:
    """Return whether the first line of a file is one of a table of boxes.

    Args:
        path: The file.
    """
    try:
        with open(path, "rb") as file:
            start = texts.decoded(file.read(4096), errors="replace")
        return _columns(next(_lines(start, path))[1]) is not None
    except (OSError, StopIteration, InputError):
        return False


def objects(path: Path, faults: rows.Faults) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the place of each line, and its cells: column of `_NAMES` -> text.

    Args:
        path: The file.
        faults: Receives the lines with too few or too many cells.
    """
    lines = _lines(texts.text(path), path)
    start = next(lines)
    first = start[1]
    columns = _columns(first) or {}
    if missing := [key for key in _RETINANET if key not in columns]:
        raise InputError(f"{path} must have a column {missing[0]}; it has {first}: add it")
    is_header = not all(_is_edge(first[columns[key]]) for key in EDGES)
    for number, cells in itertools.chain([] if is_header else [start], lines):
        source = f"{path}, line {number}"
        while len(cells) > len(first) and not cells[-1]:
            cells.pop()
        if len(cells) == len(first):
            yield source, {key: cells[column] for key, column in columns.items()}
            continue
        reason = f"{source} must have {len(first)} cells as the first line; it has {len(cells)}"
        faults.append((source, InputError(f"{reason}: correct its commas and quotes")))


def _lines(content, path):
    """Yield (number, cells) of each line that is not empty."""
    delimiter = max(",;\t", key=content.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(content), delimiter=delimiter, strict=True)
    while True:
        number = reader.line_num + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            reason = f"{path}, line {number} is damaged: {error}; correct its quotes"
            raise InputError(reason) from None
        if any(cells):
            yield number, cells


def _columns(first):
    """Column -> its number in a table of boxes with this first line; None for another table."""
    header = [cell.lower() for cell in first]
    columns = {
        key: header.index(name)
        for key, names in _NAMES.items()
        if (name := next(filter(header.__contains__, names), None))
    }
    if "path" in columns and {"xmin", "xmax"} & set(columns):
        return columns
    has_edges = len(first) == len(_RETINANET) and all(map(_is_edge, first[1:5]))
    is_bare = has_edges and files.is_picture_name(first[0])
    return dict(zip(_RETINANET, range(6), strict=True)) if is_bare else None


def _is_edge(cell):
    return not cell or cell.replace(".", "", 1).lstrip("-").isdecimal()
