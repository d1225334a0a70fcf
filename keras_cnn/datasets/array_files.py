"""Data sets of small pictures, read into arrays."""

import gzip
import os
import zipfile
import zlib

import numpy as np

from keras_cnn.datasets.catalogue import CATALOGUE
from keras_cnn.datasets.folders import SPLITS, class_names, table
from keras_cnn.datasets.locate import locate, small_digits_file, way_out
from keras_cnn.errors import InputError


def arrays(name: str, *, data: str | os.PathLike | None = None):
    """Load a set of small pictures as arrays, as `keras.datasets` does.

    The set may be Keras' npz file, the authors' four idx files (`.gz` or not) or class folders
    whose pictures have the same size. If MNIST is missing, scikit-learn's 1,797 real handwritten
    digits are its sample: 8×8 pixels resized into 28×28, a fixed stratified quarter for test.

    Args:
        name: The set's name, such as "mnist" or "fashion_mnist".
        data: The user's own folder or npz file (the option `--data`).

    Returns:
        `((x_train, y_train), (x_test, y_test))`: pictures (n, height, width) of uint8 in 0–255, and
        labels (n,), indices into the catalogue's `classes`, or into the sorted folder names if
        the folders are other classes.

    Raises:
        InputError: The set is in no place, or its files do not hold pictures and labels as above.
    """
    path = locate(name, data=data).path
    if path == small_digits_file():
        return _small_digits()
    if (inside := path / f"{name}.npz").is_file():
        path = inside
    try:
        return _checked(_read(path, name))
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path} does not hold {name} as arrays ({error}): {way_out(name)}"
        ) from error


def _read(path, name):
    if path.is_file():
        with path.open("rb") as content, np.load(content, allow_pickle=False) as file:
            return tuple((file[f"x_{split}"], file[f"y_{split}"]) for split in SPLITS)
    if any(path.glob("*-idx?-ubyte*")):
        return tuple(
            (_idx(path, f"{split}-images-idx3-ubyte"), _idx(path, f"{split}-labels-idx1-ubyte"))
            for split in ("train", "t10k")
        )
    tables = {split: table(path, split) for split in SPLITS}
    classes = class_names(tables, path)
    if name in CATALOGUE and set(classes) == set(CATALOGUE[name].classes):
        classes = list(CATALOGUE[name].classes)
    return tuple(_pictures(rows, classes) for rows in tables.values())


def _checked(arrays_of_splits):
    """Return the splits without a channel axis of length 1, after checking shapes and labels."""
    checked, train_labels = [], None
    for split, (x, y) in zip(SPLITS, arrays_of_splits, strict=True):
        x = x[..., 0] if x.ndim == 4 and x.shape[-1] == 1 else x
        y = y[:, 0] if y.ndim == 2 and y.shape[-1] == 1 else y
        if x.ndim != 3 or not x.size or x.dtype != np.uint8:
            raise ValueError(
                f"x_{split} must be grey pictures (n, height, width) of uint8; it is {x.shape} of "
                f"{x.dtype}"
            )
        if y.shape != x.shape[:1] or y.dtype.kind not in "iu" or y.min() < 0:
            raise ValueError(f"y_{split} must be {len(x)} labels, whole numbers from 0 on")
        if checked and x.shape[1:] != checked[0][0].shape[1:]:
            raise ValueError(
                f"x_{split} has other pictures, {x.shape[1:]}, than x_{SPLITS[0]}, "
                f"{checked[0][0].shape[1:]}"
            )
        train_labels = set(y.tolist()) if train_labels is None else train_labels
        if len(train_labels) < 2:
            raise ValueError(f"y_{split} holds one class only; at least two are needed")
        if unknown := sorted(set(y.tolist()) - train_labels):
            raise ValueError(f"y_{split} has labels that y_{SPLITS[0]} has not: {unknown}")
        checked.append((x, y))
    return tuple(checked)


def _idx(folder, name):
    """Read an idx file: bytes 0, 0, type (8: uint8), number of axes; then their lengths; values."""
    path = folder / name
    with path.open("rb") if path.exists() else gzip.open(folder / f"{name}.gz") as file:
        content = file.read()
    if content[:3] != b"\0\0\x08":
        raise ValueError(f"{name} is no idx file of uint8")
    shape = np.frombuffer(content, ">u4", count=content[3], offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * len(shape)).reshape(shape).copy()


def _pictures(rows, classes):
    from keras_cnn.images import files

    x = np.stack([files.read(path, color_mode="grayscale")[..., 0] for path in rows["path"]])
    return x, np.array([classes.index(label) for label in rows["label"]], np.uint8)


def _small_digits():
    import cv2
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    x = np.zeros((len(digits.images), 28, 28), np.uint8)
    for small, picture in zip(digits.images, x, strict=True):  # values 0–16
        large = cv2.resize(small * (255 / 16), (20, 20), interpolation=cv2.INTER_CUBIC)
        picture[4:24, 4:24] = np.clip(np.rint(large), 0, 255)  # MNIST's margin of 4 pixels
    y = digits.target.astype(np.uint8)
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=0.25, stratify=y, random_state=0
    )
    return (x_train, y_train), (x_test, y_test)
