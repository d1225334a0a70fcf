"""Scores in words, for the terminal, the page and `report.json`."""


def rate(value: float | None, samples: int) -> str:
    """Format a share of `samples` with enough digits to show a difference of one picture."""
    return "–" if value is None else f"{value:.{max(3, len(str(samples - 1)))}f}"


def number(value: float | None) -> str:
    """Format a score with three decimals; very large and very small ones get an exponent."""
    if value is None:
        return "–"
    return f"{value:.3f}" if value == 0 or 1e-3 <= abs(value) < 1e5 else f"{value:.3g}"


def count(value: int | None) -> str:
    """Format a count with three digits: 950, 2.09k, 4.25M; empty without one."""
    for unit, factor in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value is not None and value >= factor:
            digits = 2 - (value >= 10 * factor) - (value >= 100 * factor)
            return f"{value / factor:.{digits}f}{unit}"
    return "" if value is None else str(value)


def probability(value: float) -> str:
    """Format a probability; below 1 it is never rounded up to 1."""
    return "p > 0.999" if 0.9995 <= value < 1 else f"p = {value:.3f}"


def interval(bounds: list[float] | None) -> str:
    """Format an interval in brackets; empty without an interval."""
    return "" if bounds is None else f"[{number(bounds[0])}, {number(bounds[1])}]"


def duration(seconds: float) -> str:
    """Format a duration: 48 s, 5 min 07 s, 2 h 03 min."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, seconds = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def plain(value) -> str:
    """Format a fact of the run: lists with commas, floats with six digits."""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {plain(entry)}" for key, entry in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(plain, value))
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "–"}[value]
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def scored(group: dict) -> str:
    """Format accuracy, interval and size of a test set, or of a group in it."""
    samples = group["samples"]
    if not samples:
        return "no test picture"
    low, high = (rate(bound, samples) for bound in group["interval"])
    noun = "picture" if samples == 1 else "pictures"
    return f"{rate(group['accuracy'], samples)} ({low}–{high}), {samples:,} {noun}"


def _verdict(test, *, baseline):
    """Return how a verdict begins, and how the interval lies to the baseline."""
    return {
        "above": ("It has learned", "lies above"),
        "around": ("Not shown to have learned", "contains"),
        "below": (f"Worse than {baseline}", "lies below"),
    }[test["verdict"]]


def classification(test: dict) -> str:
    """Return the verdict on a classifier in the first line, then a line for each group."""
    samples = test["samples"]
    low, high = (rate(bound, samples) for bound in test["interval"])
    opening, relation = _verdict(test, baseline="not looking at the picture")
    lines = [
        f"{opening}: {test['correct']:,} of {samples:,} test pictures right, accuracy "
        f"{rate(test['accuracy'], samples)}; the 95 % interval {low}–{high} "
        f"{relation} the {rate(test['baseline'], samples)} of always answering "
        f"“{test['baseline_class']}”."
    ]
    against_baseline = {
        "above": "above its baseline",
        "around": "not distinguishable from its baseline",
        "below": "below its baseline",
    }
    for name, group in test["groups"].items():
        line = f"{name}: {scored(group)}"
        if group["samples"]:
            baseline = rate(group["baseline"], group["samples"])
            line += f", {against_baseline[group['verdict']]} {baseline}"
        lines.append(line)
    return "\n".join(lines)


def regression(test: dict) -> str:
    """Return the verdict on a regression: does it beat the mean of the training targets?"""
    samples, baseline = test["samples"], number(test["baseline"]["mse"])
    if test["mse"] is None:
        return (
            f"Not usable: the network's answers to {samples:,} test pictures are not all finite "
            f"numbers, while the training mean reaches a mean squared error of {baseline}."
        )
    opening, relation = _verdict(test, baseline="predicting the mean")
    bounds = test["gain_interval"]
    end = "one picture gives no interval"
    if bounds is not None:
        end = (
            f"the 95 % interval of the difference, {number(bounds[0])} to {number(bounds[1])}, "
            f"{relation} zero"
        )
    return (
        f"{opening}: mean squared error {number(test['mse'])} on {samples:,} test pictures, beside "
        f"{baseline} of always predicting the training mean; {end}."
    )


def detection(test: dict, *, where: str) -> str:
    """Return the verdict on a detector; without a baseline its score and interval only.

    Args:
        test: What `detection.scoring.score` returns.
        where: The pictures, such as "72 test pictures".
    """
    if test["map"] is None:
        return f"mAP undefined on {where}: no class has objects."
    score = f"mAP {number(test['map'])} at IoU 0.5 on {where}"
    if test["interval"] is None:
        return f"{score}."
    low, high = map(number, test["interval"])
    if test["verdict"] is None:
        return f"{score}, 95 % interval {low}–{high}."
    opening, relation = _verdict(test, baseline="one fixed box per class")
    return (
        f"{opening}: {score}; the 95 % interval {low}–{high} {relation} the "
        f"{number(test['baseline'])} of one fixed box per class."
    )


def segmentation(test: dict) -> str:
    """Return the verdict on a segmentation: does it beat calling every pixel background?"""
    opening, relation = _verdict(test, baseline="calling every pixel background")
    low, high = map(number, test["interval"])
    return (
        f"{opening}: mean IoU {number(test['mean_iou'])} on {test['samples']:,} test pictures; the "
        f"95 % interval {low} to {high} {relation} the {number(test['baseline'])} "
        "of calling every pixel background."
    )


def calibration(entry: dict) -> str:
    """Return the temperature of a classifier and what it does to the calibration.

    Args:
        entry: The entry "calibration" of the scores.
    """

    def scored(part):
        return f"{number(entry[part]['ece'])} {interval(entry[part]['ece_interval'])}".strip()

    temperature = entry["temperature"]
    opening = entry["note"] or f"The model's temperature is {temperature:.3g}."
    if temperature == 1:
        return f"{opening} The expected calibration error is {scored('after')}.".strip()
    before, after = (number(entry[part]["loss"]) for part in ("before", "after"))
    return (
        f"{opening} The expected calibration error is {scored('before')} before it and "
        f"{scored('after')} after it, the test loss {before} and {after}."
    )
