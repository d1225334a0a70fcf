"""Read pictures with boxes, in any layout of `formats.FORMATS`."""

import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from keras_cnn.box_layouts import LINES
from keras_cnn.datasets import formats
from keras_cnn.datasets.box_faults import check, size, small_objects
from keras_cnn.datasets.boxed_pictures import Annotations, Picture
from keras_cnn.datasets.reading import Reading, folded
from keras_cnn.errors import InputError
from keras_cnn.i18n import N_

__all__ = [
    "CLASSES",
    "AnnotatedSet",
    "Annotations",
    "Picture",
    "Reading",
    "check",
    "has",
    "no_layout",
    "read",
    "read_set",
    "scored_split",
    "size",
    "small_objects",
]

CLASSES = tuple(  # of VOC2007 and VOC2012
    "aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike "
    "person pottedplant sheep sofa train tvmonitor".split()
)


@dataclasses.dataclass(frozen=True)
class AnnotatedSet:
    """All splits of a set.

    Attributes:
        layout: Name of its layout.
        splits: "train", "val", "test" -> annotations; "all" for a set that is not divided.
    """

    layout: str
    splits: dict[str, Annotations]

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, the same in all splits."""
        return next((part.class_names for part in self.splits.values() if part.class_names), ())

    @property
    def sentence(self) -> str:
        """The layout and the number of pictures of each split."""
        parts = (f"{len(part.pictures)} in {split}" for split, part in self.splits.items())
        return N_(f"Pictures with boxes, read as {self.layout}: {', '.join(parts)}.")


Report = Callable[[str, InputError], None]


def read_set(
    folder: str | os.PathLike, *, reading: Reading | None = None, on_error: Report | None = None
) -> AnnotatedSet:
    """Read all splits of a set; classes are the same by name in all of them.

    Args:
        folder: The set's folder.
        reading: How it is read.
        on_error: As in `read`.

    Returns:
        The set; without splits if the folder has none of the layouts.

    Raises:
        InputError: As in `read`; the message lists the faults of all splits.
    """
    folder, reading, faults = Path(folder), reading or Reading(), []
    try:
        layout, parts = formats.find(folder)
    except InputError as error:
        _tell([(str(folder), error)], on_error)
        return AnnotatedSet("", {})
    splits, class_names = {}, reading.classes
    for split in sorted(parts, key=list((*_SPLITS, formats.ALL)).index):
        splits[split] = _read(layout, parts[split], split, folder, class_names, reading, faults)
        class_names = class_names or splits[split].class_names or None
    _tell(faults, on_error)
    return AnnotatedSet(layout.name if layout else "", splits)


_SPLITS = ("train", "val", "test")


def read(
    folder: str | os.PathLike,
    *,
    split: str,
    class_names: Sequence[str] | None = None,
    reading: Reading | None = None,
    on_error: Report | None = None,
) -> Annotations:
    """Read one split of a set, in the layout that its folder has.

    Args:
        folder: The set's folder, in a layout of `formats.FORMATS`.
        split: Name of the split: "train", "val" or "test"; "all" for a set that is not divided.
        class_names: Names of the classes in the order of their ids; None takes those of the split,
            in the order that its files declare, or sorted.
        reading: How it is read.
        on_error: Called with the file and the reason for each annotation that cannot be used, which
            is then left out; None raises.

    Returns:
        The split.

    Raises:
        InputError: `on_error` is None, and the folder has none of the layouts, or not this split; a
            file is missing or cannot be parsed; there is no picture or no object; or a class is not
            in `class_names`. The message lists all faults.
    """
    folder, faults = Path(folder), []
    annotations = Annotations(tuple(class_names or ()), ())
    try:
        layout, parts = formats.find(folder)
        part = _part(layout, parts, split, folder)
    except InputError as error:
        faults.append((str(folder), error))
    else:
        annotations = _read(layout, part, split, folder, class_names, reading or Reading(), faults)
    _tell(faults, on_error)
    return annotations


def _part(layout, parts, split, folder):
    if layout is None:
        raise no_layout(folder)
    if split not in parts:
        raise InputError(
            f"{folder} has no list {split} of pictures; as {layout.name} it has {list(parts)}: add "
            f"it ({layout.layout})"
        )
    return parts[split]


def no_layout(folder: str | os.PathLike) -> InputError:
    """Return the error of a folder without annotations that can be read.

    Args:
        folder: The folder.
    """
    return InputError(
        f"pictures with boxes must have one of these layouts; {folder} has none of them:{LINES}"
    )


def _tell(faults, on_error):
    """Hand all faults to `on_error`, or raise them."""
    if on_error is not None:
        for fault in faults:
            on_error(*fault)
    elif len(faults) == 1:
        raise faults[0][1]
    elif faults:
        lines = "".join(f"\n  {error}" for _, error in faults)
        raise InputError(f"{len(faults)} annotations cannot be used; correct them:{lines}")


def has(folder: str | os.PathLike, split: str) -> bool:
    """Return whether a set has a split, in any layout that `read` knows.

    Args:
        folder: The set's folder.
        split: Name of the split.
    """
    return split in formats.find(Path(folder))[1]


def scored_split(folder: str | os.PathLike) -> str:
    """Return the split that a detector is scored on: "test", else "val", else the only one.

    Args:
        folder: The set's folder.
    """
    parts = formats.find(Path(folder))[1]
    return next((split for split in ("test", "val", formats.ALL) if split in parts), "val")


def _read(layout, part, split, folder, class_names, reading, faults):
    """One split, its faults appended to a list."""
    own = []
    try:
        table = layout.read(part, own)
        annotations = _annotations(table, class_names, reading, own, folder)
        if not own:  # what else is missing may only be a consequence
            _refuse_empty(annotations, split, folder)
    except InputError as error:  # of the split as a whole
        own.append((str(folder), error))
        annotations = Annotations(tuple(class_names or ()), ())
    faults += own
    return annotations


def _refuse_empty(annotations, split, folder):
    if not annotations.pictures:
        raise InputError(f"the list {split} of {folder} lists no picture: add some")
    if not any(len(picture.boxes) for picture in annotations.pictures):
        raise InputError(
            f"the list {split} of {folder} has no object to find: add objects to its pictures"
        )


def _annotations(table, class_names, reading, faults, folder):
    """Rename classes, and replace their names by ids."""
    new_name = {formats.class_name(old): new for old, new in reading.rename.items()}
    used = {name for row in table.rows for name in row.names}
    if class_names is None:
        declared = table.class_names if table.class_names is not None else sorted(used)
        if len(set(declared)) < len(declared):
            raise InputError(f"each class must have its own name; received {declared}")
        class_names = dict.fromkeys(new_name.get(name, name) for name in declared)
        class_names = tuple(name for name in class_names if name)
        faults += _alike(class_names, folder)
    ids = {formats.class_name(name): k for k, name in enumerate(class_names, start=1)}
    pictures, notes = {}, []
    for row in table.rows:
        names = [new_name.get(name, name) for name in row.names]
        if os.path.abspath(row.path) in reading.without:
            continue
        if fault := _class_fault(names, ids, row.source):
            faults.append((row.source, fault))
            continue
        labels = np.array([ids[name] for name in names], int)
        picture = Picture(
            row.path, row.boxes, labels, row.difficult, row.source, row.size, row.crowd
        )
        first = pictures.setdefault(os.path.normpath(row.path), picture)
        if first is picture:
            continue
        if _same(first, picture):
            notes.append((row.path, N_("is listed twice; it counts once")))
        else:
            reason = N_(
                f"{row.source} lists {row.path} again, with other objects than {first.source}: "
                "write all objects of a picture into one place"
            )
            faults.append((row.source, InputError(reason)))
    return Annotations(tuple(class_names), tuple(pictures.values()), tuple(notes))


def _same(first, second):
    return np.array_equal(first.boxes, second.boxes) and np.array_equal(first.labels, second.labels)


def _class_fault(names, ids, source):
    """Return the error of a class without a name, or with a name that is not known; or None."""
    if "" in names:
        return InputError(
            f"{source}, object {names.index('') + 1} has no class: write its name, or name all "
            "objects without one by --rename =NAME"
        )
    unknown = sorted(set(names) - set(ids))
    if not unknown:
        return None
    close = [name for name in ids if folded(name) == folded(unknown[0])]
    hint = f"use --rename {unknown[0]!r}={close[0]!r}" if close else "correct it"
    return InputError(
        f"a class must be one of {list(ids)}; {source} has {unknown[0]!r}: {hint}, or name all "
        "classes by --classes"
    )


def _alike(class_names, folder):
    """Faults of classes whose names differ in case or blanks only."""
    firsts = {}
    for name in class_names:
        first = firsts.setdefault(folded(name), name)
        if first != name:
            reason = N_(
                f"classes must differ in more than case and blanks; {folder} has {first!r} and "
                f"{name!r}: merge them by --rename '{name}={first}'"
            )
            yield str(folder), InputError(reason)
