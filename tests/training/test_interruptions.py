"""An error in the middle of a training loses only the current epoch."""

import errno
import multiprocessing.shared_memory
import os

import keras
import pytest
import tiny_training as tiny

from keras_cnn import InputError, running
from keras_cnn.splits import Splits
from keras_cnn.training import run as training


@pytest.fixture
def folder(tmp_path):
    return tiny.draw(tmp_path / "set")


@pytest.fixture(autouse=True)
def _plain_reports(monkeypatch):
    monkeypatch.setattr(training, "conclude", tiny.conclude)


def _at_epoch(number, act):
    def on_epoch_begin(epoch, logs=None):
        if epoch == number:
            act()

    return [keras.callbacks.LambdaCallback(on_epoch_begin=on_epoch_begin)]


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (os.remove, "no such file or directory"),
        (lambda path: path.write_bytes(b"rubbish"), "it is no picture"),
        (lambda path: path.write_bytes(path.read_bytes()[:60]), "truncated|broken|end of file"),
    ],
    ids=["deleted", "replaced", "truncated"],
)
def test_a_picture_lost_in_mid_training_is_named_and_resume_goes_on(folder, tmp_path, harm, reason):
    pictures = sorted((folder / "train" / "dark").iterdir())
    whole = [path.read_bytes() for path in pictures]
    recipe = tiny.recipe(folder, tmp_path / "out", epochs=3, resume=True)

    def harm_all():
        for path in pictures:
            harm(path)

    with pytest.raises(InputError, match=rf"dark.*({reason}).*epoch 1 is saved, --resume"):
        tiny.run(recipe, callbacks=_at_epoch(1, harm_all))
    for path, content in zip(pictures, whole, strict=True):
        path.write_bytes(content)
    assert len(tiny.run(recipe)["history"]["loss"]) == 3


def test_a_disk_that_is_full_at_the_end_loses_no_epoch(folder, tmp_path, monkeypatch):
    recipe = tiny.recipe(folder, tmp_path / "out", epochs=2, resume=True)

    def full(self, model, path):
        path.write_bytes(b"half of the mod")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Splits, "save", full)
        with pytest.raises(InputError, match="No space left on device.*make room.*--resume"):
            tiny.run(recipe)
    assert [path.name for path in recipe.out.iterdir()] == ["checkpoint"]

    def train_again():
        raise AssertionError("it was trained")

    tiny.run(recipe, callbacks=_at_epoch(0, train_again) + _at_epoch(1, train_again))
    keras.models.load_model(recipe.out / "model.keras")


@pytest.mark.parametrize("epoch", [0, 1])
def test_a_disk_too_full_for_tensorboard_gets_a_sentence(folder, tmp_path, monkeypatch, epoch):
    pytest.importorskip("tensorboard")

    def full():  # the error of TensorFlow's writer
        raise RuntimeError(f"events.v2; {os.strerror(errno.ENOSPC)}\n\tFailed to flush 1 events")

    monkeypatch.setattr(keras.callbacks, "TensorBoard", lambda folder: _at_epoch(epoch, full)[0])
    recipe = tiny.recipe(folder, tmp_path / "out", epochs=2, tensorboard=True)
    with pytest.raises(InputError, match="make room, or leave out --tensorboard") as error:
        tiny.run(recipe)
    assert ("epoch 1 is saved, --resume" in str(error.value)) == (epoch == 1)


def test_a_run_names_its_process_while_it_trains_and_not_after(folder, tmp_path):
    recipe, seen = tiny.recipe(folder, tmp_path / "out", epochs=2), []

    def look():
        history, seconds = running.history(recipe.folder)
        seen.append((running.process(recipe.folder), len(history["loss"]), seconds > 0))

    tiny.run(recipe, callbacks=_at_epoch(1, look))
    assert seen == [(os.getpid(), 1, True)]
    assert not (recipe.folder / "checkpoint").exists()


def test_no_shared_memory_is_needed(folder, tmp_path, monkeypatch):
    """/dev/shm is tiny in many containers."""

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(multiprocessing.shared_memory, "SharedMemory", full)
    tiny.run(tiny.recipe(folder, tmp_path / "out", epochs=1, workers=2))
