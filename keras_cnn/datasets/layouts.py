"""Layouts of published archives: from each file's name to its path `{train,test}/<class>/*`.

Each function takes the names of all files in the archives and a function that reads a file, and
returns {name in the archive: path in the set's folder}. `download` refuses names that the archives
do not hold, so that a line of a split file cannot name a path outside the set's folder.
"""

import io
import re
from pathlib import PurePosixPath

import numpy as np

from keras_cnn.datasets.folders import SPLITS


def as_is(names, read):
    """Keep every file at its name."""
    return {name: name for name in names}


def voc(names, read):
    """Keep Pascal VOC's folders; drop the two above them, `VOCdevkit/VOC2007`."""
    return {name: "/".join(parts[2:]) for name in names if len(parts := name.split("/")) > 2}


def birds(names, read):
    """Split CUB-200-2011 as published.

    `images.txt` numbers the files; `train_test_split.txt` has 1 for train and 0 for test.
    """
    files, in_train = (
        dict(line.split() for line in read(f"CUB_200_2011/{name}.txt").decode().splitlines())
        for name in ("images", "train_test_split")
    )
    return {
        f"CUB_200_2011/images/{file}": f"{'train' if in_train[n] == '1' else 'test'}/{_plain(file)}"
        for n, file in files.items()
    }


def dogs(names, read):
    """Split Stanford Dogs by `train_list.mat` and `test_list.mat`, which list files in `Images`."""
    return {
        f"Images/{file}": f"{split}/{_plain(file)}"
        for split in SPLITS
        for file in np.ravel(_mat(read(f"{split}_list.mat"))["file_list"])
    }


def _plain(file):
    """Drop the code before a class name: `001.Black_footed_Albatross`, `n02085620-Chihuahua`."""
    return re.sub(r"^(\d+\.|n\d+-)", "", file)


def flowers(names, read, *, classes, split_file, train, test):
    """Split the Oxford flowers by picture number; the authors' validation split joins train.

    `split_file` lists the numbers of each split. `imagelabels.mat` has the label of each number;
    without it, every 80 consecutive numbers are a class.
    """
    numbers = _mat(read(split_file))
    labels = _mat(read("imagelabels.mat"))["labels"] if "imagelabels.mat" in names else None
    splits = {n: "train" for key in train for n in np.ravel(numbers[key])}
    splits |= {n: "test" for n in np.ravel(numbers[test])}
    targets = {}
    for name in names:
        if match := re.fullmatch(r"jpg/image_(\d+)\.jpg", name):
            number = int(match[1])  # from 1, as the labels
            label = (number - 1) // 80 if labels is None else np.ravel(labels)[number - 1] - 1
            targets[name] = f"{splits[number]}/{classes[label]}/{PurePosixPath(name).name}"
    return targets


def cats_dogs(names, read):
    """Split Dogs vs Cats, which has no official split: every fifth number is a test picture."""
    targets = {}
    for name in names:
        if match := re.fullmatch(r"PetImages/(Cat|Dog)/(\d+)\.jpg", name):
            label, number = match[1].lower(), int(match[2])
            targets[name] = f"{'train' if number % 5 else 'test'}/{label}/{label}.{number}.jpg"
    return targets


def _mat(content):
    from scipy.io import loadmat

    return loadmat(io.BytesIO(content), squeeze_me=True)
