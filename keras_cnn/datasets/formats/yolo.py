"""YOLO: a text file of objects per picture, in shares of it; Ultralytics' and darknet's folders."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_cnn.datasets.formats import rows, texts, yolo_sets
from keras_cnn.errors import InputError
from keras_cnn.images import decoding, files


class _Part(NamedTuple):
    pictures: tuple[Path, ...]  # folders of pictures, pictures, and text files that list pictures
    names: list[str]


def find(folder: Path) -> dict[str, _Part]:
    """Return the places of the pictures of each split, and the class names.

    Args:
        folder: The set's folder.
    """
    splits, names = yolo_sets.find(folder)
    return {split: _Part(tuple(places), names) for split, places in splits.items()}


def read(part: _Part, faults: rows.Faults) -> rows.Table:
    """Read the label file of each picture; a picture without one has no objects.

    Args:
        part: A value of `find`.
        faults: Receives the files that cannot be used.
    """
    table = []
    for place in part.pictures:
        if not os.path.exists(place):
            reason = (
                f"{place} must hold the pictures of a split, and does not exist: correct its path"
            )
            faults.append((str(place), InputError(reason)))
            continue
        try:
            pictures = _pictures(place, faults)
        except (InputError, OSError) as error:
            faults.append((str(place), InputError(str(error))))
            continue
        for picture in pictures:
            try:
                table.append(_row(picture, part.names))
            except InputError as error:
                faults.append((str(labels_of(picture)), error))
    return rows.Table(table, part.names)


def _pictures(place, faults):
    """The files of pictures that a folder holds or a list names."""
    if place.is_dir():
        return [os.path.join(place, name) for name in files.pictures_in(place)]
    found = []
    for number, line in enumerate(texts.text(place).splitlines(), start=1):
        if line.strip():
            source = f"{place}, line {number}"
            picture = texts.find_picture(line, place.parent, place.parent.parent)
            if picture is None:
                faults.append((source, texts.missing(source, line.strip())))
            else:
                found.append(picture)
    return found


def labels_of(picture: str) -> Path:
    """Return the label file: in `labels` in place of the last `images`, or beside the picture.

    Args:
        picture: The picture's file.
    """
    parts = list(Path(picture).with_suffix(".txt").parts)
    if "images" in parts[:-1]:
        last = len(parts) - 1 - parts[::-1].index("images")
        mirrored = Path(*parts[:last], "labels", *parts[last + 1 :])
        if mirrored.is_file() or mirrored.parent.is_dir():
            return mirrored
    return Path(*parts)


def _row(picture, names):
    path = labels_of(picture)
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


FORMAT = rows.Format("YOLO", find, read)
