"""Where data lie: the real set if it is there, else the built-in sample.

A set's name is its folder's name: `birds` lies in `data/birds/{train,test}/<class>/`. A folder that
holds the classes directly, without `train` and `test`, is a set not split yet: `splits` tells which
it is, and `table(directory, split=None)` lists it whole, so that training splits it.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from keras_cnn.errors import InputError

SPLITS = ("train", "test")
_CHECKOUT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Location:
    """Where a set was found.

    Attributes:
        path: The set's folder, or its one file (`mnist.npz`).
        is_sample: Whether it is the built-in sample instead of the real set.
        note: For a sample, one line: what is used instead, and how to get the real set; else "".
    """

    path: Path
    is_sample: bool = False
    note: str = ""


def root() -> Path:
    """Return the folder of all sets.

    It is `KERAS_CNN_DATA` where that is set, else `./data` where that exists, else the `data`
    folder of the checkout the package was installed from.
    """
    if named := os.environ.get("KERAS_CNN_DATA"):
        return Path(named).expanduser()
    here = Path("data")
    return here if here.is_dir() else _CHECKOUT / "data"


def locate(name: str, *, data: str | os.PathLike | None = None) -> Location:
    """Find a set: what the user named, else the real set, else the built-in sample.

    Args:
        name: The set's name, which is its folder's name.
        data: The user's own folder (the option `--data`); nothing else is tried then.

    Returns:
        The set's place, and for a sample the line that says so.

    Raises:
        InputError: `data` or the folder in `KERAS_CNN_DATA` is missing, or the set is nowhere.
    """
    if data is not None:
        path = Path(data).expanduser()
        if not path.exists():
            raise InputError(
                f"--data must name an existing folder; received {str(data)!r}: correct the path, "
                f"or leave --data out to use {name!r} under {root()}"
            )
        return Location(path)
    if os.environ.get("KERAS_CNN_DATA") and not root().is_dir():
        raise InputError(
            f"KERAS_CNN_DATA must name an existing folder; received {str(root())!r}: create it, "
            "correct it or unset it"
        )
    for path in (root() / name, root() / f"{name}.npz"):
        if path.exists():
            return Location(path)
    for path in (root() / "samples" / name, _CHECKOUT / "data" / "samples" / name):
        if path.exists():
            note = f"{name}: using the built-in sample {path}, not the real set; {_way_out(name)}"
            return Location(path, is_sample=True, note=note)
    raise InputError(
        f"the set {name!r} must lie in {root() / name}, or have a sample in "
        f"{_CHECKOUT / 'data' / 'samples' / name}; neither exists: {_way_out(name)}"
    )


def _way_out(name):
    return f"put the real one into {root() / name}/{{train,test}}/<class>/"


def splits(directory: str | os.PathLike) -> tuple[str, ...]:
    """Return which of `train` and `test` the folder holds: () for class folders not split yet."""
    return tuple(split for split in SPLITS if (Path(directory) / split).is_dir())


def table(directory: str | os.PathLike, split: str | None = None):
    """List a set's pictures with their class names.

    Args:
        directory: The set's folder: `{train,test}/<class>/*`, or `<class>/*`.
        split: "train" or "test"; None for a folder that holds its class folders directly.

    Returns:
        A pandas DataFrame, one row a picture, sorted by class and file name, with the columns
        `path` (absolute, str) and `label` (the class folder's name, str).

    Raises:
        InputError: The folder or the split is missing, or `split` is None for a folder already
            split, whose `train` and `test` would be taken for two classes.
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
    classes, found = files.find(folder)
    return pd.DataFrame(
        {
            "path": [str(folder / name) for name, _ in found],
            "label": [classes[index] for _, index in found],
        },
        dtype=str,
    )
