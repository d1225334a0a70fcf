"""A trained SSD in use: pictures in, objects in the pictures' own pixels out."""

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
import pandas as pd
from PIL import Image

from keras_cnn import card
from keras_cnn.card import Card
from keras_cnn.datasets import annotations
from keras_cnn.detection import boxes, coco_results, draw, prediction, report, scoring, video
from keras_cnn.detection.baseline import ConstantBoxes
from keras_cnn.detection.batches import Batches
from keras_cnn.errors import InputError
from keras_cnn.filesystem import write_atomically
from keras_cnn.i18n import N_
from keras_cnn.images import decoding, files
from keras_cnn.report import sentences


@dataclasses.dataclass(frozen=True)
class Detections:
    """The objects found in one picture, best first.

    Attributes:
        boxes: Corners in pixels of the picture, within it, (n, 4).
        scores: Probabilities, (n,).
        labels: Class ids from 1 on, (n,).
        class_names: Names of the classes; class id k is number k - 1.
        picture: The picture, RGB, uint8, (height, width, 3).
        highest: The highest probability of an object in the picture, even below the threshold.
    """

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    class_names: Sequence[str]
    picture: np.ndarray
    highest: float = 0.0

    @property
    def names(self) -> list[str]:
        """The class of each object."""
        return [self.class_names[label - 1] for label in self.labels]

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the objects as JSON can hold them: "class", "score", "box" in pixels."""
        rows = zip(self.names, self.scores.tolist(), self.boxes.tolist(), strict=True)
        return [
            {"class": name, "score": score, "box": [round(edge, 1) for edge in box]}
            for name, score, box in rows
        ]

    def to_pandas(self) -> pd.DataFrame:
        """Return a table with a row per object: class, score, x1, y1, x2, y2 in pixels."""
        corners = pd.DataFrame(self.boxes, columns=["x1", "y1", "x2", "y2"])
        corners.insert(0, "class", self.names)
        corners.insert(1, "score", self.scores)
        return corners

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
        baseline: The boxes that it must beat, fitted on its training pictures, or None.
    """

    model: keras.Model
    class_names: Sequence[str]
    priors: str = "voc"
    baseline: ConstantBoxes | None = None

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
        names = tuple(class_names or its_card.class_names)
        baseline = ConstantBoxes.from_dict(its_card.baseline) if its_card.baseline else None
        return cls(model, names, its_card.priors or "voc", baseline)

    def save(self, path: str | os.PathLike):
        """Save the network with the names of its classes inside.

        Args:
            path: A name that ends in `.keras`.
        """
        its_card = Card(
            task="detection",
            class_names=tuple(self.class_names),
            priors=self.priors,
            baseline=self.baseline.to_dict() if self.baseline else {},
        )
        with write_atomically(path) as beside:
            self.model.save(beside)
            card.write(beside, its_card)

    def __call__(
        self,
        pictures: np.ndarray | Image.Image | str | os.PathLike | Sequence,
        *,
        score_threshold: float = 0.5,
        iou_threshold: float = 0.45,
        nms: Literal["class", "all"] = "class",
        top_k: int = 200,
        batch_size: int = 8,
    ) -> Detections | list[Detections]:
        """Find objects.

        Args:
            pictures: A picture: its file's name, a picture of Pillow, or pixels, uint8, RGB
                (height, width, 3) or grey (height, width); or a sequence of them, of any sizes.
            score_threshold: Probability that an object must exceed.
            iou_threshold: Of two boxes with a larger overlap, the less likely is dropped.
            nms: Whether only boxes of the same class drop one another, or those of all classes.
            top_k: Most objects of a picture; the less likely are dropped.
            batch_size: Pictures the network takes at once.

        Returns:
            The objects of the picture, or a list, one entry per picture.

        Raises:
            InputError: A file cannot be read, an array is no picture, or `nms` is no choice.
        """
        is_picture = isinstance(pictures, str | os.PathLike | Image.Image)
        is_picture = is_picture or getattr(pictures, "ndim", None) in (2, 3)
        limits = {
            "score_threshold": score_threshold,
            "iou_threshold": iou_threshold,
            "nms": nms,
            "top_k": top_k,
        }
        if is_picture:
            pixels = _pixels(pictures)
            answer, highest = prediction.single(
                self.model, pixels, priors=self.priors, **_of_boxes(**limits)
            )
            return Detections(*answer, self.class_names, pixels, highest)
        stream = self.stream(pictures, batch_size=batch_size, **limits)
        return [detections for _, detections in stream]

    def stream(
        self,
        pictures: Iterable,
        *,
        score_threshold: float = 0.5,
        iou_threshold: float = 0.45,
        nms: Literal["class", "all"] = "class",
        top_k: int = 200,
        batch_size: int = 8,
        on_error: Callable[[Any, InputError], None] | None = None,
    ) -> Iterator[tuple[Any, Detections]]:
        """Find objects in pictures as they come: three batches at a time are in memory.

        Args:
            pictures: As in a call, from any iterable.
            score_threshold: As in a call.
            iou_threshold: As in a call.
            nms: As in a call.
            top_k: As in a call.
            batch_size: As in a call.
            on_error: Called with a picture that cannot be read and the reason, in place of an
                answer; None raises.

        Yields:
            The picture as it was given, and its objects.

        Raises:
            InputError: A file cannot be read and `on_error` is None, or `nms` is no choice.
        """
        stream = prediction.stream(
            self.model,
            pictures,
            _pixels,
            priors=self.priors,
            batch_size=batch_size,
            keep_pixels=True,
            on_error=on_error,
            **_of_boxes(
                score_threshold=score_threshold, iou_threshold=iou_threshold, nms=nms, top_k=top_k
            ),
        )
        for picture, pixels, answer, highest in stream:
            yield picture, Detections(*answer, self.class_names, pixels, highest)

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

    def video(self, source: str | os.PathLike | int, **options) -> Iterator[Detections]:
        """Find objects in the frames of a video or a camera.

        Args:
            source: The video, of any format that OpenCV reads, or the number of a camera, whose
                frames are answered one by one.
            **options: As in `stream`.

        Yields:
            The objects of each frame.
        """
        if isinstance(source, int):
            options = {"batch_size": 1} | options
        for _, detections in self.stream(video.frames(source), **options):
            yield detections

    def evaluate(
        self,
        folder: str | os.PathLike,
        *,
        out: str | os.PathLike | None = None,
        coco_json: str | os.PathLike | None = None,
        batch_size: int = 32,
        skip_bad_images: bool = False,
        reading: annotations.Reading | None = None,
        fix_boxes: bool = False,
    ) -> dict:
        """Score the detector on the test split of an annotated folder, or else on `val`.

        Args:
            folder: A folder in one of the layouts of `annotations.read`.
            out: Folder for a report with its figures; None writes nothing.
            coco_json: File for the detections, as COCO's results: see `coco_results.write`.
            batch_size: As in a call.
            skip_bad_images: Whether to go on without pictures and boxes that cannot be used.
            reading: How the annotations are read, and which pictures are left out.
            fix_boxes: As in `annotations.check`.

        Returns:
            "sentence"; "test", the scores; "skipped", file or object -> reason.

        Raises:
            InputError: The folder has other classes than the model, or pictures or boxes cannot be
                used and `skip_bad_images` is off.
        """
        if coco_json is not None:
            coco_results.check(coco_json)
        split = annotations.scored_split(folder)
        annotated = annotations.read(
            folder, split=split, class_names=self.class_names, reading=reading
        )
        bad_pictures = {}
        if skip_bad_images:
            bad_pictures = files.find_bad(picture.path for picture in annotated.pictures)
            readable = [p for p in annotated.pictures if p.path not in bad_pictures]
            if not readable:
                raise InputError(f"no picture of {split} in {folder} can be read: mend them")
            annotated = dataclasses.replace(annotated, pictures=tuple(readable))
        annotated, bad_boxes = annotations.check(
            annotated,
            skip_bad_boxes=skip_bad_images,
            fix_boxes=fix_boxes,
            option="--skip-bad-images",
        )
        pictures = annotated.pictures
        batches = Batches(pictures, batch_size=batch_size, priors=self.priors)
        answers = prediction.predict(self.model, batches)
        constant = self.baseline.answers(pictures) if self.baseline else None
        scores, _ = scoring.score(
            [picture.truth for picture in pictures],
            answers,
            class_names=self.class_names,
            baseline=constant,
        )
        if coco_json is not None:
            rename = reading.rename if reading else None
            names = {"class_names": self.class_names, "rename": rename}
            coco_results.write(coco_json, pictures, answers, **names)
        if out is not None:
            facts = {"samples": {"test": len(pictures)}, "skipped": bad_pictures}
            report.write(
                Path(out),
                pictures=pictures,
                answers=answers,
                class_names=self.class_names,
                baseline=constant,
                facts=facts | ({"skipped_boxes": bad_boxes} if bad_boxes else {}),
            )
        scores["classes"] = {row.pop("name"): row for row in scores["classes"]}
        where = N_(f"{len(pictures):d} pictures of {split}")
        return {
            "sentence": sentences.detection(scores, where=where),
            "test": scores,
            "skipped": bad_pictures | bad_boxes,
        }


def _of_boxes(*, nms, top_k, **thresholds):
    """Return the limits as `boxes.detections` takes them."""
    return {"across_classes": boxes.across_classes(nms), "keep": top_k} | thresholds


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
