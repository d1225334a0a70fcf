"""What the pages of the studio share: the runs of a folder, the models in memory, one lock."""

from __future__ import annotations

import collections
import dataclasses
import functools
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from keras_cnn import card
from keras_cnn.app.processes import Trainings
from keras_cnn.app.training_pictures import TrainingPictures
from keras_cnn.card import Card
from keras_cnn.errors import InputError
from keras_cnn.images import files

if TYPE_CHECKING:
    from keras_cnn.inference.answers import Answer

MOST_PICTURES = 200  # of one upload
_KEPT = 2  # models in memory


@dataclasses.dataclass(frozen=True, eq=False)
class Loaded:
    """A model in memory.

    Attributes:
        name: Name of its run.
        card: Its card.
        use: A `Predictor`, or a `Detector`.
    """

    name: str
    card: Card
    use: object

    @property
    def is_detector(self) -> bool:
        """Whether it finds objects."""
        return self.card.task == "detection"

    @functools.cached_property
    def knows_unknown(self) -> bool:
        """Whether its file holds what detects unknown pictures."""
        try:
            return self.use.unknown is not None
        except (InputError, AttributeError):
            return False

    @property
    def model(self):
        """The Keras model."""
        return self.use.model

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of a picture as the network takes it."""
        if self.is_detector:
            return self.model.input_shape[1:]
        return self.use.preparation.image_shape

    def read(self, path: str) -> np.ndarray:
        """Return a picture at the network's size, uint8 (height, width, channels).

        Args:
            path: Its file.

        Raises:
            InputError: It cannot be read.
        """
        if self.is_detector:
            from keras_cnn.detection.batches import letterboxed

            return letterboxed(files.read(path, color_mode="rgb"))[0]
        return self.use.preparation.read(path)

    def scaled(self, pixels: np.ndarray) -> np.ndarray:
        """Return a picture's values as the network takes them.

        Args:
            pixels: What `read` returns.
        """
        if self.is_detector:
            return pixels  # its first layer scales
        return np.asarray(self.use.preparation.scale(pixels[np.newaxis]))[0]


class Studio:
    """The runs of a folder, and what the pages know of them.

    Attributes:
        place: Folder of a run, or of runs.
        data: Folder of pictures to search for neighbours; None takes that of the run's recipe.
        lock: Held while a model works: Keras' graphs are explained on one thread at a time.
        trainings: The training that a page has started.
        is_shared: Whether other machines are served, so that typed folders are limited.
    """

    def __init__(self, place: str | os.PathLike, *, data: str | os.PathLike | None = None):
        """Check the folder.

        Raises:
            InputError: There is no such folder.
        """
        self.place = Path(place)
        if not self.place.exists():
            raise InputError(
                f"there is no {os.fspath(place)!r}: name the folder of a run, or of runs"
            )
        self.data = None if data is None else Path(data)
        self.lock = threading.RLock()
        self._models = collections.OrderedDict()
        self._pictures = {}
        self.trainings = Trainings()
        self.is_shared = False
        self._closing = [self.trainings.close]

    def runs(self) -> dict[str, Path]:
        """Return name -> folder of the runs, finished or in training, the newest first.

        A run is a folder with `model.keras`, `report.json` or `checkpoint/`; it may lie two
        folders deep. Links and hidden folders are left out.
        """
        if is_run(self.place) or self.place.is_file():
            return {self.place.resolve().name: self.place}
        found = {}
        for folder in _folders(self.place):
            if is_run(folder):
                found[folder.name] = folder
            found |= {
                f"{folder.name}/{each.name}": each for each in _folders(folder) if is_run(each)
            }
        return dict(sorted(found.items(), key=lambda item: -_changed(item[1])))

    def folder(self, name: str) -> Path:
        """Return the folder of a run.

        Args:
            name: One of the names of `runs`; nothing else is taken as a path.

        Raises:
            InputError: It is gone.
        """
        folder = self.runs().get(name)
        if folder is None:
            raise InputError(f"the run {name!r} is not there any more: choose another")
        return folder

    def report(self, name: str) -> Path | None:
        """Return the report of a run, None if there is none.

        Args:
            name: As in `folder`.
        """
        folder = self.runs().get(name)
        file = folder and folder / "report.html"
        return file if file and file.is_file() and not file.is_symlink() else None

    def models(self) -> list[str]:
        """Return the names of the runs that have a model of pictures."""
        return [name for name, folder in self.runs().items() if _has_model(folder)]

    def load(self, name: str) -> Loaded:
        """Return a model with its card; the last two stay in memory, until their files change.

        Args:
            name: As in `folder`.

        Raises:
            InputError: The run is gone, or its model cannot be used.
        """
        path = card.model_path(self.folder(name))
        key = path, path.stat().st_mtime_ns
        with self.lock:
            if key not in self._models:
                self._models[key] = self._load(name, path)
                while len(self._models) > _KEPT:
                    _, removed = self._models.popitem(last=False)
                    if removed in self._pictures:
                        self._pictures.pop(removed).close()
            self._models.move_to_end(key)
            return self._models[key]

    def pictures(self, loaded: Loaded) -> TrainingPictures:
        """Return the training pictures of a model in memory.

        Args:
            loaded: The model.
        """
        with self.lock:
            if loaded not in self._pictures:
                self._pictures[loaded] = TrainingPictures(loaded, data=self.data)
            return self._pictures[loaded]

    def answer(self, loaded: Loaded, pixels: np.ndarray) -> Answer:
        """Answer a picture of the model's own size; detect whether it is unknown if the model can.

        Args:
            loaded: A classifier or a regression.
            pixels: uint8 (height, width, channels), as its preparation reads them.
        """
        with self.lock:
            return loaded.use(pixels, unknown=loaded.knows_unknown)

    def _load(self, name, path):
        its_card = card.read(path)
        if its_card.task == "detection":
            from keras_cnn.detection.detector import Detector

            return Loaded(name, its_card, Detector.load(path))
        from keras_cnn.inference.predictor import Predictor

        return Loaded(name, its_card, Predictor.load(path))

    def on_close(self, end) -> None:
        """Call a function when the server ends.

        Args:
            end: The function, without arguments.
        """
        self._closing.append(end)

    def close(self) -> None:
        """End what the pages have started."""
        for end in (*self._closing, *(each.close for each in self._pictures.values())):
            end()


def is_run(folder: Path) -> bool:
    """Return whether a folder is that of a run, finished or in training.

    Args:
        folder: The folder.
    """
    marks = ("model.keras", "report.json", "checkpoint")
    return any((folder / mark).exists() for mark in marks)


def _has_model(folder):
    return folder.is_file() or (folder / "model.keras").is_file()


def _folders(folder):
    try:
        with os.scandir(folder) as entries:
            return [
                Path(entry.path)
                for entry in entries
                if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
            ]
    except OSError:  # removed, or no permission
        return []


def _changed(folder):
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0
