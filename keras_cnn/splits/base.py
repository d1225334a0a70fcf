"""The three parts of a set of labelled or scored pictures, and how a model is judged on them."""

import copy
import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from sklearn.model_selection import train_test_split

from keras_cnn import card, datasets, report
from keras_cnn.card import Card
from keras_cnn.datasets import fingerprint
from keras_cnn.datasets.synthetic import draw as synthetic
from keras_cnn.errors import InputError, unusable
from keras_cnn.images import ImageDataGenerator, files
from keras_cnn.images.preparation import Preparation
from keras_cnn.images.tf_data import untuned
from keras_cnn.recipe import AUGMENTATIONS, Recipe


@dataclasses.dataclass(frozen=True)
class Splits:
    """The three parts of a set, ready to be read.

    `keras_cnn.run` asks nothing else of a set: `detection.task.DetectionSplits` answers the same
    questions for pictures with boxes.

    Attributes:
        train: Batches the weights learn from, augmented and shuffled.
        validation: Batches that pick the best weights: a part of the training pictures.
        test: Batches for the one score at the end, in the order of `test_names`.
        targets: For "train", "validation" and "test": (n,) class indices, or values to regress.
        test_names: Path or name of each test picture.
        class_names: Names of the classes, in the order of the model's outputs; empty where values
            are regressed.
        picture: Gives the test picture of an index as an array; None where its file is to be
            opened.
        groups: For parts of the test set scored on their own: their name -> mask (n,) of bool.
        facts: What the report tells of the data: whence it comes, the files left out, and whether
            it is only a sample.
        margin: Black pixels that were added around pictures of arrays.
    """

    train: keras.utils.PyDataset
    validation: keras.utils.PyDataset
    test: keras.utils.PyDataset
    targets: dict[str, np.ndarray]
    test_names: Sequence[str]
    class_names: list[str] = dataclasses.field(default_factory=list)
    picture: Callable[[int], np.ndarray] | None = None
    groups: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    facts: dict = dataclasses.field(default_factory=dict)
    margin: int = 0

    @property
    def num_classes(self) -> int:
        """Number of classes; 0 where values are regressed."""
        return len(self.class_names)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of one picture."""
        return self.train.image_shape

    @functools.cached_property
    def fingerprints(self) -> dict[str, dict]:
        """Part -> the number of its pictures and a hash of them, taken once."""
        return fingerprint.fingerprints(self)

    def loss(self, recipe: Recipe) -> keras.losses.Loss:
        """Return what training lowers.

        Args:
            recipe: The choices.
        """
        if self.num_classes:
            return keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing)
        return keras.losses.MeanSquaredError()

    def metrics(self) -> list[keras.metrics.Metric]:
        """Return what is told of every epoch besides the loss."""
        if self.num_classes:
            return [keras.metrics.CategoricalAccuracy(name="accuracy")]
        return [keras.metrics.MeanAbsoluteError(name="mae")]

    def callbacks(self, folder: Path) -> list[keras.callbacks.Callback]:
        """Return what watches the training, besides what every training has.

        Args:
            folder: Folder of the run.
        """
        return []

    def samples(self) -> list[tuple[np.ndarray, str]]:
        """Return the first ten training pictures, as the model receives them, with titles."""
        images, targets = self.train[0]
        self.train.reset()
        if self.num_classes:
            titles = [self.class_names[index] for index in np.argmax(targets[:10], axis=1)]
        else:
            titles = [f"{target:.2f}" for target in targets[:10]]
        return list(zip(images[:10], titles, strict=True))

    def predict(self, model: keras.Model) -> np.ndarray:
        """Return the model's outputs for the test pictures: (pictures, classes) or (pictures, 1).

        Args:
            model: The trained model.
        """
        return model.predict(untuned(self.test), verbose=0)

    def save(self, model: keras.Model, path: Path):
        """Save a model with its card inside: classes, preparation and fingerprint of the pictures.

        Args:
            model: The trained model.
            path: A name that ends in `.keras`.
        """
        model.save(path)
        card.write(path, self.card())

    def card(self) -> Card:
        """Return what a saved model must remember of the pictures it was trained on."""
        from_generator = hasattr(self.train, "image_data_generator")
        return Card(
            task="classification" if self.num_classes else "regression",
            class_names=tuple(self.class_names),
            preparation=(
                Preparation.of(self.train, margin=self.margin).to_dict() if from_generator else {}
            ),
            data=self.fingerprints,
        )

    def report(
        self,
        folder: Path,
        *,
        answers: np.ndarray,
        history: dict[str, list[float]],
        samples: list[tuple[np.ndarray, str]],
        facts: dict,
    ) -> dict:
        """Score the answers to the test pictures and write the report of the run.

        Args:
            folder: Folder of the run.
            answers: What `predict` returned.
            history: One list per quantity and epoch.
            samples: What `samples` returned before the training.
            facts: What the report tells besides.

        Returns:
            What report.json holds.
        """
        shared = {
            "y_true": self.targets["test"],
            "filepaths": self.test_names,
            "history": history,
            "samples": samples,
            "picture": self.picture,
            "facts": facts,
        }
        if self.num_classes:
            return report.classification(
                folder,
                y_score=answers,
                class_names=self.class_names,
                groups=self.groups,
                **shared,
            )
        # Whoever knows no picture has all training values to take the mean of.
        known = np.concatenate([self.targets["train"], self.targets["validation"]])
        return report.regression(folder, y_pred=answers, train_mean=known.mean(), **shared)


def locate(recipe: Recipe) -> datasets.Location:
    """Find the data set of a recipe, and print a note where it is only a sample.

    Args:
        recipe: The choices `dataset` and `data`.
    """
    source = datasets.locate(recipe.dataset, data=recipe.data)
    if source.note:
        print(source.note)
    return source


def source_facts(recipe: Recipe, source: datasets.Location) -> dict:
    """Return what the report tells of where the data come from.

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
        The tables, and for each picture left out the reason.

    Raises:
        InputError: Pictures cannot be read and `skip_bad_images` is off.
    """
    every = paths(tables)
    bad = files.find_bad(every, workers=recipe.workers)
    if bad and not recipe.skip_bad_images:
        way_out = "mend or remove them, or go on without them with --skip-bad-images"
        raise unusable(bad, total=len(every), what="pictures", way_out=way_out)
    return {part: table[~table["path"].isin(bad)] for part, table in tables.items()}, bad


def split_by_class(items: Any, recipe: Recipe, *, labels: Any) -> tuple:
    """Split items in two, each class by the same share.

    Args:
        items: An array or a table.
        recipe: The choices `validation_split` and `seed`.
        labels: Class of each item.

    Returns:
        The larger part, and the part of the size `validation_split`.

    Raises:
        InputError: A class is too small to be split.
    """
    names, counts = np.unique(labels, return_counts=True)
    if counts.min() < 2:
        raise InputError(
            f"every class needs at least 2 training pictures, one to learn from and one to "
            f"validate with; {str(names[counts.argmin()])!r} has {counts.min()}: add pictures"
        )
    rest, part, *labels_of = split_off(items, labels, recipe=recipe, stratify=labels)
    for found in labels_of:
        if lost := sorted(set(names) - set(found)):  # of less than half a picture none is taken
            raise _too_few(recipe, len(items), f"no picture of {str(lost[0])!r} in one part")
    return rest, part


def split_off(*items: Any, recipe: Recipe, stratify: Any = None) -> list:
    """Split arrays of one length in two, as scikit-learn's `train_test_split` does.

    Args:
        *items: The arrays or tables.
        recipe: The choices `validation_split` and `seed`.
        stratify: Class of each item, for shares per class; None for none.

    Raises:
        InputError: A part would be empty or lack a class.
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
        raise _too_few(recipe, len(items[0]), f"{least} in one part") from None


def _too_few(recipe, count, left):
    return InputError(
        f"--validation-split {recipe.validation_split} of {count} pictures leaves {left}: choose "
        "another share or add pictures"
    )


def generators(generator: ImageDataGenerator, recipe: Recipe) -> dict[str, ImageDataGenerator]:
    """Return one generator per split; only that of train augments.

    Args:
        generator: How pictures are scaled and augmented.
        recipe: The choices `augment` and `workers`.
    """
    if recipe.augment is None:
        generator = copy.copy(generator)
    else:
        generator = generator.with_augmentation(**AUGMENTATIONS[recipe.augment])
    generator.workers = recipe.workers or generator.workers
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
        for part, with_options in generators(generator, recipe).items()
    }
