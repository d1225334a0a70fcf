"""The learning curve in a figure and in a sentence."""

import numpy as np
from matplotlib.ticker import NullLocator

from keras_cnn.report.canvas import paper, png
from keras_cnn.report.sentences import rate


def draw(
    measured: tuple[np.ndarray, np.ndarray], law: tuple[np.ndarray, ...], *, dark=False
) -> bytes:
    """Draw accuracy over the number of training pictures.

    Args:
        measured: Numbers of training pictures, (sizes,), and accuracies, (seeds, sizes).
        law: Numbers, fitted accuracies, lower and upper bounds, each (n,), growing; those beyond
            the largest measured number are the forecast.
        dark: Whether the paper is dark.

    Returns:
        The figure as PNG bytes.
    """
    numbers, accuracies = measured
    at, fitted, low, high = law
    ahead = at >= numbers[-1]
    with paper((6.4, 4.2), dark) as (figure, ink):
        ax = figure.subplots()
        mean = accuracies.mean(axis=0)
        bars = np.abs([accuracies.min(axis=0) - mean, accuracies.max(axis=0) - mean])
        label = "measured: mean, lowest and highest"
        ax.errorbar(
            numbers, mean, bars, fmt="o", color=ink["train"], markersize=4, capsize=3, label=label
        )
        ax.plot(at[~ahead | (at == numbers[-1])], fitted[at <= numbers[-1]], color=ink["best"])
        ax.plot(at[ahead], fitted[ahead], "--", color=ink["best"], label="power law")
        band = {"color": ink["validation"], "alpha": 0.25, "linewidth": 0}
        ax.fill_between(at[ahead], low[ahead], high[ahead], label="95 % interval", **band)
        ax.set(xscale="log", xlabel="training pictures", ylabel="accuracy")
        ticks = [*numbers[::2], *([numbers[-1]] if len(numbers) % 2 == 0 else []), at[-1]]
        ax.set_xticks(ticks, [f"{round(tick):,}" for tick in ticks])
        ax.xaxis.set_minor_locator(NullLocator())
        ax.grid(True)
        figure.legend(loc="outside lower center", ncols=3)
        return png(figure)


def sentence(now: float, forecast: tuple[float, float, float], *, samples: int) -> str:
    """Return the sentence about twice as many pictures.

    Args:
        now: Accuracy of the fitted law with all training pictures.
        forecast: Accuracy with twice as many, and its lower and upper bound.
        samples: Number of test pictures.
    """
    later, low, high = (rate(value, samples) for value in forecast)
    return f"twice as many pictures: {rate(now, samples)} -> {later} ({low}-{high})"
