"""Scores in words, for the terminal, the page and `report.json`.

The sentences are English: `i18n.translated` shows them in the reader's language.
"""

from keras_cnn.i18n import N_, _, translated


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
        return _("{seconds:.3g} s").format(seconds=seconds)
    minutes, seconds = divmod(round(seconds), 60)
    if minutes < 60:
        return _("{minutes} min {seconds:02d} s").format(minutes=minutes, seconds=seconds)
    hours, minutes = divmod(minutes, 60)
    return _("{hours} h {minutes:02d} min").format(hours=hours, minutes=minutes)


def plain(value) -> str:
    """Format a fact of the run: lists with commas, floats with six digits.

    A sentence is translated; the value of an option, which is a single word, is not.
    """
    if isinstance(value, dict):
        return ", ".join(f"{_(str(key))}: {plain(entry)}" for key, entry in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(plain, value))
    if isinstance(value, bool) or value is None:
        return {True: _("yes"), False: _("no"), None: "–"}[value]
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return translated(text) if " " in text else text


def scored(group: dict) -> str:
    """Format accuracy, interval and size of a test set, or of a group in it."""
    samples = group["samples"]
    if not samples:
        return N_("no test picture")
    low, high = (rate(bound, samples) for bound in group["interval"])
    return N_(f"{rate(group['accuracy'], samples)} ({low}–{high}), {pictures(samples)}")


def pictures(number: int) -> str:
    """Return a number of pictures in words."""
    return N_(f"{number:,} picture") if number == 1 else N_(f"{number:,} pictures")


def _verdict(test, *, baseline):
    """Return how a verdict begins, and how the interval lies to the baseline.

    Args:
        test: The scores.
        baseline: How it begins if the network is worse than its baseline.
    """
    return {
        "above": (N_("It has learned"), N_("lies above")),
        "around": (N_("Not shown to have learned"), N_("contains")),
        "below": (baseline, N_("lies below")),
    }[test["verdict"]]


def classification(test: dict) -> str:
    """Return the verdict on a classifier in the first line, then a line for each group."""
    samples = test["samples"]
    low, high = (rate(bound, samples) for bound in test["interval"])
    opening, relation = _verdict(test, baseline=N_("Worse than not looking at the picture"))
    verdict = N_(
        f"{opening}: {test['correct']:,} of {samples:,} test pictures right, accuracy "
        f"{rate(test['accuracy'], samples)}; the 95 % interval {low}–{high} "
        f"{relation} the {rate(test['baseline'], samples)} of always answering "
        f"“{test['baseline_class']}”."
    )
    return "\n".join([verdict, *(_group(name, group) for name, group in test["groups"].items())])


def _group(name, group):
    """Return the line of a group of test pictures."""
    if not group["samples"]:
        return N_(f"{name}: no test picture")
    samples = group["samples"]
    low, high = (rate(bound, samples) for bound in group["interval"])
    baseline = rate(group["baseline"], samples)
    relation = {
        "above": N_(f"above its baseline {baseline}"),
        "around": N_(f"not distinguishable from its baseline {baseline}"),
        "below": N_(f"below its baseline {baseline}"),
    }[group["verdict"]]
    accuracy = rate(group["accuracy"], samples)
    return N_(f"{name}: {accuracy} ({low}–{high}), {pictures(samples)}, {relation}")


def regression(test: dict) -> str:
    """Return the verdict on a regression: does it beat the mean of the training targets?"""
    samples, baseline = test["samples"], number(test["baseline"]["mse"])
    if test["mse"] is None:
        return N_(
            f"Not usable: the network's answers to {samples:,} test pictures are not all finite "
            f"numbers, while the training mean reaches a mean squared error of {baseline}."
        )
    opening, relation = _verdict(test, baseline=N_("Worse than predicting the mean"))
    bounds = test["gain_interval"]
    end = N_("one picture gives no interval")
    if bounds is not None:
        end = N_(
            f"the 95 % interval of the difference, {number(bounds[0])} to {number(bounds[1])}, "
            f"{relation} zero"
        )
    return N_(
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
        return N_(f"mAP undefined on {where}: no class has objects.")
    score = number(test["map"])
    if test["interval"] is None:
        return N_(f"mAP {score} at IoU 0.5 on {where}.")
    low, high = map(number, test["interval"])
    if test["verdict"] is None:
        return N_(f"mAP {score} at IoU 0.5 on {where}, 95 % interval {low}–{high}.")
    opening, relation = _verdict(test, baseline=N_("Worse than one fixed box per class"))
    return N_(
        f"{opening}: mAP {score} at IoU 0.5 on {where}; the 95 % interval {low}–{high} {relation} "
        f"the {number(test['baseline'])} of one fixed box per class."
    )


def segmentation(test: dict) -> str:
    """Return the verdict on a segmentation: does it beat calling every pixel background?"""
    opening, relation = _verdict(test, baseline=N_("Worse than calling every pixel background"))
    low, high = map(number, test["interval"])
    return N_(
        f"{opening}: mean IoU {number(test['mean_iou'])} on {test['samples']:,} test pictures; the "
        f"95 % interval {low} to {high} {relation} the {number(test['baseline'])} "
        "of calling every pixel background."
    )


def calibration(entry: dict) -> str:
    """Return the temperature of a classifier and what it does to the calibration.

    Args:
        entry: The entry "calibration" of the scores.
    """
    temperature = entry["temperature"]
    opening = entry["note"] or N_(f"The model's temperature is {temperature:.3g}.")
    error, after = (
        f"{number(entry[part]['ece'])} {interval(entry[part]['ece_interval'])}".strip()
        for part in ("before", "after")
    )
    if temperature == 1:
        return N_(f"{opening} The expected calibration error is {after}.")
    loss, loss_after = (number(entry[part]["loss"]) for part in ("before", "after"))
    return N_(
        f"{opening} The expected calibration error is {error} before it and {after} after it, the "
        f"test loss {loss} and {loss_after}."
    )
