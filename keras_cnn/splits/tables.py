"""From tables of pictures to batches: check the pictures, split them, and read them."""

import copy
import os
from pathlib import Path
from typing import Any

import keras
from sklearn.model_selection import train_test_split

from keras_cnn import datasets
from keras_cnn.datasets import copies
from keras_cnn.datasets.division import divide, divide_groups, too_few
from keras_cnn.datasets.examination import examine_all
from keras_cnn.datasets.reading import without
from keras_cnn.datasets.synthetic import draw as synthetic
from keras_cnn.errors import InputError, unusable
from keras_cnn.images import ImageDataGenerator, disk, files
from keras_cnn.images.alexnet import CropsAndColours
from keras_cnn.images.decoding import check_background
from keras_cnn.images.disk import Disk
from keras_cnn.recipe import AUGMENTATIONS, Recipe

ON_TEST = (
    "The test pictures are the validation pictures too. A choice that looks at their curve, such "
    "as the number of epochs, is fitted to them: this is no honest test score."
)


def locate(recipe: Recipe) -> datasets.Location:
    """Find the data set of a recipe, and print a note if it is only a sample.

    Args:
        recipe: The choices `dataset` and `data`.
    """
    source = datasets.locate(recipe.dataset, data=recipe.data)
    if source.note:
        print(source.note)
    return source


def source_facts(recipe: Recipe, source: datasets.Location) -> dict:
    """Return what the report tells of the source of the data.

    Args:
        recipe: The choice `dataset`.
        source: What `locate` returned.
    """
    return {
        "dataset": {
            "name": recipe.dataset,
            "folder": str(source.path),
            "is_sample": source.is_sample,
        },
        # The other samples are real: handwritten digits, characters of real typefaces.
        "synthetic": source.is_sample and source.path.name in synthetic.NAMES,
        "notes": [source.note] * bool(source.note) + [ON_TEST] * recipe.validate_on_test,
    }


def paths(tables: dict) -> list[str]:
    """Return the pictures of all splits.

    Args:
        tables: Split -> table with the columns path and label.
    """
    return [path for table in tables.values() for path in table["path"]]


def without_listed(tables: dict, recipe: Recipe, *, folder: Path) -> dict:
    """Leave out the pictures that a file lists.

    Args:
        tables: As in `paths`.
        recipe: The choice `leave_out`.
        folder: The set's folder.

    Raises:
        InputError: The file cannot be used, or lists all pictures of a split.
    """
    if recipe.leave_out is None:
        return tables
    listed = without(recipe.leave_out, folder=folder)
    left = {
        name: table[~table["path"].map(os.path.abspath).isin(listed)]
        for name, table in tables.items()
    }
    if empty := [name for name, table in left.items() if table.empty]:
        raise InputError(
            f"--without must leave pictures in each split; {recipe.leave_out} leaves none in "
            f"{empty}: correct it"
        )
    return left


def with_cache(generator: ImageDataGenerator, recipe: Recipe) -> ImageDataGenerator:
    """Return a copy of a generator that keeps resized pictures where the recipe says.

    Args:
        generator: How pictures are scaled and augmented.
        recipe: The choice `cache`; "auto" leaves a place that the generator has.
    """
    generator = copy.copy(generator)
    if recipe.cache != "auto" or generator.cache == "auto":
        generator.cache = disk.chosen(recipe.cache)
    return generator


def without_bad(
    tables: dict, generator: ImageDataGenerator, recipe: Recipe
) -> tuple[dict, dict[str, str]]:
    """Leave out pictures that cannot be read, or refuse them.

    Args:
        tables: As in `paths`.
        generator: From `with_cache`. Pictures that an earlier run has read are not read again.
        recipe: The choices `skip_bad_images` and `workers`.

    Returns:
        The tables, and the reason for each picture that was left out.

    Raises:
        InputError: Pictures cannot be read and `skip_bad_images` is off.
    """
    every = paths(tables)
    records = _records(generator, every, kind="checked")
    bad = files.find_bad(every, workers=recipe.workers, records=records)
    return _without(bad, tables, recipe)


def without_bad_in_groups(
    tables: dict, generator: ImageDataGenerator, recipe: Recipe
) -> tuple[dict, dict[str, str]]:
    """Do the same as `without_bad`, and number the copies among pictures that are to be divided.

    Args:
        tables: As in `paths`.
        generator: As in `without_bad`.
        recipe: As in `without_bad`.

    Returns:
        The tables, and the reason for each picture that was left out. The table "train" has a
        column `group`: copies and near copies have the same number.

    Raises:
        InputError: As in `without_bad`.
    """
    every = paths(tables)
    records = _records(generator, every, kind="examined")
    items = examine_all(every, workers=recipe.workers, records=records)
    examined = dict(zip(every, items, strict=True))
    bad = {path: item.findings[0][1] for path, item in examined.items() if not item.size}
    tables, bad = _without(bad, tables, recipe)
    of_train = [examined[path] for path in tables["train"]["path"]]
    hashes = copies.stack([item.hash for item in of_train])
    groups = copies.group([item.digest for item in of_train], hashes)
    return tables | {"train": tables["train"].assign(group=groups)}, bad


def _records(generator, paths, *, kind):
    """Return the records of an earlier run's check; None without a cache on disk."""
    cache = _on_disk(generator)
    return cache.records(paths, kind=kind) if cache else None


def _on_disk(generator):
    return generator.cache if isinstance(generator.cache, Disk) else None


def _without(bad, tables, recipe):
    if bad and not recipe.skip_bad_images:
        way_out = "mend or remove them, or go on without them with --skip-bad-images"
        total = len(paths(tables))
        raise unusable(bad, total=total, what="pictures", way_out=way_out)
    return {name: table[~table["path"].isin(bad)] for name, table in tables.items()}, bad


def split_by_class(items: Any, recipe: Recipe, *, labels: Any) -> tuple:
    """Split items in two, each class by the same share.

    Args:
        items: An array or a table. Copies have the same number in a table's column `group`; if it
            has a column `named_group`, a named group is not in both splits.
        recipe: The choices `validation_split` and `seed`.
        labels: Class of each item.

    Returns:
        The items that stay, and those split off, a share of `validation_split`.

    Raises:
        InputError: A class is too small to be split.
    """
    is_table = hasattr(items, "iloc")
    choices = {"share": recipe.validation_split, "seed": recipe.seed}
    if is_table and "named_group" in items:
        kept, taken = divide_groups(labels, items["named_group"], **choices)
    else:
        groups = items["group"].to_numpy() if is_table and "group" in items else None
        kept, taken = divide(labels, groups, **choices)
    rows = items.iloc if is_table else items
    return rows[kept], rows[taken]


def split_off(items: Any, recipe: Recipe) -> list:
    """Split items without classes in two, as scikit-learn's `train_test_split` does.

    Args:
        items: An array or a table.
        recipe: The choices `validation_split` and `seed`.

    Raises:
        InputError: A split would be empty.
    """
    share = recipe.validation_split
    try:
        return train_test_split(items, test_size=share, random_state=recipe.seed)
    except ValueError:
        raise too_few(share, len(items), "none") from None


def generators(
    generator: ImageDataGenerator, recipe: Recipe, *, augment_all: bool = False
) -> dict[str, ImageDataGenerator]:
    """Return the generator of each split; only that of train augments.

    Args:
        generator: How pictures are scaled and augmented.
        recipe: The choices `augment`, `workers` and `background`.
        augment_all: Whether those of validation and test augment too.

    Raises:
        InputError: There is no such colour as `background`.
    """
    if recipe.augment is None:
        generator = copy.copy(generator)
    else:
        generator = generator.with_augmentation(**AUGMENTATIONS[recipe.augment])
    generator.workers = recipe.workers or generator.workers
    if recipe.background is not None:
        check_background(recipe.background)
        generator.background = recipe.background
    plain = generator if augment_all else generator.without_augmentation()
    return {"train": generator, "validation": plain, "test": plain}


def flows(
    tables: dict,
    generator: ImageDataGenerator,
    recipe: Recipe,
    *,
    augment_all: bool = False,
    **options: Any,
) -> dict[str, keras.utils.PyDataset]:
    """Return the batches of each split.

    Args:
        tables: As in `paths`.
        generator: As in `generators`.
        recipe: The choices.
        augment_all: As in `generators`.
        **options: For `ImageDataGenerator.flow_from_dataframe`.
    """
    of_splits = generators(generator, recipe, augment_all=augment_all)
    if recipe.augment == "alexnet":
        for of_split in of_splits.values():
            of_split.crops = True  # the centre, but for the training pictures
        of_splits["train"].alexnet = CropsAndColours.of(
            list(tables["train"]["path"]), cache=_on_disk(generator)
        )
    batches = {
        name: of_split.flow_from_dataframe(
            tables[name],
            x_col="path",
            y_col="label",
            target_size=(recipe.image_size, recipe.image_size),
            interpolation=recipe.interpolation,
            batch_size=recipe.batch_size,
            shuffle=name == "train",
            seed=recipe.seed,
            **options,
        )
        for name, of_split in of_splits.items()
    }
    if recipe.validate_on_test:
        batches["validation"] = batches["test"]
    return batches
