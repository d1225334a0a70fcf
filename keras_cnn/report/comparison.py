"""Compare runs: one recipe with several seeds, or two classifiers on one test set."""

import csv
import statistics
from collections import Counter
from pathlib import Path

from keras_cnn.errors import InputError
from keras_cnn.report import scores

NAMES = {  # main score of each task -> its name in sentences
    "accuracy": "accuracy",
    "mse": "mean squared error",
    "map": "mean average precision",
    "mean_iou": "mean IoU",
}


def summarize_runs(reports: list[dict], *, unit: str = "run") -> dict:
    """Return mean and standard deviation of the test scores of runs that differ in their seed.

    The standard deviation is that of the sample (divided by runs − 1), None for a single run. It
    shows how much the score depends on the seed; the interval of each run shows how much it depends
    on the choice of test pictures.

    Args:
        reports: Content of `report.json` of each run.
        unit: What a run is called in the sentence, such as "fold".

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
        summary["sentence"] = "A run without a score has no mean: see the reports of the runs."
        return summary
    mean, deviation = summary[key]["mean"], summary[key]["std"]
    runs = f"1 {unit}" if len(reports) == 1 else f"{len(reports)} {unit}s"
    spread = "" if deviation is None else f" ± {deviation:.4f}"
    summary["sentence"] = f"{runs}: {NAMES[key]} {mean:.4f}{spread}"
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
    conclusion = f"{better} is better" if is_significant else "no difference is shown"
    return {
        "samples": samples,
        "accuracy": [(both + only_a) / samples, (both + only_b) / samples],
        "both_right": both,
        "only_a": only_a,
        "only_b": only_b,
        "both_wrong": outcomes[False, False],
        "p_value": p_value,
        "sentence": (
            f"Of {samples:,} test pictures only {run_a} gets {only_a:,} right and only {run_b} "
            f"{only_b:,}: {conclusion} (McNemar's exact test, p = {p_value:.2g})."
        ),
    }


def _predictions(run):
    """Return (file, truth, prediction) of a run's test pictures, sorted."""
    path = Path(run) / "predictions.csv"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}; give the folder of a finished run"
        ) from error
    if not rows or not all(row.get("probability") for row in rows):
        raise InputError(f"{path} holds no predictions of a classifier; compare two classifiers")
    return sorted((row["file"], row["truth"], row["prediction"]) for row in rows)
