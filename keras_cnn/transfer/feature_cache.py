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

from keras_cnn.card import Card
from keras_cnn.errors import InputError
from keras_cnn.images import files
from keras_cnn.images.preparation import Preparation
from keras_cnn.inference.predictor import Predictor

_BATCH = 32


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
    found = np.empty((len(paths), *model.output_shape[1:]), np.float32)
    predictor = Predictor(model, Card(task="regression"), preparation)
    if cache is None:
        for row, (_, answer) in enumerate(predictor.stream(paths, batch_size=_BATCH)):
            found[row] = answer.scores
        return found
    base = _digest_of_model(model, preparation)
    with ThreadPoolExecutor(files.cores()) as pool:
        keys = list(pool.map(_digest_of_file, paths))
    try:
        Path(cache).parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(cache, timeout=60)) as table:
            _look_up_or_compute(table, predictor, base, paths, keys, found)
    except (sqlite3.Error, OSError) as error:
        raise InputError(
            f"the cache of features {os.fspath(cache)!r} cannot be used ({error}): delete it, or "
            "name another"
        ) from error
    return found


def _look_up_or_compute(table, predictor, base, paths, keys, found):
    table.execute(
        "CREATE TABLE IF NOT EXISTS codes "
        "(base BLOB, picture BLOB, code BLOB, PRIMARY KEY (base, picture)) WITHOUT ROWID"
    )
    missing = []
    for row, key in enumerate(keys):
        known = table.execute(
            "SELECT code FROM codes WHERE base = ? AND picture = ?", (base, key)
        ).fetchone()
        if known and len(known[0]) == found[row].nbytes:
            found[row] = np.frombuffer(known[0], np.float32)
        else:
            missing.append(row)
    new = []
    answers = predictor.stream([paths[row] for row in missing], batch_size=_BATCH)
    for row, (_, answer) in zip(missing, answers, strict=True):
        found[row] = answer.scores
        new.append((base, keys[row], found[row].tobytes()))
        if len(new) == 8 * _BATCH:  # what is computed is kept, whatever comes
            _keep(table, new)
            new = []
    _keep(table, new)


def _keep(table, rows):
    with table:
        table.executemany("INSERT OR REPLACE INTO codes VALUES (?, ?, ?)", rows)


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
