"""Features of pictures, computed once and stored on disk."""

import contextlib
import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np

from keras_cnn import filesystem
from keras_cnn.errors import InputError
from keras_cnn.images import files, streaming
from keras_cnn.images.preparation import Preparation

_BATCH = 32
_STORED_AT_ONCE = 256  # rows of one transaction


def shared_file() -> Path:
    """Return the cache that commands share, in Keras' folder."""
    return filesystem.keras_home() / "keras_cnn" / "codes.sqlite"


def compute(
    model: keras.Model,
    preparation: Preparation,
    paths: Sequence[str | os.PathLike],
    *,
    cache: str | os.PathLike | None = None,
    on_error: Callable[[str, InputError], None] | None = None,
    watch: Callable[[Iterable, int], Iterable] = lambda items, total: items,
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
        on_error: Called with a picture that cannot be read and the reason; its row is then NaN.
            None raises.
        watch: Called with the pictures to compute and their number; yields them, for a progress
            bar.

    Returns:
        float32 (pictures, features).

    Raises:
        InputError: A picture cannot be read and `on_error` is None, or the cache is no SQLite file
            or cannot be written.
    """
    paths = [os.fspath(path) for path in paths]
    features = np.full((len(paths), *model.output_shape[1:]), np.nan, np.float32)

    def vectors(rows):
        """Yield rows and the model's output for their pictures, in order."""

        def leave_out(row, error):
            on_error(paths[row], error)

        batches = streaming.batches(
            rows,
            lambda row: preparation.read(paths[row]),
            batch_size=_BATCH,
            on_error=on_error and leave_out,
        )
        for batch, pixels in batches:
            outputs = model.predict_on_batch(preparation.scale(np.stack(pixels)))
            yield from zip(batch, np.asarray(outputs), strict=True)

    if cache is None:
        for row, vector in watch(vectors(range(len(paths))), len(paths)):
            features[row] = vector
        return features
    network = _digest_of_model(model, preparation)
    with ThreadPoolExecutor(files.cores()) as pool:
        pictures = list(pool.map(_digest_of_file, paths))
    try:
        Path(cache).parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(cache, timeout=60)) as database:
            missing = _look_up(database, network, pictures, features)
            stored = _stored(database, network, pictures, vectors(missing))
            for row, vector in watch(stored, len(missing)):
                features[row] = vector
    except (sqlite3.Error, OSError) as error:
        raise InputError(
            f"the cache of features {os.fspath(cache)!r} cannot be used ({error}): delete it, or "
            "name another"
        ) from error
    return features


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


def _stored(database, network, pictures, vectors):
    """Yield rows and vectors, and store them as they come: an interrupted run keeps its work."""
    pending = []
    for row, vector in vectors:
        pending.append((network, pictures[row], np.asarray(vector, np.float32).tobytes()))
        if len(pending) == _STORED_AT_ONCE:
            _insert(database, pending)
            pending = []
        yield row, vector
    _insert(database, pending)


def _insert(database, rows):
    with database:
        database.executemany("INSERT OR REPLACE INTO codes VALUES (?, ?, ?)", rows)


def _digest_of_file(path):
    """Return the hash of a file; None if it cannot be opened, which reading it will report."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return None


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
