"""Folders of pictures with masks.

The layout is `{train,val,test}/images/NAME.jpg` with `{train,val,test}/masks/NAME.png`; `val` may
be missing. `classes.txt` names the classes, one a line, the first for number 0. See `images.masks`.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from keras_cnn.errors import InputError
from keras_cnn.images import files
from keras_cnn.images.masks import VOID, read


def pairs(folder: Path) -> list[tuple[str, str]]:
    """Return each picture of a split with its mask, sorted.

    Args:
        folder: The split's folder; it holds `images` and `masks`.

    Raises:
        InputError: There are no pictures, or one has no mask.
    """
    found = [
        (str(folder / "images" / name), str(folder / "masks" / Path(name).with_suffix(".png")))
        for name in files.pictures_in(folder / "images")
    ]
    if not found:
        raise InputError(
            f"{folder / 'images'} must hold pictures, and {folder / 'masks'} a PNG of the same "
            "name for each; it holds none: add them"
        )
    if lost := [picture for picture, mask in found if not os.path.isfile(mask)]:
        raise InputError(
            f"each picture needs a mask of its name in {folder / 'masks'}; {len(lost)} have none, "
            f"such as {lost[0]}: add masks, or take the pictures out"
        )
    return found


def class_names(folder: Path, masks: Sequence[str]) -> list[str]:
    """Return the names of the classes, and refuse masks that hold other numbers.

    Args:
        folder: The set's folder. Without its `classes.txt` the names are "background", "class 1",
            and so on.
        masks: Paths of the masks of all splits.

    Raises:
        InputError: A mask holds a number without a name, or there is only one class.
    """
    highest = {path: max(set(np.unique(read(path)).tolist()) - {VOID}, default=0) for path in masks}
    worst = max(highest, key=highest.get)
    names = ["background", *(f"class {number}" for number in range(1, highest[worst] + 1))]
    if (folder / "classes.txt").is_file():
        names = (folder / "classes.txt").read_text("utf-8").split("\n")
        names = [name.strip() for name in names if name.strip()]
    if not 2 <= len(names) > highest[worst]:
        raise InputError(
            f"{folder / 'classes.txt'} must name each number in the masks, two or more, a line "
            f"each; it names {len(names)}, and {worst} holds {highest[worst]}: complete it"
        )
    return names
