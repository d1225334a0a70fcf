"""What a training asks of its data: the protocol `Task`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import keras

from keras_cnn.recipe import TrainingRecipe


@runtime_checkable
class Task(Protocol):
    """The batches of a data set, and how a model is trained, judged and saved on them.

    `splits.ClassificationSplits`, `splits.RegressionSplits`, `splits.SegmentationSplits` and
    `detection.task.DetectionSplits` implement it; `training.run` knows nothing else of the data.

    A dataset may have two methods beside those of `keras.utils.PyDataset`. ``seek(epoch, order=)``
    goes to the start of an epoch, whose content follows from the dataset's seed and the epoch's
    number; `order` is the order in which its batches will be requested. ``with_rows(rows)`` returns
    a dataset that reads only some pictures of each batch, see `images.iterators.Iterator`.
    Datasets without them work too, but then an epoch depends on those before it. If
    `images.pixels.eight_bit` finds 8-bit pixels in the batches, the network's graph scales them.

    Attributes:
        train: Batches the weights learn from.
        validation: Batches that choose the best weights.
        test: Batches for the one score at the end.
        facts: What the report tells of the data.
    """

    train: keras.utils.PyDataset
    validation: keras.utils.PyDataset
    test: keras.utils.PyDataset
    facts: Mapping[str, Any]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of a picture."""

    @property
    def sizes(self) -> dict[str, int]:
        """Number of pictures of "train", "validation" and "test"."""

    @property
    def fingerprints(self) -> dict[str, dict]:
        """Number of pictures and a hash of them, for each split."""

    @property
    def build_options(self) -> dict[str, Any]:
        """What a builder needs besides ``input_shape=``: ``{"classes": n}``, or nothing."""

    def with_seed(self, seed: int) -> Self:
        """Return this task with training batches of its own, drawn from a seed."""

    def class_weights(self, recipe: TrainingRecipe) -> dict[int, float] | None:
        """Return the weight of each class in the loss; None where all count alike."""

    def loss(self, recipe: TrainingRecipe) -> keras.losses.Loss:
        """Return the loss that training minimises."""

    def metrics(self) -> list[keras.metrics.Metric]:
        """Return the metrics of every epoch besides the loss."""

    def callbacks(self, folder: Path) -> list[keras.callbacks.Callback]:
        """Return the callbacks that only this task needs; they may add to an epoch's logs."""

    def samples(self) -> list[tuple]:
        """Return training pictures as the model receives them, with titles."""

    def predict(self, model: keras.Model) -> Any:
        """Return the model's answers to the test pictures."""

    def save(self, model: keras.Model, path: Path) -> None:
        """Save a model with its card inside."""

    def report(
        self, folder: Path, *, answers: Any, history: dict, samples: list[tuple], facts: dict
    ) -> dict:
        """Score the answers, write the report, and return the content of report.json."""
