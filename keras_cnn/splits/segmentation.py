"""Pictures with a class for each pixel, split into train, validation and test."""

import dataclasses
from typing import Any

import keras
import numpy as np
import pandas as pd

from keras_cnn import report
from keras_cnn.datasets import masked_folders
from keras_cnn.errors import InputError, unusable
from keras_cnn.i18n import N_
from keras_cnn.images import ImageDataGenerator, files, masks
from keras_cnn.images.augmentation import NO_AUGMENTATION
from keras_cnn.images.iterators import Iterator
from keras_cnn.images.legacy.pairs import Pair
from keras_cnn.recipe import Recipe
from keras_cnn.splits.base import Splits
from keras_cnn.splits.tables import (
    flows,
    generators,
    locate,
    source_facts,
    split_off,
    with_cache,
    without_bad,
    without_listed,
)

_WITHOUT = {  # options that need one class per picture, or that would change a picture's mask
    "mix": "none",
    "label_smoothing": 0,
    "class_weights": "equal",
    "test_crops": 1,
    "classes": None,
    "group_by": None,
    "folds": None,
}


class MaskedPictures(Pair):
    """Batches of pictures and their masks: float (batch, height, width, 3), int (batch, h, w).

    Both flows have the same seed, so order and random changes are the same.
    """

    def __init__(self, images: Iterator, masks: Iterator):
        """Pair two flows.

        Args:
            images: Batches of pictures.
            masks: Batches of masks (batch, height, width, 1).
        """
        super().__init__(images, masks)
        self.filepaths, self.batch_size = images.filepaths, images.batch_size
        self.image_shape, self.preparation = images.image_shape, images.preparation
        self.image_data_generator = images.image_data_generator

    def __getitem__(self, idx):
        """Return a batch of the epoch.

        Args:
            idx: Its number.
        """
        pictures, targets = super().__getitem__(idx)
        return pictures, targets[..., 0].astype("int32")


def _mask_generator(generator):
    """Return a generator that moves masks as pictures are moved: by the nearest pixel.

    What was outside the mask becomes void. Class numbers are no grey levels to change.
    """
    changes = {name: getattr(generator, name) for name in NO_AUGMENTATION}
    of_masks = ImageDataGenerator(
        fill_mode="constant",
        cval=masks.VOID,
        interpolation_order=0,
        workers=generator.workers,
        **changes,
    )
    of_masks.has_levels = False
    return of_masks


@dataclasses.dataclass(frozen=True, kw_only=True)
class SegmentationSplits(Splits):
    """Splits whose targets are masks: class numbers, uint8 (n, height, width).

    Attributes:
        class_names: Names of the classes, in the order of the model's outputs.
    """

    kind = "segmentation"

    class_names: list[str]

    @property
    def build_options(self) -> dict[str, int]:
        """The number of classes, as a builder takes it."""
        return {"classes": self.num_classes}

    def loss(self, recipe: Recipe) -> keras.losses.Loss:
        """Return the mean cross entropy of the pixels that are not void.

        Args:
            recipe: The choices; none of them changes the loss.
        """
        return keras.losses.SparseCategoricalCrossentropy(ignore_class=masks.VOID)

    def metrics(self) -> list[keras.metrics.Metric]:
        """Return the mean IoU of the pixels that are not void."""
        return [
            keras.metrics.MeanIoU(
                self.num_classes, ignore_class=masks.VOID, sparse_y_pred=False, name="mean_iou"
            )
        ]

    def samples(self) -> list[tuple[np.ndarray, str]]:
        """Return the first ten training pictures beside their masks, as the model receives them."""
        images, targets = self.train[0]
        shown = map(report.segmentation.beside, images[:10], targets[:10, None])
        return list(zip(shown, self._titles(targets[:10]), strict=True))

    def _titles(self, targets):
        return [", ".join(self._names_in(mask)) for mask in targets]

    def _names_in(self, mask):
        numbers = set(np.unique(mask).tolist()) - {0, masks.VOID}
        return [self.class_names[number] for number in sorted(numbers)]

    def predict(self, model: keras.Model) -> np.ndarray:
        """Return the most probable class of each pixel of the test pictures, uint8 (n, h, w).

        Args:
            model: The trained model.
        """
        batches = (model.predict_on_batch(self.test[k][0]) for k in range(len(self.test)))
        return np.concatenate([batch.argmax(axis=-1).astype("uint8") for batch in batches])

    def _report(self, folder, answers, *, picture, **options):
        return report.segmentation.write(
            folder,
            y_pred=answers,
            class_names=self.class_names,
            picture=self.test.preparation.read,
            **options,
        )


def segmentation_splits(recipe: Recipe, generator: ImageDataGenerator) -> SegmentationSplits:
    """Find pictures with masks in the layout of `masked_folders`, check each, and split them.

    Without the folder `val` a share of the training pictures validates. The masks of all splits
    are kept in memory.

    Args:
        recipe: The choices; `dataset` or `data` names the folder.
        generator: How pictures are scaled and augmented. Only training pictures are augmented;
            their masks are moved with them.

    Returns:
        The three splits.

    Raises:
        InputError: Pictures or masks are missing, cannot be read or differ in size, or the recipe
            has an option that needs one class per picture.
    """
    for name, plain in _WITHOUT.items():
        if (value := getattr(recipe, name)) != plain:
            raise InputError(f"{name}={value!r} is for classifiers of pictures: leave it out")
    if recipe.augment == "alexnet":
        raise InputError(
            "--augment alexnet crops pictures, but not their masks: choose --augment full"
        )
    source, generator = locate(recipe), with_cache(generator, recipe)
    tables = {
        split: pd.DataFrame(masked_folders.pairs(source.path / folder), columns=["path", "label"])
        for split, folder in {"train": "train", "validation": "val", "test": "test"}.items()
        if split != "validation" or (source.path / folder).is_dir()
    }
    tables = without_listed(tables, recipe, folder=source.path)
    tables, skipped = without_bad(tables, generator, recipe)
    every = pd.concat(tables.values())
    names = masked_folders.class_names(source.path, list(every["label"]))
    if bad := _of_other_size(every):
        way_out = N_("give both files one size")
        raise unusable(bad, total=len(every), what=N_("masks"), way_out=way_out)
    if recipe.validate_on_test:
        tables["validation"] = tables["test"]
    elif "validation" not in tables:
        tables["train"], tables["validation"] = split_off(tables["train"], recipe)
    size = (recipe.image_size, recipe.image_size)
    targets = {
        split: np.stack([masks.read(path, size=size) for path in table["label"]])
        for split, table in tables.items()
    }
    batches = flows(tables, generator, recipe, class_mode=None)
    for split, of_split in generators(generator, recipe).items():
        of_masks = _mask_generator(of_split).flow(
            targets[split][..., None],
            batch_size=recipe.batch_size,
            shuffle=split == "train",
            seed=recipe.seed,
        )
        batches[split] = MaskedPictures(batches[split], of_masks)
    return SegmentationSplits(
        **batches,
        targets=targets,
        test_names=batches["test"].filepaths,
        class_names=names,
        facts=source_facts(recipe, source) | {"skipped": skipped},
    )


def _of_other_size(table: pd.DataFrame) -> dict[str, Any]:
    """Return the masks whose height and width are not those of their picture, with the reason."""
    bad = {}
    for path, mask in table.itertuples(index=False):
        sizes = files.size(path), masks.read(mask).shape
        if sizes[0] != sizes[1]:
            bad[mask] = f"{sizes[1]} pixels, and its picture {sizes[0]}"
    return bad
