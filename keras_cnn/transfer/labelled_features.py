"""The pictures of class folders with their features: what is fitted on them takes seconds."""

import dataclasses
import os
from collections.abc import Callable, Iterable

import keras
import numpy as np
import pandas as pd

from keras_cnn.datasets import copies, examination, folders
from keras_cnn.errors import InputError
from keras_cnn.images.preparation import Preparation
from keras_cnn.transfer import feature_cache
from keras_cnn.transfer.available import available_base
from keras_cnn.transfer.base import Base, build_base, with_pooling

RESOLUTIONS = 3  # of the feature maps whose means are features
_NO_RESOLUTION = (keras.layers.InputLayer, keras.layers.ZeroPadding2D)


@dataclasses.dataclass(frozen=True)
class LabelledFeatures:
    """The readable pictures of a set, n of them.

    Attributes:
        table: The columns of `folders.pictures`: path, label, file and split.
        features: float32 (n, features).
        groups: int (n,), equal for copies and near copies, see `copies.group`.
        network: The network that computed the features, for reports.
        unreadable: File of each picture that cannot be read -> reason.
    """

    table: pd.DataFrame
    features: np.ndarray
    groups: np.ndarray
    network: str
    unreadable: dict[str, str]


def read(
    directory: str | os.PathLike,
    *,
    base: Base | None = None,
    image_size: int = 224,
    cache: str | os.PathLike | None = None,
    watch: Callable[[Iterable, int], Iterable] = lambda items, total: items,
) -> LabelledFeatures:
    """Read the pictures of all splits of a set, and compute their features.

    Args:
        directory: Holds `<class>/*` or `{train,val,test}/<class>/*`.
        base: The pretrained network; None takes ImageNet weights that are on this machine or can be
            downloaded.
        image_size: Height and width to which pictures are resized, in pixels.
        cache: File that keeps the features for later, as in `feature_cache.compute`.
        watch: Called with the pictures and their number, first to examine them, then to compute the
            features that the cache lacks; yields them, for a progress bar.

    Raises:
        InputError: There are no pictures in class folders, or there is no pretrained network.
    """
    table = folders.pictures(directory)
    if base is None:
        base, why = available_base()
        if base is None:
            raise InputError(
                f"features need a pretrained network, and {why}: name a file by --weights"
            )
    # Built before the pictures are read, which may take minutes: its weights may not fit.
    extractor = feature_means(build_base(base, image_shape=(image_size, image_size, 3)))
    preparation = Preparation(
        size=(image_size, image_size), interpolation="bilinear", scaling=base.scaling
    )
    examined = list(watch(examination.examine_all(table["path"]), len(table)))
    is_readable = np.array([bool(item.size) for item in examined])
    unreadable = {
        file: next(reason for kind, reason in item.findings if kind == "unreadable")
        for file, item in zip(table["file"], examined, strict=True)
        if not item.size
    }
    readable = [item for item in examined if item.size]
    table = table[is_readable].reset_index(drop=True)
    if table.empty:
        raise InputError(f"no picture of {os.fspath(directory)!r} can be read: mend them")
    features = feature_cache.compute(
        extractor, preparation, list(table["path"]), cache=cache, watch=watch
    )
    hashes = copies.stack([item.hash for item in readable])
    groups = copies.group([item.digest for item in readable], hashes)
    network = f"{base.label}, {image_size} pixels"
    return LabelledFeatures(table, features, groups, network, unreadable)


def feature_means(model: keras.Model) -> keras.Model:
    """Return the model with the means of its feature maps as its output, one vector per picture.

    Of each of the last three resolutions the last map counts. The last map alone knows objects; the
    maps before it know strokes and textures, by which handwritings differ.

    Args:
        model: A functional model; an output that is no feature map is part of the vector.
    """
    maps = {}
    for layer in model.layers:
        output = getattr(layer, "output", None)
        is_map = isinstance(output, keras.KerasTensor) and len(output.shape) == 4
        if is_map and not isinstance(layer, _NO_RESOLUTION):
            maps.pop(output.shape[1:3], None)  # the order is that of the last maps
            maps[output.shape[1:3]] = output
    chosen = list(maps.values())[-RESOLUTIONS:]
    vectors = [keras.layers.GlobalAveragePooling2D()(output) for output in chosen]
    if len(model.outputs[0].shape) != 4 or not vectors:
        vectors.append(with_pooling(model).output)
    joined = keras.ops.concatenate(vectors, axis=-1) if len(vectors) > 1 else vectors[0]
    return keras.Model(model.inputs[0], joined, name=model.name)
