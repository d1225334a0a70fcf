"""What a training run needs of a detection set: its parts, loss, callbacks, score and drawings.

The run itself is `keras_cnn.run`, the same as a classifier's.
"""

import dataclasses
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path

import keras
import numpy as np

from keras_cnn import card, datasets
from keras_cnn.datasets import annotations, fingerprint
from keras_cnn.detection import augment, callbacks, draw, prediction, report
from keras_cnn.detection.batches import Batches
from keras_cnn.detection.detector import Detector
from keras_cnn.detection.loss import MultiboxLoss
from keras_cnn.detection.recipe import DetectionRecipe
from keras_cnn.errors import InputError, unusable
from keras_cnn.images import files
from keras_cnn.models import ssd
from keras_cnn.recipe import Recipe

DRAWN = 10  # training pictures that the report shows
VALIDATED = (
    "The set has no test part: the score is that of the validation pictures, which picked the best "
    "weights, and so is likely too high: add such a part to know."
)
SEEDS = 30  # of the augmentation's random choices that are tried for its drawing


@dataclasses.dataclass(frozen=True)
class DetectionSplits:
    """The three parts of a detection set, ready to be read, and how they are judged.

    Attributes:
        train: Batches the weights learn from, augmented and shuffled.
        validation: Batches that pick the best weights.
        test: Batches for the one score at the end.
        class_names: Names of the classes, without background.
        facts: What the report tells of the data.
    """

    train: Batches
    validation: Batches
    test: Batches
    class_names: tuple[str, ...]
    facts: dict = dataclasses.field(default_factory=dict)

    @property
    def num_classes(self) -> int:
        """Number of the model's classes: one more, the background."""
        return len(self.class_names) + 1

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of one picture."""
        return self.train.image_shape

    @property
    def targets(self) -> dict[str, list]:
        """Part -> the boxes of each of its pictures."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: [p.boxes for p in part.pictures] for name, part in parts.items()}

    @cached_property
    def fingerprints(self) -> dict[str, dict]:
        """Part -> the number of its pictures and a hash of them, taken once."""
        return fingerprint.fingerprints(self)

    def loss(self, recipe: Recipe) -> keras.losses.Loss:
        """Returns what training lowers.

        Args:
            recipe: The choices; none of them changes the loss.
        """
        return MultiboxLoss()

    def metrics(self) -> list:
        """Returns nothing: `callbacks` scores every epoch, for mAP is no mean over batches."""
        return []

    def callbacks(self, folder: Path) -> list[keras.callbacks.Callback]:
        """Returns what watches the training; they stand before those that read the logs.

        Args:
            folder: Folder of the run.
        """
        return [
            callbacks.MeanAveragePrecision(self.validation, class_names=self.class_names),
            callbacks.StopWhenNotFinite(self.train, folder),
        ]

    def samples(self) -> list[tuple[np.ndarray, str]]:
        """Returns training pictures as the model receives them, with their boxes and a title."""
        shown = []
        for number in range(min(DRAWN, self.train.samples)):
            square, corners, labels = self.train.sample(number)
            names = [self.class_names[label - 1] for label in labels]
            drawn = draw.boxes(square, corners * len(square), labels, texts=names)
            shown.append((drawn, f"{len(labels)} objects"))
        return shown

    def augmentation_steps(self) -> list[tuple[np.ndarray, str]]:
        """Returns how the augmentation changes two training pictures, step by step.

        The random choices are the first, of a few, where every step does something.
        """
        shown = []
        for entry in self.train.pictures[:2]:
            pixels = files.read(entry.path)
            for seed in range(SEEDS):
                steps = list(
                    (self.train.augmentation or augment.Augmentation()).steps(
                        pixels,
                        entry.boxes,
                        entry.labels,
                        size=self.image_shape[0],
                        rng=np.random.default_rng(seed),
                    )
                )
                squares = [square for _, square, _, _ in steps]
                if not any(map(np.array_equal, squares[1:], squares)):
                    break
            for name, square, corners, labels in steps:
                shown.append((draw.boxes(square, corners * len(square), labels), name))
        return shown

    def predict(self, model: keras.Model) -> list[tuple]:
        """Return the objects that a model finds in each test picture, as `metrics` takes them.

        Args:
            model: What `models.SSD300` builds.
        """
        return prediction.predict(model, self.test)

    def save(self, model: keras.Model, path: Path):
        """Saves a model with the names of its classes inside.

        Args:
            model: What `models.SSD300` builds.
            path: A name that ends in `.keras`.
        """
        Detector(model, self.class_names, self.train.priors).save(path)

    def report(
        self, folder: Path, *, answers: list[tuple], history: dict, samples: list, facts: dict
    ) -> dict:
        """Scores what was found in the test pictures and writes the report of the run.

        Args:
            folder: Folder of the run.
            answers: What `predict` returned.
            history: One list per quantity and epoch.
            samples: What `samples` returned before the training.
            facts: What report.json holds besides; "name" is the run's.

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
            facts=facts,
            history=history,
            samples=samples,
            steps=self.augmentation_steps(),
        )


def detection_splits(
    recipe: DetectionRecipe, *, augmentation: augment.Augmentation | None = None
) -> DetectionSplits:
    """Finds a set in a layout that `voc.read` knows, and checks every picture and every box.

    Its parts train and val are the training and the validation part; test is tested, or val again
    where there is no such part, and the report says so.

    Args:
        recipe: The choices; `dataset` or `data` names the folder.
        augmentation: Random changes of the training pictures; None takes the paper's, zoomed out
            and cropped as far as the recipe says.

    Returns:
        The three parts.

    Raises:
        InputError: A file is missing or cannot be understood, pictures cannot be read, or boxes
            cannot be used and `recipe.skip_bad_boxes` is off; the message lists them all.
    """
    source = datasets.locate(recipe.dataset, data=recipe.data)
    if source.note:
        print(source.note)
    has_test = annotations.has(source.path, "test")
    names = {"train": "train", "validation": "val"} | ({"test": "test"} if has_test else {})
    splits, skipped, class_names = {}, {}, None
    for name, listing in names.items():
        annotated = annotations.read(source.path, split=listing, class_names=class_names)
        class_names = annotated.class_names
        if not class_names:
            raise InputError(
                f"the list {listing} of {source.path} has no class to learn: add objects to its "
                "pictures, and their names"
            )
        _refuse_bad(annotated, recipe)
        annotated, bad = annotations.check(annotated, skip_bad_boxes=recipe.skip_bad_boxes)
        splits[name] = annotated.pictures
        skipped |= bad
    splits.setdefault("test", splits["validation"])
    options = {
        "batch_size": recipe.batch_size,
        "seed": recipe.seed,
        "workers": recipe.workers,
        "priors": _priors(recipe.weights),
    }
    return DetectionSplits(
        train=Batches(
            splits["train"],
            augmentation=augmentation
            or augment.Augmentation(expand=recipe.zoom_out, side=recipe.crop),
            shuffle=True,
            **options,
        ),
        validation=Batches(splits["validation"], **options),
        test=Batches(splits["test"], **options),
        class_names=class_names,
        facts={
            "dataset": {
                "name": recipe.dataset,
                "folder": str(source.path),
                "is_sample": source.is_sample,
            },
            "synthetic": source.is_sample,
            "notes": [source.note] * bool(source.note) + [VALIDATED] * (not has_test),
        }
        | ({"skipped_boxes": skipped} if skipped else {}),
    )


def _refuse_bad(read, recipe):
    paths = [picture.path for picture in read.pictures]
    if bad := files.find_bad(paths, workers=recipe.workers):
        way_out = "mend them, or take them out of their list"
        raise unusable(bad, total=len(paths), what="pictures", way_out=way_out)


def network(recipe: DetectionRecipe, *, input_shape: tuple, classes: int) -> keras.Model:
    """Builds the network of a recipe.

    Args:
        recipe: The choices `base`, `alpha`, `weights` and `freeze`.
        input_shape: `(300, 300, 3)`.
        classes: Number of classes, background included as the first.

    Returns:
        What `models.SSD300` builds, its first stages frozen where the recipe says so.

    Raises:
        InputError: The weights cannot be had, or do not fit, or `alpha` leaves no filter.
    """
    try:
        model = ssd.SSD300(
            base=recipe.base,
            weights=recipe.weights,
            input_shape=input_shape,
            classes=classes,
            alpha=recipe.alpha,
        )
    except (OSError, ValueError) as error:
        option = f"--weights {recipe.weights}: " if recipe.weights else ""
        raise InputError(f"{option}{error}") from error
    if recipe.freeze:
        ssd.freeze(model)
    return model


def optimizer(recipe: DetectionRecipe) -> Callable[..., keras.optimizers.Optimizer]:
    """Returns what makes the optimizer of a recipe, given its options.

    Args:
        recipe: The choice `optimizer`.
    """
    if recipe.optimizer == "adam":
        return keras.optimizers.Adam
    return partial(keras.optimizers.SGD, momentum=0.9)


def _priors(weights):
    """The row of `boxes.TABLES` that weights were trained for."""
    if weights is not None and weights.endswith(".pth"):
        return "torchvision"
    if weights is not None and weights.endswith(".keras") and card.is_in(weights):
        return card.read(weights).priors or "voc"
    return "voc"
