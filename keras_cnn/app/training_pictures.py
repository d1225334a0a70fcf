"""The pictures that a network was trained on, as far as they are still there."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from keras_cnn.datasets import array_files
from keras_cnn.datasets.locate import locate
from keras_cnn.errors import InputError
from keras_cnn.images import files
from keras_cnn.images.strokes import Paper

if TYPE_CHECKING:
    from keras_cnn.app.studio import Loaded

MOST = 2000  # pictures of the index
_MEASURED = 64  # pictures whose paper is measured
_CHUNK = 64


class TrainingPictures:
    """The training pictures of a network: their paper, and an index of similar ones.

    Attributes:
        paths: Files of the pictures, at most `MOST`, spread over the folder; empty if they are not
            there.
        paper: How writing lies on them.
        root: Their folder.
    """

    def __init__(self, loaded: Loaded, *, data: Path | None = None):
        """Find the pictures. The index is empty until `index` is called.

        Args:
            loaded: The network.
            data: Folder of the pictures; None takes that of the recipe.
        """
        self._loaded, self._search, self._thread = loaded, None, None
        self._stopped = threading.Event()
        self._temporary = None
        self.root, self.paths = self._find(data)
        self.paper = Paper.of(self._read(self.paths, number=_MEASURED))

    @property
    def size(self) -> int:
        """Number of pictures in the index so far."""
        return 0 if self._search is None else len(self._search.paths)

    @property
    def is_growing(self) -> bool:
        """Whether pictures are still being added to the index."""
        return self._thread is not None and self._thread.is_alive()

    def index(self) -> None:
        """Compute the features of the pictures, on a thread of its own."""
        if self._thread is None and self.paths and not self._loaded.is_detector:
            self._thread = threading.Thread(target=self._add_all, daemon=True)
            self._thread.start()

    def nearest(self, picture, *, number: int = 5) -> list[tuple[str, float]]:
        """Return the most similar pictures so far: file and cosine of the features.

        Args:
            picture: A file's name, or pixels as `Predictor` takes them.
            number: Largest number of pictures.
        """
        return [] if not self.size else self._search(picture, top_k=number)

    def label(self, path: str) -> str:
        """Return the folder of a picture's class, as a caption.

        Args:
            path: One of `paths`.
        """
        return Path(path).parent.name

    def close(self) -> None:
        """End the thread, and remove the files made from arrays."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
        if self._temporary is not None:
            self._temporary.cleanup()

    def _add_all(self):
        from keras_cnn.transfer import ImageSearch

        try:
            search = ImageSearch.of_run(self._loaded.use.path)
            for start in range(0, len(self.paths), _CHUNK):
                if self._stopped.is_set():
                    return
                chunk = self.paths[start : start + _CHUNK]
                search.add(chunk, on_error=lambda *_: None)
                self._search = search
        except (InputError, OSError, ValueError):  # a network without features: no neighbours
            self._search = None

    def _find(self, data):
        recipe = self._loaded.card.recipe
        name = recipe.get("dataset") or ""
        try:
            if data is None:
                data = locate(name, data=recipe.get("data")).path
            if data.is_file():
                return data, self._from_arrays(name, recipe.get("data"))
            train = data / "train"
            folder = train if train.is_dir() else data
            found = [str(folder / name) for name in files.pictures_in(folder)]
        except (InputError, OSError):
            return None, []
        return folder, _spread(found, MOST)

    def _from_arrays(self, name, data):
        """Write pictures of a set of arrays as files, named by their class."""
        (pictures, labels), _ = array_files.arrays(name, data=data)
        self._temporary = tempfile.TemporaryDirectory(prefix="keras_cnn_studio_")
        paths = []
        for number in _spread(range(len(pictures)), MOST):
            class_name = self._loaded.card.class_names[labels[number]]
            folder = Path(self._temporary.name, class_name.replace(os.sep, "_"))
            folder.mkdir(exist_ok=True)
            paths.append(str(folder / f"{number:05d}.png"))
            Image.fromarray(pictures[number]).save(paths[-1])
        return paths

    def _read(self, paths, *, number) -> Iterator[np.ndarray]:
        if self._loaded.is_detector:
            return
        for path in _spread(paths, number):
            try:
                yield self._loaded.read(path)
            except InputError:
                continue


def _spread(items, number):
    """Return at most a number of items, evenly spread."""
    step = max(1, -(-len(items) // number))
    return list(items[::step])
