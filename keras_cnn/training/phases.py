"""The phases of a training: each has an optimizer of its own and starts from the best weights."""

import dataclasses
import math
import time
from collections.abc import Callable, Iterable, Mapping

import keras

from keras_cnn.recipe import TrainingRecipe
from keras_cnn.training.checkpoint import Checkpoint

PROBE = "linear classifier on features"  # its weights have scores before the first step
FINE_TUNING = 0.1  # factor of the learning rate for fine-tuning


@dataclasses.dataclass(frozen=True)
class Phase:
    """A phase of a training.

    Attributes:
        name: Its name in the report.
        recipe: Its choices: epochs, learning rate, schedule.
        prepare: Called with the model before the phase, to unfreeze layers; None changes nothing.
        deadline: Value of `time.perf_counter` at which the phase ends after the running step; None
            for no limit.
    """

    name: str
    recipe: TrainingRecipe
    prepare: Callable[[keras.Model], None] | None = None
    deadline: float | None = None


def usual(
    recipe: TrainingRecipe, *, fine_tune: Callable[[keras.Model], None] | None = None
) -> Iterable[Phase]:
    """Yield the phases of a training without a plan of its own.

    Args:
        recipe: The choices.
        fine_tune: As in `run.run`.

    Yields:
        The training; with `fine_tune`, a second phase of as many epochs. Its learning rate starts
        at a tenth of the recipe's and, unless the recipe has a schedule, falls to 0 along a cosine:
        a constant rate that is high enough to gain keeps moving the weights (measured in
        ``benchmarks/fine_tuning.py``).
    """
    yield Phase("training", recipe)
    if fine_tune:
        yield Phase("fine-tuning", gentle(recipe), prepare=fine_tune)


def staged(
    recipe: TrainingRecipe,
    *,
    stages: Iterable[tuple[Callable[[keras.Model], None] | None, float, float]],
) -> Iterable[Phase]:
    """Yield the phases of a training in stages, each from the best weights before it.

    Args:
        recipe: The choices of the first stage.
        stages: Of each later stage: what to call with the model before it, or None; the factors of
            the recipe's learning rate and of its number of epochs.

    Yields:
        The stages.
    """
    yield Phase("stage 1", recipe)
    for number, (prepare, rate, epochs) in enumerate(stages, start=2):
        choices = dataclasses.replace(
            recipe,
            learning_rate=rate * recipe.learning_rate,
            epochs=max(1, round(epochs * recipe.epochs)),
        )
        yield Phase(f"stage {number}", choices, prepare=prepare)


def gentle(recipe: TrainingRecipe) -> TrainingRecipe:
    """Return a recipe for fine-tuning.

    Args:
        recipe: The choices of the phase before.
    """
    schedule = "cosine" if recipe.schedule == "constant" else recipe.schedule
    rate = FINE_TUNING * recipe.learning_rate
    return dataclasses.replace(recipe, learning_rate=rate, schedule=schedule)


class Deadline(keras.callbacks.Callback):
    """Ends an epoch early; the validation and the checkpoint of the epoch follow."""

    def __init__(self, deadline: float):
        """Watch the clock.

        Args:
            deadline: As in `Phase`.
        """
        super().__init__()
        self.deadline = deadline

    def on_train_batch_end(self, batch, logs=None):
        """End the training if it is time."""
        if time.perf_counter() > self.deadline:
            self.model.stop_training = True


def facts(names: list[str], checkpoint: Checkpoint, *, scores: Mapping | None = None) -> dict:
    """Return what the report tells of the phases, if there was more than one.

    Args:
        names: Names of the phases that have begun.
        checkpoint: State of the training.
        scores: As in `run.run`.

    Returns:
        ``{"phases": name -> row}``, or nothing. A row has the phase's number of epochs, the lowest
        validation loss, the other validation metrics of that epoch, and `kept`: whether its weights
        replaced those of the phase before.
    """
    starts, history = checkpoint.starts, checkpoint.history
    if scores is not None:
        names = [PROBE, *names]
        if not starts:  # no phase has begun
            starts, history = [0], {name: [value] for name, value in scores.items()}
    rows, lowest = {}, math.inf
    for name, start, end in zip(names, starts, [*starts[1:], None], strict=False):
        losses = history.get("val_loss", [])[start:end]
        best = min(range(len(losses)), key=losses.__getitem__, default=None)
        rows[name] = {"epochs": len(losses)}
        if best is not None:
            validation = (key for key in history if key.startswith("val_"))
            rows[name] |= {key: history[key][start + best] for key in validation}
        rows[name]["kept"] = best is not None and losses[best] < lowest
        lowest = min([lowest, *losses])
    return {"phases": rows} if list(rows) != ["training"] else {}
