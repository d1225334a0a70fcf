"""Which file of a set's archives goes where: its publisher's layout, and ours by official split.

Each function takes the names of all files in the archives and a function that reads one, and
returns {name in the archive: path in the set's folder}. It names only files that were found in the
archives, whose names were judged when they were opened: no line of a split file can lead out of
the set's folder.
"""

import io
import re
from pathlib import PurePosixPath

import numpy as np

SPLITS = ("train", "test")


def as_is(names, read):
    """The files themselves are the set."""
    return {name: name for name in names}


def voc(names, read):
    """Pascal VOC keeps its own folders, without the two above them."""
    return {name: "/".join(parts[2:]) for name in names if len(parts := name.split("/")) > 2}


def birds(names, read):
    """`images.txt` numbers the files, `train_test_split.txt` has 1 for train and 0 for test."""
    files, in_train = (
        dict(line.split() for line in read(f"CUB_200_2011/{name}.txt").decode().splitlines())
        for name in ("images", "train_test_split")
    )
    return {
        f"CUB_200_2011/images/{file}": f"{'train' if in_train[n] == '1' else 'test'}/{_plain(file)}"
        for n, file in files.items()
    }


def dogs(names, read):
    """`train_list.mat` and `test_list.mat` list the files below `Images`."""
    return {
        f"Images/{file}": f"{split}/{_plain(file)}"
        for split in SPLITS
        for file in np.ravel(_mat(read(f"{split}_list.mat"))["file_list"])
    }


def _plain(file):
    """Drop the code before a class name: `001.Black_footed_Albatross`, `n02085620-Chihuahua`."""
    return re.sub(r"^(\d+\.|n\d+-)", "", file)


def flowers(names, read, *, classes, split_file, train, test):
    """Arrange the files by number; the authors' validation part joins train.

    `split_file` lists the numbers of each part; the label of a number is told by `imagelabels.mat`,
    or else it is 80 pictures a class, one class after the other.
    """
    parts = _mat(read(split_file))
    labels = _mat(read("imagelabels.mat"))["labels"] if "imagelabels.mat" in names else None
    splits = {n: "train" for key in train for n in np.ravel(parts[key])}
    splits |= {n: "test" for n in np.ravel(parts[test])}
    targets = {}
    for name in names:
        if found := re.fullmatch(r"jpg/image_(\d+)\.jpg", name):
            number = int(found[1])  # from 1, as the labels
            label = (number - 1) // 80 if labels is None else np.ravel(labels)[number - 1] - 1
            targets[name] = f"{splits[number]}/{classes[label]}/{PurePosixPath(name).name}"
    return targets


def cats_dogs(names, read):
    """No official split exists: every fifth number is a test picture."""
    targets = {}
    for name in names:
        if found := re.fullmatch(r"PetImages/(Cat|Dog)/(\d+)\.jpg", name):
            label, number = found[1].lower(), int(found[2])
            targets[name] = f"{'train' if number % 5 else 'test'}/{label}/{label}.{number}.jpg"
    return targets


def _mat(content):
    from scipy.io import loadmat

    return loadmat(io.BytesIO(content), squeeze_me=True)
