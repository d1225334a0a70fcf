"""What a detector must beat: the same box for every picture, chosen from the training objects."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from keras_cnn.datasets.annotations import Picture, size
from keras_cnn.detection import boxes

MOST = 500  # boxes of a class that are tried


@dataclasses.dataclass(frozen=True)
class ConstantBoxes:
    """One box per class, answered for every picture.

    Of the boxes of a class in the training pictures, `fit` takes the box that finds an object in
    the most training pictures at an IoU of 0.5; among equals the box of the largest mean IoU. Its
    score is the share of training pictures that have the class.

    Attributes:
        corners: In shares of the picture, (classes, 4).
        scores: In [0, 1], (classes,); 0 for a class without training objects, which is not
            answered.
    """

    corners: np.ndarray
    scores: np.ndarray

    @classmethod
    def fit(cls, pictures: Sequence[Picture], *, classes: int) -> "ConstantBoxes":
        """Choose the boxes.

        Args:
            pictures: The training pictures with their boxes.
            classes: Number of classes, without background.
        """
        shares = [picture.boxes / _sides(picture.path) for picture in pictures]
        corners, scores = np.zeros((classes, 4)), np.zeros(classes)
        for label in range(1, classes + 1):
            owners = [np.flatnonzero(picture.labels == label) for picture in pictures]
            number = np.repeat(np.arange(len(pictures)), [len(rows) for rows in owners])
            if not len(number):
                continue
            objects = np.concatenate([its[rows] for its, rows in zip(shares, owners, strict=True)])
            step = -(-len(objects) // MOST)
            overlap = boxes.iou(objects[::step], objects)  # (tried, objects)
            starts = np.flatnonzero(np.diff(number, prepend=-1))
            best = np.maximum.reduceat(overlap, starts, axis=1)  # (tried, pictures with the class)
            found = (best >= 0.5).sum(axis=1) + best.mean(axis=1) / 2
            corners[label - 1] = objects[::step][found.argmax()]
            scores[label - 1] = best.shape[1] / len(pictures)
        return cls(corners, scores)

    def answers(self, pictures: Sequence[Picture]) -> list[tuple]:
        """Return the same objects for every picture, as `metrics` takes them.

        Args:
            pictures: The pictures; their pixels are not read.
        """
        labels = np.flatnonzero(self.scores) + 1
        kept = labels - 1
        return [
            (self.corners[kept] * _sides(picture.path), self.scores[kept], labels)
            for picture in pictures
        ]

    def to_dict(self) -> dict[str, list]:
        """Return the boxes as JSON can hold them."""
        return {"corners": self.corners.tolist(), "scores": self.scores.tolist()}

    @classmethod
    def from_dict(cls, content: dict[str, list]) -> "ConstantBoxes":
        """Read the output of `to_dict`.

        Args:
            content: The boxes, as JSON holds them.
        """
        return cls(np.asarray(content["corners"], float), np.asarray(content["scores"], float))


def _sides(path):
    """Width, height, width, height of an upright picture in pixels; its pixels are not read."""
    return np.tile(np.array(size(path), float), 2)
