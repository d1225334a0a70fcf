"""darknet's `obj.data`: the lists of a YOLO set's splits, and the file of its class names."""

import os
from pathlib import Path

from keras_cnn.datasets.formats import texts


def content(path: Path) -> dict[str, str] | None:
    """Return the content of a file that describes a set; None for another file.

    Args:
        path: The file.

    Raises:
        InputError: It cannot be read.
    """
    pairs = (line.partition("=") for line in texts.text(path).splitlines())
    found = {key.strip(): value.strip() for key, sign, value in pairs if sign}
    return found if "names" in found else None


def splits(path: Path, content: dict[str, str]) -> dict[str, list[Path]]:
    """Return split -> the list of its pictures.

    Args:
        path: The file.
        content: Its content.
    """
    keys = {"train": "train", "valid": "val", "test": "test"}
    return {
        split: [_listed(path.parent, content[key])]
        for key, split in keys.items()
        if content.get(key)
    }


def names(path: Path, content: dict[str, str]) -> list[str]:
    """Return the class names.

    Args:
        path: The file.
        content: Its content.

    Raises:
        InputError: Their file is missing, or cannot be read.
    """
    found = _listed(path.parent, content["names"])
    if not os.path.isfile(found):
        raise texts.missing(path, found)
    return texts.names(found)


def _listed(folder, entry):
    """Return a file of darknet, whose paths begin at the folder that darknet was started in."""
    name = entry.replace("\\", "/")
    places = (folder / name, folder.parent / name, folder / name.rpartition("/")[2])
    return next(filter(os.path.exists, places), places[0])
