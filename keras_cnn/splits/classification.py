"""Pictures of classes, split into train, validation and test."""

import contextlib
import dataclasses
import warnings
from collections.abc import Callable, Iterator
from functools import partial

import keras
import numpy as np

from keras_cnn import datasets, report
from keras_cnn.datasets import folders, groups
from keras_cnn.datasets.division import folds, lone_groups
from keras_cnn.errors import InputError
from keras_cnn.i18n import N_, say
from keras_cnn.images import ImageDataGenerator, files
from keras_cnn.recipe import Recipe
from keras_cnn.report.calibration import Temperature
from keras_cnn.splits.base import Splits
from keras_cnn.splits.tables import (
    flows,
    locate,
    paths,
    source_facts,
    split_by_class,
    with_cache,
    without_bad,
    without_bad_in_groups,
    without_listed,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassificationSplits(Splits):
    """Splits whose targets are class indices.

    Attributes:
        class_names: Names of the classes, in the order of the model's outputs.
        groups: Name -> mask (n,) of bool, for groups of test pictures that have their own scores.
    """

    kind = "classification"

    class_names: list[str]
    groups: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)

    @property
    def build_options(self) -> dict[str, int]:
        """The number of classes, as a builder takes it."""
        return {"classes": self.num_classes}

    def class_weights(self, recipe: Recipe) -> dict[int, float] | None:
        """Return the weight of each class in the loss; None where all count alike.

        Balanced weights are inverse to the number of a class' training pictures, and 1 on average
        over all pictures.

        Args:
            recipe: The choice `class_weights`.
        """
        if recipe.class_weights != "balanced":
            return None
        counts = np.bincount(self.targets["train"], minlength=self.num_classes)
        return dict(enumerate(counts.sum() / (len(counts) * counts)))

    def loss(self, recipe: Recipe) -> keras.losses.Loss:
        """Return cross entropy.

        Args:
            recipe: The choice `label_smoothing`.
        """
        return keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing)

    def metrics(self) -> list[keras.metrics.Metric]:
        """Return the accuracy."""
        return [keras.metrics.CategoricalAccuracy(name="accuracy")]

    def _titles(self, targets):
        return [self.class_names[index] for index in np.argmax(targets, axis=1)]

    def _report(self, folder, answers, *, facts, **options):
        facts = dict(facts)
        temperature = Temperature(**facts.pop("calibration", {}))
        return report.classification(
            folder,
            y_score=answers,
            temperature=temperature,
            facts=facts,
            class_names=self.class_names,
            groups=self.groups,
            **options,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class FoldedSplits(ClassificationSplits):
    """Splits of a cross-validation: all pictures train the last network, all are test pictures.

    Attributes:
        fold: Makes the splits of a fold, by its number from 0.
        rows: For each fold: indices of its test pictures among all.
    """

    fold: Callable[[int], ClassificationSplits]
    rows: list[np.ndarray]

    @property
    def folds(self) -> Iterator[ClassificationSplits]:
        """The splits of each fold, made when they are asked for."""
        return map(self.fold, range(len(self.rows)))


def classification_splits(
    recipe: Recipe,
    generator: ImageDataGenerator,
    *,
    group_pattern: str | None = None,
    most_classes: int | None = None,
    augment_all: bool = False,
) -> ClassificationSplits:
    """Find a set's pictures, check each, and split them.

    ``<folder>/train`` and ``<folder>/test`` hold one folder per class. The validation split is
    ``<folder>/val`` if it exists, else a share of the training pictures of each class. A folder
    that holds the class folders itself is split into all three in the same way.

    With `recipe.group_by` a group of pictures stays in one of the splits that are made here. Test
    pictures whose group is in train, and the others, get scores of their own: with
    ``^(?P<typeface>.+)_u[0-9a-f]+$`` the report has "seen typefaces" and "unseen typefaces".

    Args:
        recipe: The choices; `dataset` or `data` names the folder, `classes` its class folders.
        generator: How pictures are scaled and augmented. Only training pictures are augmented.
        group_pattern: The old name of `recipe.group_by`, which works in this version only.
        most_classes: Limit on the number of classes; the first by name are taken.
        augment_all: Whether validation and test pictures are augmented too, as a listing does.

    Returns:
        The three splits. With `recipe.folds` they are those of the last training, on all pictures,
        and their `folds` are those of the cross-validation.

    Raises:
        InputError: A folder is missing or empty, there are fewer than two classes, train and test
            have different classes, a class is too small to be split, pictures cannot be grouped, or
            they cannot be read and `recipe.skip_bad_images` is off; the message lists them all.
    """
    if group_pattern is not None:
        message = "classification_splits(group_pattern=) is now Recipe(group_by=)"
        warnings.warn(message, FutureWarning, stacklevel=2)
        recipe = dataclasses.replace(recipe, group_by=group_pattern)
    source, generator = locate(recipe), with_cache(generator, recipe)
    tables, names = _tables(source.path, classes=recipe.classes)
    names = names[:most_classes]
    tables = {name: table[table["label"].isin(names)] for name, table in tables.items()}
    is_grouped = recipe.group_by not in (None, groups.NEAR_COPIES)
    if is_grouped:
        tables = _with_groups(tables, recipe.group_by, folder=source.path)
    tables = without_listed(tables, recipe, folder=source.path)
    facts = source_facts(recipe, source)
    left_out = files.left_out_note(paths(tables), directory=source.path)
    for note in filter(None, (folders.read_layout(source.path).note(), left_out)):
        _add_note(facts, note)
    if recipe.folds:
        tables = _pooled(tables, recipe)
    check = without_bad if len(tables) == 3 or is_grouped else without_bad_in_groups
    tables, facts["skipped"] = check(tables, generator, recipe)
    for name, table in tables.items():
        if lost := sorted(set(names) - set(table["label"])):
            raise InputError(f"no readable picture is left of {lost} in {name}: add some")
    made = partial(
        _splits, recipe=recipe, generator=generator, names=names, augment_all=augment_all
    )
    if recipe.folds:
        return _folded(tables["train"], recipe, facts, made=made)
    return made(_completed(tables, recipe, facts), facts=facts)


def _completed(tables, recipe, facts):
    """Return tables of all three splits: those that a folder lacks are split off train."""
    if recipe.validate_on_test and "validation" in tables:
        tables.setdefault("test", tables["validation"])
    for name in ("test", "validation"):
        if name == "validation" and recipe.validate_on_test:
            tables[name] = tables["test"]
        elif name not in tables:
            tables["train"], tables[name] = _divide(tables["train"], recipe, facts)
            if "group" not in tables[name]:
                continue
            if copied := tables[name]["group"].isin(tables["train"]["group"]).sum():
                _add_note(
                    facts,
                    N_(
                        f"{copied} pictures of {name} have copies in train: their class holds "
                        "nothing but copies of one picture, or copies with two labels."
                    ),
                )
    return tables


def _splits(tables, *, recipe, generator, names, augment_all, facts, **more):
    """Return the splits of complete tables."""
    batches = flows(
        tables,
        generator,
        recipe,
        augment_all=augment_all,
        classes=names,
        class_mode="categorical",
    )
    kind = FoldedSplits if more else ClassificationSplits
    more.setdefault("groups", _masks(tables, groups.kind(recipe.group_by)))
    return kind(
        **batches,
        targets={name: np.asarray(flow.classes) for name, flow in batches.items()},
        test_names=batches["test"].filepaths,
        class_names=names,
        facts=facts,
        **more,
    )


def _pooled(tables, recipe):
    """Return the pictures of all splits as one table, for a cross-validation."""
    import pandas as pd

    if recipe.validate_on_test:
        raise InputError(
            f"--folds {recipe.folds} tests each picture once, but --listing validates on the test "
            "pictures: leave out one of the two"
        )
    return {"train": pd.concat(tables.values(), ignore_index=True)}


def _folded(table, recipe, facts, *, made):
    """Return the splits of a training on all pictures, with those of each fold."""
    column = "named_group" if "named_group" in table else "group"
    numbers = folds(table["label"], table[column].to_list(), number=recipe.folds, seed=recipe.seed)
    rows = [np.flatnonzero(numbers == number) for number in range(recipe.folds)]
    divided, notes = [], []
    for number in range(recipe.folds):  # now: a fold that cannot be divided is refused before any
        of_fold = {"notes": []}
        tables = {"train": table[numbers != number], "test": table[numbers == number]}
        divided.append(_completed(tables, recipe, of_fold))
        notes.append(facts["notes"] + of_fold["notes"])

    def fold(number):
        with contextlib.redirect_stdout(None):  # each flow tells its number of pictures
            return made(divided[number], facts=facts | {"notes": notes[number]})

    tables = {"train": table, "validation": table[numbers == 0], "test": table}
    masks = {N_(f"fold {number + 1:d}"): numbers == number for number in range(recipe.folds)}
    return made(tables, facts=facts, fold=fold, rows=rows, groups=masks)


def _with_groups(tables, by, *, folder):
    """Return the tables with a column `named_group`."""
    of_paths = dict(
        zip(paths(tables), groups.names(paths(tables), by=by, folder=folder), strict=True)
    )
    return {
        name: table.assign(named_group=table["path"].map(of_paths))
        for name, table in tables.items()
    }


def _add_note(facts, note):
    say(note)
    facts["notes"].append(note)


def _tables(folder, *, classes):
    """Return the class names, and a table (columns path, label) of each split that exists."""
    tables = folders.tables(folder)
    chosen = None if classes is None else [name.strip() for name in classes.split(",")]
    if chosen is not None:
        there = sorted(set(tables["train"]["label"]))
        if len(set(chosen)) != len(chosen) or not set(chosen) <= set(there):
            raise InputError(
                f"--classes must name class folders of train, each once; {folder} has {there}; "
                f"received {classes!r}"
            )
        tables = {name: table[table["label"].isin(chosen)] for name, table in tables.items()}
    names = datasets.class_names(tables, folder)  # refuses splits with other classes
    names = chosen or names
    if len(names) < 2:
        raise InputError(
            f"at least two classes are needed to tell apart; {folder} has {names}: add a folder of "
            "pictures for each class"
        )
    return tables, names


def _divide(table, recipe, facts):
    if "named_group" in table:
        lone = lone_groups(table["label"], table["named_group"])
        for label, group in lone.items():
            note = N_(
                f"All training pictures of {label} are of one group, {group}: some of them "
                "validate, which says nothing about other groups."
            )
            if note not in facts["notes"]:
                _add_note(facts, note)
    kept, taken = split_by_class(table, recipe, labels=table["label"])
    return kept.sort_index(), taken.sort_index()


def _masks(tables, kind):
    """Return the masks of the test pictures whose group is in train, and is not.

    There are none if no group has two pictures.
    """
    if "named_group" not in tables["train"]:
        return {}
    learned = [*tables["train"]["named_group"], *tables["validation"]["named_group"]]
    of_test = tables["test"]["named_group"]
    if len({*learned, *of_test}) == len({*paths(tables)}):
        return {}
    seen = of_test.isin(learned)
    masks = {N_(f"seen {kind}s"): seen, N_(f"unseen {kind}s"): ~seen}
    return {name: mask.to_numpy() for name, mask in masks.items() if mask.any()}
