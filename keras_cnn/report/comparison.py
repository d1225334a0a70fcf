"""Compare runs by their scores: one recipe with several seeds, or two runs on one test set."""

import csv
import os
import statistics
from collections import Counter
from pathlib import Path

import numpy as np

from keras_cnn.errors import InputError
from keras_cnn.i18n import N_
from keras_cnn.report import scores

PAIRED = ("classification", "regression")  # tasks with a paired test
NAMES = {  # main score of each task -> its name in sentences
    "accuracy": N_("accuracy"),
    "mse": N_("mean squared error"),
    "map": N_("mean average precision"),
    "mean_iou": N_("mean IoU"),
}


def summarize_runs(reports: list[dict], *, unit: str = "run") -> dict:
    """Return mean and standard deviation of the test scores of runs that differ in their seed.

    The standard deviation is that of the sample (divided by runs − 1), None for a single run. It
    shows how much the score depends on the seed; the interval of each run shows how much it depends
    on the choice of test pictures.

    Args:
        reports: Content of `report.json` of each run.
        unit: What a run is called in the sentence: "run" or "fold".

    Returns:
        `runs` (their number), `sentence`, and for each score that all runs have `mean`, `std` and
        `values`.

    Raises:
        ValueError: If there are no reports, or reports of two tasks.
    """
    if not reports or len({report["task"] for report in reports}) != 1:
        raise ValueError(
            "reports must hold one or more runs of one task; received "
            f"{[report['task'] for report in reports]}"
        )
    keys = ("accuracy", "top5", "loss", "mse", "mae", "r2")
    keys += ("map", "map_voc07", "map_coco", "map_coco50", "map_coco75", "mean_iou")
    summary = {"runs": len(reports)}
    for key in keys:
        values = [report["test"].get(key) for report in reports]
        if None in values:
            continue
        deviation = statistics.stdev(values) if len(values) > 1 else None
        summary[key] = {"mean": statistics.fmean(values), "std": deviation, "values": values}
    key = next((key for key in NAMES if key in summary), None)
    if key is None:
        summary["sentence"] = N_("A run without a score has no mean: see the reports of the runs.")
        return summary
    mean, deviation = summary[key]["mean"], summary[key]["std"]
    number = len(reports)
    runs = {
        "run": N_("1 run") if number == 1 else N_(f"{number:d} runs"),
        "fold": N_("1 fold") if number == 1 else N_(f"{number:d} folds"),
    }[unit]
    summary["sentence"] = N_(f"{runs}: {NAMES[key]} {mean:.4f}")
    if deviation is not None:
        summary["sentence"] = N_(f"{runs}: {NAMES[key]} {mean:.4f} ± {deviation:.4f}")
    return summary


def compare(run_a, run_b) -> dict:
    """Compare two classifiers on the same test set with McNemar's exact test.

    Only pictures that one classifier gets right and the other wrong count. If both were equally
    good, each of these would be equally likely to be right for either of them.

    Args:
        run_a: Folder of a run, which holds `predictions.csv`.
        run_b: Folder of the other run.

    Returns:
        `samples`, `accuracy` (of both), `both_right`, `only_a`, `only_b`, `both_wrong`, `p_value`
        (two-sided) and `sentence`.

    Raises:
        InputError: If a run has no predictions of a classifier, or the test sets differ.
    """
    rows_a, rows_b = _predictions(run_a), _predictions(run_b)
    if [row[:2] for row in rows_a] != [row[:2] for row in rows_b]:
        raise InputError(
            f"{run_a} and {run_b} were not tested on the same pictures with the same labels; test "
            "both on one test set to compare them"
        )
    outcomes = Counter(
        (truth == prediction_a, truth == prediction_b)
        for (_, truth, prediction_a), (_, _, prediction_b) in zip(rows_a, rows_b, strict=True)
    )
    samples = len(rows_a)
    both, only_a, only_b = outcomes[True, True], outcomes[True, False], outcomes[False, True]
    p_value = scores.mcnemar(only_a, only_b)
    better = run_a if only_a > only_b else run_b
    is_significant = p_value < 1 - scores.CONFIDENCE
    conclusion = N_("no difference is shown")
    if is_significant:
        conclusion = N_(f"{better} is better")
    return {
        "samples": samples,
        "accuracy": [(both + only_a) / samples, (both + only_b) / samples],
        "both_right": both,
        "only_a": only_a,
        "only_b": only_b,
        "both_wrong": outcomes[False, False],
        "p_value": p_value,
        "sentence": N_(
            f"Of {samples:,} test pictures only {run_a} gets {only_a:,} right and only {run_b} "
            f"{only_b:,}: {conclusion} (McNemar's exact test, p = {p_value:.2g})."
        ),
    }


def paired_test(first: str | os.PathLike, other: str | os.PathLike, *, task: str) -> dict | None:
    """Test whether a run differs from the first on the same test pictures.

    Two classifiers are compared by McNemar's exact test, two regressions by the 95 % bootstrap
    interval of the mean difference of their squared errors.

    Args:
        first: Folder of the first run, which holds `predictions.csv`.
        other: Folder of the other run.
        task: Task of both.

    Returns:
        "difference" of the scores, other − first; its "difference_interval" (a regression) or
        "p_value" (a classifier), the other None; "verdict": "better", "worse" or "no difference
        shown". None where the runs were tested on different pictures.

    Raises:
        InputError: A run has no predictions.
        ValueError: The task has no paired test.
    """
    if task not in PAIRED:
        raise ValueError(f"task must be one of {PAIRED}; received {task!r}")
    rows = [_rows(run) for run in (first, other)]
    if _pictures(rows[0]) != _pictures(rows[1]):
        return None
    if task == "classification":
        result = compare(first, other)
        difference = result["accuracy"][1] - result["accuracy"][0]
        bounds, p_value = None, result["p_value"]
        is_shown, is_better = p_value < 1 - scores.CONFIDENCE, difference > 0
    else:
        errors = [_squared_errors(table) for table in rows]
        difference = float(np.mean(errors[1] - errors[0]))
        bounds, p_value = scores.bootstrap(errors[1] - errors[0]), None
        is_shown = bounds is not None and scores.verdict(bounds, 0.0) != "around"
        is_better = difference < 0
    verdict = "no difference shown"
    if is_shown:
        verdict = "better" if is_better else "worse"
    return {
        "difference": difference,
        "difference_interval": bounds,
        "p_value": p_value,
        "verdict": verdict,
    }


def _rows(run):
    """Return the rows of a run's predictions, sorted by file."""
    path = Path(run) / "predictions.csv"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}; give the folder of a finished run"
        ) from error
    return sorted(rows, key=lambda row: tuple(map(str, row.values())))


def _pictures(rows):
    return [(row["file"], row["truth"]) for row in rows]


def _squared_errors(rows):
    return np.array([(float(row["prediction"]) - float(row["truth"])) ** 2 for row in rows])


def _predictions(run):
    """Return (file, truth, prediction) of a classifier's test pictures, sorted."""
    rows = _rows(run)
    if not rows or not all(row.get("probability") for row in rows):
        raise InputError(
            f"{Path(run) / 'predictions.csv'} holds no predictions of a classifier; compare two "
            "classifiers"
        )
    return [(row["file"], row["truth"], row["prediction"]) for row in rows]
