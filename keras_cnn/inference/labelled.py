"""Pictures whose classes are known, for a model that is scored, calibrated or compared."""

import os
from pathlib import Path

import numpy as np

from keras_cnn import card, datasets
from keras_cnn.card import Card
from keras_cnn.datasets import folders
from keras_cnn.errors import InputError


def pictures(its_card: Card, folder: str | os.PathLike, *, split: str) -> dict[str, int]:
    """List the pictures of a split with the numbers of their classes.

    Args:
        its_card: The model's card.
        folder: One folder per class, or splits with one folder per class.
        split: "train", "validation" or "test". A folder without splits is listed whole.

    Returns:
        Absolute path -> number of the class, in the order of the model's outputs.

    Raises:
        InputError: The folder lacks pictures, or has other classes than the model.
    """
    table = datasets.table(folder, split if split in datasets.splits(folder) else None)
    known = {folders.class_name(name): name for name in its_card.class_names}
    names = [known.get(label, label) for label in table["label"]]
    card.check_classes(its_card, sorted(set(names)), where=folder)
    numbers = {name: number for number, name in enumerate(its_card.class_names)}
    paths = map(os.path.abspath, table["path"])
    return {path: numbers[name] for path, name in zip(paths, names, strict=True)}


def test_pictures(its_card: Card, folder: str | os.PathLike) -> dict[str, int]:
    """List the test pictures; the validation pictures where there are none.

    Args:
        its_card: The model's card.
        folder: As in `pictures`.
    """
    has = datasets.splits(folder)
    return pictures(its_card, folder, split="validation" if "test" not in has else "test")


def sample(paths: dict[str, int], *, number: int) -> list[str]:
    """Return a random choice of pictures, always the same one.

    Args:
        paths: The pictures.
        number: Largest number to choose.
    """
    order = np.random.default_rng(0).permutation(len(paths))
    listed = list(paths)
    return [listed[index] for index in order[:number]]


def folder_of(its_card: Card, data: str | os.PathLike | None) -> Path:
    """Return the folder of a model's pictures.

    Args:
        its_card: The model's card.
        data: The folder that the user named; None stands for that of the training.

    Raises:
        InputError: The folder does not exist, or the card names none.
    """
    recipe = its_card.recipe
    if data is None and recipe.get("dataset") and not recipe.get("data"):
        return datasets.locate(recipe["dataset"]).path
    folder = data or recipe.get("data")
    if not folder or not Path(folder).is_dir():
        raise InputError(
            f"pictures with known classes are needed; the folder of the training, {folder!r}, is "
            "not here: name one by --data"
            if data is None
            else f"--data must be a folder; there is no {str(data)!r}: check the path"
        )
    return Path(folder)
