"""From tables of pictures to batches: check the pictures, split them, and read them."""

import copy
from typing import Any

import keras
import numpy as np
from sklearn.model_selection import train_test_split

from keras_cnn import datasets
from keras_cnn.datasets.synthetic import draw as synthetic
from keras_cnn.errors import InputError, unusable
from keras_cnn.images import ImageDataGenerator, files
from keras_cnn.images.augmentation import check_background
from keras_cnn.recipe import AUGMENTATIONS, Recipe


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
        "notes": [source.note] if source.note else [],
    }


def paths(tables: dict) -> list[str]:
    """Return the pictures of all splits.

    Args:
        tables: Split -> table with the columns path and label.
    """
    return [path for table in tables.values() for path in table["path"]]


def without_bad(tables: dict, recipe: Recipe) -> tuple[dict, dict[str, str]]:
    """Leave out pictures that cannot be read, or refuse them.

    Args:
        tables: As in `paths`.
        recipe: The choices `skip_bad_images` and `workers`.

    Returns:
        The tables, and the reason for each picture that was left out.

    Raises:
        InputError: Pictures cannot be read and `skip_bad_images` is off.
    """
    every = paths(tables)
    bad = files.find_bad(every, workers=recipe.workers)
    if bad and not recipe.skip_bad_images:
        way_out = "mend or remove them, or go on without them with --skip-bad-images"
        raise unusable(bad, total=len(every), what="pictures", way_out=way_out)
    return {name: table[~table["path"].isin(bad)] for name, table in tables.items()}, bad


def split_by_class(items: Any, recipe: Recipe, *, labels: Any) -> tuple:
    """Split items in two, each class by the same share.

    Args:
        items: An array or a table.
        recipe: The choices `validation_split` and `seed`.
        labels: Class of each item.

    Returns:
        The items that stay, and those split off, a share of `validation_split`.

    Raises:
        InputError: A class is too small to be split.
    """
    names, counts = np.unique(labels, return_counts=True)
    if counts.min() < 2:
        raise InputError(
            f"every class needs at least 2 training pictures, one to learn from and one to "
            f"validate with; {str(names[counts.argmin()])!r} has {counts.min()}: add pictures"
        )
    kept, taken, *labels_of = split_off(items, labels, recipe=recipe, stratify=labels)
    for labels_left in labels_of:  # scikit-learn rounds less than half a picture down to none
        if lost := sorted(set(names) - set(labels_left)):
            raise _too_few(recipe, len(items), f"no picture of {str(lost[0])!r} in one split")
    return kept, taken


def split_off(*items: Any, recipe: Recipe, stratify: Any = None) -> list:
    """Split arrays of one length in two, as scikit-learn's `train_test_split` does.

    Args:
        *items: The arrays or tables.
        recipe: The choices `validation_split` and `seed`.
        stratify: Class of each item, to take the same share of every class; None for no classes.

    Raises:
        InputError: A split would be empty or lack a class.
    """
    try:
        return train_test_split(
            *items,
            test_size=recipe.validation_split,
            stratify=stratify,
            random_state=recipe.seed,
        )
    except ValueError:
        least = f"fewer than the {len(set(stratify))} classes" if stratify is not None else "none"
        raise _too_few(recipe, len(items[0]), f"{least} in one split") from None


def _too_few(recipe, count, left):
    return InputError(
        f"--validation-split {recipe.validation_split} of {count} pictures leaves {left}: choose "
        "another share or add pictures"
    )


def generators(generator: ImageDataGenerator, recipe: Recipe) -> dict[str, ImageDataGenerator]:
    """Return the generator of each split; only that of train augments.

    Args:
        generator: How pictures are scaled and augmented.
        recipe: The choices `augment`, `workers` and `background`.

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
    plain = generator.without_augmentation()
    return {"train": generator, "validation": plain, "test": plain}


def flows(
    tables: dict, generator: ImageDataGenerator, recipe: Recipe, **options: Any
) -> dict[str, keras.utils.PyDataset]:
    """Return the batches of each split.

    Args:
        tables: As in `paths`.
        generator: As in `generators`.
        recipe: The choices.
        **options: For `ImageDataGenerator.flow_from_dataframe`.
    """
    return {
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
        for name, of_split in generators(generator, recipe).items()
    }
