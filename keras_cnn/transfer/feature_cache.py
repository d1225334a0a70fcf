"""Features of pictures, computed once and remembered on disk."""

import contextlib
import hashlib
import json
import os
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np

from keras_cnn.errors import InputError
from keras_cnn.images import files, streaming
from keras_cnn.images.preparation import Preparation

_BATCH = 32
_STORED_AT_ONCE = 256  # rows of one transaction


def compute(
    model: keras.Model,
    preparation: Preparation,
    paths: Sequence[str | os.PathLike],
    *,
    cache: str | os.PathLike | None = None,
) -> np.ndarray:
    """Return a model's output for each picture, from the cache where it is known.

    What counts is the content of a picture, not its name or date, and of the model its layers and
    weights: a picture moved is known, a picture changed is not. Several processes may share a
    cache.

    Args:
        model: From pictures to one vector each.
        preparation: How pictures become its input.
        paths: The pictures.
        cache: An SQLite file, made where it is missing; None remembers nothing.

    Returns:
        float32 (pictures, features).

    Raises:
        InputError: A picture cannot be read, or the cache is no SQLite file.
    """
    paths = [os.fspath(path) for path in paths]
    features = np.empty((len(paths), *model.output_shape[1:]), np.float32)
    if cache is None:
        for row, vector in enumerate(_vectors(model, preparation, paths)):
            features[row] = vector
        return features
    network = _digest_of_model(model, preparation)
    with ThreadPoolExecutor(files.cores()) as pool:
        pictures = list(pool.map(_digest_of_file, paths))
    try:
        Path(cache).parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(cache, timeout=60)) as database:
            missing = _look_up(database, network, pictures, features)
            vectors = _vectors(model, preparation, [paths[row] for row in missing])
            keys = [(network, pictures[row]) for row in missing]
            for row, vector in zip(missing, _stored(database, keys, vectors), strict=True):
                features[row] = vector
    except (sqlite3.Error, OSError) as error:
        raise InputError(
            f"the cache of features {os.fspath(cache)!r} cannot be used ({error}): delete it, or "
            "name another"
        ) from error
    return features


def _vectors(model, preparation, paths):
    """Yield the model's output for each picture, in order."""
    for _, pixels in streaming.batches(paths, preparation.read, batch_size=_BATCH):
        yield from np.asarray(model.predict_on_batch(preparation.scale(np.stack(pixels))))


def _look_up(database, network, pictures, features):
    """Fill the rows of `features` that are in the cache; return the numbers of the others."""
    database.execute(
        "CREATE TABLE IF NOT EXISTS codes "
        "(base BLOB, picture BLOB, code BLOB, PRIMARY KEY (base, picture)) WITHOUT ROWID"
    )
    missing = []
    for row, picture in enumerate(pictures):
        stored = database.execute(
            "SELECT code FROM codes WHERE base = ? AND picture = ?", (network, picture)
        ).fetchone()
        if stored and len(stored[0]) == features[row].nbytes:
            features[row] = np.frombuffer(stored[0], np.float32)
        else:
            missing.append(row)
    return missing


def _stored(database, keys, vectors):
    """Yield vectors and store them as they come, so that an interrupted run keeps its work."""
    rows = []
    for key, vector in zip(keys, vectors, strict=True):
        rows.append((*key, np.asarray(vector, np.float32).tobytes()))
        if len(rows) == _STORED_AT_ONCE:
            _insert(database, rows)
            rows = []
        yield vector
    _insert(database, rows)


def _insert(database, rows):
    with database:
        database.executemany("INSERT OR REPLACE INTO codes VALUES (?, ?, ?)", rows)


def _digest_of_file(path):
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise InputError(
            f"cannot read picture {path!r}: {(error.strerror or str(error)).lower()}; mend or "
            "remove it"
        ) from error


def _digest_of_model(model, preparation):
    """Names are left out: Keras numbers them anew in every process."""
    kinds = [
        (type(layer).__name__, [list(weight.shape) for weight in layer.weights])
        for layer in model._flatten_layers()
    ]
    told = [kinds, _config(model), preparation.to_dict(), np.dtype(np.float32).str]
    digest = hashlib.sha256(json.dumps(told, default=str).encode())
    for weight in model.get_weights():
        digest.update(np.ascontiguousarray(weight))
    return digest.digest()


def _config(model):
    """Each layer's options that change what it computes."""
    skipped = ("name", "trainable", "build_config", "batch_shape", "layers", "input_layers")
    return [
        {key: value for key, value in layer.get_config().items() if key not in skipped}
        for layer in model._flatten_layers()
        if not isinstance(layer, keras.Model)
    ]
