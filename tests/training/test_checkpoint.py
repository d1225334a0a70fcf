"""Checkpoints restore everything, survive kills and full disks, and refuse other models."""

import errno
import io
import os
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_cnn import InputError
from keras_cnn.training import checkpoint
from keras_cnn.training.checkpoint import Checkpoint


def _model(*, units=3, optimizer=None):
    inputs = keras.Input((4,))
    x = keras.layers.Dropout(0.5, seed=7)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(units)(x))
    optimizer = optimizer or keras.optimizers.Adam(0.1, use_ema=True)
    model.compile(optimizer, loss="mse")
    optimizer.build(model.trainable_variables)
    return model


def _fill(model, value):
    """Give every variable, including those of seeds, a value of its own."""
    for number, variable in enumerate(checkpoint._state_of(model)):
        variable.assign(np.full(variable.shape, value + number, "float32").astype(variable.dtype))


def _values(model):
    return [keras.ops.convert_to_numpy(v.value) for v in checkpoint._state_of(model)]


def _epochs(model, folder, losses, **options):
    """Change the variables and save them, epoch after epoch, without training."""
    saved = Checkpoint(folder, **options)
    saved.set_model(model)
    saved.begin(0, model)
    for number, loss in enumerate(losses):
        _fill(model, 10 * (number + 1))
        saved.on_epoch_end(number, {"loss": 1.0, "val_loss": loss})
    return saved


def _resumed(folder, *, model=None):
    model = model or _model()
    resumed = Checkpoint(folder)
    resumed.read(model)
    resumed.set_model(model)
    resumed.begin(0, model)
    return resumed, model


def test_every_variable_is_restored_with_the_seeds_and_the_step(tmp_path):
    model = _model()
    _epochs(model, tmp_path, [0.5, 0.4])
    resumed, again = _resumed(tmp_path)
    assert resumed.epoch == 2 and resumed.history["val_loss"] == [0.5, 0.4]
    assert int(again.optimizer.iterations) == int(model.optimizer.iterations) > 0
    assert len(_values(again)) == len(model.weights) + len(model.optimizer.variables) + 1
    for restored, saved in zip(_values(again), _values(model), strict=True):
        np.testing.assert_array_equal(restored, saved)


def test_the_seconds_before_a_resume_count(tmp_path, monkeypatch):
    clock = iter([100, 104, 105, 200, 203])
    monkeypatch.setattr(checkpoint, "perf_counter", lambda: next(clock))
    assert _epochs(_model(), tmp_path, [0.5, 0.4]).seconds == 5
    resumed, _ = _resumed(tmp_path)
    resumed.on_epoch_end(2, {"loss": 1.0, "val_loss": 0.3})
    assert resumed.seconds == 8


def test_the_last_two_states_and_their_best_weights_are_kept(tmp_path):
    _epochs(_model(), tmp_path, [0.5, 0.1, 0.4, 0.3])
    expected = {"state_0003.json", "state_0004.json", "last_0003.npz", "last_0004.npz"}
    assert {path.name for path in tmp_path.iterdir()} == expected | {"best_0002.npz"}


def _flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGES = {
    "a flipped bit": _flip,
    "cut off": lambda path: os.truncate(path, path.stat().st_size // 2),
    "empty": lambda path: os.truncate(path, 0),
    "gone": lambda path: path.unlink(),
    "noise": lambda path: path.write_bytes(np.random.default_rng(0).bytes(3000)),
}


@pytest.mark.parametrize("name", ["state_0003.json", "last_0003.npz"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_state_is_reported_and_the_one_before_it_used(tmp_path, capsys, name, damage):
    _epochs(_model(), tmp_path, [0.5, 0.4, 0.6])
    DAMAGES[damage](tmp_path / name)
    resumed, _ = _resumed(tmp_path)
    assert resumed.history["val_loss"] == [0.5, 0.4]
    assert (
        name == "state_0003.json"
        and damage == "gone"
        or ("state_0003.json is damaged" in capsys.readouterr().out)
    )
    resumed.on_epoch_end(2, {"loss": 1.0, "val_loss": 0.6})
    assert _resumed(tmp_path)[0].epoch == 3


def test_resuming_where_all_states_are_damaged_is_refused(tmp_path):
    _epochs(_model(), tmp_path, [0.5, 0.4])
    for path in tmp_path.glob("state_*"):
        _flip(path)
    with pytest.raises(InputError, match="no whole checkpoint in .*drop --resume"):
        Checkpoint(tmp_path).read(_model())


def test_resuming_without_a_state_starts_anew(tmp_path):
    resumed, _ = _resumed(tmp_path / "none")
    assert resumed.epoch == 0 and resumed.starts == [0]


@pytest.mark.parametrize("wrong", ["layers", "optimizer"])
def test_resuming_with_another_model_or_optimizer_is_refused(tmp_path, wrong):
    _epochs(_model(), tmp_path, [0.5])
    other = {
        "layers": {"units": 2},
        "optimizer": {"optimizer": keras.optimizers.SGD(0.1)},
    }[wrong]
    with pytest.raises(InputError, match="--resume needs the options of the run"):
        _resumed(tmp_path, model=_model(**other))


def test_resuming_with_other_pictures_or_another_split_is_refused(tmp_path):
    _epochs(_model(), tmp_path, [0.5], pictures={"test": {"hash": "a"}})
    Checkpoint(tmp_path, pictures={"test": {"hash": "a"}}).read(_model())
    with pytest.raises(InputError, match="classes or another split .*--seed"):
        Checkpoint(tmp_path, pictures={"test": {"hash": "b"}}).read(_model())


def test_other_files_beside_the_states_are_kept(tmp_path):
    mine = tmp_path / "thesis.txt"
    mine.write_text("mine")
    (tmp_path / "drafts").mkdir()
    saved = _epochs(_model(), tmp_path, [0.5, 0.4, 0.3])
    saved.clear()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["drafts", "thesis.txt"]


def test_a_state_cannot_name_files_outside_its_folder(tmp_path):
    saved = _epochs(_model(), tmp_path / "a", [0.5])
    shutil.copy(tmp_path / "a" / "last_0001.npz", tmp_path / "elsewhere.npz")
    saved._states = {}
    names = {"../elsewhere.npz": checkpoint._digest(tmp_path / "elsewhere.npz")}
    state = {"starts": [0], "history": {}, "shapes": [], "files": names}
    whole = checkpoint.json.dumps(state | {"sha256": checkpoint.running.digest(state)})
    path = tmp_path / "a" / "state_0001.json"
    path.write_text(whole)
    with pytest.raises(ValueError, match="outside its folder"):
        checkpoint._verified(path)


class _Killed(BaseException):
    pass


def _killing(function, left):
    """Return the function; it raises once the shared counter `left` is used up."""

    def call(*args, **kwargs):
        left[0] -= 1
        if left[0] < 0:  # a killed process does not clean up
            raise _Killed
        return function(*args, **kwargs)

    return call


def test_a_kill_at_any_moment_of_saving_leaves_a_state(tmp_path, monkeypatch):
    model = _model()
    for moment in range(100):
        folder = tmp_path / str(moment)
        saved = _epochs(model, folder, [0.5, 0.4])
        left = [moment]
        with monkeypatch.context() as patch:
            for owner, name in ((os, "replace"), (os, "fsync"), (Path, "unlink")):
                patch.setattr(owner, name, _killing(getattr(owner, name), left))
            try:
                saved.on_epoch_end(2, {"loss": 1.0, "val_loss": 0.3})
            except _Killed:
                assert saved.epoch == 2
            else:
                break
        resumed, _ = _resumed(folder, model=model)
        assert resumed.epoch in (2, 3)
        resumed.load_best(model)
    assert moment > 8 and saved.epoch == 3


class _Full(io.BytesIO):
    """A file on a disk that is full after 500 bytes."""

    def write(self, data):
        if self.tell() + len(data) > 500:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)

    def fileno(self):
        return os.open(os.devnull, os.O_WRONLY)


# NumPy 2.1 lets the garbage collector close the archive that it could not write.
_NUMPY_2_1 = ["ignore:Exception ignored in. <function ZipFile.__del__"] * (
    np.__version__.startswith("2.1.")
)


@pytest.mark.filterwarnings(*_NUMPY_2_1)
def test_a_full_disk_loses_only_the_epoch_that_was_being_saved(tmp_path, monkeypatch):
    saved = _epochs(_model(), tmp_path, [0.5, 0.4])
    seconds = saved.seconds
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda self, mode="r", **_: _Full())
        with pytest.raises(InputError, match="cannot save epoch 3 .*[Nn]o space left.*make room"):
            saved.on_epoch_end(2, {"loss": 1.0, "val_loss": 0.3})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert (saved.epoch, saved.seconds) == (2, seconds)
    saved.on_epoch_end(2, {"loss": 1.0, "val_loss": 0.3})
    assert _resumed(tmp_path)[0].epoch == 3


def test_pickled_values_are_refused(tmp_path):
    saved = _epochs(_model(), tmp_path, [0.5])
    np.savez(tmp_path / "last_0001.npz", np.array([{"code": "here"}], dtype=object))
    with pytest.raises(InputError, match="cannot read .*last_0001.npz"):
        saved._load("last_0001.npz", [])


def test_patience_counts_epochs_before_a_resume(tmp_path):
    _epochs(_model(), tmp_path, [0.5, 0.1, 0.3], patience=2)
    resumed = Checkpoint(tmp_path, patience=2)
    model = _model()
    resumed.read(model)
    resumed.set_model(model)
    resumed.begin(0, model)
    model.stop_training = False
    assert not resumed.out_of_patience
    resumed.on_epoch_end(3, {"loss": 1.0, "val_loss": 0.2})
    assert resumed.out_of_patience and model.stop_training


def test_a_process_that_does_not_write_leaves_nothing(tmp_path):
    saved = _epochs(_model(), tmp_path / "out", [0.5, 0.4], writes=False)
    saved.clear()
    assert saved.epoch == 2 and not (tmp_path / "out").exists()


def test_the_best_weights_are_the_averaged_ones(tmp_path):
    model = _model()
    saved = _epochs(model, tmp_path, [0.5])
    raw = [keras.ops.convert_to_numpy(v.value) for v in model.trainable_variables]
    with checkpoint._averaged(model):
        mean = [keras.ops.convert_to_numpy(v.value) for v in model.trainable_variables]
    saved.load_best(model)
    for variable, average, value in zip(model.trainable_variables, mean, raw, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable.value), average)
        assert not np.array_equal(average, value)


def test_the_clock_going_backwards_changes_nothing(tmp_path):
    _epochs(_model(), tmp_path, [0.5, 0.4])
    for path in tmp_path.glob("*_0002*"):
        os.utime(path, (0, 0))  # as if the second epoch had been saved long before the first
    assert _resumed(tmp_path)[0].epoch == 2


def test_the_earlier_of_two_equally_good_epochs_is_the_best(tmp_path):
    """Epochs are compared by the validation loss; the accuracy of few pictures would often tie."""
    saved = _epochs(_model(), tmp_path, [0.5, 0.4, 0.4], patience=1)
    assert saved.best_epoch == 2 and saved.out_of_patience
    assert (tmp_path / "best_0002.npz").exists() and not (tmp_path / "best_0003.npz").exists()


def test_a_training_that_validates_on_test_pictures_keeps_its_last_finite_epoch(tmp_path):
    saved = _epochs(_model(), tmp_path, [0.4, 0.6, np.nan], keep_last=True, patience=9)
    assert saved.best_epoch == 2
    assert not saved.out_of_patience and (tmp_path / "best_0002.npz").exists()
    assert _epochs(_model(), tmp_path / "diverged", [np.nan], keep_last=True).best_epoch is None
