"""A trained SSD as one looks for: pictures in, objects in the pictures' own pixels out."""

import dataclasses
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import keras
import numpy as np

from keras_cnn import card
from keras_cnn.card import Card
from keras_cnn.detection import augment, boxes, draw
from keras_cnn.detection.batches import SIZE
from keras_cnn.errors import InputError
from keras_cnn.filesystem import write_atomically
from keras_cnn.images import files


@dataclasses.dataclass(frozen=True)
class Detections:
    """What was found in one picture, best first.

    Attributes:
        boxes: Corners in pixels of the picture, within it, (n, 4).
        scores: Probabilities, (n,).
        labels: Class ids from 1 on, (n,).
        class_names: Names of the classes; class id k is number k - 1.
        picture: The picture, RGB, uint8, (height, width, 3).
    """

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    class_names: Sequence[str]
    picture: np.ndarray

    @property
    def names(self) -> list[str]:
        """The class of each object."""
        return [self.class_names[label - 1] for label in self.labels]

    def draw(self) -> np.ndarray:
        """Returns a copy of the picture with boxes, class names and scores, RGB, uint8."""
        texts = [f"{n} {s:.2f}" for n, s in zip(self.names, self.scores, strict=True)]
        return draw.boxes(self.picture, self.boxes, self.labels, texts=texts)


@dataclasses.dataclass(frozen=True)
class Detector:
    """A network, its priors and the names of what it finds.

    Attributes:
        model: What `models.SSD300` builds, trained.
        class_names: Names of the classes, without background.
        priors: Row of `boxes.TABLES`: "torchvision" for weights that came from there.
    """

    model: keras.Model
    class_names: Sequence[str]
    priors: str = "voc"

    def __post_init__(self):
        """Refuses names that do not fit the network."""
        classes = self.model.output_shape[-1] - 5
        if classes != len(self.class_names):
            raise ValueError(
                f"class_names must name the {classes} classes the model tells apart, background "
                f"left out; received {len(self.class_names)}: {list(self.class_names)}"
            )

    @classmethod
    def load(
        cls,
        path: str | os.PathLike,
        *,
        class_names: Sequence[str] | None = None,
        unsafe: bool = False,
    ) -> "Detector":
        """Loads what `save` wrote.

        Args:
            path: A `.keras` file.
            class_names: Names of the classes, for a file without them.
            unsafe: As in `card.load_model`.

        Returns:
            The detector.

        Raises:
            InputError: There is no such file, it is no model, or it does not name its classes.
        """
        if class_names is None or card.is_in(path):
            told = card.read(path)
        else:
            told = Card(task="detection")
        if told.task != "detection":
            raise InputError(
                f"{os.fspath(path)} must hold a detector; it is a model for {told.task}: name "
                "another, or use keras_cnn.Predictor"
            )
        model = card.load_model(path, unsafe=unsafe)
        return cls(model, tuple(class_names or told.class_names), told.priors or "voc")

    def save(self, path: str | os.PathLike):
        """Saves the network with the names of its classes inside.

        Args:
            path: A name that ends in `.keras`.
        """
        told = Card(task="detection", class_names=tuple(self.class_names), priors=self.priors)
        with write_atomically(path) as beside:
            self.model.save(beside)
            card.write(beside, told)

    def __call__(
        self,
        pictures: np.ndarray | str | os.PathLike | Sequence,
        *,
        score_threshold: float = 0.5,
        iou_threshold: float = 0.45,
        batch_size: int = 8,
    ) -> Detections | list[Detections]:
        """Finds objects.

        Args:
            pictures: A picture, RGB, uint8, (height, width, 3), or its file; or a sequence of such,
                of any sizes.
            score_threshold: Probability an object must exceed.
            iou_threshold: Overlap above which the lower of two boxes of a class goes.
            batch_size: Pictures the network takes at once.

        Returns:
            What was found in the picture, or a list, one per picture.

        Raises:
            InputError: A file cannot be read.
        """
        single = isinstance(pictures, str | os.PathLike) or getattr(pictures, "ndim", 0) == 3
        found = self.stream(
            [pictures] if single else pictures,
            score_threshold=score_threshold,
            iou_threshold=iou_threshold,
            batch_size=batch_size,
        )
        return next(found) if single else list(found)

    def stream(
        self,
        pictures: Iterable,
        *,
        score_threshold: float = 0.5,
        iou_threshold: float = 0.45,
        batch_size: int = 8,
    ) -> Iterator[Detections]:
        """Finds objects in pictures as they come, a batch at a time in memory.

        Args:
            pictures: As in a call, from any iterable.
            score_threshold: As in a call.
            iou_threshold: As in a call.
            batch_size: As in a call.

        Yields:
            What was found, picture by picture.
        """
        batch = []
        limits = {"score_threshold": score_threshold, "iou_threshold": iou_threshold}
        for picture in pictures:
            batch.append(_pixels(picture))
            if len(batch) == batch_size:
                yield from self._detect(batch, **limits)
                batch = []
        if batch:
            yield from self._detect(batch, **limits)

    def folder(self, path: str | os.PathLike, **limits) -> Iterator[tuple[str, Detections]]:
        """Finds objects in all pictures of a folder, sorted by name.

        Args:
            path: The folder; its subfolders are not looked at.
            **limits: As in `stream`.

        Yields:
            Each picture's file and what was found in it.
        """
        path = Path(path)
        if not path.is_dir():
            raise InputError(f"{path} is no folder: name one that holds pictures")
        names = sorted(str(file) for file in path.iterdir() if files.is_picture_name(file.name))
        yield from zip(names, self.stream(names, **limits), strict=True)

    def video(self, path: str | os.PathLike, **limits) -> Iterator[Detections]:
        """Finds objects in the frames of a video.

        Args:
            path: The video, of any format that OpenCV reads.
            **limits: As in `stream`.

        Yields:
            What was found, frame by frame.
        """
        yield from self.stream(_frames(path), **limits)

    def _detect(self, batch, **limits):
        views = [boxes.letterbox(picture.shape[1], picture.shape[0]) for picture in batch]
        squares = np.stack(
            [augment.render(*pair, size=SIZE) for pair in zip(batch, views, strict=True)]
        )
        outputs = self.model.predict_on_batch(squares.astype(np.float32))
        for picture, view, output in zip(batch, views, np.asarray(outputs), strict=True):
            yield Detections(
                *found(output, view, picture.shape, priors=self.priors, **limits),
                self.class_names,
                picture,
            )


def found(
    output: np.ndarray, view: np.ndarray, shape: Sequence[int], *, priors: str = "voc", **limits
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Turns the network's output for one picture into objects in its pixels.

    Args:
        output: Offsets and logits, (8732, 4 + classes).
        view: What the network saw, corners in pixels of the picture, (4,).
        shape: Height and width of the picture in pixels first.
        priors: Row of `boxes.TABLES`.
        **limits: As in `boxes.detections`.

    Returns:
        Corners in pixels, within the picture, (n, 4); scores (n,); class ids (n,). Best first.
    """
    logits = output[:, 4:]
    scores = np.exp(logits - logits.max(axis=1, keepdims=True))
    scores /= scores.sum(axis=1, keepdims=True)
    corners, of, labels = boxes.detections(output[:, :4], scores, boxes.priors(priors), **limits)
    corners = boxes.from_view(corners, view).clip(0, np.tile((shape[1], shape[0]), 2))
    return corners, of, labels


def _pixels(picture):
    if isinstance(picture, str | os.PathLike):
        return files.read(picture)
    picture = np.asarray(picture)
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(
            "a picture must be RGB, uint8, (height, width, 3), or a file's name; received "
            f"{picture.dtype} of shape {picture.shape}"
        )
    return picture


def _frames(path):
    video = cv2.VideoCapture(os.fspath(path))
    try:
        if not video.isOpened():
            raise InputError(f"cannot open the video {os.fspath(path)!r}: check path and format")
        while True:
            there, frame = video.read()
            if not there:
                return
            yield frame[:, :, ::-1].copy()  # OpenCV's order is BGR
    finally:
        video.release()
