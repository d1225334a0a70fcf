"""A training that is killed and resumed ends like one that never stopped."""

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

# Options with a state that a careless resume would lose.
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
    """Train to the end; return each epoch's number and the time it began."""
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
    for resumed, expected in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(resumed, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kills", [1, pytest.param(20, marks=pytest.mark.slow)])
def test_a_training_killed_at_random_moments_ends_like_one_never_killed(folder, tmp_path, kills):
    choices = EVERYTHING | {"epochs": 8 * kills}
    whole = tiny.recipe(folder, tmp_path / "whole", **choices)
    an_epoch = np.median(np.diff(list(_finish(whole).values())))
    recipe = tiny.recipe(folder, tmp_path / "out", **choices)
    moments, begun = random.Random(0), []
    for kill in range(kills):
        child, connection = tiny.start(recipe)
        begun.append(connection.recv())
        for _ in range(moments.choice([1, 2]) - kill % 2):  # at least one epoch every second time
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
    """Build a network with each layer whose gradient may be summed in a varying order."""
    x = inputs = keras.Input(input_shape)
    for filters in (16, 32):
        x = keras.layers.Conv2D(filters, 3, padding="same")(x)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.MaxPooling2D(3, strides=1, padding="same")(keras.layers.ReLU()(x))
    x = keras.layers.SeparableConv2D(32, 3)(x)
    x = keras.layers.Dropout(0.3)(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))


def test_deterministic_trainings_agree_to_the_last_bit(folder, tmp_path):
    results = []
    for name, seed in (("one", 1), ("two", 1), ("other", 2)):
        choices = EVERYTHING | {"deterministic": True, "seed": seed}
        recipe = tiny.recipe(folder, tmp_path / name, **choices)
        child, _ = tiny.start(recipe, build=_convolutions)
        child.join(300)
        assert child.exitcode == 0, recipe.out.with_suffix(".log").read_text()
        weights = keras.models.load_model(recipe.out / "model.keras").get_weights()
        results.append((tiny.history(recipe.out), [values.tobytes() for values in weights]))
    assert results[0] == results[1]
    assert results[0] != results[2]


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


def test_resuming_with_another_seed_is_refused(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "conclude", _killed)
    with pytest.raises(_Killed):
        tiny.run(tiny.recipe(folder, tmp_path / "out"))
    with pytest.raises(InputError, match="another split"):
        tiny.run(tiny.recipe(folder, tmp_path / "out", seed=5, resume=True))


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such signal to send")
def test_a_signal_never_interrupts_the_work_of_the_backend(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "conclude", tiny.conclude)
    undisturbed = []

    def begin(epoch, logs=None):
        if epoch == 1:
            os.kill(os.getpid(), signal.SIGTERM)
            undisturbed.append(epoch)

    recipe = tiny.recipe(folder, tmp_path / "out", epochs=9)
    callback = keras.callbacks.LambdaCallback(on_epoch_begin=begin)
    with pytest.raises(SystemExit) as ended:
        tiny.run(recipe, callbacks=[callback])
    assert undisturbed and ended.value.code == 143
    assert len(tiny.history(recipe.out)["loss"]) == 1


class _Killed(BaseException):
    pass


def _killed(*args, **kwargs):
    raise _Killed


def _tune(model):
    model.layers[-1].trainable = True


def test_fine_tuning_killed_before_its_report_is_not_trained_again(folder, tmp_path, monkeypatch):
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
    result = tiny.run(recipe, fine_tune=_tune, callbacks=[halt(0), halt(1), halt(2), halt(3)])
    assert 0 < result["seconds"]["train"] < result["seconds"]["total"]
    assert result["images_per_second"] > 0
    _same(recipe.out, whole.out)


def test_an_early_stop_is_not_forgotten(folder, tmp_path, monkeypatch):
    """A training that had stopped early, and was killed before its report, trains no more."""
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
    for batch, same_batch in zip(after_others, at_once, strict=True):
        np.testing.assert_array_equal(batch[0], same_batch[0])
        np.testing.assert_array_equal(batch[1], same_batch[1])
    assert order == same_order
    assert not np.array_equal(at_once[0][0], batches(1)[0][0][0])
    assert not np.array_equal(at_once[0][0], batches(2, seed=1)[0][0][0])


def test_resume_of_an_unreadable_folder_gets_a_sentence(folder, tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(InputError, match="--out must be a folder"):
        tiny.run(tiny.recipe(folder, tmp_path / "out", resume=True))
