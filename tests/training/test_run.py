"""Runs: the report and model they leave, the epoch they keep, and what they refuse."""

import json
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tiny_training as tiny

import keras_cnn
from keras_cnn import ImageDataGenerator, InputError, Recipe, card, models
from keras_cnn.splits import RegressionSplits, Splits, classification_splits
from keras_cnn.training import fitting, schedules
from keras_cnn.training import run as training


def build(*, input_shape, classes):
    """Build a network just large enough for stripes."""
    inputs = keras.Input(input_shape)
    x = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(inputs)
    x = keras.layers.GlobalMaxPooling2D()(x)
    x = keras.layers.Dropout(0.1)(x)
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))


@pytest.fixture
def figures():
    """Mark a test that needs a real report; its figures take longer than the training."""


@pytest.fixture(autouse=True)
def _plain_reports(request, monkeypatch):
    if "figures" not in request.fixturenames:
        monkeypatch.setattr(training, "conclude", tiny.conclude)


def _recipe(folder, out, **choices):
    choices = {"epochs": 3, "learning_rate": 0.05, "batch_size": 8} | choices
    return Recipe(name="case", dataset="stripes", data=folder, image_size=24, out=out, **choices)


def _run(recipe, *, build=build):
    splits = classification_splits(recipe, ImageDataGenerator(rescale=1 / 255))
    return training.run(build, splits, recipe)


def _losses(recipe):
    return _run(recipe)["history"]["loss"]


def test_a_run_leaves_a_model_a_report_and_its_figures(stripes, figures, tmp_path, capsys):
    out = tmp_path / "runs" / "结果"
    result = _run(_recipe(stripes, out))
    files = {path.name for path in out.iterdir()}
    assert files >= {"model.keras", "report.json", "history.csv", "report.html"}
    assert files >= {"curves.png", "samples.png", "confusion.png", "mistakes.png"}
    assert not (out / "checkpoint").exists()
    assert json.loads((out / "report.json").read_text(encoding="utf-8")) == result
    assert {"accuracy", "baseline", "interval"} <= set(result["test"])
    saved = card.read(out / "model.keras")
    assert saved.scores["accuracy"] == result["test"]["accuracy"]
    assert saved.recipe["epochs"] == 3 and saved.versions == result["versions"]
    assert result["samples"] == {"train": 34, "validation": 6, "test": 16}
    assert result["recipe"]["epochs"] == 3 and result["versions"]["keras"]
    assert f"Report: {out / 'report.html'}" in capsys.readouterr().out


def test_the_saved_model_gives_the_reported_score(stripes, tmp_path):
    recipe = _recipe(stripes, tmp_path / "out")
    result = _run(recipe)
    model = keras.models.load_model(tmp_path / "out" / "model.keras")
    test = classification_splits(recipe, ImageDataGenerator(rescale=1 / 255)).test
    right = np.argmax(model.predict(test, verbose=0), axis=1) == test.classes
    assert right.mean() == pytest.approx(result["test"]["accuracy"])
    answers = model(test[0][0])  # an array in, an array out: neither a list, nor a warning
    assert answers.shape == (len(test[0][0]), 2)


def test_the_same_seed_gives_the_same_history(stripes, tmp_path):
    first, same, other = (
        _losses(_recipe(stripes, tmp_path / str(index), seed=seed, epochs=2))
        for index, seed in enumerate((1, 1, 2))
    )
    np.testing.assert_allclose(first, same, rtol=1e-5)
    assert not np.allclose(first, other, rtol=1e-3)


def test_the_weights_of_the_best_epoch_are_tested_and_kept(stripes, tmp_path, monkeypatch):
    losses = iter([0.5, 0.1, 0.9])
    kernels = []
    on_epoch_end = training.Checkpoint.on_epoch_end

    def rigged(self, epoch, logs=None):
        kernels.append(self.model.get_layer("conv").kernel.numpy().copy())
        on_epoch_end(self, epoch, logs | {"val_loss": next(losses)})

    monkeypatch.setattr(training.Checkpoint, "on_epoch_end", rigged)
    _run(_recipe(stripes, tmp_path / "out"))
    kept = keras.models.load_model(tmp_path / "out" / "model.keras").get_layer("conv").kernel
    np.testing.assert_array_equal(kept, kernels[1])


def test_the_test_set_is_read_after_training_only(stripes, tmp_path, monkeypatch):
    recipe = _recipe(stripes, tmp_path / "out")
    splits = classification_splits(recipe, ImageDataGenerator(rescale=1 / 255))
    read, fitted = [], []
    getitem, fit = type(splits.test).__getitem__, fitting.fit_phase
    monkeypatch.setattr(
        type(splits.test),
        "__getitem__",
        lambda self, index: (
            read.append((self is splits.test, bool(fitted))) or getitem(self, index)
        ),
    )
    monkeypatch.setattr(fitting, "fit_phase", lambda *args: (fit(*args), fitted.append(1))[0])
    training.run(build, splits, recipe)
    of_test = [after for is_test, after in read if is_test]
    assert len(of_test) >= len(splits.test) and all(of_test)


class _Interrupt(keras.callbacks.Callback):
    def __init__(self, epoch):
        super().__init__()
        self.at = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.epoch == self.at and batch == 1:
            raise KeyboardInterrupt

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch


@pytest.mark.parametrize("epoch", [0, 2])
def test_ctrl_c_leaves_a_usable_model_and_report(stripes, tmp_path, monkeypatch, epoch):
    monkeypatch.setattr(keras.callbacks, "TerminateOnNaN", lambda: _Interrupt(epoch))
    result = _run(_recipe(stripes, tmp_path / "out"))
    assert result["interrupted"]
    assert len(result["history"].get("loss", [])) == epoch
    keras.models.load_model(tmp_path / "out" / "model.keras")


def test_a_loss_that_is_no_number_gets_a_sentence(stripes, tmp_path):
    def broken(*, input_shape, classes):
        inputs = keras.Input(input_shape)
        x = keras.layers.GlobalMaxPooling2D()(inputs)
        x = keras.layers.Dense(classes)(x)
        return keras.Model(inputs, keras.ops.log(-1 - keras.ops.square(x)))

    with pytest.raises(InputError, match="--learning-rate"):
        _run(_recipe(stripes, tmp_path / "out"), build=broken)


def test_an_unwritable_out_gets_a_sentence(stripes, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="--out must be a folder that can be written; received"):
        _run(_recipe(stripes, tmp_path / "file" / "out"))


def _record(monkeypatch, read):
    """Return a list that collects what `read` returns for the model after each epoch."""
    values = []
    on_epoch_end = training.Checkpoint.on_epoch_end

    def recording(self, epoch, logs=None):
        values.append(read(self.model))
        on_epoch_end(self, epoch, logs)

    monkeypatch.setattr(training.Checkpoint, "on_epoch_end", recording)
    return values


def test_training_stops_early_when_validation_improves_no_more(stripes, tmp_path, monkeypatch):
    losses = iter([0.5, 0.1, 0.9, 0.8, 0.7])
    on_epoch_end = training.Checkpoint.on_epoch_end
    monkeypatch.setattr(
        training.Checkpoint,
        "on_epoch_end",
        lambda self, epoch, logs: on_epoch_end(self, epoch, logs | {"val_loss": next(losses)}),
    )
    result = _run(_recipe(stripes, tmp_path / "out", epochs=5, early_stopping=2))
    assert len(result["history"]["loss"]) == 4
    assert result["best_epoch"] == 2 and not result["interrupted"]


def test_averaged_weights_are_validated_and_kept_while_raw_weights_learn(stripes, tmp_path):
    recipe = _recipe(stripes, tmp_path / "out", ema=True, epochs=2)
    result = _run(recipe)
    model = keras.models.load_model(tmp_path / "out" / "model.keras")
    model.compile(loss="categorical_crossentropy")
    splits = classification_splits(recipe, ImageDataGenerator(rescale=1 / 255))
    loss = model.evaluate(splits.validation, verbose=0)
    history = result["history"]
    assert loss == pytest.approx(history["val_loss"][result["best_epoch"] - 1], rel=1e-4)
    plain = _losses(_recipe(stripes, tmp_path / "plain", epochs=2))
    assert history["loss"] == pytest.approx(plain, rel=1e-4)  # of the raw weights


def test_the_average_of_a_short_training_leaves_its_start_behind(stripes, tmp_path, monkeypatch):
    steps = []

    def step_by_step(splits, folder):
        def record(batch, logs=None):
            steps.append([w.copy() for w in watch.model.get_weights()])

        watch = keras.callbacks.LambdaCallback(on_train_batch_end=record)
        return [watch]

    monkeypatch.setattr(Splits, "callbacks", step_by_step)
    _run(_recipe(stripes, tmp_path / "out", ema=True, epochs=1, batch_size=2))
    average, momentum = steps[0], 1 - 10 / len(steps)
    for weights in steps[1:]:
        pairs = zip(average, weights, strict=True)
        average = [momentum * old + (1 - momentum) * new for old, new in pairs]
    kept = keras.models.load_model(tmp_path / "out" / "model.keras").get_weights()
    for values, expected in zip(kept, average, strict=True):
        np.testing.assert_allclose(values, expected, atol=1e-6)
    assert 0 < momentum < 0.99 == schedules.ema_momentum(1000)


def test_smoothed_labels_keep_the_network_from_certainty(stripes, tmp_path):
    history = _run(_recipe(stripes, tmp_path / "out", label_smoothing=0.5))["history"]
    least = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert min(history["loss"]) >= least - 1e-6


def test_weight_decay_spares_biases_and_normalisation(stripes, tmp_path):
    def normalised(*, input_shape, classes):
        inputs = keras.Input(input_shape)
        x = keras.layers.Conv2D(4, 3, use_bias=False, name="conv")(inputs)
        x = keras.layers.GlobalMaxPooling2D()(keras.layers.BatchNormalization(name="bn")(x))
        return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))

    _run(
        _recipe(stripes, tmp_path / "out", learning_rate=1e-3, weight_decay=900.0),
        build=normalised,
    )
    model = keras.models.load_model(tmp_path / "out" / "model.keras")
    assert np.abs(model.get_layer("conv").get_weights()[0]).max() < 0.01
    assert np.abs(model.get_layer("bn").get_weights()[0]).min() > 0.9


def test_balanced_weights_give_every_class_the_same_total(stripes, tmp_path):
    for path in list((stripes / "train" / "lying").iterdir())[:15]:
        path.unlink()
    recipe = _recipe(stripes, tmp_path / "out", class_weights="balanced", validation_split=0.2)
    splits = classification_splits(recipe, ImageDataGenerator(rescale=1 / 255))
    weights = splits.class_weights(recipe)
    assert weights[0] * 4 == pytest.approx(weights[1] * 16) == pytest.approx(10)
    training.run(build, splits, recipe)


def test_a_test_picture_that_goes_missing_is_named(stripes, tmp_path, monkeypatch):
    recipe = _recipe(stripes, tmp_path / "out", epochs=1)
    splits = classification_splits(recipe, ImageDataGenerator(rescale=1 / 255))
    lost = Path(splits.test_names[0])
    watch = keras.callbacks.LambdaCallback(on_train_begin=lambda logs: lost.unlink())
    monkeypatch.setattr(Splits, "callbacks", lambda self, folder: [watch])
    with pytest.raises(InputError, match=lost.name):
        training.run(build, splits, recipe)


@pytest.mark.parametrize("mix", ["mixup", pytest.param("cutmix", marks=pytest.mark.slow)])
def test_mixed_pictures_train(stripes, tmp_path, mix):
    recipe = _recipe(stripes, tmp_path / "out", mix=mix, class_weights="balanced", epochs=2)
    assert len(_losses(recipe)) == 2


def test_tensorboard_finds_its_logs(stripes, tmp_path):
    pytest.importorskip("tensorboard")
    _run(_recipe(stripes, tmp_path / "out", tensorboard=True, epochs=1))
    assert list((tmp_path / "out" / "tensorboard").rglob("events*"))


def test_several_runs_are_reported_by_mean_and_deviation(stripes, figures, undrawn, tmp_path):
    recipe = _recipe(stripes, tmp_path / "out", runs=2, epochs=1)
    result = _run(recipe)
    runs = [
        json.loads((tmp_path / "out" / f"run_{number}" / "report.json").read_text("utf-8"))
        for number in (1, 2)
    ]
    values = [run["test"]["accuracy"] for run in runs]
    assert result["runs"]["accuracy"]["values"] == values
    assert result["runs"]["accuracy"]["mean"] == pytest.approx(np.mean(values))
    assert [run["recipe"]["seed"] for run in runs] == [0, 1]
    losses = [pd.read_csv(tmp_path / "out" / f"run_{n}" / "history.csv")["loss"] for n in (1, 2)]
    assert not np.allclose(*losses)
    keras.models.load_model(tmp_path / "out" / "model.keras")


def on_a_base(*, input_shape, classes):
    inputs = keras.Input(input_shape)
    base = keras.Sequential(
        [keras.Input(input_shape), keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization()],
        name="base",
    )
    base.trainable = False
    x = keras.layers.GlobalMaxPooling2D()(base(inputs))
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))


def _unfreeze(model):
    base = model.get_layer("base")
    base.trainable = True
    base.layers[-1].trainable = False  # batch normalisation keeps its statistics


def _tune(recipe):
    splits = classification_splits(recipe, ImageDataGenerator(rescale=1 / 255))
    return training.run(on_a_base, splits, recipe, fine_tune=_unfreeze)


def _base_weights(model):
    return [weight.copy() for weight in model.get_layer("base").get_weights()]


def test_the_base_is_frozen_until_fine_tuning(stripes, tmp_path, monkeypatch):
    weights = _record(monkeypatch, _base_weights)
    rates = _record(monkeypatch, lambda model: float(model.optimizer.learning_rate))
    _tune(_recipe(stripes, tmp_path / "out", epochs=2))
    assert len(weights) == 4
    kernel, _, gamma, _, mean, variance = zip(*weights, strict=True)
    np.testing.assert_array_equal(kernel[0], kernel[1])
    np.testing.assert_array_equal(gamma[0], gamma[1])
    assert not np.array_equal(kernel[1], kernel[3])
    for statistic in (mean, variance):  # of batch normalisation
        np.testing.assert_array_equal(statistic[0], statistic[3])
    # The rate after each epoch: a cosine from a tenth of the head's down to 0.
    np.testing.assert_allclose(rates, [0.05, 0.05, 0.0025, 0.0], rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("epoch", [pytest.param(2, marks=pytest.mark.slow), 3])
def test_a_fine_tuned_run_resumes_in_its_phase(stripes, tmp_path, monkeypatch, epoch):
    with monkeypatch.context() as patch:
        patch.setattr(keras.callbacks, "TerminateOnNaN", lambda: _Interrupt(epoch))
        _tune(_recipe(stripes, tmp_path / "out", epochs=2))
    rates = _record(monkeypatch, lambda model: float(model.optimizer.learning_rate))
    result = _tune(_recipe(stripes, tmp_path / "out", epochs=2, resume=True))
    assert len(result["history"]["loss"]) == 4
    np.testing.assert_allclose(rates, [0.05, 0.05, 0.0025, 0.0][epoch:], rtol=1e-5, atol=1e-8)


def test_the_baseline_of_a_regression_is_the_mean_of_train_and_validation(figures, tmp_path):
    rng = np.random.default_rng(0)
    values = rng.normal(3, 1, 30)
    pictures = (
        np.zeros((30, 8, 8, 1), np.uint8) + (40 * values).astype(np.uint8)[:, None, None, None]
    )
    parts = {"train": slice(0, 16), "validation": slice(16, 20), "test": slice(20, 30)}
    generator = ImageDataGenerator(rescale=1 / 255)
    splits = RegressionSplits(
        **{
            part: generator.flow(pictures[s], values[s], shuffle=False) for part, s in parts.items()
        },
        targets={part: values[s] for part, s in parts.items()},
        test_names=[str(number) for number in range(10)],
        picture=lambda index: pictures[20 + index],
    )
    recipe = Recipe(name="case", dataset="none", epochs=2, out=tmp_path / "out")
    result = training.run(models.book.LinearRegression, splits, recipe)
    assert result["test"]["baseline_prediction"] == pytest.approx(values[:20].mean())
    assert (tmp_path / "out" / "scatter.png").exists()


@pytest.mark.parametrize("precision", ["bfloat16", pytest.param("float16", marks=pytest.mark.slow)])
def test_low_precision_trains_and_is_kept_in_float32(stripes, tmp_path, precision):
    result = _run(_recipe(stripes, tmp_path / "out", precision=precision, epochs=1))
    assert 0 <= result["test"]["accuracy"] <= 1
    model = keras.models.load_model(tmp_path / "out" / "model.keras")
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"


def test_every_public_name_of_the_package_can_be_imported():
    for name in keras_cnn.__all__:
        assert getattr(keras_cnn, name)


def test_pictures_too_small_for_the_network_get_a_sentence(stripes, tmp_path):
    def too_large(**_):
        raise ValueError("pictures must be at least 67x67")

    with pytest.raises(InputError, match="cannot be built for these pictures: .* 67x67"):
        _run(_recipe(stripes, tmp_path / "out"), build=too_large)
