"""Where the pictures of a YOLO set lie: `data.yaml`, darknet's files, or folders alone."""

import os
from pathlib import Path

from keras_cnn.datasets.formats import data_yaml, rows, texts

_NAMES = ("classes.txt", "obj.names", "labels.txt", "classes.names")


def find(folder: Path) -> tuple[dict[str, list[Path]], list[str]]:
    """Return split -> folders and lists of its pictures, and the class names.

    Args:
        folder: The set's folder.

    Raises:
        InputError: `data.yaml` is damaged, or its names are no names.
    """
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        if content := data_yaml.content(path):
            return data_yaml.splits(path, content), data_yaml.names(path, content)
    for path in sorted(folder.glob("*.data")):
        entries = dict(_pairs(texts.text(path)))
        if "names" in entries:
            return _darknet(folder, entries), _read_names(path, folder, entries["names"])
    for path in (folder / name for name in _NAMES):
        if path.is_file() and (splits := _folders(folder)):
            return splits, texts.names(path)
    return {}, []


def _pairs(text):
    for line in text.splitlines():
        key, sign, value = line.partition("=")
        if sign:
            yield key.strip(), value.strip()


def _darknet(folder, entries):
    keys = {"train": "train", "valid": "val", "test": "test"}
    return {
        split: [_listed(folder, entries[key])] for key, split in keys.items() if entries.get(key)
    }


def _listed(folder, entry):
    """A file of darknet, whose paths begin at the folder that darknet was started in."""
    name = entry.replace("\\", "/")
    places = (folder / name, folder.parent / name, folder / name.rpartition("/")[2])
    return next(filter(os.path.exists, places), places[0])


def _read_names(path, folder, entry):
    names = _listed(folder, entry)
    if not os.path.isfile(names):
        raise texts.missing(path, names)
    return texts.names(names)


def _folders(folder):
    """Splits of a folder without `data.yaml`: lists, `images/train`, `train/images`, `images`."""
    lists = {split: folder / f"{split}.txt" for split in ("train", "val", "test")}
    if splits := {split: [path] for split, path in lists.items() if path.is_file()}:
        return splits
    inner = [*folder.glob("images/*/"), *folder.glob("*/images/")]
    named = [
        (path, path.name if path.parent.name == "images" else path.parent.name) for path in inner
    ]
    splits = {texts.split_of(name): [path] for path, name in named if texts.split_of(name)}
    if splits:
        return splits
    if (folder / "images").is_dir() and (folder / "labels").is_dir():
        return {rows.ALL: [folder / "images"]}
    beside = [path for path in folder.glob("*.txt") if path.name not in _NAMES]
    has_labels = any(texts.find_by_stem(path.stem, folder) for path in beside)
    return {rows.ALL: [folder]} if has_labels else {}
