"""From a set's files or arrays to its three parts."""

import re
from pathlib import Path

import numpy as np

from keras_cnn import datasets
from keras_cnn.errors import InputError
from keras_cnn.images import ImageDataGenerator, files
from keras_cnn.recipe import Recipe
from keras_cnn.splits.base import (
    Splits,
    flows,
    locate,
    paths,
    source_facts,
    split_by_class,
    without_bad,
)

VALIDATION = ("val", "validation")  # names that the folder of validation pictures may have


def classification_splits(
    recipe: Recipe,
    generator: ImageDataGenerator,
    *,
    group_pattern: str | None = None,
    most_classes: int | None = None,
) -> Splits:
    """Find a set's pictures, check every one, and split them.

    ``<folder>/train`` and ``<folder>/test`` hold one folder per class; a part of train, drawn class
    by class, becomes the validation part, unless there is ``<folder>/val``. A folder that holds its
    classes directly is split into the three parts likewise.

    Args:
        recipe: The choices; `dataset` or `data` names the folder.
        generator: How pictures are scaled and augmented. Only training pictures are augmented.
        group_pattern: Regular expression with one named group that takes, out of a file's name,
            what test scores are to be told apart by: with ``^(?P<typeface>.+)_u[0-9a-f]+$`` the
            report gives "seen typefaces" (in train too) and "unseen typefaces".
        most_classes: Of a set with more classes, take only so many, the first by name.

    Returns:
        The three parts.

    Raises:
        InputError: A folder is missing or empty, there are fewer than two classes, train and test
            have different classes, a class is too small to be split, or pictures cannot be read
            and `recipe.skip_bad_images` is off; the message lists them all.
    """
    source = locate(recipe)
    tables = _tables(source.path)
    names = sorted(set(tables["train"]["label"]))[:most_classes]
    tables = {part: table[table["label"].isin(names)] for part, table in tables.items()}
    facts = source_facts(recipe, source)
    if note := files.left_out_note(paths(tables), directory=source.path):
        print(note)
        facts["notes"].append(note)
    tables, skipped = without_bad(tables, recipe)
    for part, table in tables.items():
        if lost := sorted(set(names) - set(table["label"])):
            raise InputError(f"no readable picture is left of {lost} in {part}: add some")
    if "test" not in tables:
        tables["train"], tables["test"] = _divide(tables["train"], recipe)
    if "validation" not in tables:
        tables["train"], tables["validation"] = _divide(tables["train"], recipe)
    parts = flows(tables, generator, recipe, classes=names, class_mode="categorical")
    return Splits(
        **parts,
        targets={part: np.asarray(flow.classes) for part, flow in parts.items()},
        test_names=parts["test"].filepaths,
        class_names=names,
        groups=_groups(tables, group_pattern) if group_pattern else {},
        facts=facts | {"skipped": skipped},
    )


def _tables(folder):
    """One table (columns path, label) for train and, where there are such, test and validation."""
    parts = datasets.splits(folder)
    if parts == ("test",):
        raise InputError(f"{folder} has test/ but no train/: add train/<class>/ with pictures")
    tables = {part: datasets.table(folder, part) for part in parts}
    validation = next((name for name in VALIDATION if (Path(folder) / name).is_dir()), None)
    if tables and validation:
        tables["validation"] = datasets.table(folder, validation)
    tables = tables or {"train": datasets.table(folder)}
    names = datasets.class_names(tables, folder)
    if len(names) < 2:
        raise InputError(
            f"at least two classes are needed to tell apart; {folder} has {names}: add a folder of "
            "pictures for each class"
        )
    return tables


def _divide(table, recipe):
    rest, part = split_by_class(table, recipe, labels=table["label"])
    return rest.sort_index(), part.sort_index()


def _groups(tables, pattern):
    (word,) = re.compile(pattern).groupindex
    found = {
        part: table["path"].map(lambda path: Path(path).stem).str.extract(pattern)[word]
        for part, table in tables.items()
    }
    seen = found["test"].isin([*found["train"].dropna(), *found["validation"].dropna()])
    masks = {f"seen {word}s": seen, f"unseen {word}s": found["test"].notna() & ~seen}
    return {name: mask.to_numpy() for name, mask in masks.items() if mask.any()}
