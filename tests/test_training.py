import json
import os
import signal
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pandas as pd
import pytest

import keras_cnn
from keras_cnn import ImageDataGenerator, InputError, Recipe, training
from keras_cnn.splits import classification_splits


def build(*, input_shape, classes):
    """A network just large enough for stripes."""
    inputs = keras.Input(input_shape)
    x = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(inputs)
    x = keras.layers.GlobalMaxPooling2D()(x)
    x = keras.layers.Dropout(0.1)(x)
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))


def _recipe(folder, out, **choices):
    choices = {"epochs": 3, "learning_rate": 0.05, "batch_size": 8} | choices
    return Recipe(name="case", dataset="stripes", data=folder, image_size=24, out=out, **choices)


def _run(recipe, *, build=build):
    splits = classification_splits(recipe, ImageDataGenerator(rescale=1 / 255))
    return training.run(build, splits, recipe)


def _losses(recipe):
    _run(recipe)
    return pd.read_csv(recipe.out / "history.csv")["loss"].tolist()


def test_a_run_leaves_a_model_a_report_and_its_figures(stripes, tmp_path, capsys):
    out = tmp_path / "runs" / "结果"
    result = _run(_recipe(stripes, out))
    files = {path.name for path in out.iterdir()}
    assert files >= {"model.keras", "report.json", "history.csv", "report.html"}
    assert files >= {"curves.png", "samples.png", "confusion.png", "mistakes.png"}
    assert not (out / "checkpoint").exists()
    assert json.loads((out / "report.json").read_text(encoding="utf-8")) == result
    assert {"accuracy", "baseline", "interval"} <= set(result["test"])
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
    getitem, fit = type(splits.test).__getitem__, training._fit
    monkeypatch.setattr(
        type(splits.test),
        "__getitem__",
        lambda self, index: (
            read.append((self is splits.test, bool(fitted))) or getitem(self, index)
        ),
    )
    monkeypatch.setattr(training, "_fit", lambda *args: (fit(*args), fitted.append(1))[0])
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
    assert len(pd.read_csv(tmp_path / "out" / "history.csv")) == epoch
    keras.models.load_model(tmp_path / "out" / "model.keras")
    assert (tmp_path / "out" / "report.html").exists()


def test_an_interrupted_run_resumes_where_it_stopped(stripes, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(keras.callbacks, "TerminateOnNaN", lambda: _Interrupt(2))
        first = _losses(_recipe(stripes, tmp_path / "out"))
    resumed = _losses(_recipe(stripes, tmp_path / "out", resume=True, epochs=4))
    assert len(first) == 2 and resumed[:2] == first and len(resumed) == 4


def test_resume_starts_afresh_where_there_is_nothing(stripes, tmp_path):
    assert len(_losses(_recipe(stripes, tmp_path / "out", resume=True))) == 3


def test_resume_with_another_model_gets_a_sentence(stripes, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(keras.callbacks, "TerminateOnNaN", lambda: _Interrupt(1))
        _run(_recipe(stripes, tmp_path / "out"))

    def wider(*, input_shape, classes):
        inputs = keras.Input(input_shape)
        x = keras.layers.GlobalMaxPooling2D()(keras.layers.Conv2D(8, 3, name="conv")(inputs))
        return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))

    with pytest.raises(InputError, match="--resume needs the options of the run"):
        _run(_recipe(stripes, tmp_path / "out", resume=True), build=wider)


def test_a_loss_that_is_no_number_gets_a_sentence(stripes, tmp_path):
    def broken(*, input_shape, classes):
        inputs = keras.Input(input_shape)
        x = keras.layers.GlobalMaxPooling2D()(inputs)
        return keras.Model(inputs, keras.layers.Dense(classes, activation=keras.ops.log)(-x))

    with pytest.raises(InputError, match="--learning-rate"):
        _run(_recipe(stripes, tmp_path / "out"), build=broken)


def test_an_unwritable_out_gets_a_sentence(stripes, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="--out must be a folder that can be written; received"):
        _run(_recipe(stripes, tmp_path / "file" / "out"))


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_low_precision_trains_and_is_kept_in_float32(stripes, tmp_path, precision):
    result = _run(_recipe(stripes, tmp_path / "out", precision=precision, epochs=1))
    assert 0 <= result["test"]["accuracy"] <= 1
    model = keras.models.load_model(tmp_path / "out" / "model.keras")
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"


def test_a_real_ctrl_c_from_the_terminal_leaves_a_report(stripes, tmp_path):
    code = f"""
        import sys; sys.path.insert(0, {os.path.dirname(__file__)!r})
        import test_training, keras_cnn, pathlib
        recipe = test_training._recipe(
            pathlib.Path({str(stripes)!r}), pathlib.Path({str(tmp_path / "out")!r}), epochs=10_000
        )
        keras_cnn.script(lambda: test_training._run(recipe))
    """
    with subprocess.Popen(
        [sys.executable, "-u", "-c", textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
    ) as run:
        for line in run.stdout:
            if "Epoch 5/" in line:
                run.send_signal(signal.SIGINT)
                break
        rest = run.stdout.read()
    assert run.returncode == 0
    assert "Interrupted after" in rest and "Report:" in rest
    assert json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))["interrupted"]


def test_importing_the_package_gives_the_names_of_the_readme():
    for name in keras_cnn.__all__:
        assert getattr(keras_cnn, name)
