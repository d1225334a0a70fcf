"""Trainings that are killed, and go on as if nothing had happened."""

import contextlib
import os
import random
import signal
import time

import keras
import numpy as np
import pytest
import tiny_training as tiny

from keras_cnn import InputError
from keras_cnn.training import run as training
from keras_cnn.training import schedules

# What a training can have that must survive: each has a state that a careless resume would lose.
EVERYTHING = {
    "ema": True,
    "mix": "mixup",
    "schedule": "plateau",
    "warmup": 1.5,
    "weight_decay": 0.01,
    "early_stopping": 50,
    "resume": True,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.draw(tmp_path_factory.mktemp("set") / "tiny")


def _finish(recipe):
    """Each epoch's number and when it began."""
    child, connection = tiny.start(recipe)
    epochs = {}
    with contextlib.suppress(EOFError):
        while True:
            epochs[connection.recv()] = time.monotonic()
    child.join(300)
    assert child.exitcode == 0, recipe.out.with_suffix(".log").read_text()
    return epochs


def _same(out, whole):
    histories = [tiny.history(where) for where in (out, whole)]
    assert histories[0].keys() == histories[1].keys()
    for name, values in histories[1].items():
        np.testing.assert_allclose(histories[0][name], values, rtol=0, atol=1e-6)
    models = [keras.models.load_model(where / "model.keras") for where in (out, whole)]
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kills", [1, pytest.param(20, marks=pytest.mark.slow)])
def test_a_training_killed_at_random_moments_ends_as_if_it_had_not_been(folder, tmp_path, kills):
    choices = EVERYTHING | {"epochs": 8 * kills}
    whole = tiny.recipe(folder, tmp_path / "whole", **choices)
    an_epoch = np.median(np.diff(list(_finish(whole).values())))
    recipe = tiny.recipe(folder, tmp_path / "out", **choices)
    moments, begun = random.Random(0), []
    for kill in range(kills):
        child, connection = tiny.start(recipe)
        begun.append(connection.recv())
        for _ in range(moments.choice([1, 2]) - kill % 2):  # epochs, every second time at least one
            connection.recv()
        time.sleep(moments.uniform(0, an_epoch))
        os.kill(child.pid, signal.SIGKILL)
        child.join(60)
        assert child.exitcode == -signal.SIGKILL
    begun.append(min(_finish(recipe)))
    assert begun == sorted(begun) and begun[-1] > 0
    assert not (recipe.out / "checkpoint").exists()
    _same(recipe.out, whole.out)


def _convolutions(*, input_shape, classes):
    """Of each kind of layer whose gradient may be summed in an order of its own."""
    x = inputs = keras.Input(input_shape)
    for filters in (16, 32):
        x = keras.layers.Conv2D(filters, 3, padding="same")(x)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.MaxPooling2D(3, strides=1, padding="same")(keras.layers.ReLU()(x))
    x = keras.layers.SeparableConv2D(32, 3)(x)
    x = keras.layers.Dropout(0.3)(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))


def test_deterministic_trainings_agree_to_the_last_bit(folder, tmp_path):
    found = []
    for name, seed in (("one", 1), ("two", 1), ("other", 2)):
        choices = EVERYTHING | {"deterministic": True, "seed": seed}
        recipe = tiny.recipe(folder, tmp_path / name, **choices)
        child, _ = tiny.start(recipe, build=_convolutions)
        child.join(300)
        assert child.exitcode == 0, recipe.out.with_suffix(".log").read_text()
        weights = keras.models.load_model(recipe.out / "model.keras").get_weights()
        found.append((tiny.history(recipe.out), [values.tobytes() for values in weights]))
    assert found[0] == found[1]
    assert found[0] != found[2]


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such signals to send")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 0)])
def test_a_signal_keeps_the_best_weights_and_their_report(folder, tmp_path, number, code):
    recipe = tiny.recipe(folder, tmp_path / "out", epochs=100_000)
    child, connection = tiny.start(recipe)
    while connection.recv() < 3:
        pass
    os.kill(child.pid, number)
    child.join(120)
    log = recipe.out.with_suffix(".log").read_text()
    assert child.exitcode == code, log
    assert "Interrupted after" in log and "Report:" in log
    assert len(tiny.history(recipe.out)["loss"]) >= 3
    keras.models.load_model(recipe.out / "model.keras")
    assert list((recipe.out / "checkpoint").glob("state_*.json"))


@pytest.mark.parametrize("epoch", [0, 1])
def test_an_interrupted_step_leaves_the_best_weights(folder, tmp_path, monkeypatch, epoch):
    monkeypatch.setattr(training, "conclude", tiny.conclude)
    watch, best = keras.callbacks.Callback(), []

    def interrupt(*_):
        raise KeyboardInterrupt

    def begin(number, logs=None):
        if number == epoch:
            best.extend(watch.model.get_weights())
            watch.model.train_function = interrupt

    watch.on_epoch_begin = begin
    recipe = tiny.recipe(folder, tmp_path / "out", epochs=9)
    result = tiny.run(recipe, callbacks=[watch])
    assert result["interrupted"]
    assert len(result["history"].get("loss", [])) == epoch
    kept = keras.models.load_model(recipe.out / "model.keras").get_weights()
    if epoch:  # before its first end there are none
        np.testing.assert_equal(kept, best)


def test_another_seed_splits_otherwise_and_is_no_run_to_go_on_with(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "conclude", _killed)
    with pytest.raises(_Killed):
        tiny.run(tiny.recipe(folder, tmp_path / "out"))
    with pytest.raises(InputError, match="another split"):
        tiny.run(tiny.recipe(folder, tmp_path / "out", seed=5, resume=True))


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such signal to send")
def test_a_signal_never_comes_up_in_the_middle_of_the_backend_work(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "conclude", tiny.conclude)
    undisturbed = []

    def begin(epoch, logs=None):
        if epoch == 1:
            os.kill(os.getpid(), signal.SIGTERM)
            undisturbed.append(epoch)

    recipe = tiny.recipe(folder, tmp_path / "out", epochs=9)
    told = keras.callbacks.LambdaCallback(on_epoch_begin=begin)
    with pytest.raises(SystemExit) as ended:
        tiny.run(recipe, callbacks=[told])
    assert undisturbed and ended.value.code == 143
    assert len(tiny.history(recipe.out)["loss"]) == 1


class _Killed(BaseException):
    pass


def _killed(*args, **kwargs):
    raise _Killed


def _tune(model):
    model.layers[-1].trainable = True


def test_fine_tuning_killed_before_its_report_needs_the_report_only(folder, tmp_path, monkeypatch):
    def halt(number):
        def on_epoch_begin(epoch, logs=None):
            if epoch == number:
                raise _Killed

        return keras.callbacks.LambdaCallback(on_epoch_begin=on_epoch_begin)

    choices = {"epochs": 2, "schedule": "cosine", "mix": "cutmix", "ema": True}
    monkeypatch.setattr(training, "conclude", tiny.conclude)
    whole = tiny.recipe(folder, tmp_path / "whole", **choices)
    tiny.run(whole, fine_tune=_tune)
    recipe = tiny.recipe(folder, tmp_path / "out", resume=True, **choices)
    with pytest.raises(_Killed):
        tiny.run(recipe, fine_tune=_tune, callbacks=[halt(3)])  # in the second phase
    with monkeypatch.context() as patch:
        patch.setattr(training, "conclude", _killed)
        with pytest.raises(_Killed):
            tiny.run(recipe, fine_tune=_tune)
    told = tiny.run(recipe, fine_tune=_tune, callbacks=[halt(0), halt(1), halt(2), halt(3)])
    assert 0 < told["seconds"]["train"] < told["seconds"]["total"] and told["images_per_second"] > 0
    _same(recipe.out, whole.out)


def test_an_early_stop_is_not_forgotten(folder, tmp_path, monkeypatch):
    """Killed after its last epoch, a training that had lost its patience trains no more."""
    recipe = tiny.recipe(folder, tmp_path / "out", epochs=9, early_stopping=1, learning_rate=1e-9)
    monkeypatch.setattr(training, "conclude", _killed)
    monkeypatch.setattr(schedules, "learning_rate", lambda *_, **__: 0.0)  # so the loss stays
    with pytest.raises(_Killed):
        tiny.run(recipe)
    monkeypatch.setattr(training, "conclude", tiny.conclude)
    resumed = tiny.recipe(folder, tmp_path / "out", epochs=9, early_stopping=1, resume=True)
    assert len(tiny.run(resumed)["history"]["loss"]) == 2


def test_the_order_of_an_epoch_follows_from_seed_and_number(folder):
    from keras_cnn import ImageDataGenerator
    from keras_cnn.splits import classification_splits
    from keras_cnn.training.mixup import Mixed
    from keras_cnn.training.seeding import Seek
    from keras_cnn.training.sharding import Feed, Share

    def batches(*epochs, seed=0):
        recipe = tiny.recipe(folder, None, seed=seed)
        splits = classification_splits(recipe, ImageDataGenerator(horizontal_flip=True))
        feed = Feed(splits.train, samples=20, share=Share(), training=True)
        mixed = Mixed(feed, "mixup", seed=seed)
        for epoch in epochs:
            Seek(mixed, seed=seed, notify=False).on_epoch_begin(epoch)
            read = [mixed[number] for number in range(len(mixed))]
            order = random.sample(range(100), 100)
            mixed.on_epoch_end()
        return read, order

    after_others, order = batches(0, 1, 2)
    at_once, same_order = batches(2)
    for one, other in zip(after_others, at_once, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])
    assert order == same_order
    assert not np.array_equal(at_once[0][0], batches(1)[0][0][0])
    assert not np.array_equal(at_once[0][0], batches(2, seed=1)[0][0][0])


def test_resume_of_an_unreadable_folder_gets_a_sentence(folder, tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(InputError, match="--out must be a folder"):
        tiny.run(tiny.recipe(folder, tmp_path / "out", resume=True))
