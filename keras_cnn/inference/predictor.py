"""Use a trained classifier or regression: pictures in, answers out."""

import dataclasses
import functools
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from PIL import Image

from keras_cnn import card, report
from keras_cnn.card import Card
from keras_cnn.errors import InputError
from keras_cnn.images import streaming
from keras_cnn.images.preparation import Preparation
from keras_cnn.inference import labelled, tempering
from keras_cnn.inference.answers import Answer, reason
from keras_cnn.inference.unknown import Unknown
from keras_cnn.models import surgery
from keras_cnn.report.calibration import Temperature, summary


@dataclasses.dataclass(frozen=True)
class Predictor:
    """A classifier or a regression, with its card and the preparation of its pictures.

    Example:
        >>> predictor = Predictor.load("runs/pets_resnet50")
        >>> predictor("cat.jpg").top(3)

    Attributes:
        model: The Keras model.
        card: Its card, written by the training.
        preparation: How pictures become the model's input.
        path: The `.keras` file that it was loaded from; None for a model in memory.
    """

    model: keras.Model
    card: Card
    preparation: Preparation
    path: Path | None = None

    def __post_init__(self):
        """Refuse a model of an unknown kind, and a card that does not fit the model."""
        model = surgery.as_functional(
            self.model, image_shape=self.preparation.image_shape, single_output=True
        )
        object.__setattr__(self, "model", model)  # the dataclass is frozen
        shape, names = self.model.output_shape, self.card.class_names
        if names and shape[-1] != len(names):
            raise InputError(
                f"the card must name each class of the model; it names {len(names)}, and the "
                f"model's output is {shape}: give the model its own card"
            )
        image_shape = self.preparation.image_shape
        input_shape = self.model.input_shape[1:]
        if len(input_shape) != 3 or any(
            side not in (None, own) for side, own in zip(input_shape, image_shape, strict=True)
        ):
            raise InputError(
                f"the card must hold the size of the model's input; it holds {image_shape}, and "
                f"the model takes {input_shape}: give the model its own card"
            )

    @functools.cached_property
    def tested_model(self) -> keras.Model:
        """The model as it was tested: with the crops and the temperature of its card."""
        shape = self.preparation.image_shape
        return tempering.as_tested(self.model, self.card, image_shape=shape)

    @functools.cached_property
    def unknown(self) -> Unknown:
        """The detector of pictures that are unlike the training pictures.

        Raises:
            InputError: The model was not loaded from a file, or its file does not hold it.
        """
        if self.path is None:
            raise InputError(
                "what detects unknown pictures is in a model's file; this model is in memory: load "
                "it with Predictor.load"
            )
        unknown = Unknown.read(self.path)
        if len(unknown.mean) != len(self._penultimate.kernel):
            raise InputError(
                f"what detects unknown pictures in {self.path} is of another network: train the "
                "model anew"
            )
        return unknown

    @functools.cached_property
    def _penultimate(self):
        return surgery.penultimate(self.model)

    @classmethod
    def load(cls, run: str | os.PathLike, *, unsafe: bool = False) -> "Predictor":
        """Load the model that a training saved.

        Args:
            run: Folder of the run, or a `.keras` file.
            unsafe: As in `card.load_model`.

        Raises:
            InputError: There is no model, it has no card, it answers for boxes or pixels, or its
                file is damaged or holds code.
        """
        path = card.model_path(run)
        its_card = card.read(path)
        if its_card.task == "detection":
            raise InputError(
                f"{path} holds a detector, which finds objects: use keras-cnn detect, or "
                "keras_cnn.Detector"
            )
        if its_card.task == "segmentation":
            raise InputError(
                f"{path} gives each pixel a class, not each picture: load it with "
                "keras_cnn.card.load_model and call it on pictures"
            )
        preparation = Preparation.from_dict(its_card.preparation)
        preparation.require_scaling()
        return cls(card.load_model(path, unsafe=unsafe), its_card, preparation, path)

    def __call__(self, pictures: Any, *, batch_size: int = 32, unknown: bool = False) -> Any:
        """Answer a picture, or several.

        Args:
            pictures: A file's name; a picture of Pillow; pixels, uint8 (height, width, channels) of
                any size with the channels of the training, or (height, width) of a grey picture; or
                a sequence of these.
            batch_size: Pictures the network takes at once.
            unknown: Whether each answer says if the picture is unlike the training pictures. The
                network then runs twice.

        Returns:
            An `Answer`, or a list, one per picture.

        Raises:
            InputError: A file cannot be read, an array is no picture, or the model holds nothing
                that detects unknown pictures.
        """
        is_picture = isinstance(pictures, str | os.PathLike | Image.Image)
        is_picture = is_picture or getattr(pictures, "ndim", None) in (2, 3)
        pictures = [pictures] if is_picture else pictures
        stream = self.stream(pictures, batch_size=batch_size, unknown=unknown)
        answers = [answer for _, answer in stream]
        return answers[0] if is_picture else answers

    def stream(
        self,
        pictures: Iterable,
        *,
        batch_size: int = 32,
        on_error: Callable[[Any, InputError], None] | None = None,
        unknown: bool = False,
    ) -> Iterator[tuple[Any, Answer]]:
        """Answer pictures as they come; at most three batches are in memory at any time.

        Args:
            pictures: As in a call, from any iterable.
            batch_size: As in a call.
            on_error: Called with a picture that cannot be read and the reason, in place of an
                answer; None raises.
            unknown: As in a call.

        Yields:
            The picture as it was given, and the answer.

        Raises:
            InputError: A picture cannot be read and `on_error` is None, or the model holds nothing
                that detects unknown pictures.
        """
        if unknown:
            _ = self.unknown  # a model without it is refused before a picture is read
        batches = streaming.batches(
            pictures, self._pixels, batch_size=batch_size, on_error=on_error
        )
        for batch, pixels in batches:
            pixels = np.stack(pixels)
            outputs = np.asarray(self.scores(pixels))
            values = self.unlikeness(pixels).tolist() if unknown else [None] * len(batch)
            for picture, scores, value in zip(batch, outputs, values, strict=True):
                yield picture, Answer(scores, self.card.class_names, value)

    def scores(self, pixels: np.ndarray) -> np.ndarray:
        """Return the answers to pictures of the model's own size.

        Args:
            pixels: uint8 (batch, height, width, channels), as `preparation.read` gives them.

        Returns:
            float32 (batch, classes) or (batch, values).
        """
        return self.tested_model.predict_on_batch(self.preparation.scale(pixels))

    def unlikeness(self, pixels: np.ndarray) -> np.ndarray:
        """Return how unlike the training pictures are pictures of the model's own size.

        Args:
            pixels: As in `scores`.

        Returns:
            float (batch,); above 0 a picture is unknown.

        Raises:
            InputError: As `unknown` raises it.
        """
        cut = self._penultimate
        features = np.asarray(cut.model.predict_on_batch(self.preparation.scale(pixels)))
        return self.unknown.unlikeness(features, cut.logits(features))

    def evaluate(
        self,
        folder: str | os.PathLike,
        *,
        out: str | os.PathLike | None = None,
        batch_size: int = 32,
        skip_bad_images: bool = False,
        without: Collection[str] = (),
    ) -> dict:
        """Score the model on a folder of pictures.

        Args:
            folder: One folder per class, or ``test/`` with one folder per class.
            out: Folder for a report with figures; None writes nothing.
            batch_size: As in a call.
            skip_bad_images: Whether to leave out pictures that cannot be read.
            without: Absolute paths of pictures to leave out.

        Returns:
            "sentence"; "test", as in report.json; "skipped", file -> reason.

        Raises:
            InputError: The folder has other classes than the model, pictures cannot be read and
                `skip_bad_images` is off, or the model is a regression.
        """
        if not self.card.class_names:
            raise InputError(
                "evaluate scores classifiers and detectors; the model is a regression: use predict"
            )
        labels = labelled.pictures(self.card, folder, split="test")
        labels = {path: label for path, label in labels.items() if path not in without}
        skipped = {}

        def skip(path, error):
            skipped[path] = reason(error)
            if not skip_bad_images:
                raise InputError(
                    f"{skipped[path]}; mend or remove it, or leave out such pictures with "
                    "--skip-bad-images"
                ) from error

        answers = dict(self.stream(labels, batch_size=batch_size, on_error=skip))
        if not answers:
            raise InputError(f"no picture in {folder} can be read: add some, or name another")
        y_true = np.array([labels[path] for path in answers])
        y_score = np.stack([answer.scores for answer in answers.values()])
        facts = {"skipped": skipped, "recipe": self.card.recipe}
        temperature = Temperature(self.card.temperature)
        if out is not None:
            return report.classification(
                out,
                y_true=y_true,
                y_score=y_score,
                history={},
                facts=facts,
                temperature=temperature,
                class_names=list(self.card.class_names),
                filepaths=list(answers),
            )
        test = report.scores.classification(y_true, y_score, list(self.card.class_names))
        test["calibration"] = summary(y_true, y_score, temperature)
        return {"sentence": report.sentences.classification(test), "test": test} | facts

    def _pixels(self, picture):
        if isinstance(picture, str | os.PathLike):
            return self.preparation.read(picture)
        return self.preparation.from_memory(picture)
