"""Folders of pictures: which of their folders are splits, which are classes, and what they hold.

`read_layout` decides for all: `check`, training and `evaluate` see the same pictures.
"""

import dataclasses
import os
import unicodedata
from pathlib import Path

from keras_cnn.errors import InputError
from keras_cnn.i18n import N_
from keras_cnn.images import files

SPLITS = ("train", "test")  # of the sets that `datasets` fetches and draws
SPLIT_NAMES = {  # split -> names that its folder may have, in any case
    "train": ("train", "training"),
    "validation": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}
OUTPUTS = (  # files that commands write into a folder of results
    *("report.json", "model.keras", "lr_find.json", "suspects.csv", "learning_curve.json"),
)


@dataclasses.dataclass(frozen=True)
class FolderLayout:
    """The folders of a set.

    Attributes:
        directory: The set's folder.
        splits: Split ("train", "validation", "test", in this order) -> its folder; empty if
            `directory` holds the class folders itself.
        ignored: Folder whose pictures are not used -> reason, for `directory` and its splits.
        outputs: Folders that hold results of a training; not used either.
    """

    directory: Path
    splits: dict[str, Path]
    ignored: dict[Path, str]
    outputs: tuple[Path, ...]

    def note(self) -> str:
        """Return a sentence about the folders that are not used; "" if there are none."""
        reasons = self.ignored | dict.fromkeys(self.outputs, N_("holds results of a training"))
        if not reasons:
            return ""
        names = (f"{path.relative_to(self.directory)} ({reasons[path]})" for path in reasons)
        return N_(f"Left out of {self.directory}: {', '.join(names)}.")


def read_layout(directory: str | os.PathLike) -> FolderLayout:
    """Find the splits of a folder, or that it holds class folders.

    A split is a folder with a name of `SPLIT_NAMES` that holds class folders. A folder that holds
    pictures itself is a class: of `bus`, `car`, `train` and `truck`, `train` is no split.

    Args:
        directory: The set's folder.
    """
    directory = Path(directory).absolute()
    inner = _folders_in(directory)
    outputs = [folder for folder in inner if is_output(folder)]
    candidates = {
        split: [
            folder
            for name in names
            for folder in inner
            if folder.name.lower() == name and _holds_class_folders(folder)
        ]
        for split, names in SPLIT_NAMES.items()
    }
    splits = {split: folders[0] for split, folders in candidates.items() if folders}
    ignored = {}
    if splits:
        for folder in inner:
            if folder in outputs or folder in splits.values():
                continue
            if folder in sum(candidates.values(), []):
                ignored[folder] = "is a second folder of the same split"
            elif _holds_pictures(folder):
                ignored[folder] = "is neither a split nor in one"
    for folder in splits.values():
        outputs += [path for path in _folders_in(folder) if is_output(path)]
    return FolderLayout(directory, splits, ignored, tuple(outputs))


def is_output(folder: Path) -> bool:
    """Return whether a folder holds results of a training, or is a `runs` with such folders.

    Args:
        folder: The folder.
    """
    if any((folder / name).is_file() for name in OUTPUTS):
        return True
    if any((folder / "checkpoint").glob("state_*.json")):  # of a training that was interrupted
        return True
    return folder.name == "runs" and any(is_output(inner) for inner in _folders_in(folder))


def class_folders(folder: str | os.PathLike) -> dict[str, str]:
    """Return the class folders of a folder: name of the folder -> name of the class, sorted.

    Folders that hold results of a training are left out.

    Args:
        folder: The folder of a split, or of class folders.

    Raises:
        OSError: The folder cannot be read.
    """
    names = files.visible_folders(folder)
    return {name: class_name(name) for name in names if not is_output(Path(folder, name))}


def class_name(folder_name: str) -> str:
    """Return the name of a class as text that can be written, in Unicode's form NFC.

    A folder name that is not UTF-8 is read as GB18030, as archives of Chinese Windows have it; its
    bytes are escaped if it is not GB18030 either. macOS writes names in form NFD: they become the
    same class as a name in NFC.

    Args:
        folder_name: Name of the class folder.
    """
    name = os.fsencode(folder_name)
    for encoding in ("utf-8", "gb18030"):
        try:
            return unicodedata.normalize("NFC", name.decode(encoding))
        except UnicodeDecodeError:
            pass
    return name.decode("utf-8", "backslashreplace")


def splits(directory: str | os.PathLike) -> tuple[str, ...]:
    """Return which of the splits train, validation and test a folder holds.

    Args:
        directory: The set's folder.

    Returns:
        Their names, in this order; () for a folder that holds class folders.
    """
    return tuple(read_layout(directory).splits)


def table(directory: str | os.PathLike, split: str | None = None):
    """List the pictures of a set with their class names.

    Args:
        directory: The set's folder: `{train,test}/<class>/*`, or `<class>/*`.
        split: "train", "validation" or "test"; None for a folder that holds its class folders
            directly.

    Returns:
        A pandas DataFrame, one row per picture, sorted by class folder and file name, with the
        columns `path` (absolute, str) and `label` (the name of the class, str).

    Raises:
        InputError: The folder or the split is missing, or a class has no pictures; or `split` is
            None, but the folder has splits, which would become classes.
    """
    import pandas as pd

    layout = read_layout(directory)
    if split is None and layout.splits:
        raise InputError(
            f"{layout.directory} is already split: ask for one of {list(layout.splits)}, "
            "or name the folder of one split"
        )
    folder = layout.directory
    if split is not None:
        folder = layout.splits.get(split, folder / split)
    if not folder.is_dir():
        raise InputError(
            f"pictures must lie in <folder>/<class>/*; {folder} is no folder: create it, "
            "or name another folder by --data"
        )
    names = class_folders(folder)
    if not names:
        raise InputError(
            f"{str(folder)!r} holds no class folders: put the pictures of each class into a folder "
            "named after the class"
        )
    found_names, pictures = files.find(folder, classes=list(names))
    return pd.DataFrame(
        {
            "path": [os.path.join(folder, name) for name, _ in pictures],
            "label": [names[found_names[index]] for _, index in pictures],
        },
        dtype=str,
    )


def pictures(directory: str | os.PathLike):
    """List the pictures of all splits of a set, or of its class folders.

    Args:
        directory: The set's folder.

    Returns:
        The rows of `table`, split by split, with two more columns: `split` ("" without splits) and
        `file` (relative to the folder, with "/").

    Raises:
        InputError: As for `table`.
    """
    import pandas as pd

    layout = read_layout(directory)
    names = tuple(layout.splits) or (None,)
    rows = pd.concat(
        [table(directory, name).assign(split=name or "") for name in names], ignore_index=True
    )
    relative = [Path(path).relative_to(layout.directory).as_posix() for path in rows["path"]]
    return rows.assign(file=relative)


def tables(directory: str | os.PathLike) -> dict:
    """List the pictures of every split of a set.

    Args:
        directory: The set's folder.

    Returns:
        Split -> its `table`. A folder of class folders is listed as "train".

    Raises:
        InputError: As for `table`, or the folder has other splits, but no train.
    """
    layout = read_layout(directory)
    if not layout.splits:
        return {"train": table(directory)}
    if "train" not in layout.splits:
        name = next(iter(layout.splits.values())).name
        raise InputError(
            f"{layout.directory} has {name}/ but no train/: add train/<class>/ with pictures"
        )
    return {split: table(directory, split) for split in layout.splits}


def class_names(tables: dict, directory: str | os.PathLike) -> list[str]:
    """Return the class names of a set, sorted; all splits must have the same.

    Args:
        tables: Split -> its table; "train" is among them.
        directory: The set's folder, for the message.

    Raises:
        InputError: A split has other classes than train.
    """
    names = {split: sorted(set(rows["label"])) for split, rows in tables.items()}
    for split, split_names in names.items():
        if split_names != names["train"]:
            raise InputError(
                f"train and {split} must have the same classes; {directory} has {names['train']} "
                f"in train and {split_names} in {split}: rename or add class folders"
            )
    return names["train"]


def _folders_in(folder):
    """Return the visible folders in a folder, sorted; a folder that cannot be read has none."""
    try:
        return [Path(folder, name) for name in files.visible_folders(folder)]
    except OSError:
        return []


def _holds_class_folders(folder):
    """Return whether a folder is laid out like a split: pictures lie in its folders only.

    A stray picture beside at least two class folders changes nothing. A folder that cannot be read
    counts as a split, so that its error is reported.
    """
    try:
        names = os.listdir(folder)
    except OSError:
        return True
    inner = [path for path in _folders_in(folder) if not is_output(path)]
    if any(files.is_picture_name(name) and (folder / name).is_file() for name in names):
        return sum(map(_holds_pictures, inner)) > 1
    return bool(inner)


def _holds_pictures(folder):
    try:
        walk = files.walk_visible(folder)
        return any(files.is_picture_name(name) for _, _, names in walk for name in names)
    except InputError:
        return True  # it cannot be read, so it may hold some
