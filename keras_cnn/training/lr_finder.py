"""Find a learning rate by a range test (Smith, 2017, section 3.3).

The rate grows from step to step. At first the loss does not change, then it falls, then it
explodes. The suggested rate is that at which the loss falls fastest.
"""

import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from matplotlib.figure import Figure

from keras_cnn import filesystem
from keras_cnn.errors import InputError
from keras_cnn.i18n import N_, _
from keras_cnn.models.surgery import as_functional
from keras_cnn.recipe import TrainingRecipe
from keras_cnn.training import compiling
from keras_cnn.training.task import Task

LOWEST, HIGHEST = 1e-7, 10.0
SMOOTHING = 0.8  # weight of the past in the moving average of the loss
EXPLODED = 4  # the test ends at a loss this many times the lowest


@dataclasses.dataclass(frozen=True)
class Rates:
    """The result of a range test.

    Attributes:
        rates: Learning rate of each step, growing, (steps,).
        losses: Loss of each step's batch, (steps,).
        smoothed: Moving average of `losses`, (steps,).
        suggestion: Rate at which the loss falls fastest; None if it never falls.
        highest: Rate of the lowest loss: the upper bound of a cyclical schedule lies below it.
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggestion: float | None
    highest: float | None

    @property
    def sentence(self) -> str:
        """The advice, in a sentence."""
        if self.suggestion is None:
            return N_(
                f"The loss does not fall at any rate from {self.rates[0]:.1g} to "
                f"{self.rates[-1]:.1g}: try more --steps, or look at the pictures and labels."
            )
        if self.highest < self.rates[-1]:
            return N_(
                f"The loss falls fastest at a learning rate of {self.suggestion:.1e} and is lowest "
                f"at {self.highest:.1e}, beyond which it rises: try --learning-rate "
                f"{self.suggestion:.1e}."
            )
        return N_(
            f"The loss falls fastest at a learning rate of {self.suggestion:.1e} and is lowest at "
            f"{self.highest:.1e}: try --learning-rate {self.suggestion:.1e}."
        )

    def to_dict(self) -> dict:
        """Return the figures as values of JSON."""
        lists = {name: getattr(self, name).tolist() for name in ("rates", "losses", "smoothed")}
        return {"suggestion": self.suggestion, "highest": self.highest} | lists


def find_learning_rate(
    build: Callable[..., keras.Model],
    splits: Task,
    recipe: TrainingRecipe,
    *,
    optimizer: Callable[..., keras.optimizers.Optimizer] = keras.optimizers.Adam,
    steps: int = 100,
) -> Rates:
    """Train for some steps at growing rates, and suggest a rate from the losses.

    Args:
        build: As in `training.run`.
        splits: As in `training.run`; only the training pictures are read.
        recipe: The choices; only `seed`, `label_smoothing`, `class_weights` and `weight_decay` have
            an effect, besides those that `splits` was made with.
        optimizer: As in `training.run`.
        steps: Number of rates, evenly spaced on a logarithmic scale from 1e-7 to 10.

    Raises:
        InputError: There are too few steps for a curve, or the first loss is not finite.
    """
    if steps < 20:
        raise InputError(f"--steps must be at least 20 to see a curve; received {steps}")
    keras.utils.set_random_seed(recipe.seed)
    model = as_functional(
        build(input_shape=splits.image_shape, **splits.build_options),
        image_shape=splits.image_shape,
        single_output=True,
    )
    compiling.compile_model(
        model,
        optimizer(learning_rate=LOWEST, weight_decay=recipe.weight_decay or None),
        loss=splits.loss(recipe),
    )
    rates, losses = np.geomspace(LOWEST, HIGHEST, steps), []
    average, lowest = 0.0, np.inf
    batches, weights = splits.with_seed(recipe.seed).train, splits.class_weights(recipe)
    for step, rate in enumerate(rates):
        number = step % len(batches)
        if step and number == 0:
            batches.on_epoch_end()
        model.optimizer.learning_rate = rate
        model.reset_metrics()
        logs = model.train_on_batch(*batches[number], class_weight=weights, return_dict=True)
        loss = float(logs["loss"])
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        level = average / (1 - SMOOTHING ** (step + 1))  # bias-corrected, as in Adam
        lowest = min(lowest, level)
        if not np.isfinite(loss) or level > EXPLODED * lowest:
            break
        losses.append(loss)
    if not losses:
        raise InputError(
            "the loss was no finite number at the lowest rate: look at the pictures and the scale "
            "of their pixels"
        )
    return judge(rates[: len(losses)], np.array(losses))


def judge(rates: np.ndarray, losses: np.ndarray) -> Rates:
    """Suggest a rate from the losses of a range test.

    Args:
        rates: Growing learning rates, (steps,).
        losses: Loss at each, (steps,), finite.
    """
    forwards, backwards = _average(losses), _average(losses[::-1])[::-1]
    smoothed = (forwards + backwards) / 2  # without the lag of either
    start = losses[: max(3, len(losses) // 3)]  # rates too low to change anything
    lowest = int(np.argmin(smoothed))
    suggestion = highest = None
    if lowest >= 2 and start.mean() - smoothed[lowest] > 2 * start.std():
        slopes = np.gradient(smoothed[: lowest + 1], np.log(rates[: lowest + 1]))
        suggestion, highest = float(rates[np.argmin(slopes)]), float(rates[lowest])
    return Rates(rates, losses, smoothed, suggestion, highest)


def draw(curve: Rates) -> bytes:
    """Draw loss over rate as PNG bytes.

    Args:
        curve: What `find_learning_rate` returned.
    """
    figure = Figure(figsize=(6.4, 4.2), dpi=130, layout="constrained")
    ax = figure.subplots()
    ax.plot(curve.rates, curve.losses, color="#0072b2", alpha=0.3, label=_("loss of a batch"))
    ax.plot(curve.rates, curve.smoothed, color="#0072b2", label=_("moving average"))
    if curve.suggestion is not None:
        label = _("falls fastest: {rate:.1e}").format(rate=curve.suggestion)
        ax.axvline(curve.suggestion, color="#009e73", linestyle="--", label=label)
        label = _("lowest: {rate:.1e}").format(rate=curve.highest)
        ax.axvline(curve.highest, color="#d55e00", linestyle=":", label=label)
    ax.set(xscale="log", xlabel=_("learning rate"), ylabel=_("loss"))
    top = max(curve.smoothed[0] * 1.5, curve.smoothed.max())
    ax.set_ylim(min(0, curve.smoothed.min()), top)
    ax.grid(alpha=0.3)
    ax.legend(frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def write(curve: Rates, folder: Path) -> None:
    """Write ``lr_find.png`` and ``lr_find.json``, each whole or not at all.

    Args:
        curve: What `find_learning_rate` returned.
        folder: Folder of the files; made if it is missing.

    Raises:
        InputError: The folder cannot be written.
    """
    folder = filesystem.writable(folder)
    content = json.dumps(curve.to_dict(), indent=2, allow_nan=False) + "\n"
    for name, data in {"lr_find.png": draw(curve), "lr_find.json": content.encode()}.items():
        with filesystem.write_atomically(folder / name) as temporary:
            temporary.write_bytes(data)


find = find_learning_rate  # its name in version 0.1.0


def _average(losses):
    """Return the moving average, bias-corrected as in Adam."""
    average, averages = 0.0, []
    for step, loss in enumerate(losses, start=1):
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        averages.append(average / (1 - SMOOTHING**step))
    return np.array(averages)
