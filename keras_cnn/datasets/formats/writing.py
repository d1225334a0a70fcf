"""Write a set of pictures with boxes in the layout of PASCAL VOC, COCO or YOLO."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.etree import ElementTree

import yaml

from keras_cnn.datasets.formats.rows import ALL, Row


def voc(folder: Path, splits: dict[str, list[Row]], *, class_names: Sequence[str]) -> None:
    """Write an XML file per picture, and a list per split.

    Args:
        folder: A new folder.
        splits: Split -> rows with their sizes.
        class_names: Not written: VOC names the class of each object.
    """
    for name in ("Annotations", "JPEGImages"):
        (folder / name).mkdir(parents=True)
    taken = set()
    for split, rows in splits.items():
        names = []
        for row in rows:
            name = _copy(row.path, folder / "JPEGImages", taken)
            names.append(Path(name).stem)
            tree = ElementTree.ElementTree(_xml(row, name))
            ElementTree.indent(tree)
            tree.write(folder / "Annotations" / f"{names[-1]}.xml", encoding="utf-8")
        if split != ALL:
            lists = folder / "ImageSets" / "Main"
            lists.mkdir(parents=True, exist_ok=True)
            (lists / f"{split}.txt").write_text("".join(f"{name}\n" for name in names), "utf-8")


def _xml(row, name):
    root = ElementTree.Element("annotation")

    def add(parent, tag, value):
        ElementTree.SubElement(parent, tag).text = str(value)

    add(root, "filename", name)
    stated = ElementTree.SubElement(root, "size")
    for side, value in zip(("width", "height", "depth"), (*row.size, 3), strict=True):
        add(stated, side, value)
    for box, class_name, difficult, crowd in _objects(row):
        element = ElementTree.SubElement(root, "object")
        add(element, "name", class_name)
        add(element, "difficult", int(difficult))
        if crowd:
            add(element, "iscrowd", 1)
        corners = ElementTree.SubElement(element, "bndbox")
        for corner, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True):
            add(corners, corner, _short(value))
    return root


def coco(folder: Path, splits: dict[str, list[Row]], *, class_names: Sequence[str]) -> None:
    """Write a JSON file and a folder of pictures per split.

    Args:
        folder: A new folder.
        splits: Split -> rows with their sizes.
        class_names: The categories, with the ids 1, 2, ...
    """
    ids = {name: number for number, name in enumerate(class_names, start=1)}
    for split, rows in splits.items():
        place = folder / ("images" if split == ALL else split)
        place.mkdir(parents=True)
        images, annotations, taken = [], [], set()
        for image, row in enumerate(rows, start=1):
            name, (width, height) = _copy(row.path, place, taken), row.size
            images.append({"id": image, "file_name": name, "width": width, "height": height})
            for (x1, y1, x2, y2), class_name, difficult, crowd in _objects(row):
                entry = {"id": len(annotations) + 1, "image_id": image}
                entry |= {"category_id": ids[class_name], "bbox": [x1, y1, x2 - x1, y2 - y1]}
                entry |= {"area": (x2 - x1) * (y2 - y1), "iscrowd": int(crowd)}
                annotations.append(entry | ({"difficult": 1} if difficult and not crowd else {}))
        categories = [{"id": number, "name": name} for name, number in ids.items()]
        content = {"images": images, "annotations": annotations, "categories": categories}
        name = "_annotations.coco" if split == ALL else split
        text = json.dumps(content, ensure_ascii=False)
        (folder / f"{name}.json").write_text(text, encoding="utf-8")


def yolo(folder: Path, splits: dict[str, list[Row]], *, class_names: Sequence[str]) -> None:
    """Write a text file per picture and `data.yaml`, or `classes.txt` for an undivided set.

    Args:
        folder: A new folder.
        splits: Split -> rows with their sizes.
        class_names: The names in `data.yaml`.
    """
    ids, taken = {name: number for number, name in enumerate(class_names)}, set()
    for split, rows in splits.items():
        inner = "" if split == ALL else split
        for name in ("images", "labels"):
            (folder / name / inner).mkdir(parents=True)
        for row in rows:
            name, (width, height) = _copy(row.path, folder / "images" / inner, taken), row.size
            lines = []
            for (x1, y1, x2, y2), class_name, _, _ in _objects(row):
                places = (x1 + x2) / 2 / width, (y1 + y2) / 2 / height
                sides = (x2 - x1) / width, (y2 - y1) / height
                lines.append(" ".join(map(repr, (ids[class_name], *places, *sides))) + "\n")
            labels = folder / "labels" / inner / f"{Path(name).stem}.txt"
            labels.write_text("".join(lines), encoding="utf-8")
    if ALL in splits:
        text = "".join(f"{name}\n" for name in class_names)
        (folder / "classes.txt").write_text(text, encoding="utf-8")
        return
    content = {split: f"images/{split}" for split in splits} | {
        "names": dict(enumerate(class_names))
    }
    text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
    (folder / "data.yaml").write_text(text, encoding="utf-8")


Writer = Callable[..., None]
WRITERS: dict[str, Writer] = {"voc": voc, "coco": coco, "yolo": yolo}


def _objects(row):
    return zip(row.boxes.tolist(), row.names, row.difficult, row.crowd, strict=True)


def _short(value):
    """Return a number as text, without the fraction of a whole one."""
    return repr(int(value) if value == int(value) else value)


def _copy(path, folder, taken):
    """Copy a picture; return its new name, whose stem no other picture of the set has."""
    path = Path(path)
    stem, number = path.stem, 1
    while stem in taken:
        number += 1
        stem = f"{path.stem}_{number}"
    taken.add(stem)
    shutil.copyfile(path, folder / f"{stem}{path.suffix}")
    return f"{stem}{path.suffix}"
