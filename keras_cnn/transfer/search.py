"""Search a folder for pictures that look like another one: features compared by their cosine.

References:
    Babenko et al., 2014. Neural codes for image retrieval. https://arxiv.org/abs/1404.1777
"""

import os
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from sklearn.neighbors import NearestNeighbors

from keras_cnn import card
from keras_cnn.errors import InputError
from keras_cnn.images.preparation import Preparation
from keras_cnn.transfer import feature_cache
from keras_cnn.transfer.base import Base, build_base, with_pooling


class ImageSearch:
    """An index of pictures: it answers with those whose features are closest to a picture's.

    The features of a picture are the output of a trained network without its head, averaged over
    the positions. The similarity of two pictures is the cosine of the angle between their features.

    Example:
        >>> search = ImageSearch.of_run("runs/pets_resnet50")
        >>> search.add(["holiday/1.jpg", "archive/1.jpg"])
        >>> search("cat.jpg", top_k=1)

    Attributes:
        extractor: Model from pictures to vectors.
        preparation: How a file becomes the model's input.
        paths: The pictures of the index.
        features: float32 (pictures, features), one row per path.
    """

    def __init__(self, extractor: keras.Model, preparation: Preparation):
        """Make an empty index.

        Args:
            extractor: Model that returns a vector for each picture.
            preparation: How pictures become its input.
        """
        self.extractor, self.preparation = extractor, preparation
        self.paths: list[str] = []
        self._files: list[str] = []  # the same without symbolic links
        self.features = np.empty((0, *extractor.output_shape[1:]), np.float32)

    @classmethod
    def of(cls, base: Base, *, image_size: int = 224) -> "ImageSearch":
        """Make an empty index that compares by a pretrained network.

        Args:
            base: The network.
            image_size: Height and width to which pictures are resized, in pixels.

        Raises:
            ValueError: The network takes no pictures of this size.
        """
        preparation = Preparation(
            size=(image_size, image_size), interpolation="bilinear", scaling=base.scaling
        )
        return cls._of(base, preparation)

    @classmethod
    def of_run(cls, run: str | os.PathLike, *, unsafe: bool = False) -> "ImageSearch":
        """Make an empty index that compares by a network that a training saved.

        Args:
            run: Folder of the run, or a `.keras` file.
            unsafe: As in `card.load_model`.

        Raises:
            InputError: As `Base.of_run` raises it.
        """
        its_card = card.read(card.model_path(run))
        preparation = Preparation.from_dict(its_card.preparation)
        return cls._of(Base.of_run(run, unsafe=unsafe), preparation)

    @classmethod
    def _of(cls, base, preparation):
        model = build_base(base, image_shape=preparation.image_shape)
        return cls(with_pooling(model), preparation)

    def add(
        self,
        paths: Sequence[str | os.PathLike],
        *,
        cache: str | os.PathLike | None = None,
        on_error: Callable[[Any, InputError], None] | None = None,
    ) -> None:
        """Add pictures to the index.

        Args:
            paths: Their files.
            cache: File that keeps the features for later, as in `feature_cache.compute`.
            on_error: Called with a picture that cannot be read and the reason; the picture is then
                left out. None raises.

        Raises:
            InputError: A picture cannot be read and `on_error` is None, or the cache cannot be
                used.
        """
        bad = set()

        def leave_out(path, error):
            bad.add(path)
            on_error(path, error)

        paths = [os.fspath(path) for path in paths]
        features = feature_cache.compute(
            self.extractor,
            self.preparation,
            paths,
            cache=cache,
            on_error=None if on_error is None else leave_out,
        )
        readable = [row for row, path in enumerate(paths) if path not in bad]
        self.paths += [paths[row] for row in readable]
        self._files += [os.path.realpath(paths[row]) for row in readable]
        self.features = np.concatenate([self.features, features[readable]])

    def __call__(self, picture: Any, *, top_k: int = 10) -> list[tuple[str, float]]:
        """Return the pictures of the index that are closest to a picture.

        Args:
            picture: A file's name, or a picture as `Preparation.from_memory` takes it. If the file
                itself is in the index, it is left out of the answer.
            top_k: Largest number of pictures to return.

        Returns:
            `(path, similarity)`, the most similar first; the similarity lies between -1 and 1.

        Raises:
            InputError: The picture cannot be read.
        """
        is_file = isinstance(picture, str | os.PathLike)
        read = self.preparation.read if is_file else self.preparation.from_memory
        pixels = self.preparation.scale(read(picture)[None])
        feature = np.asarray(self.extractor.predict_on_batch(pixels))[0]
        own = os.path.realpath(picture) if is_file else None
        rows, similarities = closest(feature, self.features, top_k=top_k + self._files.count(own))
        answers = [
            (self.paths[row], float(similarity))
            for row, similarity in zip(rows, similarities, strict=True)
            if self._files[row] != own
        ]
        return answers[:top_k]


def closest(
    feature: np.ndarray, features: np.ndarray, *, top_k: int = 10
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of a table of features that are closest to a feature vector.

    Args:
        feature: The vector, (features,).
        features: The table, (pictures, features).
        top_k: Largest number of rows to return.

    Returns:
        The numbers of the rows, the closest first, and the cosine of each, from -1 to 1.
    """
    if not len(features):
        return np.empty(0, int), np.empty(0)
    neighbors = NearestNeighbors(metric="cosine", algorithm="brute").fit(features)
    distances, rows = neighbors.kneighbors(feature[None], min(top_k, len(features)))
    return rows[0], 1 - distances[0]
