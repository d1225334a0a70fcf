"""CSV: an object per line, with a header, or without one as keras-retinanet's."""

import csv
import io
from pathlib import Path

from keras_cnn.datasets.formats import rows, texts
from keras_cnn.errors import InputError

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
    try:
        columns, lines = _table(path)
    except InputError:
        return False
    return bool(columns)


def _table(path):
    """Column -> its number, {} for another file; and (number, cells) of each line of objects."""
    content = texts.text(path)
    delimiter = max(",;\t", key=content.partition("\n")[0].count)
    lines = csv.reader(io.StringIO(content), delimiter=delimiter)
    try:
        numbered = [(n, cells) for n, cells in enumerate(lines, start=1) if any(cells)]
    except csv.Error as error:
        raise InputError(f"{path} is not CSV, or damaged: {error}") from None
    if not numbered:
        return {}, []
    header = [cell.strip().lower() for cell in numbered[0][1]]
    columns = {
        key: next((header.index(name) for name in names if name in header), None)
        for key, names in _COLUMNS.items()
    }
    if None not in columns.values():
        columns |= {side: header.index(side) for side in _SIZE if side in header}
        return columns, numbered[1:]
    if any(len(cells) != len(_RETINANET) for _, cells in numbered) or not all(
        map(_is_edge, numbered[0][1][1:5])
    ):
        return {}, []
    return {key: number for number, key in enumerate(_RETINANET)}, numbered


def _is_edge(cell):
    return not cell.strip() or cell.strip().replace(".", "", 1).lstrip("-").isdecimal()


def read(path: Path, faults: rows.Faults) -> rows.Table:
    """Read a table; lines of one picture follow one another or not.

    Args:
        path: A value of `find`.
        faults: Receives the lines that cannot be used.
    """
    columns, lines = _table(path)
    places = [*texts.places(path.parent), *(path.parent / name for name in ("train", "test"))]
    places += [path.parent / path.stem, path.parent / "images" / path.stem]
    objects, sizes = {}, {}
    for number, cells in lines:
        source = f"{path}, line {number}"
        cells = {key: cells[n].strip() if n < len(cells) else "" for key, n in columns.items()}
        try:
            name = cells["path"]
            picture = texts.find_picture(name, *places) or texts.find_by_stem(name, *places)
            if picture is None:
                raise texts.missing(source, path.parent / name)
            its_objects = objects.setdefault(picture, [])
            sizes[picture] = rows.stated_size(*(cells.get(side) for side in _SIZE))
            if any(cells[key] for key in _RETINANET[1:]):  # else a picture without objects
                box = [rows.number(cells[k], of=k, source=source) for k in _RETINANET[1:5]]
                its_objects.append(rows.Object(tuple(box), cells["class"]))
        except InputError as error:
            faults.append((source, error))
    return rows.Table(
        [rows.row(p, its, f"{path}, {p}", size=sizes[p]) for p, its in objects.items()]
    )


FORMAT = rows.Format("CSV", find, read)
