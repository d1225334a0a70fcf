"""YOLO: a text file of objects per picture, in shares of it; Ultralytics' and darknet's folders."""

import itertools
import os
from pathlib import Path
from typing import NamedTuple

from keras_cnn.datasets.formats import rows, texts, yolo_labels, yolo_sets
from keras_cnn.errors import InputError
from keras_cnn.images import files

_FIRST = 20  # pictures whose label files are looked at


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


def refuse_nameless(folder: Path) -> None:
    """Refuse a folder of pictures and label files that names no classes.

    Args:
        folder: A folder without a layout.

    Raises:
        InputError: It is one.
    """
    for place in itertools.chain.from_iterable(yolo_sets.folders(folder).values()):
        pictures = []
        with rows.collecting([], place):  # a list that is no text is none of pictures
            pictures = _pictures(place, [])
        for picture in pictures[:_FIRST]:
            path = yolo_labels.path_of(picture)
            if yolo_labels.is_one(path):
                raise InputError(
                    f"a YOLO set must name its classes; {folder} has label files such as {path}, "
                    f"and no names: write them into {folder / 'classes.txt'}, one per line, in the "
                    "order of their numbers"
                )


def read(part: _Part, faults: rows.Faults) -> rows.Table:
    """Read the label file of each picture; a picture without one has no objects.

    Args:
        part: A value of `find`.
        faults: Receives the files that cannot be used.
    """
    table = []
    for place in part.pictures:
        pictures = []
        with rows.collecting(faults, place):
            pictures = _pictures(place, faults)
        for picture in pictures:
            with rows.collecting(faults, yolo_labels.path_of(picture)):
                table.append(yolo_labels.row(picture, part.names))
    return rows.Table(table, part.names)


def _pictures(place, faults):
    """Return the files of pictures that a folder holds or a list names."""
    if not os.path.exists(place):
        raise InputError(
            f"{place} must hold the pictures of a split, and does not exist: correct its path, or "
            "drop the split"
        )
    if os.path.isdir(place):
        try:
            return [os.path.join(place, name) for name in files.pictures_in(place)]
        except OSError as error:
            raise InputError(str(error)) from None
    found = []
    for number, line in enumerate(texts.text(place).splitlines(), start=1):
        if line.strip():
            source = f"{place}, line {number}"
            picture = texts.find_picture(line, place.parent, place.parent.parent)
            with rows.collecting(faults, source):
                if picture is None:
                    raise texts.missing(source, line.strip())
                found.append(picture)
    return found


FORMAT = rows.Format("YOLO", find, read)
