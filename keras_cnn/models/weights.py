"""Published weights into a model, and pictures scaled as for them."""

import functools
import hashlib
import inspect
import json
import os
import re
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_cnn import downloads
from keras_cnn.errors import InputError
from keras_cnn.filesystem import keras_home
from keras_cnn.models.published import CLASS_INDEX, FILES, File
from keras_cnn.models.weight_readers import by_name, from_torch, read_hdf5, read_torch

__all__ = [
    "CLASS_INDEX",
    "FILES",
    "File",
    "check_path",
    "decode_predictions",
    "find_rule",
    "from_torch",
    "load",
    "preprocess_input",
    "rule",
]


ENDINGS = (".h5", ".hdf5", ".keras", ".pth")


def load(
    model: keras.Model,
    weights: str | os.PathLike | None,
    *,
    architecture: str,
    include_top: bool = True,
) -> keras.Model:
    """Give `model` its weights, all of them or none.

    Layers are matched by order in files of Keras, as Keras does, and by name in PyTorch's. With
    `include_top=False` a file with a top fits too.

    Args:
        model: A new model of a builder. Its attribute `preprocessing` is set to the rule by which
            pictures were scaled for these weights, None where that is unknown.
        weights: None for the random weights it has, `"imagenet"` for the published file (downloaded
            once into Keras' cache), or the path of a `.h5`, `.weights.h5`, `.keras` or `.pth` file.
        architecture: A name of `FILES`, or of a network that has no published file.
        include_top: Whether the model ends with its classifier.

    Returns:
        `model`.

    Raises:
        InputError: There is no such file.
        ValueError: `weights` is neither, or the file does not fit the model.
        downloads.DownloadError: The published file is not in the cache and cannot be downloaded; it
            is an `InputError` and an OSError.
        ImportError: A `.pth` file needs PyTorch.
    """
    published = FILES.get((architecture, bool(include_top)))
    model.preprocessing = published and _rule_of_file(weights, published)
    if weights is None:
        return model
    if weights == "imagenet":
        if not published:
            raise _unpublished(architecture)
        options = {"model": model, "published": published, "include_top": include_top}
        path = _fetch(published, None if published.hash else functools.partial(_check, **options))
    else:
        path = check_path(weights)
    try:
        if path.suffix == ".pth":
            return from_torch(model, read_torch(path))
        return read_hdf5(model, path, include_top=include_top)
    except ValueError as error:
        from keras_cnn.models import identify  # it imports a builder, which imports this module

        raise (identify.unfit(model, path) or error) from error.__cause__


def check_path(weights: str | os.PathLike) -> Path:
    """Return the path of a weights file after a check of its ending and its existence.

    Args:
        weights: The path.

    Raises:
        InputError: There is no such file.
        ValueError: The value is no path of a weights file.
    """
    if not isinstance(weights, str | os.PathLike) or Path(weights).suffix not in ENDINGS:
        raise ValueError(
            "weights must be None, 'imagenet' or the path of a file that ends in "
            f"{', '.join(ENDINGS)}; received weights={weights!r}"
        )
    path = Path(weights)
    if not path.is_file():
        raise InputError(f"there is no file {path}: correct weights={os.fspath(weights)!r}")
    return path


def preprocess_input(images: Any, model: Any) -> Any:
    """Scale pictures as for the published weights of a network.

    "caffe" turns RGB into BGR and subtracts ImageNet's mean; "tf" scales to -1..1; "torch" scales
    to 0..1, subtracts the mean and divides by the standard deviation of each channel. The result
    equals `preprocess_input` of `keras.applications` and torchvision's `ImageClassification`.

    Args:
        images: RGB, `(height, width, 3)` or `(batch, height, width, 3)`, 0 to 255, whole numbers or
            float; an array or a tensor. It is not changed.
        model: A builder, e.g. `VGG16`, or a model it built. A model read from a file is recognised
            by its name only.

    Returns:
        float32, same shape; an array for an array, a tensor for a tensor.

    Raises:
        ValueError: Not RGB, or no weights are published for the network.
    """
    mode = rule(model)
    is_tensor = isinstance(images, keras.KerasTensor) or keras.ops.is_tensor(images)
    shape = tuple(images.shape if is_tensor else np.shape(images))
    if len(shape) not in (3, 4) or shape[-1] != 3:
        raise ValueError(
            "images must be RGB, (height, width, 3) or (batch, height, width, 3); "
            f"received shape {shape}"
        )
    if is_tensor:
        images = keras.ops.cast(keras.ops.copy(images), "float32")
    else:
        images = np.array(images, dtype="float32")  # a copy: Keras writes into its argument
    return keras.applications.imagenet_utils.preprocess_input(
        images, data_format="channels_last", mode=mode
    )


def decode_predictions(predictions: Any, *, top: int = 5) -> list[list[tuple[str, str, float]]]:
    """Return the names of the most likely of ImageNet's 1,000 classes.

    Args:
        predictions: Scores `(batch, 1000)`.
        top: Number of classes per picture.

    Returns:
        For each picture `(WordNet id, name, score)` of the `top` classes, the best first.

    Raises:
        ValueError: The scores are of another shape.
        OSError: Keras' list of the classes is not in the cache and cannot be downloaded.
    """
    scores = keras.ops.convert_to_numpy(predictions)
    if scores.ndim != 2 or scores.shape[1] != 1000:
        raise ValueError(
            "decode_predictions needs scores of ImageNet's classes, of shape (batch, 1000); "
            f"received shape {scores.shape}"
        )
    classes = json.loads(_fetch(CLASS_INDEX).read_text())
    best = np.argsort(-scores, axis=1, kind="stable")[:, :top]
    return [
        [(*classes[str(i)], row[i]) for i in indices]
        for row, indices in zip(scores, best, strict=True)
    ]


def rule(model: Any) -> str:
    """Return how pictures were scaled for the published weights of a network.

    Args:
        model: As in `preprocess_input`.

    Returns:
        "caffe", "tf" or "torch".

    Raises:
        ValueError: No weights are published for the network.
    """
    mode = find_rule(model)
    if mode is None:
        raise ValueError(
            f"no weights are published for {_name(model)}, so no rule is known for its pictures: "
            "scale them as in training, or pass the builder of a network that has published weights"
        )
    return mode


def find_rule(model: Any, *, weights: str | os.PathLike | None = None) -> str | None:
    """Return how pictures were scaled for a network's weights, None where that is unknown.

    Args:
        model: As in `preprocess_input`, or a `functools.partial` of a builder.
        weights: As in `load`. PyTorch's files of VGG16 and VGG19 need another rule than the
            published files of Keras.
    """
    while isinstance(model, functools.partial):
        model = model.func
    if hasattr(model, "preprocessing"):  # set by `load`
        return model.preprocessing
    is_listing = inspect.isfunction(model) and model.__module__.endswith(".book")
    families = {_family(architecture): file for (architecture, _), file in FILES.items()}
    published = None if is_listing else families.get(_family(_name(model)))
    return published and _rule_of_file(weights, published)


def _rule_of_file(weights, published):
    """Return the rule of a file for a network that has a published file."""
    is_torch = isinstance(weights, str | os.PathLike) and Path(weights).suffix == ".pth"
    # E.g. VGG16 by torchvision instead of Keras.
    return "torch" if is_torch and not published.address.endswith(".pth") else published.rule


def _name(model):
    return model.name if isinstance(model, keras.Model) else getattr(model, "__name__", repr(model))


def _family(name):
    """Return the family of an architecture: mobilenet_2_5_224, mobilenet_0.25_224 -> mobilenet."""
    return re.sub(r"(_owt|_bn|_\d[_.]\d+_\d+)$", "", name).replace("_", "").lower()


def _unpublished(architecture):
    variants = {name for name, _ in FILES if name.startswith(f"{architecture}_")}
    return ValueError(
        f"no weights are published for {architecture}"
        + (f", only for its variant {min(variants)}" if variants else "")
        + "; pass weights=None or the path of a file"
    )


def published_path(architecture: str, *, include_top: bool = True) -> Path:
    """Return where the published file of a network lies once it was downloaded.

    Args:
        architecture: A name of `FILES`.
        include_top: Whether the file has the classifier.
    """
    return _place(FILES[architecture, include_top])


def _place(file):
    return keras_home() / "models" / file.address.rpartition("/")[2]


def _fetch(file, check=None):
    """Return the path of `file` in Keras' cache; download it if it is not there.

    `check`, for a file without a published hash, raises ValueError for another file.
    """
    path = _place(file)
    try:
        return downloads.fetch(
            file.address,
            path,
            place=f"models/{path.name}",
            digest=file.hash,
            check=check,
            remember=not (file.hash or file.values),
        )
    except downloads.DownloadError:
        raise
    except OSError as error:
        raise downloads.DownloadError(
            f"{path.name} cannot be written into {path.parent} ({error.strerror or error}): make "
            "room there, name another folder in KERAS_HOME, or pass the path of a file as weights"
        ) from error


def _check(path, *, model, published, include_top):
    """Refuse a file that does not fit the model, or has other values than published."""
    if published.values and _values_digest(model, path) != published.values:
        raise ValueError(f"{path} has other values than the published weights")
    read_hdf5(model, path, include_top=include_top)


def _values_digest(model, path):
    """Return the SHA-256 of a file's values: float32, little-endian, in the model's order."""
    digest = hashlib.sha256()
    for values in by_name(model, path).values():
        for value in values:
            digest.update(value.astype("<f4").tobytes())
    return digest.hexdigest()
