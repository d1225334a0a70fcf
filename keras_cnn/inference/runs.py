"""Runs side by side: their scores with a paired test, their costs, and how their recipes differ."""

import json
import os
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from keras_cnn import card
from keras_cnn.errors import InputError
from keras_cnn.i18n import N_
from keras_cnn.report import comparison, side_by_side

SCORES = {  # task -> key of its main score
    "classification": "accuracy",
    "regression": "mse",
    "detection": "map",
    "segmentation": "mean_iou",
}
_KINDS = {"recipe": dict, "notes": list, "sentence": str}  # of a report's entries
_OWN = ("out", "name", "resume", "workers", "cache")  # options that change no result
_ROUNDS, _PER_ROUND = 5, 4  # answers that are timed, of all networks in turns


def compare_runs(
    runs: Sequence[str | os.PathLike],
    *,
    out: str | os.PathLike | None = None,
    timed: bool = False,
    unsafe: bool = False,
) -> dict:
    """Put runs of one task side by side, each tested against the first.

    Args:
        runs: Folders of two or more finished runs.
        out: Folder for `comparison.html`, `.md` and `.csv`, and the figure `curves.png`; None
            writes nothing.
        timed: Whether to measure the time of an answer.
        unsafe: As in `card.load_model`.

    Returns:
        "task"; "score", the name of the score; "runs", a row for each: "name", "score", "interval",
        "test" (what `comparison.paired_test` returns, None for the first and where there is none),
        "parameters", "multiply_adds" of one picture, "seconds" of training and "milliseconds"
        (median of the network's answer to one picture; None unless `timed`); "recipes", the options
        that differ -> a value for each run; "notes", sentences.

    Raises:
        InputError: As in `reports`.
    """
    folders = [Path(run) for run in runs]
    contents = reports(folders)
    task = contents[0]["task"]
    key, notes, rows = SCORES[task], [], []
    costs = _costs(folders, timed=timed, unsafe=unsafe, notes=notes)
    for name, folder, report, cost in zip(_names(folders), folders, contents, costs, strict=True):
        seconds = report.get("seconds")
        row = {
            "name": name,
            "score": report["test"].get(key),
            "interval": report["test"].get("interval"),
            "test": None,
            "parameters": report.get("parameters"),
            "multiply_adds": cost["multiply_adds"],
            "seconds": seconds.get("train") if isinstance(seconds, dict) else seconds,
            "milliseconds": cost["milliseconds"],
        }
        rows.append(row)
        if len(rows) > 1 and task in comparison.PAIRED:
            row["test"] = _test((folders[0], folder), (rows[0], row), task=task, notes=notes)
    if task not in comparison.PAIRED:
        notes.append(N_(f"There is no paired test for {task}: compare the intervals."))
    elif len(rows) > 2:
        notes.append(
            N_(
                "Each run is tested against the first alone: of twenty runs that are as good as "
                "the first, one seems to differ."
            )
        )
    result = {
        "task": task,
        "score": comparison.NAMES[key],
        "runs": rows,
        "recipes": _differences([report.get("recipe") or {} for report in contents]),
        "notes": notes,
    }
    if out is not None:
        side_by_side.write(Path(out), result, folders)
    return result


def reports(runs: Sequence[str | os.PathLike]) -> list[dict]:
    """Read the reports of runs that are to be compared. It needs no Keras.

    Args:
        runs: Folders of two or more finished runs.

    Returns:
        The content of each `report.json`.

    Raises:
        InputError: There are fewer than two folders, a folder is no finished run or is named twice,
            or the runs have two tasks.
    """
    folders = [Path(run) for run in runs]
    if len(folders) < 2:
        raise InputError(
            f"two or more runs can be compared; received {', '.join(map(str, folders)) or 'none'}: "
            "name another"
        )
    places = [folder.resolve() for folder in folders]
    for number, place in enumerate(places):
        if place in places[:number]:
            raise InputError(f"{folders[number]} is named twice: name each run once")
    contents = [read_report(folder) for folder in folders]
    for folder, report in zip(folders, contents, strict=True):
        if report["task"] != contents[0]["task"]:
            raise InputError(
                f"runs of one task can be compared; {folders[0]} is a {contents[0]['task']}, "
                f"{folder} a {report['task']}: leave out either"
            )
    return contents


def read_report(folder: Path) -> dict:
    """Return the content of a run's `report.json`.

    Args:
        folder: Folder of the run.

    Raises:
        InputError: It is missing or no report.
    """
    try:
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        test = report["test"]
        numbers = test.get(SCORES[report["task"]]), *(test.get("interval") or ())
        if not all(number is None or isinstance(number, int | float) for number in numbers):
            raise ValueError
        if not all(isinstance(report.get(key) or kind(), kind) for key, kind in _KINDS.items()):
            raise ValueError
        return report
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = getattr(error, "strerror", None) or "it is no report of a run"
        raise InputError(
            f"{folder} must be the folder of a finished run; its report.json cannot be read "
            f"({reason}): check the path"
        ) from None


def _names(folders):
    """Return the folders' own names, or their paths where names repeat."""
    names = [folder.resolve().name for folder in folders]
    return names if len(set(names)) == len(names) else [str(folder) for folder in folders]


def _test(folders, rows, *, task, notes):
    """Return the paired test of two runs, or None with a note."""
    names = [row["name"] for row in rows]
    for row in rows:
        if row["score"] is None:
            notes.append(N_(f"There is no test of {names[1]}: {row['name']} has no score."))
            return None
    test = comparison.paired_test(*folders, task=task)
    if test is None:
        notes.append(
            N_(f"There is no test of {names[1]}: it was tested on other pictures than {names[0]}.")
        )
    return test


def _costs(folders, *, timed, unsafe, notes):
    """Return multiply-adds and milliseconds of each run's network, None where unknown."""
    from keras_cnn.explain import layer_table  # imports Keras

    costs, models = [], []
    for folder in folders:
        costs.append({"multiply_adds": None, "milliseconds": None})
        try:
            model = card.load_model(card.model_path(folder), unsafe=unsafe)
            costs[-1]["multiply_adds"] = layer_table.table(model).multiply_adds
        except (InputError, ValueError) as error:
            reason = str(error).rstrip(".")
            notes.append(N_(f"The costs of {folder} are unknown: {reason}."))
            continue
        if timed:
            models.append((model, costs[-1]))
    for (_, cost), seconds in zip(models, _seconds([each for each, _ in models]), strict=True):
        cost["milliseconds"] = 1000 * seconds
    return costs


def _seconds(models):
    """Time the networks' answers to one picture in turns; return the median of each."""
    pictures = [np.zeros([side or 1 for side in model.input_shape], "float32") for model in models]
    times = [[] for _ in models]
    for _ in range(_ROUNDS):
        for model, picture, seconds in zip(models, pictures, times, strict=True):
            model.predict_on_batch(picture)  # the first answer compiles, later ones fill the caches
            for _ in range(_PER_ROUND):
                started = time.perf_counter()
                model.predict_on_batch(picture)
                seconds.append(time.perf_counter() - started)
    return [statistics.median(seconds) for seconds in times]


def _differences(recipes):
    """Return the options that differ -> one value per run."""
    options = dict.fromkeys(name for recipe in recipes for name in recipe if name not in _OWN)
    values = {name: [recipe.get(name) for recipe in recipes] for name in options}
    return {name: each for name, each in values.items() if any(v != each[0] for v in each)}
