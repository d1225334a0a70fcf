"""The train, validation and test split of a data set: what all kinds of targets share."""

import abc
import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import keras
import numpy as np

from keras_cnn import card
from keras_cnn.card import Card
from keras_cnn.datasets import fingerprint
from keras_cnn.images.preparation import Preparation
from keras_cnn.images.tf_data import untuned
from keras_cnn.recipe import Recipe


@dataclasses.dataclass(frozen=True, kw_only=True)
class Splits(abc.ABC):
    """The train, validation and test split of a data set, ready to be read.

    A `training.task.Task`. `ClassificationSplits` and `RegressionSplits` add the targets' kind.

    Attributes:
        train: Batches the weights learn from, augmented and shuffled.
        validation: Batches that choose the best weights; taken from the training pictures.
        test: Batches for the one score at the end, in the order of `test_names`.
        targets: For "train", "validation" and "test": array (n,) with the target of each picture.
        test_names: Path or name of each test picture.
        picture: Returns the test picture of an index as an array; None to open its file.
        facts: What the report tells of the data: source, files left out, whether it is a sample.
        margin: Black pixels that were added on every side of pictures from arrays.
    """

    train: keras.utils.PyDataset
    validation: keras.utils.PyDataset
    test: keras.utils.PyDataset
    targets: dict[str, np.ndarray]
    test_names: Sequence[str]
    picture: Callable[[int], np.ndarray] | None = None
    facts: dict = dataclasses.field(default_factory=dict)
    margin: int = 0

    kind: ClassVar[str]  # "classification" or "regression"
    class_names: ClassVar[Sequence[str]] = ()

    @property
    def num_classes(self) -> int:
        """Number of classes; 0 if the targets are numbers."""
        return len(self.class_names)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of a picture."""
        return self.train.image_shape

    @property
    def sizes(self) -> dict[str, int]:
        """Number of pictures of each split."""
        return {name: len(targets) for name, targets in self.targets.items()}

    @functools.cached_property
    def fingerprints(self) -> dict[str, dict]:
        """Number of pictures and a hash of them, for each split; computed once."""
        return fingerprint.fingerprints(self)

    @property
    def build_options(self) -> dict[str, Any]:
        """What a builder needs besides ``input_shape=``."""
        return {}

    def with_seed(self, seed: int) -> Self:
        """Return these splits with training batches of their own, drawn from another seed.

        Args:
            seed: Seed of order and augmentation.
        """
        if not hasattr(self.train, "with_seed"):  # a dataset of the user's, with its own order
            return self
        return dataclasses.replace(self, train=self.train.with_seed(seed))

    def class_weights(self, recipe: Recipe) -> dict[int, float] | None:
        """Return the weight of each class in the loss; None where all count alike.

        Args:
            recipe: The choices.
        """
        return None

    @abc.abstractmethod
    def loss(self, recipe: Recipe) -> keras.losses.Loss:
        """Return the loss that training minimises.

        Args:
            recipe: The choices.
        """

    @abc.abstractmethod
    def metrics(self) -> list[keras.metrics.Metric]:
        """Return the metrics of every epoch besides the loss."""

    def callbacks(self, folder: Path) -> list[keras.callbacks.Callback]:
        """Return the callbacks that only this task needs.

        Args:
            folder: Folder of the run.
        """
        return []

    def samples(self) -> list[tuple[np.ndarray, str]]:
        """Return the first ten training pictures, as the model receives them, with titles."""
        images, targets = self.train[0]
        return list(zip(images[:10], self._titles(targets[:10]), strict=True))

    @abc.abstractmethod
    def _titles(self, targets):
        """Return a title for each of a batch's targets."""

    def predict(self, model: keras.Model) -> np.ndarray:
        """Return the model's outputs for the test pictures: (pictures, classes) or (pictures, 1).

        Args:
            model: The trained model.
        """
        return model.predict(untuned(self.test), verbose=0)

    def save(self, model: keras.Model, path: Path) -> None:
        """Save a model with its card inside: classes, preparation and fingerprint of the pictures.

        Args:
            model: The trained model.
            path: A name that ends in `.keras`.
        """
        model.save(path)
        card.write(path, self.card())

    def card(self) -> Card:
        """Return what a saved model must remember of the pictures it was trained on."""
        preparation = {}
        if hasattr(self.train, "image_data_generator"):
            preparation = Preparation.of(self.train, margin=self.margin).to_dict()
        return Card(
            task=self.kind,
            class_names=tuple(self.class_names),
            preparation=preparation,
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
            history: One list per metric, with its value of each epoch.
            samples: What `samples` returned before the training.
            facts: Further entries of report.json.

        Returns:
            The content of report.json.
        """
        return self._report(
            folder,
            answers,
            y_true=self.targets["test"],
            filepaths=self.test_names,
            picture=self.picture,
            history=history,
            samples=samples,
            facts=facts,
        )

    @abc.abstractmethod
    def _report(self, folder, answers, **options):
        """Write the report of this kind of targets; `options` are what all kinds share."""
