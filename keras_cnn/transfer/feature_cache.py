"""Features of pictures, computed once and stored on disk."""

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
    """Return a model's output for each picture; take it from the cache if it is there.

    The key of a picture is its content, not its name or date. The key of a model is its layers, its
    weights and the preparation. A picture that was moved is found, a picture that was changed is
    computed again. Several processes may share a cache.

    Args:
        model: A model that returns a vector for each picture.
        preparation: How pictures become its input.
        paths: The pictures.
        cache: An SQLite file, made if it is missing; None stores nothing.

    Returns:
        float32 (pictures, features).

    Raises:
        InputError: A picture cannot be read, or the cache is no SQLite file or cannot be written.
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
    """Return the key of a model, without names: Keras numbers them differently in each process."""
    kinds = [
        (type(layer).__name__, [list(weight.shape) for weight in layer.weights])
        for layer in model._flatten_layers()
    ]
    content = [kinds, _config(model), preparation.to_dict(), np.dtype(np.float32).str]
    digest = hashlib.sha256(json.dumps(content, default=str).encode())
    for weight in model.get_weights():
        digest.update(np.ascontiguousarray(weight))
    return digest.digest()


def _config(model):
    """Return the options of each layer that change its output."""
    skipped = ("name", "trainable", "build_config", "batch_shape", "layers", "input_layers")
    return [
        {key: value for key, value in layer.get_config().items() if key not in skipped}
        for layer in model._flatten_layers()
        if not isinstance(layer, keras.Model)
    ]
