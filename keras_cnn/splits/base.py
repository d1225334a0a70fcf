"""The three parts of a set of labelled or scored pictures, and how a model is judged on them."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np

from keras_cnn import card, report
from keras_cnn.card import Card
from keras_cnn.images.preparation import Preparation
from keras_cnn.images.tf_data import untuned
from keras_cnn.recipe import Recipe


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
        return card.fingerprints(self)

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
