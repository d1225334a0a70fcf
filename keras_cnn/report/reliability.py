"""The reliability diagram: the share of right answers over their probability."""

import numpy as np

from keras_cnn.i18n import N_, _, translated
from keras_cnn.report.canvas import paper, png

TITLES = {
    "before": N_("before the temperature: error {error:.3f}"),
    "after": N_("as answered: error {error:.3f}"),
}


def draw(calibration: dict, *, parts=None, dark=False) -> bytes:
    """Draw the share of right answers over their probability; on the diagonal they are equal.

    The area of a dot stands for the number of pictures, its line for the 95 % interval.

    Args:
        calibration: What `calibration.summary` returns.
        parts: Panels to draw; by default `panels(calibration)`.
        dark: Whether the paper is dark.

    Returns:
        The figure as PNG bytes.
    """
    parts = panels(calibration) if parts is None else parts
    with paper((4.6 * len(parts), 4.7), dark) as (figure, ink):
        for ax, part in zip(figure.subplots(1, len(parts), squeeze=False)[0], parts, strict=True):
            rows = calibration[part]["bins"]
            x, y, pictures = (
                np.array([row[key] for row in rows])
                for key in ("confidence", "accuracy", "pictures")
            )
            low, high = np.array([row["interval"] for row in rows]).T
            ax.plot([0, 1], [0, 1], color=ink["best"], linewidth=1.2, label=_("perfect"))
            ax.vlines(x, low, high, color=ink["soft"], linewidth=1.2, label=_("95 % interval"))
            sizes = 14 + 240 * pictures / pictures.max()
            ax.scatter(
                x,
                y,
                s=sizes,
                color=ink["train"],
                alpha=0.8,
                linewidths=0,
                zorder=3,
                label=_("answers, area: their number"),
            )
            title = translated(TITLES[part].format(error=calibration[part]["ece"]))
            ax.set_title(title, loc="left")
            ax.set(xlabel=_("probability of the answer"), ylabel=_("share of right answers"))
            ax.set(xlim=(-0.03, 1.05), ylim=(-0.03, 1.05), aspect="equal")
            ax.grid(True)
        handles, labels = ax.get_legend_handles_labels()
        legend = figure.legend(handles, labels, loc="outside lower center", ncols=3)
        legend.legend_handles[-1].set_sizes([40])
        return png(figure)


def panels(calibration: dict) -> list[str]:
    """Return the panels to draw: before and after the temperature, if they differ."""
    return ["after"] if calibration["temperature"] == 1 else ["before", "after"]
