"""The files of a report: each is written beside its place and renamed, `report.json` last."""

import csv
import io
import itertools
import json
import math
import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from keras_cnn.errors import InputError
from keras_cnn.filesystem import write_atomically
from keras_cnn.report import figures, html


def contents(
    folder, facts: dict, task: str, test: dict, *, sentence: str, notes: Sequence[str] = ()
) -> dict:
    """Put together what `report.json` holds.

    Args:
        folder: Folder of the run.
        facts: As in `classification`.
        task: "classification", "regression" or "detection".
        test: The scores.
        sentence: The verdict.
        notes: Sentences on the scores.
    """
    told = []
    if facts.get("synthetic") is True:
        told.append(
            "Synthetic sample: drawn by code, so the score says nothing about real pictures."
        )
    elif facts.get("synthetic"):
        told.append(str(facts["synthetic"]))
    if facts.get("interrupted"):
        told.append("The training was interrupted: these are the scores of the weights so far.")
    if facts.get("skipped"):
        told.append(f"Pictures left out because they cannot be used: {len(facts['skipped']):,}.")
    if facts.get("runs"):
        told.append(facts["runs"]["sentence"])
    report = {"name": Path(folder).resolve().name, "task": task, **facts}
    report |= {
        "sentence": sentence,
        "notes": [*told, *notes, *facts.get("notes", [])],
        "test": test,
    }
    return _plain(report)


def write(
    folder,
    report: dict,
    *,
    history: dict[str, list],
    others: dict[str, bytes],
    plots: dict[str, tuple],
    galleries: list[tuple],
) -> dict:
    """Draw and write everything, `report.json` last.

    Args:
        folder: Folder of the run; made if it is missing.
        report: What `report.json` holds.
        history: One list per quantity and epoch.
        others: File names to what else is written.
        plots: File names to what draws them, called with `dark` and `parts`, and the parts that
            are pictures of their own on the page, where they are more than one.
        galleries: As in `page.render`.

    Returns:
        `report`.

    Raises:
        InputError: If the folder cannot be written.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot make the folder {folder}: {error.strerror}; choose another with --out"
        ) from error
    for name, content in ({"history.csv": _history(history)} | others).items():
        put(folder / name, content)
    shown = []
    for name, (draw, parts) in plots.items():
        whole = draw()
        put(folder / name, whole)
        heading = name.removesuffix(".png").replace("_", " ").capitalize()
        # On the page each part is a picture of its own: two side by side are small on a phone.
        draws = [partial(draw, parts=[part]) for part in parts] if len(parts) > 1 else []
        images = [(heading, drawn(), drawn(dark=True)) for drawn in draws]
        shown.append((heading, images or [(heading, whole, draw(dark=True))]))
    content = html.render(report, plots=shown, galleries=galleries)
    put(folder / "report.html", _encode(content))
    content = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False)
    put(folder / "report.json", _encode(content + "\n"))
    return report


def put(path: Path, content: bytes):
    """Write a file, so that a reader never meets half of it.

    Args:
        path: Where it goes.
        content: Its bytes.

    Raises:
        InputError: If the path cannot be written.
    """
    try:
        with write_atomically(path) as beside:
            beside.write_bytes(content)
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror}; choose another folder with --out"
        ) from error


def _encode(text):
    # A file name that is no valid UTF-8 reaches Python as lone surrogates; escape, never fail.
    return text.encode("utf-8", "backslashreplace")


def _history(history):
    # Columns differ in length where an epoch was interrupted before its validation.
    epochs = itertools.zip_longest(itertools.count(1), *history.values(), fillvalue="")
    rows = itertools.islice(epochs, max(map(len, history.values()), default=0))
    return table(("epoch", *history), rows)


def table(head: Sequence, rows: Iterable) -> bytes:
    """Return a table as the bytes of a CSV file.

    Args:
        head: Names of the columns.
        rows: Cells of each row.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerows([head, *rows])
    return _encode(buffer.getvalue())


def _plain(value):
    """Turn a value into what JSON can hold; what is not a finite number becomes None."""
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_plain(part) for part in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return str(value)


WORST = 10  # mistakes shown


def sentence(report: dict) -> str:
    """Say for the terminal whether a run's score is good, with its groups and its notes."""
    return "\n".join([report["sentence"], *report["notes"]])


def curves(history: dict[str, list], facts: dict, **options) -> tuple:
    """Return what draws the curves of a training, and its parts, as `write` takes plots.

    Args:
        history: One list per quantity and epoch.
        facts: As in `classification`.
        **options: For `figures.curves`.
    """
    draw = partial(figures.curves, history, best_epoch=facts.get("best_epoch"), **options)
    return draw, figures.curves_parts(history)


def write_answers(
    folder,
    report: dict,
    *,
    history: dict[str, list],
    rows: list[tuple],
    plots: dict[str, tuple],
    samples: list | None,
    mistakes: tuple[str, list],
) -> dict:
    """Write the report of a network that gives one answer per picture.

    Args:
        folder: Folder of the run.
        report: What `report.json` holds.
        history: One list per quantity and epoch.
        rows: Cells of each picture: file, truth, prediction, probability.
        plots: As in `write`.
        samples: (picture, title) of training pictures.
        mistakes: Heading of the gallery of mistakes, and its items.

    Returns:
        `report`.
    """
    samples = (samples or [])[: figures.GRID[0] * figures.GRID[1]]
    title, worst = mistakes
    others = {
        "predictions.csv": table(("file", "truth", "prediction", "probability"), rows),
        "mistakes.png": figures.pictures(worst, title=title) if worst else figures.sentence(title),
    }
    galleries = [(title, worst)]
    if samples:
        shown = [(array, label, "") for array, label in samples]
        others["samples.png"] = figures.pictures(shown)
        galleries.append(("Training pictures", shown))
    return write(folder, report, history=history, others=others, plots=plots, galleries=galleries)


def names_of(filepaths: Sequence) -> list[str]:
    """Return the paths below their common folder: the same on every machine.

    Args:
        filepaths: Paths of the pictures.
    """
    paths = [Path(path) for path in filepaths]
    try:
        top = os.path.commonpath([path.parent for path in paths])
    except ValueError:  # absolute beside relative, or two drives: nothing in common
        return [path.as_posix() for path in paths]
    return [path.relative_to(top).as_posix() for path in paths]


def picture_or_none(picture: Callable, index: int) -> np.ndarray | None:
    """Return a picture as an array, or None where its file is gone or damaged since.

    Args:
        picture: Gives the picture of an index.
        index: The index.
    """
    try:
        return np.asarray(picture(int(index)))
    except (OSError, ValueError, Image.DecompressionBombError):
        return None


def open_picture(filepaths: Sequence, index: int) -> Image.Image:
    """Return a picture in RGB, upright, large JPEGs reduced.

    Args:
        filepaths: Paths of the pictures.
        index: Which one.
    """
    with Image.open(filepaths[index]) as image:
        image.draft("RGB", (640, 640))
        return ImageOps.exif_transpose(image).convert("RGB")
