"""Every option that a command offers is used by it; no command writes where it was not asked to."""

import argparse
import inspect
import json
import os
import shutil
import sys
from pathlib import Path

import keras
import pytest
from one_object_detector import OneObjectDetector
from PIL import Image

from keras_cnn import card, cli, detection, models
from keras_cnn.cli import lr_find, main, networks
from keras_cnn.datasets.synthetic import draw as synthetic
from keras_cnn.images.preparation import Preparation
from keras_cnn.inference import export
from keras_cnn.models import ssd
from keras_cnn.options import flag
from keras_cnn.recipe import TrainingRecipe
from keras_cnn.training import lr_finder

# Reads in these modules only check, copy or record a value.
RECORDING = ("dataclasses", "keras_cnn.recipe", "keras_cnn.options", "keras_cnn.detection.recipe")


class _Spy(argparse.Namespace):
    """Options that remember which of them were read."""

    def __getattribute__(self, name):
        if not name.startswith("_"):
            self.__dict__.setdefault("_read", set()).add(name)
        return super().__getattribute__(name)


@pytest.fixture
def unread(monkeypatch):
    """Return a function that runs a command and returns the options that it did not read."""
    read_options, read_fields = [], set()
    parser_of = cli._command_parser

    def spying_parser(name, module):
        parser = parser_of(name, module)
        parse = parser.parse_args

        def parse_args(words):
            read_options.append(_Spy(**vars(parse(words))))
            read_options[-1].__dict__["_read"] = set()
            return read_options[-1]

        parser.parse_args = parse_args
        return parser

    def read_field(recipe, name):
        if sys._getframe(1).f_globals["__name__"] not in RECORDING:
            read_fields.update({"out", "name"} if name == "folder" else {name})
        return object.__getattribute__(recipe, name)

    monkeypatch.setattr(cli, "_command_parser", spying_parser)
    monkeypatch.setattr(TrainingRecipe, "__getattribute__", read_field, raising=False)

    def run(*argv):
        read_fields.clear()
        code = main([str(word) for word in argv])
        options = read_options[-1]
        offered = {name for name in vars(options) if name != "_read"}
        module, _ = cli.COMMANDS[argv[0]]
        parser = parser_of(argv[0], module)
        fields = {action.dest for action in parser._actions} & set(_fields(module))
        return code, (offered - options._read) | (fields - read_fields)

    return run


def _fields(module):
    """Return the names of the recipe's fields that a command offers."""
    recipe = getattr(module, "RECIPE", None) or getattr(module, "_RECIPE", None)
    if recipe is None and "networks.recipe(" in inspect.getsource(module):
        recipe = module.networks.RECIPE
    return () if recipe is None else {field.name for field in recipe._offered()} - {"data"}


def _tiny_ssd(*, classes, input_shape, base, weights, alpha):
    image = keras.Input(input_shape)
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D(100)(image))
    x = keras.layers.Dense(8732 * (4 + classes))(x)
    return keras.Model(image, keras.layers.Reshape((8732, 4 + classes))(x))


def test_train_uses_every_option(unread, stripes, tmp_path, undrawn):
    (stripes / "train" / "lying" / "bad.png").touch()
    words = ["--model", "softmaxregression", "--image-size", 8, "--epochs", 1]
    words += ["--skip-bad-images", "--out", tmp_path / "out"]
    assert unread("train", stripes, *words) == (0, set())


def _make_unequal_and_transparent(folder):
    """Leave classes of 8 and 20 training pictures, and make all pictures half transparent."""
    for path in sorted((folder / "train" / "lying").iterdir())[:12]:
        path.unlink()
    for path in folder.rglob("*.png"):
        with Image.open(path) as picture:
            transparent = picture.convert("RGBA")
        transparent.putalpha(100)
        transparent.save(path)


def _flag(name):
    return {"leave_out": "--without"}.get(name, flag(name))


def _listed(folder, tmp_path):
    """A list of half of the training pictures of each class."""
    paths = sorted(str(path) for path in (folder / "train").rglob("*.png"))[::2]
    (tmp_path / "listed.txt").write_text("\n".join(paths), "utf-8")
    return str(tmp_path / "listed.txt")


@pytest.mark.slow
def test_every_option_of_train_changes_the_result(stripes, tmp_path, undrawn):
    _make_unequal_and_transparent(stripes)
    words = ["train", str(stripes), "--model", "softmaxregression", "--image-size", "8"]
    words += ["--epochs", "4", "--learning-rate", "0.3", "--batch-size", "8"]

    def result(name, *changes):
        out = tmp_path / name
        assert main([*words, "--out", str(out), *changes]) == 0
        report = json.loads((out / "report.json").read_text("utf-8"))
        files = sorted(path.name for path in out.iterdir())
        parts = ("history", "test", "samples", "deterministic")
        return [report.get(part) for part in parts], (out / "history.csv").read_text(), files

    changes = {
        "image_size": "12",
        "interpolation": "nearest",
        "batch_size": "4",
        "epochs": "3",
        "learning_rate": "0.1",
        "validation_split": "0.3",
        "seed": "1",
        "schedule": "cosine",
        "warmup": "1",
        "early_stopping": "1",
        "weight_decay": "0.1",
        "precision": "bfloat16",
        "runs": "2",
        "augment": "full",
        "class_weights": "balanced",
        "label_smoothing": "0.2",
        "mix": "mixup",
        "test_crops": "5",
        "background": "white",
        "classes": "upright,lying",
        "leave_out": _listed(stripes, tmp_path),
    }
    switches = ("ema", "tensorboard", "deterministic")
    # These change the place, the speed, the devices, or refusals.
    others = {"out", "workers", "distribute", "coordinator", "processes", "process", "resume"}
    others |= {"cache", "skip_bad_images"}
    others.add("augment_on")  # see tests/training/test_augment_on.py
    assert set(networks.OPTIONS) == {*changes, *switches, *others}
    first = result("first")
    assert result("second") == first
    for name, value in changes.items():
        assert result(name, _flag(name), value) != first, name
    for name in switches:
        assert result(name, flag(name)) != first, name


def test_train_detector_uses_every_option(unread, tmp_path, undrawn, monkeypatch):
    monkeypatch.setattr(ssd, "SSD300", _tiny_ssd)
    synthetic.shapes.write(tmp_path / "set", split_sizes={"train": 4, "val": 1, "test": 2})
    words = ["--batch-size", 2, "--epochs", 1, "--weights", "none", "--out", tmp_path / "out"]
    assert unread("train-detector", tmp_path / "set", *words) == (0, set())


def test_convert_uses_every_option(unread, tmp_path):
    synthetic.shapes.write(tmp_path / "set", split_sizes={"train": 4, "val": 1, "test": 2})
    words = ["--to", "yolo", "--out", tmp_path / "new"]
    assert unread("convert", tmp_path / "set", *words) == (0, set())


def test_lr_find_uses_every_option(unread, stripes, tmp_path):
    (stripes / "train" / "lying" / "bad.png").touch()
    words = ["--model", "softmaxregression", "--image-size", 8, "--steps", 20]
    words += ["--skip-bad-images", "--out", tmp_path / "out"]
    assert unread("lr-find", stripes, *words) == (0, set())


def test_every_option_of_lr_find_changes_the_losses(stripes, tmp_path, capsys):
    _make_unequal_and_transparent(stripes)
    words = ["lr-find", str(stripes), "--model", "softmaxregression", "--image-size", "8"]
    words += ["--steps", "20", "--json", "--out", str(tmp_path / "out")]

    def losses(*changes):
        assert main([*words, *changes]) == 0
        return json.loads(capsys.readouterr().out)["losses"]

    changes = {
        "image_size": "12",
        "interpolation": "nearest",
        "batch_size": "4",
        "validation_split": "0.3",
        "seed": "1",
        "augment": "full",
        "class_weights": "balanced",
        "label_smoothing": "0.2",
        "weight_decay": "0.5",
        "background": "white",
        "classes": "upright,lying",
        "leave_out": _listed(stripes, tmp_path),
    }
    # These change the place, the speed, or refusals.
    assert set(lr_find._OPTIONS) - set(changes) == {"out", "workers", "cache", "skip_bad_images"}
    first = losses()
    assert losses() == first
    for name, value in changes.items():
        assert losses(_flag(name), value) != first, name


@pytest.mark.parametrize(
    ("model", "changes"),
    [
        ("book.fashioncnn", [["--model-option", "dropout=0.4"]]),
        pytest.param(
            "mobilenet",
            [["--alpha", "0.1"], ["--model-option", "depth_multiplier=2"]],
            marks=pytest.mark.slow,
        ),
    ],
)
def test_options_of_the_network_change_the_losses(model, changes, stripes, tmp_path, capsys):
    words = ["lr-find", str(stripes), "--model", model, "--image-size", "32", "--steps", "20"]
    words += ["--json", "--out", str(tmp_path / "out")]

    def losses(*changes):
        assert main([*words, *changes]) == 0
        return json.loads(capsys.readouterr().out)["losses"]

    first = losses()
    for change in changes:
        assert losses(*change) != first, change


def test_lr_find_with_weights_trains_the_head_of_a_base_with_its_own_scaling(
    stripes, tmp_path, capsys, monkeypatch
):
    weights = tmp_path / "resnet18.weights.h5"
    models.ResNet18(input_shape=(32, 32, 3), classes=2).save_weights(weights)
    received, find = [], lr_finder.find_learning_rate

    def find_and_keep(build, splits, recipe, **options):
        received.extend([build(input_shape=splits.image_shape, classes=2), splits])
        return find(build, splits, recipe, **options)

    monkeypatch.setattr(lr_finder, "find_learning_rate", find_and_keep)
    words = ["lr-find", str(stripes), "--model", "resnet18", "--image-size", "32", "--steps", "20"]
    words += ["--out", str(tmp_path / "out"), "--weights", str(weights)]
    assert main(words) == 0
    model, splits = received
    assert [variable.path for variable in model.trainable_variables] == ["head/kernel", "head/bias"]
    assert Preparation.of(splits.train).scaling.mode == "torch"


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["evaluate", "{run}", "{stripes}/test", "--out", "{out}"], 0),
        (["predict", "{run}", "{stripes}/test"], 0),
        (["predict", "{run}", "{stripes}/test", "--engine", "ray", "--out", "{out}"], 0),
        (["search-similar", "{run}", "{picture}", "{stripes}/test", "--draw", "{out}.png"], 0),
        (["detect", "{run}", "{stripes}/test", "--draw", "{out}"], 0),
        (["explain", "{run}", "{stripes}/test", "--layer", "c1", "--out", "{out}"], 0),
        (["check", "{stripes}"], 0),
        (["clean", "{stripes}", "--weights", "{run}", "--image-size", "24", "--out", "{out}"], 0),
        (
            [
                "learning-curve",
                "{stripes}",
                "--weights",
                "{run}",
                "--image-size",
                "24",
                "--out",
                "{out}",
            ],
            0,
        ),
        (["fetch", "unicorns"], 2),
        (["export", "{run}", "--format", "onnx"], 0),
        (["benchmark", "{run}", "--data", "{stripes}"], 0),
        (["compare", "{run}", "{other}", "--out", "{out}"], 0),
        (["models"], 0),
        (["port", "{script}"], 0),
        (["cache", "{stripes}"], 0),
        (["doctor"], 0),
    ],
)
def test_a_command_uses_every_option(
    unread, run, stripes, tmp_path, undrawn, monkeypatch, argv, code
):
    from keras_cnn.inference import ray_batch

    monkeypatch.setattr(detection, "Detector", OneObjectDetector, raising=False)
    monkeypatch.setattr(export, "export", lambda *args, **options: tmp_path)
    monkeypatch.setattr(ray_batch, "predict", lambda *a, **options: {"pictures": 1, "bad": 0})
    if argv[0] in ("explain", "search-similar", "clean", "learning-curve"):
        model_card = card.read(run / "model.keras")
        models.book.LeNet5(input_shape=(24, 24, 3), classes=2).save(run / "model.keras")
        card.write(run / "model.keras", model_card)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    places = {"run": run, "stripes": stripes, "out": tmp_path / "out"}
    places["picture"] = stripes / "test" / "lying" / "pen_u0000.png"
    if argv[0] == "compare":
        for name, epochs in (("run", 1), ("other", 2)):
            (tmp_path / name).mkdir(exist_ok=True)
            content = {"task": "classification", "test": {}, "recipe": {"epochs": epochs}}
            (tmp_path / name / "report.json").write_text(json.dumps(content))
    places["other"] = tmp_path / "other"
    places["script"] = tmp_path / "old.py"
    places["script"].write_text("from keras.layers import Convolution2D\n")
    words = [word.format(**places) for word in argv]
    assert unread(*words) == (code, set())


def test_no_command_writes_into_the_working_folder(
    run, stripes, tmp_path, undrawn, monkeypatch, capsys
):
    (stripes / "train" / "lying" / "bad.png").touch()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(detection, "Detector", OneObjectDetector, raising=False)
    before = _tree(stripes)
    out = str(tmp_path / "out")
    monkeypatch.setenv("KERAS_HOME", f"{out}/keras")
    train = ["--model", "softmaxregression", "--image-size", "8", "--skip-bad-images"]
    for argv in (
        ["check", str(stripes)],
        ["train", str(stripes), *train, "--epochs", "1", "--out", out],
        ["lr-find", str(stripes), *train, "--steps", "20", "--out", out],
        ["evaluate", out, str(stripes / "test"), "--out", f"{out}/report"],
        ["predict", out, str(stripes / "test"), "--out", f"{out}/answers.csv"],
        ["search-similar", out, str(stripes / "test/lying/pen_u0000.png"), str(stripes / "test")],
        ["clean", str(stripes), "--weights", out, "--image-size", "8", "--out", f"{out}/clean"],
        [
            "learning-curve",
            str(stripes),
            "--weights",
            out,
            "--image-size",
            "8",
            "--out",
            f"{out}/l",
        ],
        ["detect", out, str(stripes / "test"), "--draw", f"{out}/drawn"],
        ["doctor", "--fast"],
        ["models"],
    ):
        assert main(argv) in (0, 1), capsys.readouterr().err
        assert os.listdir() == [] and _tree(stripes) == before, argv
    shutil.rmtree(out)
    assert not {path.name for path in tmp_path.iterdir()} - {"work", "run", stripes.name}


def _tree(folder):
    return sorted(str(path) for path in Path(folder).rglob("*"))
