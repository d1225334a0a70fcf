"""The state that a training saves after every epoch, so that it can be resumed."""

import contextlib
import hashlib
import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter

import keras
import numpy as np

from keras_cnn import running
from keras_cnn.errors import InputError
from keras_cnn.filesystem import write_atomically
from keras_cnn.i18n import say

_NAME = re.compile(r"(partial_(\d+_)?)?((last|best)_\d+\.npz|state_\d+\.json)")
KEPT = 2  # states on disk; if the last is damaged, the one before it is used


class Checkpoint(keras.callbacks.Callback):
    """Saves a run's last two states, its best weights and its history.

    After epoch 7 the folder holds these files, each written under another name, flushed and
    renamed:

    - ``last_0007.npz``: weights, optimizer with its step and averages, states of random seeds;
    - ``best_0005.npz``: weights of the best epoch, averaged if the optimizer averages them;
    - ``state_0007.json``: the history, its own SHA-256, and those of the files that it needs.

    The state file is written last. Then the files that neither it nor the state before it needs
    are removed, so that a kill at any moment leaves a complete state. All else that a training
    depends on follows from seed, epoch and history (`seeding.Seek`, `schedules.Plateau`): an
    interrupted epoch is repeated from its start, with the same result.

    The best epoch is that of the lowest validation loss; accuracies of few pictures would often
    tie. If losses tie, the earlier epoch counts as best. With `keep_last` the last epoch with a
    finite loss counts as best.

    A training may have phases, each with an optimizer of its own.

    Attributes:
        starts: For each phase that has begun, the number of epochs finished before it.
        history: Metric -> its value after each epoch, those before a resume included.
        seconds: Duration of all finished epochs, those before a resume included.
    """

    def __init__(
        self,
        folder: Path,
        *,
        pictures: dict[str, dict] | None = None,
        patience: int | None = None,
        keep_last: bool = False,
        last_epoch: int | None = None,
        writes: bool = True,
    ):
        """Start without a state.

        Args:
            folder: Folder of the files; made when the first epoch ends.
            pictures: Split -> fingerprint of its pictures. A state is refused for other pictures
                and for another split of the same: it may have learned from pictures that are now
                test pictures.
            patience: Epochs without a lower validation loss after which a phase stops; None for
                never.
            keep_last: Whether the last epoch counts as the best.
            last_epoch: Number of the epoch, from 1, after which the training stops; None for no
                limit.
            writes: Whether this process writes; of several that train together only one does.
        """
        super().__init__()
        self.folder = folder
        self.pictures = pictures or {}
        self.patience = patience
        self.keep_last = keep_last
        self.last_epoch = last_epoch
        self.writes = writes
        self.starts = []
        self.history = {}
        self.seconds = 0.0
        self._clock = None  # time at which the current epoch began
        self._states = {}  # epoch -> names of the files that its state needs, the last `KEPT`

    @property
    def epoch(self) -> int:
        """Number of finished epochs."""
        return len(self.history.get("loss", []))

    @property
    def best_epoch(self) -> int | None:
        """First epoch with the lowest validation loss, from 1; None while no loss is finite."""
        return self._best_of(self.history)

    @property
    def phase_losses(self) -> list[float]:
        """Validation losses of the phase's epochs so far."""
        return self.history.get("val_loss", [])[self.starts[-1] :]

    @property
    def out_of_patience(self) -> bool:
        """Whether the last `patience` epochs of the phase brought no lower validation loss."""
        since = max(_lowest(self.history.get("val_loss", [])) or 0, self.starts[-1])
        return self.patience is not None and self.epoch - since >= self.patience

    @property
    def is_complete(self) -> bool:
        """Whether the last epoch that was asked for has ended."""
        return self.last_epoch is not None and self.epoch >= self.last_epoch

    def on_epoch_end(self, epoch, logs=None):
        """Save the state; update this object's attributes only once it is on the disk."""
        history = {name: [*self.history.get(name, []), float(logs[name])] for name in logs}
        number, now = self.epoch + 1, perf_counter()
        seconds = self.seconds + now - self._clock
        if self.writes:
            try:
                self._save(number, history, seconds)
            except OSError as error:
                raise InputError(
                    f"cannot save epoch {number} in {self.folder} ({error.strerror or error}); the "
                    "epochs before it are kept: make room, then go on with --resume"
                ) from error
        self.history, self.seconds, self._clock = history, seconds, now
        if self.out_of_patience or self.is_complete:
            self.model.stop_training = True

    def read(self, model: keras.Model):
        """Read the last complete state from the disk; do nothing if there is no state.

        Args:
            model: The model; it must have the layers of the run that is resumed.

        Raises:
            InputError: Every state is damaged, or model or pictures are not those of the run that
                is resumed.
        """
        state, damaged = None, []
        for path in sorted(self.folder.glob("state_*.json"), reverse=True):
            try:
                state = _verified(path)
                break
            except (OSError, ValueError, KeyError, TypeError) as error:
                damaged.append(path.stem)
                say(f"Checkpoint {path} is damaged ({error}): the one before it is used.")
        if state is None:
            if damaged:
                raise InputError(
                    f"--resume finds no whole checkpoint in {self.folder}: drop --resume to start "
                    "anew"
                )
            return
        if state["shapes"] != _shapes(model):
            raise self._mismatch()
        if state.get("pictures", self.pictures) != self.pictures:  # older states lack the key
            raise InputError(
                f"--resume finds other pictures, boxes, classes or another split than the run in "
                f"{self.folder.parent} had: use its --data, --seed and --validation-split, or drop "
                "--resume to start anew"
            )
        self.starts, self.history = state["starts"], state["history"]
        self.seconds = state.get("seconds", 0.0)
        self._states = {self.epoch: list(state["files"])}

    def record(self, model: keras.Model, scores: Mapping[str, float]):
        """Save weights that have scores before any training, as the first phase and epoch.

        Args:
            model: The model, compiled, its optimizer built.
            scores: Metric -> value, "loss" and "val_loss" among them.
        """
        self.set_model(model)
        self._clock = perf_counter()
        self.starts = [0]
        self.on_epoch_end(0, scores)

    def begin(self, phase: int, model: keras.Model):
        """Begin a phase with the best weights so far, or resume it.

        Args:
            phase: Its number, from 0.
            model: The model, compiled for the phase, its optimizer built.

        Raises:
            InputError: The optimizer is not the one of the run that is resumed.
        """
        self._clock = self._clock or perf_counter()
        if phase < len(self.starts):
            if self.epoch:
                self._load(_last(self.epoch), _state_of(model))
        else:
            self.load_best(model)
            self.starts.append(self.epoch)

    def load_best(self, model: keras.Model):
        """Load the best epoch's weights; do nothing if there is no such epoch.

        Args:
            model: The model that was trained.
        """
        if self.best_epoch:
            self._load(_best(self.best_epoch), model.weights)

    def clear(self):
        """Remove the files."""
        if self.writes:
            remove(self.folder)

    def _best_of(self, history):
        losses = history.get("val_loss", [])
        if not self.keep_last:
            return _lowest(losses)
        return max(np.flatnonzero(np.isfinite(losses)).tolist(), default=-1) + 1 or None

    def _save(self, number, history, seconds):
        self.folder.mkdir(exist_ok=True)
        best = self._best_of(history)
        names = [_last(number)] + ([_best(best)] if best else [])
        _write(self.folder / names[0], _state_of(self.model))
        if best == number:
            with _averaged(self.model):
                _write(self.folder / names[1], self.model.weights)
        state = {
            "starts": self.starts,
            "history": history,
            "seconds": seconds,
            "shapes": _shapes(self.model),
            "pictures": self.pictures,
            "files": {name: _digest(self.folder / name) for name in names},
        }
        content = json.dumps(state | {"sha256": running.digest(state)}).encode()
        with write_atomically(self.folder / f"state_{number:04d}.json") as temporary:
            temporary.write_bytes(content)
        self._states = dict(list((self._states | {number: names}).items())[-KEPT:])
        needed = {name for names in self._states.values() for name in names}
        needed |= {f"state_{epoch:04d}.json" for epoch in self._states}
        for path in _own(self.folder):
            if path.name not in needed:
                path.unlink()

    def _load(self, name, variables):
        try:
            with np.load(self.folder / name, allow_pickle=False) as values:
                values = [values[key] for key in values.files]  # in the order they were saved
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise InputError(
                f"cannot read {self.folder / name} ({error}): start again without --resume"
            ) from error
        if [value.shape for value in values] != [tuple(v.shape) for v in variables]:
            raise self._mismatch()
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)

    def _mismatch(self):
        return InputError(
            f"--resume needs the options of the run in {self.folder.parent}, whose weights do not "
            "fit this model and its optimizer: use its options, or drop --resume to start anew"
        )


def remove(folder: Path) -> None:
    """Remove a folder's states, and the folder if it is then empty.

    Args:
        folder: The folder; it may be missing.
    """
    with contextlib.suppress(OSError):
        for path in _own(folder):
            path.unlink()
        folder.rmdir()


def _own(folder):
    """Return the files that this module has written, complete or not."""
    return [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]


def _last(epoch):
    return f"last_{epoch:04d}.npz"


def _best(epoch):
    return f"best_{epoch:04d}.npz"


def _lowest(losses):
    """Return the number, from 1, of the first lowest finite loss; None if no loss is finite."""
    losses = np.asarray(losses)
    return int(np.nanargmin(losses)) + 1 if np.isfinite(losses).any() else None


def _state_of(model):
    """Return all variables that the next step depends on, those of random seeds included."""
    seen = {id(variable) for variable in model.weights}
    seeds = [
        variable
        for layer in model._flatten_layers(include_self=False)
        for variable in layer.variables
        if id(variable) not in seen and not seen.add(id(variable))
    ]
    return [*model.weights, *model.optimizer.variables, *seeds]


def _write(path, variables):
    with write_atomically(path) as temporary, temporary.open("wb") as file:
        np.savez(file, *(variable.numpy() for variable in variables))


def _digest(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _verified(path):
    """Return the state in a file, after verifying its checksum and those of its files."""
    state = running.verified(path)
    for name, digest in state["files"].items():
        if Path(name).name != name:
            raise ValueError(f"{name} lies outside its folder")
        if _digest(path.parent / name) != digest:
            raise ValueError(f"the checksum of {name} is wrong")
    return state


@contextlib.contextmanager
def _averaged(model):
    """Replace the weights by the optimizer's moving averages, if it has any, for a while."""
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
