"""What a training leaves on disk after every epoch, so that nothing is lost when it stops."""

import contextlib
import json
import os
import shutil
from pathlib import Path

import keras
import numpy as np

from keras_cnn.errors import InputError


class Checkpoint(keras.callbacks.Callback):
    """Keeps a run's last state, its best weights and its history on disk, after every epoch.

    ``state.json`` holds the history, which tells the weight files that count. It is replaced in
    one step, after the new weights and before the old ones go: a kill at any moment leaves either
    the state before or the state after the epoch. ``last_….weights.h5`` holds the optimizer too,
    with the number of steps that a schedule goes by; ``best_….weights.h5`` holds the layers alone,
    averaged where the optimizer averages.

    A training may have phases, each with an optimizer of its own.

    Attributes:
        starts: For each phase begun, the number of epochs finished before it.
        history: Metric -> its value after each epoch, those before a resume included.
        epochs_run: Epochs of this process, those before a resume left out.
    """

    def __init__(self, folder: Path, *, patience: int | None = None):
        """Start without a state.

        Args:
            folder: Where the files lie; made when the first epoch ends.
            patience: Epochs without a lower validation loss after which a phase stops; None for
                never.
        """
        super().__init__()
        self.folder = folder
        self.patience = patience
        self.starts = []
        self.history = {}
        self.epochs_run = 0

    @property
    def epoch(self) -> int:
        """Number of finished epochs."""
        return len(self.history.get("loss", []))

    @property
    def best_epoch(self) -> int | None:
        """Epoch of the lowest validation loss, counted from 1; None while none is finite."""
        losses = np.asarray(self.history.get("val_loss", []))
        return int(np.nanargmin(losses)) + 1 if np.isfinite(losses).any() else None

    def on_epoch_end(self, epoch, logs=None):
        """Save the weights, and forget those that count no more."""
        for name, value in logs.items():
            self.history.setdefault(name, []).append(float(value))
        self.epochs_run += 1
        self.folder.mkdir(exist_ok=True)
        self.model.save_weights(self._last)
        if self.best_epoch == self.epoch:
            with _averaged(self.model):
                _layers(self.model).save_weights(self._best)
        state = self.folder / "partial_state.json"
        content = {
            "starts": self.starts,
            "history": self.history,
            "shapes": _shapes(self.model),
        }
        state.write_text(json.dumps(content), encoding="utf-8")
        os.replace(state, self.folder / "state.json")
        for path in self.folder.glob("*.weights.h5"):
            if path not in (self._last, self._best):
                path.unlink()
        since = max(self.best_epoch or 0, self.starts[-1])
        if self.patience and self.epoch - since >= self.patience:
            self.model.stop_training = True

    def read(self, model: keras.Model):
        """Take the history over from the disk; nothing where there is none.

        Args:
            model: The model; it must have the layers of the run that is resumed.

        Raises:
            InputError: The weights belong to another model.
        """
        path = self.folder / "state.json"
        if not path.exists():
            return
        state = json.loads(path.read_text(encoding="utf-8"))
        if state["shapes"] != _shapes(model):  # Keras would load what fits and only warn
            raise InputError(
                f"--resume needs the options of the run in {self.folder.parent}, whose weights do "
                "not fit this model: use its options, or drop --resume to start anew"
            )
        self.starts, self.history = state["starts"], state["history"]

    def begin(self, phase: int, model: keras.Model):
        """Begin a phase with the best weights so far, or go on with one that was begun before.

        Args:
            phase: Its number, from 0.
            model: The model, compiled for the phase.
        """
        if phase < len(self.starts):
            model.optimizer.build(model.trainable_variables)
            model.load_weights(self._last)
        else:
            self.load_best(model)
            self.starts.append(self.epoch)

    def load_best(self, model: keras.Model):
        """Put the best epoch's weights into the layers; leave them as they are if there is none.

        Args:
            model: The model that was trained.
        """
        if self.best_epoch:
            _layers(model).load_weights(self._best)

    def clear(self):
        """Take the files away."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _last(self):
        return self.folder / f"last_{self.epoch:04d}.weights.h5"

    @property
    def _best(self):
        return self.folder / f"best_{self.best_epoch or 0:04d}.weights.h5"


def _layers(model):
    """The same layers without an optimizer."""
    return keras.Model(model.inputs, model.outputs, name=model.name)


@contextlib.contextmanager
def _averaged(model):
    """Put the optimizer's moving averages, where it keeps any, into the layers for a while."""
    variables = model.trainable_variables
    values = [keras.ops.copy(variable.value) for variable in variables]
    model.optimizer.finalize_variable_values(variables)
    try:
        yield
    finally:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)


def _shapes(model):
    return [list(variable.shape) for variable in model.weights]
