"""Where a set lies: the folder that the user named, the real set, or the built-in sample."""

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from keras_cnn.datasets.catalogue import CATALOGUE, CLASS_FOLDERS
from keras_cnn.errors import InputError
from keras_cnn.filesystem import keras_home
from keras_cnn.i18n import N_, say

_CHECKOUT = Path(__file__).resolve().parents[2]
_SHIPPED = Path(__file__).resolve().parents[1] / "shipped" / "data" / "samples"  # of a wheel


@dataclass(frozen=True)
class Location:
    """The place of a set.

    Attributes:
        path: The set's folder, or its only file (`mnist.npz`).
        is_sample: Whether it is the built-in sample instead of the real set.
        note: For a sample, a line that says so and how to get the real set; else "".
    """

    path: Path
    is_sample: bool = False
    note: str = ""


def root() -> Path:
    """Return the folder of all sets.

    It is the folder that `KERAS_CNN_DATA` names; without it, `./data` if that exists; else the
    `data` folder of the checkout that the package lies in; else, for a package installed from a
    wheel, the folder `keras_cnn/data` in Keras' cache (`KERAS_HOME` or `~/.keras`).
    """
    if folder := os.environ.get("KERAS_CNN_DATA"):
        return Path(folder).expanduser()
    working_folder = Path("data")
    if working_folder.is_dir():
        return working_folder
    return _CHECKOUT / "data" if _is_checkout() else _cache() / "data"


def locate(name: str, *, data: str | os.PathLike | None = None) -> Location:
    """Find a set: the folder that the user named, else the real set, else the built-in sample.

    Args:
        name: The set's name, which is its folder's name.
        data: The user's own folder (the option `--data`); no other place is tried then.

    Returns:
        The set's place; for a sample, with a note that says so.

    Raises:
        InputError: `data` or the folder in `KERAS_CNN_DATA` is missing, or the set is in no place.
    """
    if data is not None:
        path = Path(data).expanduser()
        if not path.exists():
            raise InputError(
                f"--data must name an existing folder; received {str(data)!r}: correct the path, "
                f"or leave --data out to use {name!r} under {root()}"
            )
        if path.resolve().parent in (folder.resolve() for folder in _samples_folders()):
            return Location(path, is_sample=True, note=N_(f"{path} is the built-in sample"))
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
        note = N_(f"{name}: using the built-in sample {path}, not the real set; {way_out(name)}")
        return Location(path, is_sample=True, note=note)
    if name == "mnist" and (path := small_digits_file()):
        note = N_(f"mnist: using scikit-learn's 1,797 real handwritten digits; {way_out(name)}")
        return Location(path, is_sample=True, note=note)
    raise InputError(
        f"the set {name!r} must lie in {root() / name}, or have a sample in "
        f"{_samples_folder() / name}; neither exists: {way_out(name)}"
    )


def _sample(name):
    """Return the folder of a built-in sample, or None. A sample that code draws is drawn now."""
    from keras_cnn.datasets.synthetic import draw as synthetic

    for folder in _samples_folders():
        if (folder / name).exists():
            return folder / name
    if name not in synthetic.NAMES:
        return None
    say(f"{name}: drawing the built-in sample (once)")
    return synthetic.draw(name, _samples_folder() / name)


def _samples_folders():
    return root() / "samples", _samples_folder(), _SHIPPED


def _samples_folder():
    """Return the checkout's folder of samples; without a checkout, a folder in Keras' cache."""
    folder = _CHECKOUT / "data" / "samples"
    if _is_checkout() and os.access(folder, os.W_OK):
        return folder
    return _cache() / "samples"


def _is_checkout():
    """Return whether the package lies in a checkout; from a wheel it lies in site-packages."""
    return (_CHECKOUT / "data" / "samples").is_dir()


def _cache():
    return keras_home() / "keras_cnn"


def way_out(name: str) -> str:
    """Return how to get the real set, as the end of a message.

    Args:
        name: The set's name.
    """
    row = CATALOGUE.get(name)
    layout = row.layout if row else CLASS_FOLDERS
    by_hand = N_(f"put the real set into {root() / name} as {layout}")
    if row and row.sources:
        return N_(f'get the real set by keras_cnn.datasets.fetch("{name}"), or {by_hand}')
    return by_hand


def small_digits_file() -> Path | None:
    """Return scikit-learn's file of digits, without importing it; None if it is not installed."""
    package = importlib.util.find_spec("sklearn")
    path = package and Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
    return path if path and path.is_file() else None
