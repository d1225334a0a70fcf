"""An int8 model is calibrated on training pictures, and compared with Keras before it is kept."""

import dataclasses
import os

import numpy as np

from keras_cnn.card import Card
from keras_cnn.errors import InputError
from keras_cnn.images.preparation import Preparation
from keras_cnn.inference import labelled, quantization
from keras_cnn.inference.exported import Exported
from keras_cnn.inference.predictor import Predictor
from keras_cnn.report import scores

POINT = 0.01  # largest loss of accuracy


@dataclasses.dataclass
class Trial:
    """The pictures of a calibration and of the comparison that follows.

    Attributes:
        preparation: How the pictures are read.
        raw: uint8 (pictures, height, width, channels) for the calibration.
        labels: Test picture -> number of its class.
        keras: Whether Keras is right, per test picture that can be read.
    """

    preparation: Preparation
    raw: np.ndarray
    labels: dict[str, int]
    keras: dict[str, bool] = dataclasses.field(default_factory=dict)

    @classmethod
    def prepare(cls, its_card: Card, data: str | os.PathLike | None) -> "Trial":
        """Read the calibration pictures, and list the test pictures.

        Args:
            its_card: Card of the model.
            data: Folder of the pictures; None stands for that of the training.

        Raises:
            InputError: There are no such pictures.
        """
        preparation = Preparation.from_dict(its_card.preparation)
        preparation.require_scaling()
        folder = labelled.folder_of(its_card, data)
        labels = labelled.test_pictures(its_card, folder)
        paths = labelled.training_pictures(its_card, folder)
        raw = []
        for path in labelled.sample(paths, number=quantization.CALIBRATION):
            try:
                pixels = preparation.read(path)
            except InputError:
                continue  # `check` is there to find them
            if pixels.dtype == np.uint8:  # an exported model takes no others
                raw.append(pixels)
        if not raw:
            raise InputError(
                f"no training picture of 8 bits in {folder} can be read: name another by --data"
            )
        return cls(preparation, np.stack(raw), labels)

    @property
    def scaled(self) -> np.ndarray:
        """The calibration pictures as the network takes them."""
        return self.preparation.scale(self.raw)

    @property
    def pixels(self) -> np.ndarray:
        """The calibration pictures as the exported model takes them: RGB without margin."""
        margin = self.preparation.margin
        pixels = self.raw[:, margin : -margin or None, margin : -margin or None]
        return np.repeat(pixels, 3, axis=3) if pixels.shape[3] == 1 else pixels

    def run_keras(self, predictor: Predictor) -> None:
        """Score the Keras model on the test pictures.

        Args:
            predictor: The model, before its biases are corrected.
        """
        self.keras = right(predictor, self.labels)

    def compare(self, model: Exported, *, force: bool) -> dict:
        """Score the exported model on the same pictures.

        Args:
            model: The exported model.
            force: Whether to accept any loss.

        Returns:
            "pictures"; the accuracies "keras" and "int8"; "p_value" of McNemar's exact test.

        Raises:
            InputError: It loses more than `POINT` and more than one picture, and `force` is off; or
                no picture can be read.
        """
        result = paired(self.keras, right(model, self.labels))
        loss = result["accuracy"][0] - result["accuracy"][1]
        lost = round(loss * result["pictures"])  # of few pictures, a single one is many points
        if loss > POINT + 1e-9 and lost > 1 and not force:
            raise InputError(
                f"an int8 model may lose one point of accuracy; this one loses {100 * loss:.2f} of "
                f"{100 * result['accuracy'][0]:.2f} on {result['pictures']} pictures: export "
                "--float16, or accept the loss with --force"
            )
        keras, int8 = result.pop("accuracy")
        return {"keras": keras, "int8": int8} | result


def paired(first: dict[str, bool], second: dict[str, bool]) -> dict:
    """Compare two models on the same pictures.

    Args:
        first: Picture -> whether the first model is right.
        second: The same of the second model.

    Returns:
        "pictures"; "accuracy" of both; "p_value" of McNemar's exact test.

    Raises:
        InputError: They have no picture in common.
    """
    pairs = [(first[path], second[path]) for path in first if path in second]
    if not pairs:
        raise InputError(
            "two models are compared on pictures of 8 bits that both can read; there is none: name "
            "another folder by --data"
        )
    only_first = sum(a and not b for a, b in pairs)
    only_second = sum(b and not a for a, b in pairs)
    accuracy = [sum(column) / len(pairs) for column in zip(*pairs, strict=True)]
    return {
        "pictures": len(pairs),
        "accuracy": accuracy,
        "p_value": scores.mcnemar(only_first, only_second),
    }


def right(model: Predictor | Exported, labels: dict[str, int]) -> dict[str, bool]:
    """Return for each picture that can be read whether a model gives it its class.

    Args:
        model: The model.
        labels: Picture -> number of its class.
    """
    answers = model.stream(labels, on_error=lambda path, error: None)
    return {path: int(answer.scores.argmax()) == labels[path] for path, answer in answers}
