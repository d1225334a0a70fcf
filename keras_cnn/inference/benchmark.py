"""Compare the exports of a run with its Keras model: size, speed and accuracy."""

import functools
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from keras_cnn.errors import InputError
from keras_cnn.i18n import N_
from keras_cnn.images import files
from keras_cnn.inference import labelled
from keras_cnn.inference.exported import ENGINES, Exported, check_age, find_all
from keras_cnn.inference.formats import RUNTIMES, check_package
from keras_cnn.inference.predictor import Predictor
from keras_cnn.inference.trial import paired, right

ROUNDS = 5  # each model is timed in turns, so that a busy moment does not hit one of them only
_PICTURES = 10  # per round
_BATCH = 32


def benchmark(
    run: str | os.PathLike,
    *,
    data: str | os.PathLike | None = None,
    unsafe: bool = False,
    on_note: Callable[[str], None] = lambda note: None,
) -> list[dict]:
    """Measure a run's Keras model and each of its exports.

    Args:
        run: Folder of the run, or a `.keras` file.
        data: Folder of the pictures; by default that of the training. The test pictures are scored,
            else the validation pictures, else all pictures, with a note that the model was trained
            on most of them.
        unsafe: As in `card.load_model`.
        on_note: Takes that note, and a sentence for each export that is left out: outdated, or
            without its runtime.

    Returns:
        A row per model and number of threads: "format", "precision", "threads", "bytes", "p50_ms"
        and "p95_ms" of one picture, "pictures_per_second" in batches of 32, "accuracy", "pictures",
        and "p_value" of McNemar's exact test against Keras (None for Keras itself). Reading the
        pictures is not part of the times.

    Raises:
        InputError: The model is no classifier, or there are no pictures.
    """
    predictor = Predictor.load(run, unsafe=unsafe)
    if predictor.card.task != "classification":
        raise InputError(
            f"benchmark compares classifiers; {run} is a model for {predictor.card.task}: time it "
            "with your own pictures"
        )
    folder = labelled.folder_of(predictor.card, data)
    labels = labelled.test_pictures(predictor.card, folder)
    if note := labelled.training_note(predictor.card, data):
        on_note(note)
    rights = right(predictor, labels)
    if not rights:
        raise InputError(f"no picture in {folder} can be read: name another folder by --data")
    paths = list(rights)[:_BATCH]
    pixels = np.stack([predictor.preparation.read(path) for path in paths])
    rows = [_row("keras", "float32", files.cores(), _keras_file(run), rights, rights)]
    answers = [functools.partial(_answer, predictor.scores, pixels)]
    for engine in ENGINES:
        for precision, path in find_all(run, engine=engine).items():
            try:
                check_package(RUNTIMES[engine], needed_by=f"benchmark of {engine}")
                check_age(path, run)
            except InputError as error:
                on_note(N_(f"{path.parent.name} is left out: {error}"))
                continue
            exported = Exported.load(path)
            own = right(exported, labels)
            row = _row(engine, precision, 1, path, rights, own)
            its_pixels = np.stack([exported.read(picture) for picture in list(own)[:_BATCH]])
            for threads in sorted({1, files.cores()}):
                rows.append(row | {"threads": threads})
                model = Exported.load(path, threads=threads)
                answers.append(functools.partial(_answer, model.run, its_pixels))
    for row, times in zip(rows, _times(answers), strict=True):
        row |= times
    return rows


def _answer(scores, pixels, start, stop):
    """Return the seconds of one answer to the pictures from start to stop."""
    batch = np.take(pixels, range(start, stop), axis=0, mode="wrap")
    began = time.perf_counter()
    scores(batch)
    return time.perf_counter() - began


def _times(answers):
    """Time all models in turns; return the figures of each."""
    single, batched = [[] for _ in answers], [[] for _ in answers]
    for round in range(ROUNDS):
        for number, answer in enumerate(answers):
            answer(0, 1)  # a new shape is prepared at its first picture
            first = round * _PICTURES
            single[number] += [answer(first + k, first + k + 1) for k in range(_PICTURES)]
    for _ in range(3):
        for number, answer in enumerate(answers):
            answer(0, _BATCH)
            batched[number].append(answer(0, _BATCH))
    return [
        {
            "p50_ms": 1000 * float(np.percentile(seconds, 50)),
            "p95_ms": 1000 * float(np.percentile(seconds, 95)),
            "pictures_per_second": _BATCH / float(np.median(of_batches)),
        }
        for seconds, of_batches in zip(single, batched, strict=True)
    ]


def _row(format, precision, threads, path, rights, own):
    result = paired(rights, own)
    return {
        "format": format,
        "precision": precision,
        "threads": threads,
        "bytes": os.path.getsize(path),
        "accuracy": result["accuracy"][1],
        "pictures": result["pictures"],
        "p_value": None if own is rights else result["p_value"],
    }


def _keras_file(run):
    return Path(run, "model.keras") if os.path.isdir(run) else Path(run)
