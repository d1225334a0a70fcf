"""From a set's files or arrays to its three parts."""

import collections
import copy
import csv
import math
import re
from pathlib import Path

import keras
import numpy as np
from sklearn.model_selection import train_test_split

from keras_cnn import datasets
from keras_cnn.datasets.synthetic import draw as synthetic
from keras_cnn.errors import InputError, unusable
from keras_cnn.images import ImageDataGenerator, files
from keras_cnn.recipe import AUGMENTATIONS, Recipe
from keras_cnn.splits.base import Splits

_SCORES = "FoodScore.csv"
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
    source = _locate(recipe)
    tables = _tables(source.path)
    names = sorted(set(tables["train"]["label"]))[:most_classes]
    tables = {part: table[table["label"].isin(names)] for part, table in tables.items()}
    facts = _facts(recipe, source)
    if note := files.left_out_note(_paths(tables), directory=source.path):
        print(note)
        facts["notes"].append(note)
    tables, skipped = _without_bad(tables, recipe)
    for part, table in tables.items():
        if lost := sorted(set(names) - set(table["label"])):
            raise InputError(f"no readable picture is left of {lost} in {part}: add some")
    if "test" not in tables:
        tables["train"], tables["test"] = _divide(tables["train"], recipe)
    if "validation" not in tables:
        tables["train"], tables["validation"] = _divide(tables["train"], recipe)
    parts = _flows(tables, generator, recipe, classes=names, class_mode="categorical")
    return Splits(
        **parts,
        targets={part: np.asarray(flow.classes) for part, flow in parts.items()},
        test_names=parts["test"].filepaths,
        class_names=names,
        groups=_groups(tables, group_pattern) if group_pattern else {},
        facts=facts | {"skipped": skipped},
    )


def array_splits(recipe: Recipe, generator: ImageDataGenerator, *, margin: int = 0) -> Splits:
    """Load a set of small grey pictures that fits into memory, and split it.

    Args:
        recipe: The choices; `dataset` or `data` names the set, as `datasets.arrays` finds it.
        generator: How pictures are scaled and augmented. Only training pictures are augmented.
        margin: Black pixels to add on every side: LeNet-5's paper sets MNIST's 28x28 into 32x32.

    Returns:
        The three parts.

    Raises:
        InputError: The set is nowhere, or its files do not hold what they should.
    """
    source = _locate(recipe)
    (x, y), (x_test, y_test) = datasets.arrays(recipe.dataset, data=recipe.data)
    names = _array_class_names(recipe.dataset, source, count=int(y.max()) + 1)
    x, x_test = (_with_channel(pictures, margin) for pictures in (x, x_test))
    rest, part = _split(np.arange(len(y)), recipe, labels=y)
    pictures = {"train": x[rest], "validation": x[part], "test": x_test}
    targets = {"train": y[rest], "validation": y[part], "test": y_test}
    flows = {
        part: with_options.flow(
            pictures[part],
            keras.utils.to_categorical(targets[part], len(names)),
            batch_size=recipe.batch_size,
            shuffle=part == "train",
            seed=recipe.seed,
        )
        for part, with_options in _generators(generator, recipe).items()
    }
    return Splits(
        **flows,
        targets=targets,
        test_names=[f"{index:05d}" for index in range(len(y_test))],
        class_names=names,
        picture=lambda index: x_test[index],
        facts=_facts(recipe, source),
        margin=margin,
    )


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
    source = _locate(recipe)
    table = pd.DataFrame(_scores(source.path), columns=["path", "label"])
    train, test = train_test_split(table, test_size=0.5, random_state=0)
    tables, skipped = _without_bad({"train": train, "test": test}, recipe)
    if not len(tables["test"]):
        raise InputError(f"no readable picture is left of the test half in {source.path}: add some")
    tables["train"], tables["validation"] = _two_parts(tables["train"], recipe=recipe)
    return Splits(
        **_flows(tables, generator, recipe, class_mode="raw"),
        targets={part: table["label"].to_numpy() for part, table in tables.items()},
        test_names=tables["test"]["path"].tolist(),
        facts=_facts(recipe, source) | {"skipped": skipped},
    )


def _locate(recipe):
    source = datasets.locate(recipe.dataset, data=recipe.data)
    if source.note:
        print(source.note)
    return source


def _facts(recipe, source):
    return {
        "dataset": {
            "name": recipe.dataset,
            "folder": str(source.path),
            "is_sample": source.is_sample,
        },
        # The other samples are real: handwritten digits, characters of real typefaces.
        "synthetic": source.is_sample and source.path.name in synthetic.NAMES,
        "notes": [source.note] if source.note else [],
    }


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


def _paths(tables):
    return [path for table in tables.values() for path in table["path"]]


def _without_bad(tables, recipe):
    """Take unreadable pictures out, or refuse them; return the tables and path -> reason."""
    paths = _paths(tables)
    bad = files.find_bad(paths, workers=recipe.workers)
    if bad and not recipe.skip_bad_images:
        way_out = "mend or remove them, or go on without them with --skip-bad-images"
        raise unusable(bad, total=len(paths), what="pictures", way_out=way_out)
    return {part: table[~table["path"].isin(bad)] for part, table in tables.items()}, bad


def _divide(table, recipe):
    rest, part = _split(table, recipe, labels=table["label"])
    return rest.sort_index(), part.sort_index()


def _split(items, recipe, *, labels):
    """Set a part aside, of every class the same share."""
    names, counts = np.unique(labels, return_counts=True)
    if counts.min() < 2:
        raise InputError(
            f"every class needs at least 2 training pictures, one to learn from and one to "
            f"validate with; {str(names[counts.argmin()])!r} has {counts.min()}: add pictures"
        )
    rest, part, *labels_of = _two_parts(items, labels, recipe=recipe, stratify=labels)
    for found in labels_of:
        if lost := sorted(set(names) - set(found)):  # of less than half a picture none is taken
            raise _too_few(recipe, len(items), f"no picture of {str(lost[0])!r} in one part")
    return rest, part


def _two_parts(*items, recipe, stratify=None):
    try:
        return train_test_split(
            *items,
            test_size=recipe.validation_split,
            stratify=stratify,
            random_state=recipe.seed,
        )
    except ValueError:
        least = f"fewer than the {len(set(stratify))} classes" if stratify is not None else "none"
        raise _too_few(recipe, len(items[0]), f"{least} in one part") from None


def _too_few(recipe, count, left):
    return InputError(
        f"--validation-split {recipe.validation_split} of {count} pictures leaves {left}: choose "
        "another share or add pictures"
    )


def _generators(generator, recipe):
    """One generator per part; only that of train augments."""
    if recipe.augment is None:
        generator = copy.copy(generator)
    else:
        generator = generator.with_augmentation(**AUGMENTATIONS[recipe.augment])
    generator.workers = recipe.workers or generator.workers
    plain = generator.without_augmentation()
    return {"train": generator, "validation": plain, "test": plain}


def _flows(tables, generator, recipe, **options):
    return {
        part: with_options.flow_from_dataframe(
            tables[part],
            x_col="path",
            y_col="label",
            target_size=(recipe.image_size, recipe.image_size),
            interpolation=recipe.interpolation,
            batch_size=recipe.batch_size,
            shuffle=part == "train",
            seed=recipe.seed,
            **options,
        )
        for part, with_options in _generators(generator, recipe).items()
    }


def _with_channel(pictures, margin):
    sides = (margin, margin)
    return np.pad(pictures, ((0, 0), sides, sides))[..., np.newaxis]


def _array_class_names(name, source, *, count):
    """Names in the order of the labels, as `datasets.arrays` gives them."""
    names = datasets.CATALOGUE[name].classes if name in datasets.CATALOGUE else ()
    if source.path.is_dir() and datasets.splits(source.path):
        found = sorted(set(datasets.table(source.path, "train")["label"]))
        names = names if set(names) == set(found) else found
    return list(names) if len(names) == count else [str(index) for index in range(count)]


def _groups(tables, pattern):
    (word,) = re.compile(pattern).groupindex
    found = {
        part: table["path"].map(lambda path: Path(path).stem).str.extract(pattern)[word]
        for part, table in tables.items()
    }
    seen = found["test"].isin([*found["train"].dropna(), *found["validation"].dropna()])
    masks = {f"seen {word}s": seen, f"unseen {word}s": found["test"].notna() & ~seen}
    return {name: mask.to_numpy() for name, mask in masks.items() if mask.any()}
