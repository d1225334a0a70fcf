"""A model's answer to a picture. Importing this module loads neither Keras nor TensorFlow."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from keras_cnn.errors import InputError


@dataclasses.dataclass(frozen=True)
class Answer:
    """A model's answer to one picture.

    Attributes:
        scores: The model's outputs: (classes,) probabilities, or (values,) of a regression.
        class_names: Names of the classes; empty for a regression.
        unlikeness: How unlike the training pictures the picture is, above 0 if it is unknown; None
            if that was not asked.
    """

    scores: np.ndarray
    class_names: Sequence[str] = ()
    unlikeness: float | None = None

    @property
    def is_unknown(self) -> bool | None:
        """Whether the picture may show none of the classes; None if that was not asked."""
        return None if self.unlikeness is None else not self.unlikeness <= 0

    @property
    def name(self) -> str:
        """The most likely class."""
        return self.top(1)[0][0]

    @property
    def value(self) -> float:
        """The answer of a regression, or the score of the most likely class."""
        return float(self.scores.max() if self.class_names else self.scores[0])

    def top(self, number: int = 5) -> list[tuple[str, float]]:
        """Return the most likely classes with their scores, the best first.

        Args:
            number: Largest number of classes to return.
        """
        best = np.argsort(-self.scores, kind="stable")[:number]
        return [(self.class_names[index], float(self.scores[index])) for index in best]


UNKNOWN = "unknown"  # class of a picture that is unlike the training pictures


def cells(path: str, answer: Answer, *, top_k: int = 1) -> dict:
    """Return an answer as the cells of a row: path, then class and score of each class, or value.

    Where it was asked whether the picture is unknown, the last cell is the best class: the first
    class may be "unknown".

    Args:
        path: The picture.
        answer: The answer.
        top_k: Number of classes, the most likely first.
    """
    if not answer.class_names:
        return {"path": path, "value": answer.value}
    top = answer.top(top_k)
    best = {} if answer.is_unknown is None else {"best": top[0][0]}
    if answer.is_unknown:
        top[0] = UNKNOWN, None
    row = {"path": path}
    for number, (name, score) in enumerate(top, start=1):
        suffix = f"_{number}" if number > 1 else ""
        score = "" if score is None else round(score, 6)
        row |= {f"class{suffix}": name, f"score{suffix}": score}
    return row | best


def reason(error: InputError) -> str:
    """Return what is wrong with a picture, without advice on the training.

    Args:
        error: The error of `images.files.read`.
    """
    return str(error).partition("; mend")[0]
