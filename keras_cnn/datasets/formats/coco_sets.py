"""Where the files of a COCO set lie: COCO's own names, and those that tools give them."""

from pathlib import Path

from keras_cnn.datasets.formats import rows, texts
from keras_cnn.errors import InputError

_UNDIVIDED = (
    "_annotations.coco",
    "annotations",
    "instances",
    "instances_default",
    "result",
    "coco",
)


def find(folder: Path) -> dict[str, Path]:
    """Return the JSON file of each split.

    Args:
        folder: The set's folder.
    """
    found = {}
    for path in _candidates(folder):
        split = texts.split_of_file(path, folder)
        if split:
            found.setdefault(split, path)
    if not found:
        for path in _candidates(folder):
            if path.stem in _UNDIVIDED and _is_coco(path):
                return {rows.ALL: path}
    return found


def _candidates(folder):
    """Files with the names that COCO, Roboflow, CVAT and Label Studio give them."""
    for place in (folder, folder / "annotations"):
        for path in sorted(place.glob("*.json")):
            split = texts.split_of(path.stem)
            is_named = path.stem.lower().startswith("instances_") or "_" not in path.stem
            if path.stem in _UNDIVIDED or (split and is_named):
                yield path
    yield from sorted(folder.glob("*/_annotations.coco.json"))


def _is_coco(path):
    try:
        data = texts.json_of(path)
    except InputError:
        return False
    return isinstance(data, dict) and {"images", "annotations", "categories"} <= set(data)


def places(path: Path) -> list[Path]:
    """Return the folders that may hold the pictures of a file.

    Args:
        path: The JSON file.
    """
    folder = path.parent.parent if path.parent.name == "annotations" else path.parent
    stem = path.stem.removeprefix("instances_")
    inner = (stem, f"images/{stem}", texts.split_of(stem) or "", "images", "")
    return list(dict.fromkeys([*(folder / name for name in inner), path.parent]))
