"""Detect pictures that are unlike the training pictures. Importing this module loads no Keras.

A classifier answers every picture with one of its classes, often with a high probability, though
the picture may show none of them. Features are what the network's last layer takes. Here a picture
is unlike the training pictures if its features are far from every class: Mahalanobis' distance to
the nearest class centre (Lee et al., 2018). The odds against the most probable class rank pictures
as max-softmax does (Hendrycks and Gimpel, 2017). They are added to the distance if both together
detect left-out classes of the validation pictures better.

Two other scores were tried. The distance to the nearest training picture (Sun et al., 2022) is as
good for pictures of another kind, but worse for a class that is left out. Energy (Liu et al., 2020)
cannot be measured by leaving out a class without training anew: the other logits were trained to be
low for the pictures of that class.

References:
    Lee, Lee, Lee, Shin, 2018. A simple unified framework for detecting out-of-distribution samples
        and adversarial attacks. https://arxiv.org/abs/1807.03888
    Hendrycks, Gimpel, 2017. A baseline for detecting misclassified and out-of-distribution examples
        in neural networks. https://arxiv.org/abs/1610.02136
    Sun, Ming, Zhu, Li, 2022. Out-of-distribution detection with deep nearest neighbors.
        https://arxiv.org/abs/2204.06507
    Liu, Wang, Owens, Li, 2020. Energy-based out-of-distribution detection.
        https://arxiv.org/abs/2010.03759
"""

import dataclasses
import io
import os
import zipfile
import zlib
from typing import Self

import numpy as np
import scipy

from keras_cnn import card
from keras_cnn.errors import InputError

ENTRY = "unknown.npz"  # in a saved model, beside its card
METHODS = ("distance", "both")
KEPT = 0.95  # share of the validation pictures that keep their class
AXES = 64  # principal axes that are kept of wider features
WIDEST = 32_768  # features; the axes of wider ones would not be small
_DAMAGE = (OSError, RuntimeError, zipfile.BadZipFile, zlib.error)
_ARRAYS = ("mean", "axes", "centres", "scales")


@dataclasses.dataclass(frozen=True)
class Pictures:
    """Pictures of a split, as the network's last layer sees them.

    Attributes:
        features: (pictures, features).
        logits: (pictures, classes).
        labels: Number of each picture's class.
    """

    features: np.ndarray
    logits: np.ndarray
    labels: np.ndarray

    def __post_init__(self):
        """Refuse the features of a network whose training diverged."""
        if not (np.isfinite(self.features).all() and np.isfinite(self.logits).all()):
            raise InputError("the features are not all finite numbers")

    def ignoring(self, label: int) -> "Pictures":
        """Return the same pictures without the logit of a class.

        Args:
            label: Number of the class.
        """
        return dataclasses.replace(self, logits=np.delete(self.logits, label, axis=1))

    def without(self, label: int) -> "Pictures":
        """Return the pictures of the other classes, without the logit of a class.

        Args:
            label: Number of the class.
        """
        rows, rest = self.labels != label, self.ignoring(label)
        return Pictures(rest.features[rows], rest.logits[rows], rest.labels[rows])


@dataclasses.dataclass(frozen=True)
class Unknown:
    """Detector of pictures that are unlike the training pictures.

    Attributes:
        method: "distance", or "both": the distance and the odds.
        threshold: The value from which `unlikeness` is counted.
        mean: Mean of the training features of length 1, float32 (features,).
        axes: float16 (axes, features). Along each the pictures of a class spread alike.
        centres: Centres of the classes on these axes, float32 (classes, axes).
        scales: Mean and standard deviation of the validation pictures' distances, then of their
            odds, float32 (4,).
    """

    method: str
    threshold: float
    mean: np.ndarray
    axes: np.ndarray
    centres: np.ndarray
    scales: np.ndarray

    @classmethod
    def of(cls, train: Pictures) -> Self:
        """Find the centres of the classes; `adjusted` then finds scales and threshold.

        Args:
            train: Training pictures.

        Raises:
            InputError: The features are wider than `WIDEST`, or the same in all pictures of each
                class.
        """
        width = train.features.shape[1]
        if width > WIDEST:
            raise InputError(f"the last layer takes {width:,} features, more than {WIDEST:,}")
        mean, axes, centres = _centres(_unit(train.features), train.labels)
        return cls("distance", 0.0, mean, axes, centres, np.array([0, 1, 0, 1], np.float32))

    def adjusted(self, validation: Pictures, *, method: str) -> Self:
        """Return the same with the threshold that keeps `KEPT` of the validation pictures.

        Args:
            validation: Validation pictures.
            method: One of `METHODS`.
        """
        parts = self._parts(validation.features, validation.logits)
        scales = [(part.mean(), max(part.std(), 1e-6)) for part in parts]
        scaled = dataclasses.replace(
            self, method=method, threshold=0.0, scales=np.float32(scales).ravel()
        )
        values = scaled.unlikeness(validation.features, validation.logits)
        return dataclasses.replace(scaled, threshold=threshold(values))

    def unlikeness(self, features: np.ndarray, logits: np.ndarray) -> np.ndarray:
        """Return how unlike the training pictures each picture is: above 0 it is unknown.

        Args:
            features: (pictures, features).
            logits: (pictures, classes).

        Returns:
            float (pictures,), in standard deviations of the validation pictures.
        """
        scales = self.scales.astype(np.float64).reshape(2, 2)
        distance, against = (
            (part - mean) / deviation
            for part, (mean, deviation) in zip(self._parts(features, logits), scales, strict=True)
        )
        return distance + (against if self.method == "both" else 0) - self.threshold

    def _parts(self, features, logits):
        """Return the squared distance to the nearest centre, and the odds."""
        projected = (_unit(features) - self.mean) @ self.axes.astype(np.float32).T
        squares = (projected**2).sum(axis=1)[:, None] + (self.centres**2).sum(axis=1)
        squares -= 2 * projected @ self.centres.T
        return squares.min(axis=1).astype(np.float64), odds(logits)

    def write(self, path: str | os.PathLike) -> None:
        """Put this into a saved model.

        Args:
            path: A `.keras` file.

        Raises:
            InputError: There is no such file, or it is no saved model.
        """
        buffer = io.BytesIO()
        np.savez(buffer, **dataclasses.asdict(self))
        card.put(path, ENTRY, buffer.getvalue())

    @classmethod
    def read(cls, path: str | os.PathLike) -> Self:
        """Read what `write` has put into a saved model.

        Args:
            path: A `.keras` file.

        Raises:
            InputError: There is no such model, it holds nothing that detects unknown pictures, or
                that is damaged.
        """
        content = card.get(path, ENTRY)
        if content is None:
            raise InputError(
                f"{os.fspath(path)} holds nothing that detects unknown pictures: train a "
                "classifier anew with keras-cnn train; its report says why if it has nothing"
            )
        try:
            return cls(**_checked(content))
        except (ValueError, TypeError, KeyError, EOFError, MemoryError, *_DAMAGE) as error:
            raise InputError(
                f"what detects unknown pictures in {os.fspath(path)} cannot be understood "
                f"({error}): train the model anew"
            ) from None


def threshold(unlikeness: np.ndarray) -> float:
    """Return the lowest value that at least the share `KEPT` of pictures does not exceed.

    Args:
        unlikeness: (pictures,).
    """
    return float(np.quantile(unlikeness, KEPT, method="inverted_cdf"))


def odds(logits: np.ndarray) -> np.ndarray:
    """Return the logarithm of the odds against the most probable class, 0 for a single class.

    They rank pictures as max-softmax does: odds of (1 - p) to p for the highest probability p.

    Args:
        logits: (pictures, classes).
    """
    if logits.shape[1] == 1:
        return np.zeros(len(logits))
    ordered = np.sort(logits.astype(np.float64), axis=1)
    return scipy.special.logsumexp(ordered[:, :-1], axis=1) - ordered[:, -1]


def _unit(features):
    """Return vectors of length 1; a vector of zeros stays."""
    features = features.astype(np.float32)
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)


def _centres(vectors, labels):
    """Return the mean, the axes along which classes spread alike, and the classes' centres there.

    The spread is that within the classes, shrunk as Ledoit and Wolf (2004) do for few pictures.
    """
    from sklearn.covariance import ledoit_wolf
    from sklearn.decomposition import PCA

    width = vectors.shape[1]
    number = min(AXES, width, len(vectors), max(8, AXES * 4096 // width))  # at most half a megabyte
    solver = "covariance_eigh" if width <= 1024 else "randomized"
    pca = PCA(number, svd_solver=solver, random_state=0).fit(vectors)
    main = pca.components_[pca.explained_variance_ > 1e-6 * pca.explained_variance_.max()]
    coordinates = (vectors - pca.mean_) @ main.T
    classes, rows = np.unique(labels, return_inverse=True)
    centres = np.stack([coordinates[labels == label].mean(axis=0) for label in classes])
    spread, _ = ledoit_wolf(coordinates - centres[rows], assume_centered=True)
    if not np.trace(spread) > 1e-12:
        raise InputError("the features of all pictures of a class are the same")
    whitening = np.linalg.cholesky(np.linalg.inv(spread))
    axes = whitening.T @ main
    peak = np.abs(axes).max()  # within the range of float16; `scales` make up for it
    return (
        pca.mean_.astype(np.float32),
        (axes / peak).astype(np.float16),
        (centres @ whitening / peak).astype(np.float32),
    )


def _checked(content):
    """Return the fields in the bytes of an entry, or raise."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > card.LARGEST_ENTRY:
            raise ValueError("they would unpack to far more than their size")
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        method, limit = str(file["method"]), float(file["threshold"])
        arrays = {name: file[name] for name in _ARRAYS}
    if method not in METHODS or not np.isfinite(limit):
        raise ValueError(f"their method is {method!r}, their threshold {limit}")
    mean, axes, centres, scales = (arrays[name].shape for name in _ARRAYS)
    if not (len(mean) == 1 and len(axes) == len(centres) == 2 and scales == (4,) and centres[0]):
        raise ValueError(f"their shapes are {[mean, axes, centres, scales]}")
    if axes[1:] != mean or centres[1:] != axes[:1]:
        raise ValueError(f"their shapes are {[mean, axes, centres, scales]}")
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise ValueError("they are not all finite numbers")
    return {"method": method, "threshold": limit, **arrays}
