"""Where a set lies: what the user named, the real set, or its built-in sample."""

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from keras_cnn.datasets.catalogue import CATALOGUE, CLASS_FOLDERS
from keras_cnn.datasets.layouts import SPLITS
from keras_cnn.errors import InputError

_CHECKOUT = Path(__file__).resolve().parents[2]


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
        if path.resolve().parent in (folder.resolve() for folder in _samples_folders()):
            return Location(path, is_sample=True, note=f"{path} is the built-in sample")
        return Location(path)
    if os.environ.get("KERAS_CNN_DATA") and not root().is_dir():
        raise InputError(
            f"KERAS_CNN_DATA must name an existing folder; received {str(root())!r}: create it, "
            "correct it or unset it"
        )
    for path in (root() / name, root() / f"{name}.npz"):
        if path.exists():
            return Location(path)
    if path := _sample(name):
        note = f"{name}: using the built-in sample {path}, not the real set; {way_out(name)}"
        return Location(path, is_sample=True, note=note)
    if name == "mnist" and (path := small_digits_file()):
        note = f"mnist: using scikit-learn's 1,797 real handwritten digits; {way_out(name)}"
        return Location(path, is_sample=True, note=note)
    raise InputError(
        f"the set {name!r} must lie in {root() / name}, or have a sample in "
        f"{_samples_folder() / name}; neither exists: {way_out(name)}"
    )


def _sample(name):
    """Return the folder of a built-in sample, drawn now if it is one that code draws, or None."""
    from keras_cnn.datasets.synthetic import draw as synthetic

    for folder in _samples_folders():
        if (folder / name).exists():
            return folder / name
    if name not in synthetic.NAMES:
        return None
    print(f"{name}: drawing the built-in sample, once")
    return synthetic.draw(name, _samples_folder() / name)


def _samples_folders():
    return root() / "samples", _samples_folder()


def _samples_folder():
    """The checkout's, or where the package was installed without one, beside Keras' own caches."""
    folder = _CHECKOUT / "data" / "samples"
    if folder.is_dir() and os.access(folder, os.W_OK):
        return folder
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    return Path(home).expanduser() / "keras_cnn" / "samples"


def way_out(name):
    """Tell how to get the real set."""
    row = CATALOGUE.get(name)
    by_hand = f"put the real one into {root() / name} as {row.layout if row else CLASS_FOLDERS}"
    if row and row.sources:
        return f'get the real one by keras_cnn.datasets.fetch("{name}"), or {by_hand}'
    return by_hand


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


def class_names(tables: dict, directory: str | os.PathLike) -> list[str]:
    """Return the names of a set's classes, sorted, which all its parts must have.

    Args:
        tables: Part -> its table; one of them is "train".
        directory: The set's folder.

    Raises:
        InputError: A part has other classes than train.
    """
    names = {part: sorted(set(table["label"])) for part, table in tables.items()}
    for part, found in names.items():
        if found != names["train"]:
            raise InputError(
                f"train and {part} must have the same classes; {directory} has {names['train']} in "
                f"train and {found} in {part}: rename or add class folders"
            )
    return names["train"]


def small_digits_file():
    """Where scikit-learn keeps its digits; None without scikit-learn, which is not imported."""
    found = importlib.util.find_spec("sklearn")
    path = found and Path(found.origin).parent / "datasets" / "data" / "digits.csv.gz"
    return path if path and path.is_file() else None
