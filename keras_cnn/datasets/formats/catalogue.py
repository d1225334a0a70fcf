"""The table of all layouts of annotations, and which of them a folder has."""

from pathlib import Path
from typing import Any

from keras_cnn.datasets.formats import (
    coco,
    cvat,
    labelme,
    lines,
    rows,
    tables,
    voc,
    voc_lists,
    yolo,
)

FORMATS = (  # in the order of `box_layouts.LAYOUTS`: layouts that name their splits first
    voc_lists.FORMAT,
    coco.FORMAT,
    lines.FORMAT,
    yolo.FORMAT,
    cvat.FORMAT,
    tables.FORMAT,
    voc.FORMAT,
    labelme.FORMAT,
)


def find(folder: Path) -> tuple[rows.Format | None, dict[str, Any]]:
    """Return the layout of a folder and what its reader takes for each split.

    Args:
        folder: The folder.

    Returns:
        The first layout of `FORMATS` that fits, or None; split ("train", "val", "test", or "all"
        of an undivided set) -> its annotations.

    Raises:
        InputError: A file that describes the set is damaged, or names of classes are missing.
    """
    for entry in FORMATS:
        if splits := entry.find(folder):
            return entry, splits
    yolo.refuse_nameless(folder)
    return None, {}
