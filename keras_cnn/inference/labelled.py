"""Pictures whose classes are known, for a model that is scored, calibrated or compared."""

import os
from pathlib import Path

import numpy as np

from keras_cnn import card, datasets
from keras_cnn.card import Card
from keras_cnn.datasets import annotations, fingerprint, folders
from keras_cnn.errors import InputError
from keras_cnn.i18n import N_


def pictures(
    its_card: Card, folder: str | os.PathLike, *, split: str, known_only: bool = False
) -> dict[str, int]:
    """List the pictures of a split with the numbers of their classes.

    Args:
        its_card: The model's card.
        folder: One folder per class, or splits with one folder per class.
        split: "train", "validation" or "test". A folder without splits is listed whole.
        known_only: Whether to leave out classes that the model lacks, as `train --classes` does.

    Returns:
        Absolute path -> number of the class, in the order of the model's outputs.

    Raises:
        InputError: The folder lacks pictures, or has other classes than the model.
    """
    table = datasets.table(folder, split if split in datasets.splits(folder) else None)
    known = {folders.class_name(name): name for name in its_card.class_names}
    if known_only:
        table = table[table["label"].isin(list(known))]
    names = [known.get(label, label) for label in table["label"]]
    card.check_classes(its_card, sorted(set(names)), where=folder)
    numbers = {name: number for number, name in enumerate(its_card.class_names)}
    paths = map(os.path.abspath, table["path"])
    return {path: numbers[name] for path, name in zip(paths, names, strict=True)}


def test_pictures(its_card: Card, folder: str | os.PathLike) -> dict[str, int]:
    """List the test pictures, else the validation pictures, else all pictures.

    `training_note` says so if the model was trained on most of them.

    Args:
        its_card: The model's card. Classes that it lacks are left out.
        folder: As in `pictures`.
    """
    split = _first_split(folder, ("test", "validation", "train"))
    return pictures(its_card, folder, split=split, known_only=True)


def training_pictures(its_card: Card, folder: str | os.PathLike) -> dict[str, int]:
    """List the training pictures, else the validation pictures, else all pictures.

    Args:
        its_card: The model's card. Classes that it lacks are left out.
        folder: As in `pictures`.
    """
    split = _first_split(folder, ("train", "validation", "test"))
    return pictures(its_card, folder, split=split, known_only=True)


def training_note(its_card: Card, data: str | os.PathLike | None) -> str | None:
    """Return a note if training pictures are scored, or those that chose the best weights.

    `check` finds copies of single pictures.

    Args:
        its_card: The model's card.
        data: The folder that is scored; None stands for that of the training.
    """
    folder = folder_of(its_card, None) if data is None else Path(data)
    if data is None:
        of_training = "test" not in datasets.splits(folder)
    else:
        of_training = _is_folder_of_training(its_card, folder)
    if not of_training and not _is_split_of_training(its_card, folder):
        return None
    return N_(
        f"{folder} holds pictures that this model has learnt from or been chosen by: the score is "
        "too high"
    )


def calibration_note(its_card: Card, data: str | os.PathLike | None) -> str | None:
    """Return a note if pictures that calibrate an int8 model are also those that score it.

    Args:
        its_card: The model's card.
        data: Their folder; None stands for that of the training.
    """
    folder = folder_of(its_card, data)
    if len(datasets.splits(folder)) > 1:
        return None
    return N_(
        f"the int8 model is calibrated on pictures of {folder} that also score it: name a folder "
        "with train and test pictures to keep them apart"
    )


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


def _first_split(folder, order):
    """Return the first split that a folder holds; a folder of class folders holds none."""
    return next((name for name in order if name in datasets.splits(folder)), order[0])


def _is_folder_of_training(its_card, folder):
    """Return whether a folder lies in that of the training, outside its test pictures."""
    recipe = its_card.recipe
    if recipe.get("data"):
        data = Path(recipe["data"]).resolve()
    elif recipe.get("dataset"):
        data = (datasets.root() / recipe["dataset"]).resolve()
    else:
        return False
    folder = folder.resolve()
    if folder != data:
        parts = folder.relative_to(data).parts if folder.is_relative_to(data) else ("test",)
        return parts[0].lower() not in folders.SPLIT_NAMES["test"]
    if its_card.task == "detection":
        return not annotations.has(folder, "test")
    return "test" not in datasets.splits(folder)


def _is_split_of_training(its_card, folder):
    """Return whether a folder holds the files of the train or validation split, or copies."""
    hashes = [its_card.data.get(split, {}).get("hash") for split in ("train", "validation")]
    if its_card.task != "classification" or not any(hashes) or datasets.splits(folder):
        return False
    return fingerprint.fingerprint(datasets.table(folder)["path"]) in hashes
