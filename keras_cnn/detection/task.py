"""The detection task of a training run: its splits, loss, callbacks, scores and drawings.

The run itself is `keras_cnn.run`, the same as a classifier's.
"""

import dataclasses
from functools import cached_property
from pathlib import Path
from typing import Self

import keras
import numpy as np

from keras_cnn import datasets
from keras_cnn.datasets import fingerprint
from keras_cnn.detection import augment, callbacks, draw, prediction, reading, report, start
from keras_cnn.detection.baseline import ConstantBoxes
from keras_cnn.detection.batches import Batches
from keras_cnn.detection.detector import Detector
from keras_cnn.detection.jitter import Jitter
from keras_cnn.detection.loss import MultiboxLoss
from keras_cnn.detection.recipe import DetectionRecipe
from keras_cnn.i18n import N_, _, say
from keras_cnn.images import disk, files
from keras_cnn.recipe import TrainingRecipe

DRAWN = 10  # training pictures that the report shows
VALIDATED = N_(
    "The set has no test split. The score is that of the validation pictures, which picked the "
    "best weights, so it is probably too high: add a test split."
)
SEEDS = 30  # random seeds tried for the drawing of the augmentation


@dataclasses.dataclass(frozen=True)
class DetectionSplits:
    """The three splits of a detection set, and how a detector is trained and scored on them.

    Attributes:
        train: Batches for the weights, augmented and shuffled.
        validation: Batches that pick the best weights.
        test: Batches for the final score.
        class_names: Names of the classes, without background.
        facts: Facts about the data for the report.
    """

    train: Batches
    validation: Batches
    test: Batches
    class_names: tuple[str, ...]
    facts: dict = dataclasses.field(default_factory=dict)

    @property
    def num_classes(self) -> int:
        """Number of the model's classes, background included."""
        return len(self.class_names) + 1

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of one picture."""
        return self.train.image_shape

    @property
    def build_options(self) -> dict[str, int]:
        """The number of classes, as the builder takes it."""
        return {"classes": self.num_classes}

    @property
    def sizes(self) -> dict[str, int]:
        """Number of pictures of each split."""
        return {name: getattr(self, name).samples for name in ("train", "validation", "test")}

    @cached_property
    def fingerprints(self) -> dict[str, dict]:
        """Split -> number and hash of its pictures and annotations, computed once."""
        entries = fingerprint.fingerprints(self)
        for name, entry in entries.items():
            pictures = getattr(self, name).pictures
            entry["hash"] = fingerprint.of_boxes(entry["hash"], pictures, self.class_names)
        return entries

    @cached_property
    def constant_boxes(self) -> ConstantBoxes:
        """The boxes that a detector must beat, fitted on the training pictures."""
        return ConstantBoxes.fit(self.train.pictures, classes=len(self.class_names))

    def with_seed(self, seed: int) -> Self:
        """Return these splits with training batches of their own, drawn from another seed.

        Args:
            seed: Seed of order and augmentation.
        """
        return dataclasses.replace(self, train=self.train.with_seed(seed))

    def class_weights(self, recipe: TrainingRecipe) -> None:
        """Return nothing: the loss weighs priors, not pictures.

        Args:
            recipe: The choices; none of them weighs classes.
        """

    def loss(self, recipe: TrainingRecipe) -> keras.losses.Loss:
        """Return the loss.

        Args:
            recipe: The choices; the loss does not depend on them.
        """
        return MultiboxLoss()

    def metrics(self) -> list:
        """Return no metric: mAP is not a mean over batches, so `callbacks` computes it."""
        return []

    def callbacks(self, folder: Path) -> list[keras.callbacks.Callback]:
        """Return the callbacks that score each epoch; they stand before those that read the logs.

        Args:
            folder: Folder of the run.
        """
        return [
            callbacks.MeanAveragePrecision(self.validation, class_names=self.class_names),
            callbacks.StopWhenNotFinite(self.train, folder),
        ]

    def samples(self) -> list[tuple[np.ndarray, str]]:
        """Return training pictures as the model receives them, boxes drawn in, with a title."""
        shown = []
        for number in range(min(DRAWN, self.train.samples)):
            square, corners, labels = self.train.sample(number)
            names = [self.class_names[label - 1] for label in abs(labels)]
            drawn = draw.boxes(square, corners * len(square), abs(labels), texts=names)
            shown.append((drawn, f"{len(labels)} objects"))
        return shown

    def augmentation_steps(self) -> list[tuple[np.ndarray, str]]:
        """Return two training pictures after each step of the augmentation.

        The seed is the first for which every step changes the picture.
        """
        shown = []
        for picture in self.train.pictures[:2]:
            pixels = files.read(picture.path)
            for seed in range(SEEDS):
                steps = list(
                    (self.train.augmentation or augment.Augmentation()).steps(
                        pixels,
                        picture.boxes,
                        picture.labels,
                        size=self.image_shape[0],
                        rng=np.random.default_rng(seed),
                    )
                )
                squares = [square for _, square, _, _ in steps]
                if not any(map(np.array_equal, squares[1:], squares)):
                    break
            for name, square, corners, labels in steps:
                shown.append((draw.boxes(square, corners * len(square), labels), _(name)))
        return shown

    def predict(self, model: keras.Model) -> list[tuple]:
        """Return the objects that a model finds in each test picture, as `metrics` takes them.

        Args:
            model: What `models.SSD300` builds.
        """
        return prediction.predict(model, self.test)

    def save(self, model: keras.Model, path: Path):
        """Save a model with the names of its classes inside.

        Args:
            model: What `models.SSD300` builds.
            path: A name that ends in `.keras`.
        """
        Detector(model, self.class_names, self.train.priors, self.constant_boxes).save(path)

    def report(
        self, folder: Path, *, answers: list[tuple], history: dict, samples: list, facts: dict
    ) -> dict:
        """Score the detections in the test pictures and write the report of the run.

        Args:
            folder: Folder of the run.
            answers: What `predict` returned.
            history: One list per quantity and epoch.
            samples: What `samples` returned before the training.
            facts: Further entries of report.json; "name" is the name of the run.

        Returns:
            What report.json holds.

        Raises:
            InputError: The folder cannot be written.
        """
        return report.write(
            folder,
            pictures=self.test.pictures,
            answers=answers,
            class_names=self.class_names,
            baseline=self.constant_boxes.answers(self.test.pictures),
            facts=facts,
            history=history,
            samples=samples,
            steps=self.augmentation_steps(),
        )


def detection_splits(
    recipe: DetectionRecipe, *, augmentation: augment.Augmentation | None = None
) -> DetectionSplits:
    """Read a set in a layout of `annotations.read`, and check every picture and every box.

    Without a `test` split the `val` split is tested, and the report says so. With the choice
    `one_list_split` a share of the list `train` validates, and the list `val` is not read.

    Args:
        recipe: The choices; `dataset` or `data` names the folder.
        augmentation: Random changes of the training pictures; None takes the paper's, with the
            recipe's `zoom_out`, `crop` and `flip`.

    Returns:
        The three splits.

    Raises:
        InputError: A file is missing or cannot be understood, pictures cannot be read, or boxes
            cannot be used and `recipe.skip_bad_boxes` is off; the message lists them all.
    """
    source = datasets.locate(recipe.dataset, data=recipe.data)
    if source.note:
        say(source.note)
    cache = disk.chosen(recipe.cache)
    on_disk = cache if isinstance(cache, disk.Disk) else None
    splits, skipped, notes = reading.annotated(source.path, recipe, cache=on_disk)
    class_names, has_test = splits["train"].class_names, "test" in splits
    splits = {name: part.pictures for name, part in splits.items()}
    if share := recipe.choices.get("one_list_split"):
        splits["train"], splits["val"] = reading.split_as_listing(splits["train"], share)
    options = {
        "batch_size": recipe.batch_size,
        "seed": recipe.seed,
        "workers": recipe.workers,
        "priors": "listing" if recipe.choices.get("as_printed") else start.priors(recipe.weights),
    }
    return DetectionSplits(
        train=Batches(
            splits["train"],
            augmentation=augmentation or _augmentation(recipe),
            shuffle=True,
            **options,
        ),
        validation=Batches(splits["val"], cache=cache, **options),
        test=Batches(splits["test" if has_test else "val"], cache=cache, **options),
        class_names=class_names,
        facts={
            "dataset": {
                "name": recipe.dataset,
                "folder": str(source.path),
                "is_sample": source.is_sample,
            },
            "synthetic": source.is_sample,
            "notes": [source.note] * bool(source.note) + [VALIDATED] * (not has_test) + notes,
        }
        | ({"skipped_boxes": skipped} if skipped else {}),
    )


def _augmentation(recipe):
    if recipe.choices.get("jitter"):
        return Jitter(flip=recipe.flip)
    return augment.Augmentation(expand=recipe.zoom_out, side=recipe.crop, flip=recipe.flip)
