"""Folders of pictures: which of their folders are splits, which are classes, and what they hold."""

import os
from pathlib import Path

from keras_cnn.errors import InputError

SPLITS = ("train", "test")  # of the sets that `datasets` fetches and draws


def splits(directory: str | os.PathLike) -> tuple[str, ...]:
    """Return which of `train` and `test` a folder holds; () for class folders without splits.

    Args:
        directory: The set's folder.
    """
    return tuple(split for split in SPLITS if (Path(directory) / split).is_dir())


def table(directory: str | os.PathLike, split: str | None = None):
    """List the pictures of a set with their class names.

    Args:
        directory: The set's folder: `{train,test}/<class>/*`, or `<class>/*`.
        split: "train" or "test"; None for a folder that holds its class folders directly.

    Returns:
        A pandas DataFrame, one row per picture, sorted by class and file name, with the columns
        `path` (absolute, str) and `label` (the class folder's name, str).

    Raises:
        InputError: The folder or the split is missing; or `split` is None, but the folder has
            splits, which would become classes.
    """
    import pandas as pd

    from keras_cnn.images import files

    directory = Path(directory).absolute()
    if split is None and splits(directory):
        raise InputError(
            f"{directory} is already split: ask for one of {list(splits(directory))}, "
            "or name the folder of one split"
        )
    folder = directory if split is None else directory / split
    if not folder.is_dir():
        raise InputError(
            f"pictures must lie in <folder>/<class>/*; {folder} is no folder: create it, "
            "or name another folder by --data"
        )
    classes, pictures = files.find(folder)
    return pd.DataFrame(
        {
            "path": [str(folder / name) for name, _ in pictures],
            "label": [classes[index] for _, index in pictures],
        },
        dtype=str,
    )


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
