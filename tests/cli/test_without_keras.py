"""Commands that need no Keras do not import it; the others refuse wrong inputs before they do."""

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest
from annotated_sets import LAYOUTS
from PIL import Image

from keras_cnn import models
from keras_cnn.cli import backend, main, networks
from keras_cnn.inference import formats
from keras_cnn.options import report_error


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["check", "{stripes}"], 0),
        (["check", "{boxed}"], 0),
        (["convert", "{boxed}", "--to", "yolo", "--out", "{boxed}/new"], 0),
        (["clean", "{stripes}", "--undo"], 2),
        (["fetch", "unicorns"], 2),
        (["doctor", "--fast"], 0),
        (["cache", "{stripes}"], 0),
        (["models"], 0),
        (["case"], 0),
        (["port", "{stripes}/old.py"], 0),
    ],
)
def test_commands_without_a_network_do_not_import_keras(argv, code, stripes, tmp_path):
    LAYOUTS["voc"](tmp_path / "boxed")
    for number, path in enumerate(sorted((tmp_path / "boxed" / "JPEGImages").iterdir())):
        pixels = np.random.default_rng(number).integers(0, 256, (4, 6, 3), np.uint8)
        Image.fromarray(pixels).resize((60, 40), Image.Resampling.NEAREST).save(path)
    (stripes / "old.py").write_text("from keras.layers.core import Dense\n")
    argv = [word.format(stripes=stripes, boxed=tmp_path / "boxed") for word in argv]
    script = f"import sys; from keras_cnn.cli import main; code = main({argv!r}); "
    script += "print('imported', *{'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", f"{script}; sys.exit(code)"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == code, run.stderr
    assert run.stdout.splitlines()[-1] == "imported"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["train", "gone", "--model", "resnet18"], "'gone' must be a folder"),
        (["train", "{stripes}", "--model", "resnet5"], "--model must be one of"),
        (["train", "{stripes}", "--model", "resnet18", "--weights", "gone.h5"], "there is no"),
        (["lr-find", "{stripes}", "--model", "resnet5"], "--model must be one of"),
        (["clean", "{stripes}", "--weights", "gone.h5"], "there is no"),
        (["predict", "gone", "gone.png"], "no file matches"),
        (["predict", "gone", "{stripes}/test", "--workers", "3"], "--workers needs --engine ray"),
        (["predict", "gone", "{stripes}/test", "--out", "a.csv", "--json"], "leave out --json"),
        (["detect", "gone", "gone.png"], "no file matches"),
        (["explain", "gone", "gone.png"], "no file matches"),
        (["explain", "gone", "--class", "cat"], "--class explains pictures"),
        (["evaluate", "gone", "{stripes}"], "gone"),
        (["compare", "gone", "{stripes}"], "gone must be the folder of a finished run"),
        (["export", "gone", "--format", "onnx"], "needs the package tf2onnx"),
    ],
)
def test_wrong_inputs_are_refused_before_keras_is_imported(
    argv, message, stripes, monkeypatch, capsys
):
    monkeypatch.setattr(backend, "import_keras", lambda: pytest.fail("Keras was imported"))
    monkeypatch.setattr(formats.importlib.util, "find_spec", lambda name: None)
    assert main([word.format(stripes=stripes) for word in argv]) == 2
    assert message in capsys.readouterr().err


OTHERS = {"LinearRegression", "SSD300", "FCN8s", "FCN16s", "FCN32s"}  # no classifiers


def test_the_table_of_models_names_every_classifier():
    names = {name for name in models.__all__ if name[0].isupper()} - OTHERS
    book = {name for name in vars(models.book) if name[0].isupper()} - OTHERS
    names |= {f"book.{name}" for name in book if callable(getattr(models.book, name))}
    assert set(networks.CLASSIFIERS) == names
    for name in names:
        assert callable(networks.find_builder(name))


def test_log_lines_of_tensorflow_are_dropped_and_other_lines_kept(capfd, monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")  # a driver may be there
    with backend._without_log_lines():
        os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called are ...\n")
        os.write(2, b"I0000 00:00:1795914254.177730   28114 port.cc:153] oneDNN is on.\n")
        os.write(2, b"E0000 00:00:1.1 2 cuda_platform.cc:52] failed call to cuInit: error 803\n")
        os.write(2, "a warning of 楷书\n".encode())
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 2 and "error 803" in lines[0] and lines[1] == "a warning of 楷书"


def test_an_error_during_the_import_is_raised_and_stderr_works_again(capfd):
    with pytest.raises(ZeroDivisionError), backend._without_log_lines():
        os.write(2, b"I0000 00:00:1.1 2 port.cc:153] oneDNN is on.\nF0000 fatal\n")
        raise ZeroDivisionError
    os.write(2, b"later\n")
    assert capfd.readouterr().err == "F0000 fatal\nlater\n"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ModuleNotFoundError("No module named 'torch'", name="torch"), "pip install torch"),
        (ValueError("Unable to import backend : tensorflaw"), "received 'tensorflaw'"),
    ],
)
def test_a_missing_backend_is_one_sentence(error, message, monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "keras")  # as after its import has failed
    assert report_error(error) == 2
    assert message in capsys.readouterr().err


def test_an_error_after_the_import_of_keras_is_a_bug(capsys):
    assert report_error(ModuleNotFoundError("No module named 'torch'", name="torch")) is None
    assert report_error(ValueError("shapes")) is None and not capsys.readouterr().err


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="PyTorch is installed")
@pytest.mark.parametrize("command", ["-m keras_cnn doctor", "cases/digits_softmax.py"])
def test_a_backend_that_is_not_installed_is_named(command, tmp_path):
    run = subprocess.run(
        [sys.executable, *command.split(), *(["--out", tmp_path] if "cases" in command else [])],
        env=os.environ | {"KERAS_BACKEND": "torch", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert run.returncode in (1, 2) and "Traceback" not in run.stderr
    assert "torch, set by KERAS_BACKEND or keras.json, is not" in run.stdout + run.stderr
