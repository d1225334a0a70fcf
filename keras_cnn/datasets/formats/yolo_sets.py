"""Where the pictures of a YOLO set lie: `data.yaml`, darknet's files, or folders alone."""

import os
from pathlib import Path

import yaml

from keras_cnn.datasets.formats import rows, texts
from keras_cnn.datasets.reading import class_name
from keras_cnn.errors import InputError

_NAMES = ("classes.txt", "obj.names", "labels.txt", "classes.names")


def find(folder: Path) -> tuple[dict[str, list[Path]], list[str]]:
    """Return split -> folders and lists of its pictures, and the class names.

    Args:
        folder: The set's folder.

    Raises:
        InputError: `data.yaml` is damaged, or its names are no names.
    """
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        if content := _content(path):
            return _splits(path, content), _names(path, content["names"])
    for path in sorted(folder.glob("*.data")):
        entries = dict(_pairs(texts.text(path)))
        if "names" in entries:
            return _darknet(folder, entries), _read_names(path, folder, entries["names"])
    for path in (folder / name for name in _NAMES):
        if path.is_file() and (splits := _folders(folder)):
            return splits, texts.names(path)
    return {}, []


def _content(path):
    """The content of a file that describes a set; None for another one."""
    try:
        content = yaml.safe_load(texts.text(path))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if path.stem in ("data", "dataset"):
            raise InputError(f"{path} is not YAML, or damaged: {error}") from None
        return None
    is_set = isinstance(content, dict) and "names" in content
    return content if is_set and {"train", "val", "valid", "test"} & set(content) else None


def _names(path, names):
    """Class names from a list, or from number -> name, in the order of the numbers."""
    if isinstance(names, dict) and set(names) == set(range(len(names))):
        names = [names[number] for number in range(len(names))]
    if not isinstance(names, list):
        raise InputError(f"{path} must have names as a list, or as 0: name, 1: name, …: correct it")
    if not all(texts.is_text(str(name)) for name in names):
        raise InputError(f"{path} has a class name that is no text: correct it")
    return [class_name(str(name)) for name in names]


def _splits(path, content):
    """Split -> places, relative in the ways that Ultralytics accepts."""
    root, named = path.parent, str(content.get("path") or "").replace("\\", "/").rstrip("/")
    # On another machine the folder lay elsewhere.
    inner = (root / named, root / named.rpartition("/")[2])
    root = next(filter(os.path.isdir, inner), root)
    splits = {}
    for key in ("train", "val", "valid", "test"):
        entries = content.get(key) or []
        for entry in entries if isinstance(entries, list) else [entries]:
            splits.setdefault(texts.split_of(key), []).append(_place(path, root, str(entry)))
    # The test pictures of a set may not be published.
    return {
        s: places for s, places in splits.items() if s != "test" or all(map(os.path.exists, places))
    }


def _place(path, root, entry):
    """A folder or list; Roboflow writes `../train/images` for one beside `data.yaml`."""
    entry = entry.strip().replace("\\", "/")
    candidates = (root / entry, root / entry.removeprefix("../"), path.parent / entry)
    found = next(filter(os.path.exists, candidates), root / entry)
    images = found / "images"
    return images if found.name != "images" and os.path.isdir(images) else found


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
