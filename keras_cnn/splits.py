"""From a folder of pictures to the three parts of a classification set."""

import copy
import dataclasses
import re
from pathlib import Path

import keras
import numpy as np
from sklearn.model_selection import train_test_split

from keras_cnn import datasets
from keras_cnn.errors import InputError
from keras_cnn.images import ImageDataGenerator, files
from keras_cnn.recipe import Recipe


@dataclasses.dataclass(frozen=True)
class Splits:
    """The three parts of a classification set, ready to be read.

    Attributes:
        train: Batches the weights learn from, augmented and shuffled.
        validation: Batches that pick the best weights: a part of the training pictures.
        test: Batches for the one score at the end, in the order of `test.filepaths`.
        groups: For parts of the test set scored on their own: their name -> mask (n,) of bool.
        facts: What the report tells of the data: the note on samples, the files left out.
    """

    train: keras.utils.PyDataset
    validation: keras.utils.PyDataset
    test: keras.utils.PyDataset
    groups: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    facts: dict = dataclasses.field(default_factory=dict)

    @property
    def class_names(self) -> list[str]:
        """Names of the classes, in the order of the model's outputs."""
        return list(self.train.class_indices)

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.train.class_indices)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of one picture."""
        return self.train.image_shape


def classification_splits(
    recipe: Recipe, generator: ImageDataGenerator, *, group_pattern: str | None = None
) -> Splits:
    """Find a set's pictures, check every one, and split them.

    ``<folder>/train`` and ``<folder>/test`` hold one folder per class; a part of train, drawn class
    by class, becomes the validation part. A folder that holds its classes directly is split into
    the three parts likewise.

    Args:
        recipe: The choices; `dataset` or `data` names the folder.
        generator: How pictures are scaled and augmented. Only training pictures are augmented.
        group_pattern: Regular expression with one named group that takes, out of a file's name,
            what test scores are to be told apart by: with ``^(?P<typeface>.+)_u[0-9a-f]+$`` the
            report gives "seen typefaces" (in train too) and "unseen typefaces".

    Returns:
        The three parts.

    Raises:
        InputError: A folder is missing or empty, there are fewer than two classes, train and test
            have different classes, a class is too small to be split, or pictures cannot be read
            and `recipe.skip_bad_images` is off; the message lists them all.
    """
    source = datasets.locate(recipe.dataset, data=recipe.data)
    if source.note:
        print(source.note)
    tables = _tables(source.path)
    tables, skipped = _without_bad(tables, recipe)
    if "test" not in tables:
        tables["train"], tables["test"] = _divide(tables["train"], recipe)
    tables["train"], tables["validation"] = _divide(tables["train"], recipe)
    generator = copy.copy(generator)
    generator.workers = recipe.workers or generator.workers
    plain = generator.without_augmentation()
    return Splits(
        train=_flow(tables["train"], generator, recipe, shuffle=True),
        validation=_flow(tables["validation"], plain, recipe, shuffle=False),
        test=_flow(tables["test"], plain, recipe, shuffle=False),
        groups=_groups(tables, group_pattern) if group_pattern else {},
        facts={
            "dataset": {
                "name": recipe.dataset,
                "folder": str(source.path),
                "is_sample": source.is_sample,
                "note": source.note,
            },
            "skipped": skipped,
        },
    )


def _tables(folder):
    """One table (columns path, label) for train and, where there is one, test."""
    parts = datasets.splits(folder)
    if parts == ("test",):
        raise InputError(f"{folder} has test/ but no train/: add train/<class>/ with pictures")
    tables = {part: datasets.table(folder, part) for part in parts}
    tables = tables or {"train": datasets.table(folder)}
    names = {part: sorted(set(table["label"])) for part, table in tables.items()}
    if "test" in names and names["test"] != names["train"]:
        raise InputError(
            f"train and test must have the same classes; {folder} has {names['train']} in train "
            f"and {names['test']} in test: rename or add class folders"
        )
    if len(names["train"]) < 2:
        raise InputError(
            f"at least two classes are needed to tell apart; {folder} has {names['train']}: "
            "add a folder of pictures for each class"
        )
    return tables


def _without_bad(tables, recipe):
    """Take unreadable pictures out, or refuse them; return the tables and path -> reason."""
    paths = [path for table in tables.values() for path in table["path"]]
    bad = files.find_bad(paths, workers=recipe.workers)
    if bad and not recipe.skip_bad_images:
        lines = "".join(f"\n  {path}: {reason}" for path, reason in bad.items())
        raise InputError(
            f"{len(bad)} of {len(paths)} pictures cannot be used; mend or remove them, or go on "
            f"without them with --skip-bad-images:{lines}"
        )
    good = {part: table[~table["path"].isin(bad)] for part, table in tables.items()}
    for part, table in tables.items():
        if lost := sorted(set(table["label"]) - set(good[part]["label"])):
            raise InputError(f"no readable picture is left of {lost} in {part}: add some")
    return good, bad


def _divide(table, recipe):
    """Set a part aside, the same share of every class."""
    counts = table["label"].value_counts()
    if counts.min() < 2:
        raise InputError(
            f"every class needs at least 2 training pictures, one to learn from and one to "
            f"validate with; {counts.idxmin()!r} has {counts.min()}: add pictures"
        )
    try:
        rest, part = train_test_split(
            table,
            test_size=recipe.validation_split,
            stratify=table["label"],
            random_state=recipe.seed,
        )
    except ValueError:
        raise InputError(
            f"--validation-split {recipe.validation_split} of {len(table)} pictures leaves no "
            f"picture of some of the {len(counts)} classes: choose another share or add pictures"
        ) from None
    return rest.sort_index(), part.sort_index()


def _flow(table, generator, recipe, *, shuffle):
    return generator.flow_from_dataframe(
        table,
        x_col="path",
        y_col="label",
        classes=sorted(set(table["label"])),
        class_mode="categorical",
        target_size=(recipe.image_size, recipe.image_size),
        batch_size=recipe.batch_size,
        shuffle=shuffle,
        seed=recipe.seed,
    )


def _groups(tables, pattern):
    (word,) = re.compile(pattern).groupindex
    found = {
        part: table["path"].map(lambda path: Path(path).stem).str.extract(pattern)[word]
        for part, table in tables.items()
    }
    seen = found["test"].isin([*found["train"].dropna(), *found["validation"].dropna()])
    masks = {f"seen {word}s": seen, f"unseen {word}s": found["test"].notna() & ~seen}
    return {name: mask.to_numpy() for name, mask in masks.items() if mask.any()}
