"""Pictures of classes, split into train, validation and test."""

import dataclasses
import re
from pathlib import Path

import keras
import numpy as np

from keras_cnn import datasets, report
from keras_cnn.datasets import folders
from keras_cnn.errors import InputError
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

    Args:
        recipe: The choices; `dataset` or `data` names the folder, `classes` its class folders.
        generator: How pictures are scaled and augmented. Only training pictures are augmented.
        group_pattern: Regular expression with one named group, which takes a group's name out of a
            file's name. Test pictures whose group is in train and the others get scores of their
            own: with ``^(?P<typeface>.+)_u[0-9a-f]+$`` the report has "seen typefaces" and
            "unseen typefaces".
        most_classes: Limit on the number of classes; the first by name are taken.
        augment_all: Whether validation and test pictures are augmented too, as a listing does.

    Returns:
        The three splits.

    Raises:
        InputError: A folder is missing or empty, there are fewer than two classes, train and test
            have different classes, a class is too small to be split, or pictures cannot be read
            and `recipe.skip_bad_images` is off; the message lists them all.
    """
    source, generator = locate(recipe), with_cache(generator, recipe)
    tables, names = _tables(source.path, classes=recipe.classes)
    names = names[:most_classes]
    tables = {name: table[table["label"].isin(names)] for name, table in tables.items()}
    tables = without_listed(tables, recipe, folder=source.path)
    facts = source_facts(recipe, source)
    left_out = files.left_out_note(paths(tables), directory=source.path)
    for note in filter(None, (folders.read_layout(source.path).note(), left_out)):
        print(note)
        facts["notes"].append(note)
    if len(tables) == 3:
        tables, skipped = without_bad(tables, generator, recipe)
    else:
        tables, skipped = without_bad_in_groups(tables, generator, recipe)
    for name, table in tables.items():
        if lost := sorted(set(names) - set(table["label"])):
            raise InputError(f"no readable picture is left of {lost} in {name}: add some")
    if recipe.validate_on_test and "validation" in tables:
        tables.setdefault("test", tables["validation"])
    for name in ("test", "validation"):
        if name == "validation" and recipe.validate_on_test:
            tables[name] = tables["test"]
        elif name not in tables:
            tables["train"], tables[name] = _divide(tables["train"], recipe)
            if copied := tables[name]["group"].isin(tables["train"]["group"]).sum():
                note = (
                    f"{copied} pictures of {name} have copies in train: their class holds nothing "
                    "but copies of one picture, or copies with two labels."
                )
                print(note)
                facts["notes"].append(note)
    batches = flows(
        tables,
        generator,
        recipe,
        augment_all=augment_all,
        classes=names,
        class_mode="categorical",
    )
    return ClassificationSplits(
        **batches,
        targets={name: np.asarray(flow.classes) for name, flow in batches.items()},
        test_names=batches["test"].filepaths,
        class_names=names,
        groups=_groups(tables, group_pattern) if group_pattern else {},
        facts=facts | {"skipped": skipped},
    )


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


def _divide(table, recipe):
    kept, taken = split_by_class(table, recipe, labels=table["label"])
    return kept.sort_index(), taken.sort_index()


def _groups(tables, pattern):
    """Return the masks of the test pictures whose group is in train, and is not."""
    (word,) = re.compile(pattern).groupindex
    groups = {
        name: table["path"].map(lambda path: Path(path).stem).str.extract(pattern)[word]
        for name, table in tables.items()
    }
    learned = [*groups["train"].dropna(), *groups["validation"].dropna()]
    seen = groups["test"].isin(learned)
    masks = {f"seen {word}s": seen, f"unseen {word}s": groups["test"].notna() & ~seen}
    return {name: mask.to_numpy() for name, mask in masks.items() if mask.any()}
