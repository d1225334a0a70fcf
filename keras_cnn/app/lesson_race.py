"""The lesson of chapter 13 as a race: the same network and batches, another optimizer or rate.

The networks train while the curves grow. A race that was run before is shown from memory.
"""

import functools
import html
import time
from collections.abc import Callable, Iterator

import gradio
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

from keras_cnn import scratch
from keras_cnn.app.texts import Text, mark

STEPS = 2000  # this and the next two: as in notebook 13
BATCH = 128
SMOOTHED = 50  # steps whose mean is drawn
FRAME = 40  # steps between two drawings
_SECONDS = 0.12  # between two drawings from memory
_RATES = (1.0, 0.1, 0.01, 0.001, 0.0001)
_LOSSES = 1e-6, 10.0  # bounds of the axis
_BOX = 640, 300  # of the drawing, without the axis
_POINTS = 160  # of a curve
_RUN: dict[str, tuple[dict, dict]] = {}  # name of a race -> its losses and accuracies

Optimizers = dict[str, Callable]  # name -> function that returns a new optimizer


def _rates(kind):
    return {f"{rate:g}": functools.partial(kind, rate) for rate in _RATES}


RACES: dict[str, Optimizers] = {
    mark("The optimizers of chapter 13"): {
        "SGD": functools.partial(scratch.SGD, 0.01),
        "Momentum": functools.partial(scratch.Momentum, 0.01),
        "AdaGrad": functools.partial(scratch.AdaGrad, 0.01),
        "Adam": functools.partial(scratch.Adam, 0.001),
        "RMSprop": functools.partial(scratch.RMSprop, 0.001),
        mark("AdaGrad, h from 0.1"): functools.partial(
            scratch.AdaGrad, 0.01, initial_accumulator_value=0.1
        ),
    },
    mark("Learning rates of SGD"): _rates(scratch.SGD),
    mark("Learning rates of Momentum"): _rates(scratch.Momentum),
    mark("Learning rates of AdaGrad"): _rates(scratch.AdaGrad),
    mark("Learning rates of Adam"): _rates(scratch.Adam),
}


class Race:
    """Networks with the same initial weights, which see the same batches of digits."""

    def __init__(self, optimizers: Optimizers):
        """Set the networks at the start.

        Args:
            optimizers: Name -> function that returns its optimizer.
        """
        self._pictures, self._test_pictures, self._labels, self._test_labels = digits()
        self._rng = np.random.default_rng(0)
        self._trainers = {
            name: scratch.Trainer(
                scratch.MultiLayerNet(self._pictures.shape[1]), optimizer=optimizer()
            )
            for name, optimizer in optimizers.items()
        }

    @property
    def losses(self) -> dict[str, list[float]]:
        """Name -> training loss of each step so far; not finite once it has diverged."""
        return {name: trainer.history["loss"] for name, trainer in self._trainers.items()}

    def advance(self, steps: int) -> None:
        """Train every network on the next batches.

        Args:
            steps: Number of batches.
        """
        # Matrices this small are multiplied faster on one core; the largest rates overflow.
        with threadpool_limits(1), np.errstate(all="ignore"):
            for _ in range(steps):
                batch = self._rng.choice(len(self._pictures), BATCH)
                for trainer in self._trainers.values():
                    trainer.step(self._pictures[batch], self._labels[batch])

    def accuracies(self) -> dict[str, float]:
        """Return the accuracy of each network on the test digits."""
        with np.errstate(all="ignore"):
            return {
                name: trainer.network.accuracy(self._test_pictures, self._test_labels)
                for name, trainer in self._trainers.items()
            }


@functools.cache
def digits() -> list[np.ndarray]:
    """Return scikit-learn's digits as notebook 13 splits them.

    Returns:
        Training and test pictures, float32 (n, 64) from 0 to 1, and their labels.
    """
    data = load_digits()
    train, test, labels, test_labels = train_test_split(data.data / 16, data.target, random_state=0)
    return [train.astype("float32"), test.astype("float32"), labels, test_labels]


def frames(name: str) -> Iterator[tuple[dict, dict]]:
    """Run a race, and yield its losses as they grow, and at the end the accuracies.

    Args:
        name: A key of `RACES`.

    Yields:
        Name -> losses so far, and name -> accuracy, which is empty before the end.
    """
    if name not in _RUN:
        race = Race(RACES[name])
        for _ in range(0, STEPS, FRAME):
            race.advance(FRAME)
            yield race.losses, {}
        _RUN[name] = race.losses, race.accuracies()
    else:
        for step in range(FRAME, STEPS + 1, FRAME):
            yield {key: losses[:step] for key, losses in _RUN[name][0].items()}, {}
            time.sleep(_SECONDS)
    yield _RUN[name]


def add(text: Text) -> None:
    """Add the lesson to the page.

    Args:
        text: Gives a text in the page's language.
    """
    gradio.Markdown(
        text(
            "The experiment of chapter 13: four hidden layers of 100 neurons learn scikit-learn's "
            "digits in {steps} steps of {batch} pictures. All start from the same weights and see "
            "the same batches; only the optimizer or its learning rate differs.",
            steps=f"{STEPS:,}",
            batch=BATCH,
        )
    )
    names = [(text(name), name) for name in RACES]
    with gradio.Row():
        race = gradio.Dropdown(
            names, value=names[0][1], label=text("Race"), elem_id="race", scale=3, min_width=300
        )
        start = gradio.Button(text("Start"), variant="primary", elem_id="race-start", scale=1)
        stop = gradio.Button(text("Stop"), elem_id="race-stop", scale=1)
    shown = gradio.HTML(
        _view(text, dict.fromkeys(RACES[names[0][1]], []), {}), elem_id="race-shown"
    )

    def run(name):
        for losses, accuracies in frames(name):
            yield _view(text, losses, accuracies)

    started = start.click(
        run, race, shown, show_progress="hidden", concurrency_limit=2, concurrency_id="race"
    )
    stop.click(None, cancels=[started])
    race.input(
        lambda name: _view(text, dict.fromkeys(RACES[name], []), {}),
        race,
        shown,
        show_progress="hidden",
        cancels=[started],
    )


def _view(text, losses, accuracies):
    """Return the curves, and the racers in the order of their losses."""
    steps = max(map(len, losses.values()))
    lines, rows = [], []
    for number, (name, values) in enumerate(losses.items()):
        smooth = smoothed(values)
        lines.append(f'<polyline class="curve c{number}" points="{_points(smooth)}"/>')
        last = smooth[-1] if len(smooth) else np.inf
        rows.append((last if np.isfinite(last) else np.inf, number, name, accuracies.get(name)))
    if steps:
        rows.sort()
    title = text("Step {n} of {total}", n=f"{steps:,}", total=f"{STEPS:,}")
    axis = text("training loss, mean of {n} steps", n=SMOOTHED)
    head = "".join(
        f"<th>{html.escape(cell)}</th>"
        for cell in ("", text("name"), text("loss"), text("test accuracy"))
    )
    body = "".join(_row(text, place, *row, steps) for place, row in enumerate(rows, 1))
    return (
        f'<p class="note">{html.escape(title)} · {html.escape(axis)}</p>'
        f'<div class="race"><svg viewBox="-84 -16 {_BOX[0] + 92} {_BOX[1] + 46}">{_axes()}'
        f'{"".join(lines)}</svg><div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div></div>"
    )


def smoothed(losses: list[float]) -> np.ndarray:
    """Return the mean of each `SMOOTHED` steps in a row, as notebook 13 draws it.

    Args:
        losses: The loss of each step.

    Returns:
        (steps - `SMOOTHED` + 1,); of fewer steps the mean of all, (1,).
    """
    if not losses:
        return np.empty(0)
    width = min(SMOOTHED, len(losses))
    return np.convolve(losses, np.ones(width) / width, mode="valid")


def _row(text, place, last, number, name, accuracy, steps):
    loss = "" if not steps else f"{last:.2g}" if np.isfinite(last) else text("diverged")
    shown = "" if accuracy is None else f"{accuracy:.3f}"
    return (
        f'<tr><td>{place if steps else ""}</td><td><i class="key c{number}"></i>'
        f"{html.escape(text(name))}</td><td>{html.escape(loss)}</td><td>{shown}</td></tr>"
    )


def _points(values):
    """Return the points of a curve, which ends where the loss is not finite any more."""
    finite = np.isfinite(values)
    values = values if finite.all() else values[: finite.argmin()]
    stride = max(1, STEPS // _POINTS)
    steps = np.arange(len(values))
    chosen = np.unique(np.append(steps[::stride], steps[-1:]))
    return " ".join(f"{_x(step):.1f},{_y(values[step]):.1f}" for step in chosen)


def _x(step):
    return step / (STEPS - SMOOTHED) * _BOX[0]


def _y(loss):
    low, high = np.log10(_LOSSES)
    share = (np.log10(np.clip(loss, *_LOSSES)) - low) / (high - low)
    return (1 - share) * _BOX[1]


def _axes():
    width, height = _BOX
    drawn = []
    for power in range(-6, 2):
        y = _y(10.0**power)
        drawn.append(
            f'<line class="grid" x1="0" x2="{width}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="-8" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g}</text>'
        )
    for step in range(0, STEPS, 500):
        drawn.append(
            f'<text x="{_x(step):.1f}" y="{height + 20}" text-anchor="middle">{step}</text>'
        )
    return "".join(drawn)
