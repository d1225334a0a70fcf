"""A trained SSD in use: pictures in, objects in the pictures' own pixels out."""

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
from PIL import Image

from keras_cnn import card
from keras_cnn.card import Card
from keras_cnn.datasets import annotations
from keras_cnn.detection import draw, metrics, prediction, report
from keras_cnn.detection.batches import Batches
from keras_cnn.errors import InputError
from keras_cnn.filesystem import write_atomically
from keras_cnn.images import decoding, files


@dataclasses.dataclass(frozen=True)
class Detections:
    """The objects found in one picture, best first.

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
        """Return a copy of the picture with boxes, class names and scores, RGB, uint8."""
        texts = [f"{name} {score:.2f}" for name, score in zip(self.names, self.scores, strict=True)]
        return draw.boxes(self.picture, self.boxes, self.labels, texts=texts)


@dataclasses.dataclass(frozen=True)
class Detector:
    """A trained detector; it is used like `keras_cnn.Predictor`.

    Example:
        >>> detector = Detector.load("runs/voc_ssd300")
        >>> detector("street.jpg").names

    Attributes:
        model: The trained network, built by `models.SSD300`.
        class_names: Names of the classes, without background.
        priors: Row of `boxes.TABLES`: "torchvision" for weights that came from there.
    """

    model: keras.Model
    class_names: Sequence[str]
    priors: str = "voc"

    def __post_init__(self):
        """Refuse names that do not fit the network."""
        classes = self.model.output_shape[-1] - 5
        if classes != len(self.class_names):
            raise ValueError(
                f"class_names must name the {classes} classes of the model, without background; "
                f"received {len(self.class_names)}: {list(self.class_names)}"
            )

    @classmethod
    def load(
        cls,
        run: str | os.PathLike,
        *,
        class_names: Sequence[str] | None = None,
        unsafe: bool = False,
    ) -> "Detector":
        """Load a trained detector.

        Args:
            run: Folder of the run, or a `.keras` file.
            class_names: Names of the classes, for a file without a card.
            unsafe: As in `card.load_model`.

        Returns:
            The detector.

        Raises:
            InputError: There is no model, it is no detector, or it does not name its classes.
        """
        path = card.model_path(run)
        if class_names is None or card.is_in(path):
            its_card = card.read(path)
        else:
            its_card = Card(task="detection")
        if its_card.task != "detection":
            raise InputError(
                f"{path} must hold a detector; it is a model for {its_card.task}: name another, or "
                "use keras-cnn predict, or keras_cnn.Predictor"
            )
        model = card.load_model(path, unsafe=unsafe)
        return cls(model, tuple(class_names or its_card.class_names), its_card.priors or "voc")

    def save(self, path: str | os.PathLike):
        """Save the network with the names of its classes inside.

        Args:
            path: A name that ends in `.keras`.
        """
        its_card = Card(task="detection", class_names=tuple(self.class_names), priors=self.priors)
        with write_atomically(path) as beside:
            self.model.save(beside)
            card.write(beside, its_card)

    def __call__(
        self,
        pictures: np.ndarray | Image.Image | str | os.PathLike | Sequence,
        *,
        score_threshold: float = 0.5,
        iou_threshold: float = 0.45,
        batch_size: int = 8,
    ) -> Detections | list[Detections]:
        """Find objects.

        Args:
            pictures: A picture: its file's name, a picture of Pillow, or pixels, uint8, RGB
                (height, width, 3) or grey (height, width); or a sequence of them, of any sizes.
            score_threshold: Probability that an object must exceed.
            iou_threshold: Of two boxes of a class with a larger overlap, the less likely is
                dropped.
            batch_size: Pictures the network takes at once.

        Returns:
            The objects of the picture, or a list, one entry per picture.

        Raises:
            InputError: A file cannot be read, or an array is no picture.
        """
        is_picture = isinstance(pictures, str | os.PathLike | Image.Image)
        is_picture = is_picture or getattr(pictures, "ndim", None) in (2, 3)
        stream = self.stream(
            [pictures] if is_picture else pictures,
            score_threshold=score_threshold,
            iou_threshold=iou_threshold,
            batch_size=batch_size,
        )
        answers = [detections for _, detections in stream]
        return answers[0] if is_picture else answers

    def stream(
        self,
        pictures: Iterable,
        *,
        score_threshold: float = 0.5,
        iou_threshold: float = 0.45,
        batch_size: int = 8,
        on_error: Callable[[Any, InputError], None] | None = None,
    ) -> Iterator[tuple[Any, Detections]]:
        """Find objects in pictures as they come: three batches at a time are in memory.

        Args:
            pictures: As in a call, from any iterable.
            score_threshold: As in a call.
            iou_threshold: As in a call.
            batch_size: As in a call.
            on_error: Called with a picture that cannot be read and the reason, in place of an
                answer; None raises.

        Yields:
            The picture as it was given, and its objects.

        Raises:
            InputError: A file cannot be read and `on_error` is None.
        """
        stream = prediction.stream(
            self.model,
            pictures,
            _pixels,
            priors=self.priors,
            batch_size=batch_size,
            keep_pixels=True,
            on_error=on_error,
            score_threshold=score_threshold,
            iou_threshold=iou_threshold,
        )
        for picture, pixels, answer in stream:
            yield picture, Detections(*answer, self.class_names, pixels)

    def folder(self, path: str | os.PathLike, **options) -> Iterator[tuple[str, Detections]]:
        """Find objects in all pictures of a folder, sorted by name.

        Args:
            path: The folder, without its subfolders.
            **options: As in `stream`.

        Yields:
            Each picture's file and its objects.
        """
        path = Path(path)
        if not path.is_dir():
            raise InputError(f"{path} is no folder: name one that holds pictures")
        names = sorted(str(file) for file in path.iterdir() if files.is_picture_name(file.name))
        yield from self.stream(names, **options)

    def video(self, path: str | os.PathLike, **options) -> Iterator[Detections]:
        """Find objects in the frames of a video.

        Args:
            path: The video, of any format that OpenCV reads.
            **options: As in `stream`.

        Yields:
            The objects of each frame.
        """
        for _, detections in self.stream(_frames(path), **options):
            yield detections

    def evaluate(
        self,
        folder: str | os.PathLike,
        *,
        out: str | os.PathLike | None = None,
        batch_size: int = 32,
        skip_bad_images: bool = False,
    ) -> dict:
        """Score the detector on the test split of an annotated folder, or else on `val`.

        Args:
            folder: A folder in one of the layouts of `annotations.read`.
            out: Folder for a report with its figures; None writes nothing.
            batch_size: As in a call.
            skip_bad_images: Whether to go on without pictures and boxes that cannot be used.

        Returns:
            "sentence"; "test", the scores; "skipped", file or object -> reason.

        Raises:
            InputError: The folder has other classes than the model, or pictures or boxes cannot be
                used and `skip_bad_images` is off.
        """
        split = annotations.scored_split(folder)
        annotated = annotations.read(folder, split=split, class_names=self.class_names)
        bad_pictures = {}
        if skip_bad_images:
            bad_pictures = files.find_bad(picture.path for picture in annotated.pictures)
            readable = [p for p in annotated.pictures if p.path not in bad_pictures]
            if not readable:
                raise InputError(f"no picture of {split} in {folder} can be read: mend them")
            annotated = dataclasses.replace(annotated, pictures=tuple(readable))
        annotated, bad_boxes = annotations.check(
            annotated, skip_bad_boxes=skip_bad_images, option="--skip-bad-images"
        )
        pictures = annotated.pictures
        batches = Batches(pictures, batch_size=batch_size, priors=self.priors)
        answers = prediction.predict(self.model, batches)
        scores = metrics.summary(
            [picture.truth for picture in pictures], answers, class_names=self.class_names
        )
        if out is not None:
            facts = {"samples": {"test": len(pictures)}, "skipped": bad_pictures}
            report.write(
                Path(out),
                pictures=pictures,
                answers=answers,
                class_names=self.class_names,
                facts=facts | ({"skipped_boxes": bad_boxes} if bad_boxes else {}),
            )
        scores["classes"] = {
            score.name: {"ap": score.average_precision, "objects": score.objects}
            for score in scores["classes"]
        }
        value = scores["map"]
        text = "undefined, no class has objects" if value is None else f"{value:.3f}"
        return {
            "sentence": f"mAP {text} at IoU 0.5 on {len(pictures)} pictures of {split}.",
            "test": scores,
            "skipped": bad_pictures | bad_boxes,
        }


def _pixels(picture):
    if isinstance(picture, str | os.PathLike):
        return files.read(picture)
    if not isinstance(picture, Image.Image):
        pixels = np.asarray(picture)
        is_rgb, is_grey = pixels.shape[2:] == (3,), pixels.ndim == 2
        if pixels.dtype != np.uint8 or not (is_rgb or is_grey) or pixels.size == 0:
            raise InputError(
                "a picture must be uint8 of shape (height, width, 3), or (height, width) in grey, "
                "or a picture of Pillow, or a file's name; received "
                f"{pixels.dtype} of shape {pixels.shape}"
            )
        if is_rgb:
            return pixels
        picture = Image.fromarray(pixels)
    try:
        return decoding.convert(decoding.upright(picture))
    except Exception as error:  # Pillow reads the pixels of an opened file only now
        raise InputError(f"cannot read {picture}: {error}; mend or replace it") from error


def _frames(path):
    video = cv2.VideoCapture(os.fspath(path))
    try:
        if not video.isOpened():
            raise InputError(f"cannot open the video {os.fspath(path)!r}: check path and format")
        while True:
            is_read, frame = video.read()
            if not is_read:
                return
            yield frame[:, :, ::-1].copy()  # OpenCV's order is BGR
    finally:
        video.release()
