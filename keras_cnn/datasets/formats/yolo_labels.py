"""The label file of a YOLO picture: an object per line, in shares of the picture."""

from pathlib import Path

import numpy as np

from keras_cnn.datasets.formats import rows, texts
from keras_cnn.errors import InputError
from keras_cnn.images import decoding


def path_of(picture: str) -> Path:
    """Return the label file: in `labels` in place of the last `images`, or beside the picture.

    Args:
        picture: The picture's file.
    """
    parts = Path(picture).with_suffix(".txt").parts
    pictures = [place for place, name in enumerate(parts[:-1]) if name.lower() == "images"]
    for name in ("labels", "Labels") if pictures else ():
        mirrored = Path(*parts[: pictures[-1]], name, *parts[pictures[-1] + 1 :])
        if mirrored.is_file() or mirrored.parent.is_dir():
            return mirrored
    return Path(*parts)


def is_one(path: Path) -> bool:
    """Return whether a file's first line is one of a label file: a class and places in 0..1.

    Args:
        path: The file.
    """
    try:
        first, *others = map(float, texts.text(path).strip().partition("\n")[0].split())
    except ValueError:  # InputError among them
        return False
    return first.is_integer() and len(others) >= 4 and all(0 <= value <= 1 for value in others)


def row(picture: str, names: list[str]) -> rows.Row:
    """Read the objects of a picture; without a label file it has none.

    Args:
        picture: The picture's file.
        names: The class names.

    Raises:
        InputError: A line cannot be used.
    """
    path = path_of(picture)
    lines = texts.text(path).splitlines() if path.is_file() else []
    try:
        with open(picture, "rb") as file:
            width, height, turned = decoding.read_header(file)
    except Exception:  # the check of the pictures tells why
        width, height, turned = np.nan, np.nan, False
    size = np.tile((height, width) if turned else (width, height), 2)
    objects = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            objects.append(_object(line.split(), names, size, f"{path}, line {number}"))
    return rows.row(picture, objects, path)


def _object(words, names, size, source):
    index = rows.whole_number(words[0])
    if len(words) != 5 and (len(words) < 7 or len(words) % 2 == 0):
        raise InputError(
            "a line must be 'class x y width height', or 'class x y x y x y …' of a segment; "
            f"{source} has {len(words)} numbers: correct it"
        )
    if index is None or not 0 <= index < len(names):
        raise rows.unknown_class(words[0], len(names), source=source)
    values = [rows.number(word, of="every place", source=source) for word in words[1:]]
    if len(values) == 4:
        x, y, width, height = values
        values = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
    box = np.array(rows.around(values, source=source)) if len(values) > 4 else np.array(values)
    return rows.Object(tuple(box * size), names[index])
