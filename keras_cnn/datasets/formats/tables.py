"""CSV: an object per line, with a header, or without one as keras-retinanet's."""

import csv
import io
import itertools
from pathlib import Path

from keras_cnn.datasets.formats import rows, texts
from keras_cnn.errors import InputError
from keras_cnn.images import files

_COLUMNS = {  # column -> the names that tools give it
    "path": ("filename", "file", "image", "path", "image_path", "imageid", "image_id", "img"),
    "class": ("class", "label", "name", "class_name", "classname", "labelname"),
    **{
        key: (key, *others)
        for key, others in {
            "xmin": ("x1", "x_min", "left"),
            "ymin": ("y1", "y_min", "top"),
            "xmax": ("x2", "x_max", "right"),
            "ymax": ("y2", "y_max", "bottom"),
        }.items()
    },
}
_SIZE = ("width", "height")
_RETINANET = ("path", "xmin", "ymin", "xmax", "ymax", "class")  # its columns, in this order


def find(folder: Path) -> dict[str, Path]:
    """Return the table of each split.

    Args:
        folder: The set's folder.
    """
    paths = [path for path in sorted(folder.glob("*.csv")) if _is_table(path)]
    paths += [path for path in sorted(folder.glob("*/*.csv")) if _is_table(path)]
    splits = {}
    for path in paths:
        split = texts.split_of_file(path, folder)
        splits.setdefault(split or rows.ALL, path)
    return {key: path for key, path in splits.items() if key != rows.ALL or len(splits) == 1}


def _is_table(path):
    """Whether the first line is one of a table of boxes; the others are judged by `read`."""
    try:
        with open(path, "rb") as file:
            start = texts.decoded(file.read(4096), errors="replace")
        return _columns(next(_lines(start, path))[1]) is not None
    except (OSError, StopIteration, InputError):
        return False


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
            raise InputError(
                f"{path}, line {number} is damaged: {error}; correct its quotes"
            ) from None
        if any(cells):
            yield number, cells


def _columns(first):
    """Column -> its number in a table of boxes with this first line; None for another table."""
    header = [cell.lower() for cell in first]
    columns = {
        key: header.index(name)
        for key, names in (_COLUMNS | {side: (side,) for side in _SIZE}).items()
        if (name := next(filter(header.__contains__, names), None))
    }
    if {"path", "xmin"} <= set(columns) or {"path", "xmax"} <= set(columns):
        return columns
    has_edges = len(first) == len(_RETINANET) and all(map(_is_edge, first[1:5]))
    if has_edges and files.is_picture_name(first[0]):
        return {key: number for number, key in enumerate(_RETINANET)}
    return None


def _is_edge(cell):
    return not cell or cell.replace(".", "", 1).lstrip("-").isdecimal()


def _table(path, faults):
    """(source, column -> cell) of each line of objects."""
    lines = _lines(texts.text(path), path)
    first_line = next(lines)
    first = first_line[1]
    columns = _columns(first) or {}
    if missing := [key for key in _RETINANET if key not in columns]:
        raise InputError(f"{path} must have a column {missing[0]}; it has {first}: add it")
    is_header = not all(_is_edge(first[columns[key]]) for key in _RETINANET[1:5])
    for number, cells in lines if is_header else itertools.chain([first_line], lines):
        source = f"{path}, line {number}"
        while len(cells) > len(first) and not cells[-1]:
            cells.pop()
        if len(cells) == len(first):
            yield source, {key: cells[column] for key, column in columns.items()}
            continue
        reason = (
            f"{source} must have {len(first)} cells as the first line; it has {len(cells)}: "
            "correct its commas and quotes"
        )
        faults.append((source, InputError(reason)))


def read(path: Path, faults: rows.Faults) -> rows.Table:
    """Read a table; lines of one picture follow one another or not.

    Args:
        path: A value of `find`.
        faults: Receives the lines that cannot be used.
    """
    places = [*texts.places(path.parent), *(path.parent / name for name in ("train", "test"))]
    places += [path.parent / path.stem, path.parent / "images" / path.stem]
    objects, sizes = {}, {}
    for source, cells in _table(path, faults):
        try:
            name = cells["path"]
            picture = texts.find_picture(name, *places) or texts.find_by_stem(name, *places)
            if picture is None:
                raise texts.missing(source, path.parent / name)
            its_objects = objects.setdefault(picture, [])
            sizes[picture] = rows.stated_size(*(cells.get(side) for side in _SIZE))
            if any(cells[key] for key in _RETINANET[1:]):  # else a picture without objects
                box = [_edge(cells[k], k, source) for k in _RETINANET[1:5]]
                its_objects.append(rows.Object(tuple(box), cells["class"]))
        except InputError as error:
            faults.append((source, error))
    return rows.Table(
        [rows.row(p, its, f"{path}, {p}", size=sizes[p]) for p, its in objects.items()]
    )


def _edge(text, key, source):
    """The number of a cell; "nan" is an empty cell, as pandas writes it."""
    return rows.number("" if text.strip().lower() == "nan" else text, of=key, source=source)


FORMAT = rows.Format("CSV", find, read)
