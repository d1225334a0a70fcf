"""The files of a report. Each is written whole, `report.json` last."""

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
from keras_cnn.i18n import N_, _, translated
from keras_cnn.report import canvas, figures, html, names

GALLERY_SIZE = 10  # mistakes shown


def contents(
    folder, facts: dict, task: str, test: dict, *, sentence: str, notes: Sequence[str] = ()
) -> dict:
    """Return the content of `report.json`.

    Args:
        folder: Folder of the run.
        facts: As in `classification`.
        task: "classification", "regression", "detection" or "segmentation".
        test: The scores.
        sentence: The verdict.
        notes: Sentences on the scores.
    """
    warnings = []
    if facts.get("synthetic") is True:
        warnings.append(
            N_("Synthetic sample: drawn by code, so the score says nothing about real pictures.")
        )
    elif facts.get("synthetic"):
        warnings.append(str(facts["synthetic"]))
    if facts.get("interrupted"):
        warnings.append(
            N_("The training was interrupted: these are the scores of the weights so far.")
        )
    if facts.get("skipped"):
        number = len(facts["skipped"])
        warnings.append(N_(f"Pictures left out because they cannot be used: {number:,}."))
    if facts.get("runs"):
        warnings.append(facts["runs"]["sentence"])
    report = {"name": Path(folder).resolve().name, "task": task, **facts}
    report |= {
        "sentence": sentence,
        "notes": [*warnings, *notes, *facts.get("notes", [])],
        "test": test,
    }
    return _for_json(report)


def sentence(report: dict) -> str:
    """Return the verdict of a run with its groups and notes, for a reader at a terminal.

    Args:
        report: Content of `report.json`.
    """
    sentences = [report["sentence"], *report["notes"]]
    return _encode("\n".join(map(translated, sentences))).decode("utf-8")


def write_predictions(
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
        report: Content of `report.json`.
        history: One list per quantity and epoch.
        rows: Cells of each picture: file, truth, prediction, probability.
        plots: As in `write`.
        samples: (picture, title) of training pictures.
        mistakes: Heading of the gallery of mistakes, and its items.

    Returns:
        `report`.
    """
    title, items = mistakes
    others = {
        "predictions.csv": table(("file", "truth", "prediction", "probability"), rows),
        "mistakes.png": figures.pictures(items, title=title) if items else figures.sentence(title),
    }
    galleries = [(title, items)]
    if samples:
        training = [(picture, label, "") for picture, label in samples[: math.prod(figures.GRID)]]
        others["samples.png"] = figures.pictures(training)
        galleries.append((_("Training pictures"), training))
    return write(folder, report, history=history, others=others, plots=plots, galleries=galleries)


def write(
    folder,
    report: dict,
    *,
    history: dict[str, list],
    others: dict[str, bytes],
    plots: dict[str, tuple],
    galleries: list[tuple],
) -> dict:
    """Draw the figures and write all files, `report.json` last.

    Args:
        folder: Folder of the run; made if it is missing.
        report: Content of `report.json`.
        history: One list per quantity and epoch.
        others: File name -> bytes of the files that only this task has.
        plots: File name -> (function, panels). The function draws the figure and takes `dark` and,
            for a figure of several panels, `parts`: the panels to draw. The page shows each panel
            as a picture of its own, because side by side they are too small on a phone.
        galleries: As in `html.render`.

    Returns:
        `report`.

    Raises:
        InputError: If the folder cannot be written.
    """
    folder = Path(folder)
    put(folder, {"history.csv": _history(history)} | others)
    shown = []
    for name, (draw, panels) in plots.items():
        heading = names.heading(name.removesuffix(".png"))
        options = [{"parts": [panel]} for panel in panels] if len(panels) > 1 else [{}]
        images = [(heading, draw(**each), draw(**each, dark=True)) for each in options]
        put(folder, {name: canvas.beside([light for _, light, _ in images])})
        shown.append((heading, images))
    page = html.render(report, plots=shown, galleries=galleries)
    content = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False)
    put(folder, {"report.html": page, "report.json": content + "\n"})
    return report


def put(folder: Path, contents: dict[str, bytes | str]) -> None:
    """Make a folder and write files into it, each whole.

    Args:
        folder: The folder.
        contents: File name -> content.

    Raises:
        InputError: The folder cannot be written.
    """
    path = folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            path = folder / name
            with write_atomically(path) as partial_path:
                partial_path.write_bytes(_encode(content) if isinstance(content, str) else content)
    except OSError as error:
        action = "make the folder" if path == folder else "write"
        raise InputError(
            f"cannot {action} {path}: {error.strerror}; choose another folder with --out"
        ) from error


def curves(history: dict[str, list], facts: dict, **options) -> tuple:
    """Return the entry of `write`'s plots that draws the curves of a training.

    Args:
        history: One list per quantity and epoch.
        facts: As in `classification`.
        **options: For `figures.curves`.
    """
    draw = partial(figures.curves, history, best_epoch=facts.get("best_epoch"), **options)
    return draw, figures.curves_parts(history)


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


def relative_names(filepaths: Sequence) -> list[str]:
    """Return the paths below their common folder: the same on every machine.

    Args:
        filepaths: Paths of the pictures.
    """
    paths = [Path(path) for path in filepaths]
    try:
        top = os.path.commonpath([path.parent for path in paths])
    except ValueError:  # absolute and relative paths, or two drives: no common folder
        return [path.as_posix() for path in paths]
    return [path.relative_to(top).as_posix() for path in paths]


def picture_or_none(picture: Callable, index: int) -> np.ndarray | None:
    """Return a picture as an array, or None if its file has been removed or damaged.

    Args:
        picture: Function that returns the picture of an index.
        index: The index.
    """
    try:
        return np.asarray(picture(int(index)))
    except (OSError, ValueError, Image.DecompressionBombError):
        return None


def open_picture(filepaths: Sequence, index: int) -> Image.Image:
    """Return a picture in RGB, upright; a large JPEG is decoded at a lower resolution.

    Args:
        filepaths: Paths of the pictures.
        index: Which of them to open.
    """
    with Image.open(filepaths[index]) as image:
        image.draft("RGB", (640, 640))
        return ImageOps.exif_transpose(image).convert("RGB")


def _encode(text):
    # Names of files and classes that are not UTF-8 reach Python as lone surrogates: escape them.
    return text.encode("utf-8", "backslashreplace")


def _history(history):
    # Columns differ in length if an epoch was interrupted before its validation.
    epochs = itertools.zip_longest(itertools.count(1), *history.values(), fillvalue="")
    rows = itertools.islice(epochs, max(map(len, history.values()), default=0))
    return table(("epoch", *history), rows)


def _for_json(value):
    """Return a value with JSON's types only; numbers that are not finite become None."""
    if isinstance(value, dict):
        return {str(key): _for_json(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_for_json(entry) for entry in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _for_json(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return str(value)
