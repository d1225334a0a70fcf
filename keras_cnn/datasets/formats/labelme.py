"""labelme: a JSON file of shapes per picture."""

import math
from pathlib import Path

from keras_cnn.datasets.formats import rows, texts
from keras_cnn.errors import InputError

_NO_OBJECTS = ("__ignore__", "_background_")  # labels that are no classes; labelme's list has them


def find(folder: Path) -> dict[str, list[Path]]:
    """Return the JSON files of each split.

    Args:
        folder: The set's folder.
    """
    return texts.find_by_split(folder, ".json", _is_labelme)


def _is_labelme(path):
    try:
        data = texts.json_of(path)
    except InputError:
        return False
    return isinstance(data, dict) and "shapes" in data


def read(paths: list[Path], faults: rows.Faults) -> rows.Table:
    """Read JSON files; a polygon, circle or line counts as the box around it.

    Shapes with the labels `__ignore__` and `_background_` are left out, as labelme2coco does. A
    flag "difficult", of labelme or X-AnyLabeling, marks an object that may be missed.

    Args:
        paths: A value of `find`.
        faults: Receives the files that cannot be used.
    """
    table = []
    for path in paths:
        with rows.collecting(faults, path):
            table.append(_row(path))
    return rows.Table(table)


def _row(path):
    data = texts.json_of(path)
    if not (isinstance(data, dict) and isinstance(data.get("shapes"), list)):
        raise InputError(f"{path} is not of labelme: it has no list 'shapes'; move it away")
    name = data.get("imagePath")
    name, places = name if isinstance(name, str) else "", texts.places(path.parent)
    picture = texts.find_picture(name, *places) or texts.find_by_stem(path.stem, *places)
    if picture is None:
        raise texts.missing(path, name or f"{path.stem}.jpg")
    objects = []
    for number, shape in enumerate(data["shapes"], start=1):
        if not (isinstance(shape, dict) and shape.get("label") in _NO_OBJECTS):
            objects.append(_object(shape, f"{path}, object {number}"))
    size = rows.stated_size(data.get("imageWidth"), data.get("imageHeight"))
    return rows.row(picture, objects, path, size=size)


def _object(shape, source):
    if not isinstance(shape, dict) or not texts.is_text(shape.get("label")):
        raise InputError(f"{source} must have a label of text: correct it")
    box = rows.around(shape.get("points"), source=source)
    if shape.get("shape_type") == "circle":
        (x, y), (u, v) = shape["points"][:2]
        radius = math.hypot(u - x, v - y)
        box = (x - radius, y - radius, x + radius, y + radius)
    flags = shape.get("flags")
    places = (shape, flags if isinstance(flags, dict) else {})  # X-AnyLabeling's, labelme's
    return rows.Object(box, shape["label"], any(x.get("difficult") is True for x in places))


FORMAT = rows.Format("labelme", find, read)
