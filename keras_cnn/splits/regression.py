"""Pictures and their scores, split into train, validation and test."""

import collections
import csv
import math
from pathlib import Path

import keras
import numpy as np
from sklearn.model_selection import train_test_split

from keras_cnn import report
from keras_cnn.errors import InputError
from keras_cnn.i18n import N_
from keras_cnn.images import ImageDataGenerator
from keras_cnn.recipe import Recipe
from keras_cnn.splits.base import Splits
from keras_cnn.splits.tables import (
    flows,
    locate,
    source_facts,
    split_off,
    with_cache,
    without_bad,
    without_listed,
)

_SCORES = "FoodScore.csv"


class RegressionSplits(Splits):
    """Splits whose targets are numbers."""

    kind = "regression"

    def loss(self, recipe: Recipe) -> keras.losses.Loss:
        """Return the mean squared error.

        Args:
            recipe: The choices; none of them changes the loss.
        """
        return keras.losses.MeanSquaredError()

    def metrics(self) -> list[keras.metrics.Metric]:
        """Return the mean absolute error."""
        return [keras.metrics.MeanAbsoluteError(name="mae")]

    def _titles(self, targets):
        return [f"{target:.2f}" for target in targets]

    def _report(self, folder, answers, **options):
        # The baseline predicts the mean of the train and validation targets for every picture.
        # The test targets may be those of validation too.
        names = ["train"] if self.validation is self.test else ["train", "validation"]
        known = np.concatenate([self.targets[name] for name in names])
        return report.regression(folder, y_pred=answers, train_mean=known.mean(), **options)


def regression_splits(recipe: Recipe, generator: ImageDataGenerator) -> RegressionSplits:
    """Read a table of pictures and their scores, and split it in halves as the listing does.

    ``<folder>/FoodScore.csv`` has the columns ID and score, the pictures are
    ``<folder>/data_foodscore/<ID>.jpg``. The halves for training and test are the listing's own,
    ``train_test_split(test_size=0.5, random_state=0)``, for any seed, so that scores can be
    compared. A share of the training half becomes the validation split.

    Args:
        recipe: The choices; `dataset` or `data` names the folder.
        generator: How pictures are scaled and augmented. Only training pictures are augmented.

    Returns:
        The three splits.

    Raises:
        InputError: The table is missing or lacks its columns, pictures cannot be read and
            `recipe.skip_bad_images` is off, or the recipe has an option that needs classes.
    """
    import pandas as pd

    for name in ("mix", "label_smoothing", "class_weights", "group_by", "folds"):
        if (value := getattr(recipe, name)) not in ("none", 0, "equal", None):
            raise InputError(f"{name}={value!r} needs classes, but scores have none: leave it out")
    source, generator = locate(recipe), with_cache(generator, recipe)
    table = pd.DataFrame(_scores(source.path), columns=["path", "label"])
    train, test = train_test_split(table, test_size=0.5, random_state=0)
    tables = without_listed({"train": train, "test": test}, recipe, folder=source.path)
    tables, skipped = without_bad(tables, generator, recipe)
    if not len(tables["test"]):
        raise InputError(f"no readable picture is left of the test half in {source.path}: add some")
    if recipe.validate_on_test:
        tables["validation"] = tables["test"]
    else:
        tables["train"], tables["validation"] = split_off(tables["train"], recipe=recipe)
    return RegressionSplits(
        **flows(tables, generator, recipe, class_mode="raw"),
        targets={name: table["label"].to_numpy() for name, table in tables.items()},
        test_names=tables["test"]["path"].tolist(),
        facts=source_facts(recipe, source) | {"skipped": skipped},
    )


def _scores(folder):
    """Return (path, score) of every row of the table of scores."""
    table = Path(folder) / _SCORES
    way_out = N_("name a folder with that table by --data")
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            lines = list(csv.DictReader(file))
        rows = [
            (str(table.parent.absolute() / "data_foodscore" / f"{line['ID']}.jpg"), line["score"])
            for line in lines
        ]
    except OSError as error:
        raise InputError(f"{table} cannot be read ({error.strerror}): {way_out}") from None
    except (KeyError, csv.Error, UnicodeDecodeError):
        raise InputError(f"{table} must have the columns ID and score: {way_out}") from None
    if len(rows) < 4:
        raise InputError(f"{table} must list at least 4 pictures; it lists {len(rows)}: add some")
    counts = collections.Counter(path for path, _ in rows)
    # A picture listed twice could be in the training half and in the test half.
    if twice := [Path(path).stem for path, count in counts.items() if count > 1]:
        raise InputError(
            f"{table} must list a picture once; {twice} are listed again: take rows out"
        )
    return [(path, _number(score, path, table)) for path, score in rows]


def _number(score, path, table):
    try:
        if math.isfinite(value := float(score)):
            return value
    except (TypeError, ValueError):
        pass
    raise InputError(
        f"every score in {table} must be a finite number; that of {Path(path).stem} is {score!r}: "
        "correct it"
    )
