"""Pictures and their scores, split into train, validation and test."""

import collections
import csv
import math
from pathlib import Path

from sklearn.model_selection import train_test_split

from keras_cnn.errors import InputError
from keras_cnn.images import ImageDataGenerator
from keras_cnn.recipe import Recipe
from keras_cnn.splits.base import Splits, flows, locate, source_facts, split_off, without_bad

_SCORES = "FoodScore.csv"


def regression_splits(recipe: Recipe, generator: ImageDataGenerator) -> Splits:
    """Read a table of pictures and their scores, and split it in halves as the chapter does.

    ``<folder>/FoodScore.csv`` has the columns ID and score, the pictures are
    ``<folder>/data_foodscore/<ID>.jpg``. The halves for training and test are the listing's own,
    ``train_test_split(test_size=0.5, random_state=0)``, whatever the seed, so that scores can be
    compared; a part of the training half becomes the validation part.

    Args:
        recipe: The choices; `dataset` or `data` names the folder.
        generator: How pictures are scaled and augmented. Only training pictures are augmented.

    Returns:
        The three parts.

    Raises:
        InputError: The table is missing, or is not as described, pictures cannot be read and
            `recipe.skip_bad_images` is off, or the recipe asks for what only classes have.
    """
    import pandas as pd

    for name in ("mix", "label_smoothing", "class_weights"):
        if (value := getattr(recipe, name)) not in ("none", 0, "equal"):
            raise InputError(f"{name}={value!r} needs classes, but scores have none: leave it out")
    source = locate(recipe)
    table = pd.DataFrame(_scores(source.path), columns=["path", "label"])
    train, test = train_test_split(table, test_size=0.5, random_state=0)
    tables, skipped = without_bad({"train": train, "test": test}, recipe)
    if not len(tables["test"]):
        raise InputError(f"no readable picture is left of the test half in {source.path}: add some")
    tables["train"], tables["validation"] = split_off(tables["train"], recipe=recipe)
    return Splits(
        **flows(tables, generator, recipe, class_mode="raw"),
        targets={part: table["label"].to_numpy() for part, table in tables.items()},
        test_names=tables["test"]["path"].tolist(),
        facts=source_facts(recipe, source) | {"skipped": skipped},
    )


def _scores(folder):
    """List (path, score) of every row of the table of scores."""
    path = Path(folder) / _SCORES
    way_out = "name a folder with that table by --data"
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        found = [
            (str(path.parent.absolute() / "data_foodscore" / f"{row['ID']}.jpg"), row["score"])
            for row in rows
        ]
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): {way_out}") from None
    except (KeyError, csv.Error, UnicodeDecodeError):
        raise InputError(f"{path} must have the columns ID and score: {way_out}") from None
    if len(found) < 4:
        raise InputError(f"{path} must list at least 4 pictures; it lists {len(found)}: add some")
    times = collections.Counter(name for name, _ in found)
    if twice := [Path(name).stem for name in times if times[name] > 1]:  # learnt, and tested
        raise InputError(f"{path} must list a picture once; {twice} are there again: take rows out")
    return [(name, _number(score, name, path)) for name, score in found]


def _number(score, name, path):
    try:
        if math.isfinite(value := float(score)):
            return value
    except (TypeError, ValueError):
        pass
    raise InputError(
        f"every score in {path} must be a finite number; that of {Path(name).stem} is {score!r}: "
        "correct it"
    )
