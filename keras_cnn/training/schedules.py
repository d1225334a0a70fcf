"""Learning rate schedules."""

import math
from collections.abc import Callable, Sequence

import keras
from keras import ops

from keras_cnn.recipe import TrainingRecipe

_schedules = keras.optimizers.schedules


def learning_rate(
    recipe: TrainingRecipe, *, steps_per_epoch: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Return the learning rate of a recipe.

    - "constant": `recipe.learning_rate` at every step.
    - "step": a tenth of it after half of the epochs, a hundredth after three quarters.
    - "cosine": from it down to 0 along half a cosine (Loshchilov & Hutter, 2017, without restarts).
    - "cyclical": from a tenth of it linearly up to it and down again (Smith, 2017), a cycle in four
      epochs, or in all epochs if there are fewer.
    - "plateau": halved whenever the validation loss has not fallen for two epochs. Here it is a
      number, which the callback `Plateau` changes and warms up.

    During `recipe.warmup` epochs the rate is multiplied by a factor that grows from 0 to 1 (Goyal
    et al., 2017, section 2.2), since gradients are largest in the first steps.

    Args:
        recipe: The choices `schedule`, `warmup`, `learning_rate` and `epochs`.
        steps_per_epoch: Number of training steps in an epoch.

    Returns:
        A number if the steps do not change the rate, else a schedule of Keras.

    References:
        Goyal et al., 2017. Accurate, large minibatch SGD. https://arxiv.org/abs/1706.02677
        Loshchilov & Hutter, 2017. SGDR. https://arxiv.org/abs/1608.03983
        Smith, 2017. Cyclical learning rates. https://arxiv.org/abs/1506.01186
    """
    rate, steps = recipe.learning_rate, recipe.epochs * steps_per_epoch
    if recipe.schedule == "step":
        rate = _schedules.PiecewiseConstantDecay(
            [steps // 2, steps * 3 // 4], [rate, rate / 10, rate / 100]
        )
    elif recipe.schedule == "cosine":
        rate = _schedules.CosineDecay(rate, decay_steps=steps)
    elif recipe.schedule == "cyclical":
        cycle = min(4 * steps_per_epoch, steps)
        rate = Triangular(rate / 10, rate, half_cycle=max(1, cycle // 2))
    if recipe.warmup and recipe.schedule != "plateau":
        rate = Warmup(rate, steps=warmup_steps(recipe, steps_per_epoch=steps_per_epoch))
    return rate


def warmup_steps(recipe: TrainingRecipe, *, steps_per_epoch: int) -> int:
    """Return the number of steps over which the learning rate grows.

    Args:
        recipe: The choice `warmup`.
        steps_per_epoch: Number of training steps in an epoch.
    """
    return max(1, round(recipe.warmup * steps_per_epoch)) if recipe.warmup else 0


def ema_momentum(steps: int) -> float:
    """Return the momentum of the moving average of the weights.

    The average spans the last hundred steps, like Keras' default of 0.99, but no more than a tenth
    of the training: the average of a short training would consist mostly of its random start.

    Args:
        steps: Number of training steps.
    """
    return max(0.0, min(0.99, 1 - 10 / steps))


def plateau(losses: Sequence[float], *, patience: int = 2, factor: float = 0.5) -> float:
    """Return the factor of the learning rate after some epochs.

    The rule is that of `keras.callbacks.ReduceLROnPlateau` with ``min_delta=0``, as a function of
    the history alone: there is no counter that a resumed training could lose.

    Args:
        losses: Validation loss of each epoch so far.
        patience: Epochs without a lower loss after which the rate is cut.
        factor: Factor of each cut.
    """
    product, best, waited = 1.0, math.inf, 0
    for loss in losses:
        waited = 0 if loss < best else waited + 1
        best = min(best, loss)
        if waited == patience:
            product, waited = product * factor, 0
    return product


class Plateau(keras.callbacks.Callback):
    """Warms up the learning rate, and cuts it when the validation loss stops falling."""

    def __init__(self, rate: float, losses: Callable[[], Sequence[float]], *, warmup: int = 0):
        """Watch a training.

        Args:
            rate: The rate before any cut.
            losses: Returns the validation loss of each epoch so far.
            warmup: Steps over which the rate grows to its value.
        """
        super().__init__()
        self._initial, self._losses, self._warmup = rate, losses, warmup

    def on_epoch_begin(self, epoch, logs=None):
        """Set the epoch's rate."""
        self._rate = self._initial * plateau(self._losses())
        self._step = int(self.model.optimizer.iterations)
        self.model.optimizer.learning_rate = self._rate

    def on_train_batch_begin(self, batch, logs=None):
        """Set the step's rate during the warm-up."""
        if self._step < self._warmup:
            self.model.optimizer.learning_rate = self._rate * (self._step + 1) / self._warmup
        self._step += 1


class Triangular(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that rises and falls linearly between two bounds (Smith, 2017, figure 2).

    With `decay=0.5` it is Smith's "triangular2": the height above `low` halves after each cycle.
    """

    def __init__(self, low: float, high: float, *, half_cycle: int, decay: float = 1.0):
        """Set the bounds.

        Args:
            low: Rate at the first step.
            high: Rate after `half_cycle` steps, before it falls again.
            half_cycle: Steps from one bound to the other; Smith takes 2 to 10 epochs.
            decay: Factor of the height after each cycle.
        """
        self.low = low
        self.high = high
        self.half_cycle = half_cycle
        self.decay = decay

    def __call__(self, step):
        """Return the rate of a step, counted from 0."""
        half_cycles = ops.cast(step, "float32") / self.half_cycle
        phase = ops.mod(half_cycles, 2.0)  # 0 low, 1 high, 2 low
        height = (self.high - self.low) * self.decay ** ops.floor(half_cycles / 2)
        return self.low + height * (1 - ops.abs(phase - 1))

    def get_config(self):
        """Return the arguments."""
        return {
            "low": self.low,
            "high": self.high,
            "half_cycle": self.half_cycle,
            "decay": self.decay,
        }


class Warmup(keras.optimizers.schedules.LearningRateSchedule):
    """A rate multiplied by a factor that grows from 0 to 1 over the first steps."""

    def __init__(
        self, rate: float | keras.optimizers.schedules.LearningRateSchedule, *, steps: int
    ):
        """Set the rate that is reached after the warm-up.

        Args:
            rate: A number or a schedule.
            steps: Number of steps until it is reached.
        """
        self.rate = rate
        self.steps = steps

    def __call__(self, step):
        """Return the rate of a step, counted from 0."""
        rate = self.rate(step) if callable(self.rate) else self.rate
        return rate * ops.minimum((ops.cast(step, "float32") + 1) / self.steps, 1.0)

    def get_config(self):
        """Return the arguments."""
        return {"rate": self.rate, "steps": self.steps}
