"""Small grey pictures of arrays, split into train, validation and test."""

import keras
import numpy as np

from keras_cnn import datasets
from keras_cnn.errors import InputError
from keras_cnn.images import ImageDataGenerator
from keras_cnn.recipe import Recipe
from keras_cnn.splits.classification import ClassificationSplits
from keras_cnn.splits.tables import generators, locate, source_facts, split_by_class


def array_splits(
    recipe: Recipe, generator: ImageDataGenerator, *, margin: int = 0
) -> ClassificationSplits:
    """Load a set of small grey pictures that fits into memory, and split it.

    Args:
        recipe: The choices; `dataset` or `data` names the set, as `datasets.arrays` finds it.
        generator: How pictures are scaled and augmented. Only training pictures are augmented.
        margin: Black pixels to add on every side: LeNet-5's paper sets MNIST's 28x28 into 32x32.

    Returns:
        The three splits.

    Raises:
        InputError: The set is missing, or its files do not hold what they should.
    """
    source = locate(recipe)
    if recipe.group_by or recipe.folds:
        raise InputError(
            "group_by and folds need pictures in files; these are arrays: leave them out"
        )
    if recipe.augment == "alexnet":
        raise InputError(
            "--augment alexnet crops and recolours colour pictures from files; these are arrays of "
            "grey pictures: choose --augment move"
        )
    (x, y), (x_test, y_test) = datasets.arrays(recipe.dataset, data=recipe.data)
    names = _class_names(recipe.dataset, source, count=int(y.max()) + 1)
    x, x_test = (_with_channel(pictures, margin) for pictures in (x, x_test))
    pictures = {"train": x, "validation": x_test, "test": x_test}
    targets = {"train": y, "validation": y_test, "test": y_test}
    if not recipe.validate_on_test:
        for name, rows in zip(
            ("train", "validation"),
            split_by_class(np.arange(len(y)), recipe, labels=y),
            strict=True,
        ):
            pictures[name], targets[name] = x[rows], y[rows]
    flows = {
        name: of_split.flow(
            pictures[name],
            keras.utils.to_categorical(targets[name], len(names)),
            batch_size=recipe.batch_size,
            shuffle=name == "train",
            seed=recipe.seed,
        )
        for name, of_split in generators(generator, recipe).items()
    }
    if recipe.validate_on_test:
        flows["validation"] = flows["test"]
    return ClassificationSplits(
        **flows,
        targets=targets,
        test_names=[f"{index:05d}" for index in range(len(y_test))],
        class_names=names,
        picture=lambda index: x_test[index],
        facts=source_facts(recipe, source),
        margin=margin,
    )


def _with_channel(pictures, margin):
    sides = (margin, margin)
    return np.pad(pictures, ((0, 0), sides, sides))[..., np.newaxis]


def _class_names(name, source, *, count):
    """Return the names in the order of the labels that `datasets.arrays` returns."""
    names = datasets.CATALOGUE[name].classes if name in datasets.CATALOGUE else ()
    if source.path.is_dir() and datasets.splits(source.path):
        folders = sorted(set(datasets.table(source.path, "train")["label"]))
        names = names if set(names) == set(folders) else folders
    return list(names) if len(names) == count else [str(index) for index in range(count)]
