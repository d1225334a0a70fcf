"""Where the pictures of a YOLO set lie: `data.yaml`, darknet's files, or folders alone."""

from pathlib import Path

from keras_cnn.datasets.formats import darknet, data_yaml, rows, texts
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
        if content := data_yaml.content(path):
            return data_yaml.splits(path, content), data_yaml.names(path, content)
    for path in sorted(folder.glob("*.data")):
        if content := darknet.content(path):
            return darknet.splits(path, content), darknet.names(path, content)
    if (paths := _names_files(folder)) and (splits := folders(folder)):
        names = texts.names(paths[0])
        for path in paths[1:]:
            if texts.names(path) != names:
                raise InputError(
                    f"a set must have one list of classes; {paths[0]} and {path} differ: number "
                    "the classes of all label files alike"
                )
        return splits, names
    return {}, []


def _names_files(folder):
    """Files of class names: of the set, or those that labelImg and Roboflow write per folder."""
    for path in (*(folder / name for name in _NAMES), *sorted(folder.glob("*.names"))):
        if path.is_file():
            return [path]
    places = ("[lL]abels", "[lL]abels/*", "*/[lL]abels", "*")
    names = ("classes.txt", "_darknet.labels")
    return sorted(path for p in places for name in names for path in folder.glob(f"{p}/{name}"))


def folders(folder: Path) -> dict[str, list[Path]]:
    """Return the splits of a folder without `data.yaml`.

    Args:
        folder: The set's folder.

    Returns:
        Split -> lists, or folders: `images/train`, `train/images`, `images`, or folders with label
        files beside the pictures.
    """
    lists = {split: folder / f"{split}.txt" for split in ("train", "val", "test")}
    if splits := {split: [path] for split, path in lists.items() if path.is_file()}:
        return splits
    inner = [*folder.glob("[iI]mages/*/"), *folder.glob("*/[iI]mages/")]
    named = [
        (path, path.parent.name if path.name.lower() == "images" else path.name) for path in inner
    ]
    splits = {texts.split_of(name): [path] for path, name in named if texts.split_of(name)}
    if splits:
        return splits
    if any(folder.glob("[lL]abels/")) and (images := [*folder.glob("[iI]mages/")]):
        return {rows.ALL: images}
    for split, path in [(texts.split_of(path.name), path) for path in sorted(folder.glob("*/"))]:
        if split and _has_labels(path):
            splits.setdefault(split, []).append(path)
    return splits or ({rows.ALL: [folder]} if _has_labels(folder) else {})


def _has_labels(folder):
    """Whether label files lie beside the pictures of a folder."""
    beside = (path for path in folder.glob("*.txt") if path.name not in _NAMES)
    return any(texts.find_by_stem(path.stem, folder) for path in beside)
