"""`data.yaml` of Ultralytics: the folders of a YOLO set's splits, and its class names."""

import os
from pathlib import Path
from typing import Any

import yaml

from keras_cnn.datasets.formats import texts
from keras_cnn.datasets.reading import class_name
from keras_cnn.errors import InputError

_KEYS = ("train", "val", "valid", "test")


def content(path: Path) -> dict[str, Any] | None:
    """Return the content of a file that describes a set; None for another file.

    Args:
        path: The file.

    Raises:
        InputError: The file of a set is damaged.
    """
    try:
        found = yaml.safe_load(texts.text(path))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if path.stem in ("data", "dataset"):
            raise InputError(f"{path} is not YAML, or damaged: {error}") from None
        return None
    is_set = isinstance(found, dict) and "names" in found
    return found if is_set and set(_KEYS) & set(found) else None


def names(path: Path, content: dict[str, Any]) -> list[str]:
    """Return the class names, of a list or of number -> name, in the order of the numbers.

    Args:
        path: The file.
        content: Its content.

    Raises:
        InputError: They are no names.
    """
    names = content["names"]
    if isinstance(names, dict) and set(names) == set(range(len(names))):
        names = [names[number] for number in range(len(names))]
    if not isinstance(names, list):
        raise InputError(f"{path} must have names as a list, or as 0: name, 1: name, …: correct it")
    if not all(texts.is_text(str(name)) for name in names):
        raise InputError(f"{path} has a class name that is no text: correct it")
    return [class_name(str(name)) for name in names]


def splits(path: Path, content: dict[str, Any]) -> dict[str, list[Path]]:
    """Return split -> places of its pictures, relative in the ways that Ultralytics accepts.

    Args:
        path: The file.
        content: Its content.
    """
    root, named = path.parent, str(content.get("path") or "").replace("\\", "/").rstrip("/")
    # On another machine the folder lay elsewhere.
    inner = (root / named, root / named.rpartition("/")[2])
    root = next(filter(os.path.isdir, inner), root)
    splits = {}
    for key in _KEYS:
        entries = content.get(key) or []
        for entry in entries if isinstance(entries, list) else [entries]:
            splits.setdefault(texts.split_of(key), []).append(_place(path, root, str(entry)))
    # The test pictures of a set may not be published.
    return {
        s: places for s, places in splits.items() if s != "test" or all(map(os.path.exists, places))
    }


def _place(path, root, entry):
    """Return the path of an entry; Roboflow writes `../train/images` for one beside `data.yaml`."""
    entry = entry.strip().replace("\\", "/")
    candidates = (root / entry, root / entry.removeprefix("../"), path.parent / entry)
    found = next(filter(os.path.exists, candidates), root / entry)
    inner = filter(os.path.isdir, (found / "images", found / "Images"))
    return found if found.name.lower() == "images" else next(inner, found)
