"""Text files of one picture per line: ``path x1,y1,x2,y2,class x1,y1,x2,y2,class …``."""

import os
import re
from pathlib import Path

from keras_cnn.datasets.formats import rows, texts, yolo_labels
from keras_cnn.errors import InputError

_EDGE = r"-?\d+(?:\.\d*)?"
_BOX = re.compile(rf"\s({_EDGE}(?:,{_EDGE}){{3}},\d{{1,9}})(?=\s|$)", re.ASCII)


def find(folder: Path) -> dict[str, Path]:
    """Return the lists of the splits; class names stand in `classes.txt` beside them.

    Args:
        folder: The set's folder.
    """
    lists = {split: folder / f"{split}.txt" for split in ("train", "val", "test")}
    found = {split: path for split, path in lists.items() if path.is_file()}
    return found if found and _are_lines(folder, found) else {}


def _are_lines(folder, lists):
    """Whether lists are no lists of bare pictures with label files, as YOLO has them."""
    try:
        content = [texts.text(path) for path in lists.values()]
    except InputError:
        return (folder / "classes.txt").is_file()  # `read` tells it
    if any(map(_BOX.search, content)):
        return True
    first = texts.find_picture(content[0].partition("\n")[0], folder)
    has_labels = first is not None and yolo_labels.path_of(first).is_file()
    return (folder / "classes.txt").is_file() and not has_labels


def read(path: Path, faults: rows.Faults) -> rows.Table:
    """Read a list.

    Args:
        path: A value of `find`. Paths of pictures are relative to its folder and may hold spaces.
        faults: Receives the lines that cannot be used.
    """
    class_names, table = texts.names(path.parent / "classes.txt"), []
    for number, line in enumerate(texts.text(path).splitlines(), start=1):
        if line.strip():
            source = f"{path}, line {number}"
            with rows.collecting(faults, source):
                table.append(_row(line, path.parent, source, class_names))
    return rows.Table(table, class_names)


def _row(line, folder, source, class_names):
    first = _BOX.search(line)
    end = first.start() if first else len(line)
    name, boxes = line[:end].strip(), line[end:]
    if not_boxes := _BOX.sub("", boxes).strip():
        raise InputError(
            f"a line must be 'path x1,y1,x2,y2,class …' with numbers; {source} has "
            f"{not_boxes!r}: correct it"
        )
    picture = texts.find_picture(name, folder)
    if picture is None:
        raise texts.missing(source, os.path.join(folder, name))
    objects = []
    for *box, index in (box.split(",") for box in _BOX.findall(boxes)):
        if int(index) >= len(class_names):
            raise rows.unknown_class(index, len(class_names), source=source)
        objects.append(rows.Object(tuple(map(float, box)), class_names[int(index)]))
    return rows.row(picture, objects, source)


FORMAT = rows.Format("lines of text", find, read)
