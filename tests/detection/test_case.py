"""The detection case from its options to its report; trainings to a score are marked slow."""

import dataclasses
import importlib.util
import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_cnn import InputError
from keras_cnn.cli import train_detector
from keras_cnn.datasets.synthetic import draw as synthetic
from keras_cnn.detection import DetectionRecipe, Detector, network, task
from keras_cnn.models import ssd

PATH = Path(__file__).resolve().parents[2] / "cases" / "voc_ssd300.py"
REAL = os.environ.get("KERAS_CNN_DATA")


@pytest.fixture(scope="module")
def case():
    spec = importlib.util.spec_from_file_location("voc_ssd300", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    folder = tmp_path_factory.mktemp("few") / "shapes"
    synthetic.shapes.write(folder, split_sizes={"train": 4, "val": 1, "test": 2})
    return folder


def _tiny(*, classes, input_shape, base, weights, alpha):
    """A tiny network with the shapes of SSD300."""
    image = keras.Input(input_shape)
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D(100)(image))
    x = keras.layers.Dense(2, activation="tanh")(x)
    x = keras.layers.Dense(8732 * (4 + classes))(x)
    return keras.Model(image, keras.layers.Reshape((8732, 4 + classes))(x))


@pytest.mark.parametrize("build", [_tiny, pytest.param(ssd.SSD300, marks=pytest.mark.slow)])
def test_the_case_ends_in_a_report_and_a_detector(case, few, tmp_path, monkeypatch, build):
    monkeypatch.setattr(ssd, "SSD300", build)
    run = tmp_path / "run"
    options = f"--data {few} --out {run} --alpha 0.25 --weights none --batch-size 2 --epochs 1"
    result = case.main(options.split())
    assert json.loads((run / "report.json").read_text("utf-8")) == result
    assert result["task"] == "detection" and 0 <= result["test"]["map"] <= 1
    assert result["samples"] == {"train": 4, "validation": 1, "test": 2}
    assert not result["dataset"]["is_sample"] and not result["synthetic"]
    assert (run / "history.csv").read_text().startswith("epoch,loss,val_loss,val_map,")
    detector = Detector.load(run / "model.keras")
    assert detector.class_names == synthetic.shapes.CLASSES
    found = detector(sorted((few / "JPEGImages").iterdir())[0], score_threshold=0.01)
    assert found.draw().shape == found.picture.shape


def test_the_report_says_that_the_validation_pictures_were_tested(
    case, few, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(ssd, "SSD300", _tiny)
    options = f"--data {few} --alpha 0.25 --weights none --batch-size 2 --epochs 1".split()
    note = "picked the best weights"
    assert note not in str(case.main([*options, "--out", str(tmp_path / "tested")]))
    shutil.copytree(few, tmp_path / "set")
    (tmp_path / "set" / "ImageSets" / "Main" / "test.txt").unlink()
    capsys.readouterr()
    run = tmp_path / "run"
    result = case.main([*options, "--data", str(tmp_path / "set"), "--out", str(run)])
    assert result["samples"]["test"] == 1 and any(note in text for text in result["notes"])
    assert note in capsys.readouterr().out and note in (run / "report.html").read_text("utf-8")


def test_without_a_set_the_case_takes_the_drawn_sample(case, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(synthetic.shapes, "SPLIT_SIZES", {"train": 3, "val": 1, "test": 1})
    monkeypatch.delenv("KERAS_CNN_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(
        importlib.import_module("keras_cnn.datasets.locate"),
        "_samples_folder",
        lambda: tmp_path / "data" / "samples",
    )
    splits = task.detection_splits(case.RECIPE)
    assert splits.class_names == synthetic.shapes.CLASSES and splits.train.samples == 3
    assert splits.facts["synthetic"] and splits.facts["dataset"]["is_sample"]
    assert "using the built-in sample" in capsys.readouterr().out
    assert splits.train.augmentation.expand == case.RECIPE.zoom_out
    assert splits.validation.augmentation is None and splits.test.augmentation is None


def test_damaged_pictures_are_named_before_the_training(case, tmp_path):
    synthetic.shapes.write(tmp_path / "set", split_sizes={"train": 2, "val": 1, "test": 1})
    for path in sorted((tmp_path / "set" / "JPEGImages").glob("train_*")):
        path.write_bytes(path.read_bytes()[:-2000])  # its header is whole
    recipe = dataclasses.replace(case.RECIPE, data=tmp_path / "set")
    with pytest.raises(InputError, match="(?s)2 of 4 pictures cannot be used.*train_0000.*_0001"):
        task.detection_splits(recipe)


def test_a_bad_box_ends_the_case_in_one_sentence_that_names_its_file(case, tmp_path):
    synthetic.shapes.write(tmp_path / "set", split_sizes={"train": 2, "val": 1, "test": 1})
    path = tmp_path / "set" / "Annotations" / "train_0001.xml"
    before = path.read_text()
    first = before.index("<xmax>")
    left = before[before.index("<xmin>") + 6 : before.index("</xmin>")]
    path.write_text(f"{before[:first]}<xmax>{left}{before[before.index('</xmax>') :]}")
    recipe = DetectionRecipe(name="bad", dataset="voc2007", data=tmp_path / "set")
    with pytest.raises(InputError, match=r"train_0001\.xml, object 1 .*has no area"):
        task.detection_splits(recipe)
    recipe = DetectionRecipe(name="bad", dataset="x", data=tmp_path / "set", skip_bad_boxes=True)
    splits = task.detection_splits(recipe)
    assert [Path(place.split(",")[0]) for place in splits.facts["skipped_boxes"]] == [path]


def test_an_error_of_missing_weights_names_their_option(tmp_path):
    recipe = DetectionRecipe(name="x", dataset="x", weights=str(tmp_path / "absent.h5"))
    with pytest.raises(InputError, match="--weights .*absent.h5"):
        network(recipe, input_shape=(300, 300, 3), classes=4)
    with pytest.raises(InputError, match="name them by --weights"):
        DetectionRecipe(name="x", dataset="x", weights=None, freeze=True)


def test_an_error_of_alpha_does_not_name_the_option_weights():
    recipe = DetectionRecipe(name="x", dataset="x", alpha=0.001, weights=None)
    with pytest.raises(InputError, match="^alpha must leave at least one of 32 filters"):
        network(recipe, input_shape=(300, 300, 3), classes=4)


def test_an_alpha_that_the_base_does_not_take_is_refused_and_not_recorded(case, capsys):
    with pytest.raises(InputError, match="^--alpha .* received --alpha 0.5 with --base vgg16"):
        DetectionRecipe(name="x", dataset="x", base="vgg16", alpha=0.5)
    for alpha in ("0.5", "0.25"):  # also the default of the light base, if it is given
        with pytest.raises(SystemExit):
            case.RECIPE.parse(["--base", "vgg16", "--alpha", alpha])
        assert f"received --alpha {alpha} with --base vgg16: leave" in capsys.readouterr().err
    assert case.RECIPE.alpha == 0.25  # of the light base: the paper's has all its filters
    assert case.RECIPE.parse(["--base", "vgg16"]).to_dict()["alpha"] == 1
    assert case.RECIPE.parse(["--alpha", "0.5"]).alpha == 0.5
    without = dataclasses.replace(case.RECIPE, without=("base", "alpha"))
    assert without.parse([]).alpha == 0.25


def test_the_case_and_the_command_have_the_same_defaults_but_for_the_epochs(case):
    theirs = dataclasses.asdict(train_detector._RECIPE)
    differing = {
        key for key, value in dataclasses.asdict(case.RECIPE).items() if value != theirs[key]
    }
    assert differing == {"name", "dataset", "epochs", "choices", "listing"}


@pytest.mark.parametrize("jitter", [False, True])
def test_without_flip_no_training_picture_is_mirrored(few, case, jitter):
    choices = {"flip": 0, "data": few, "choices": {**case.RECIPE.choices, "jitter": jitter}}
    splits = task.detection_splits(dataclasses.replace(case.RECIPE, **choices))
    assert splits.train.augmentation.flip == 0
    with pytest.raises(InputError, match="--flip must be at most 1"):
        dataclasses.replace(case.RECIPE, flip=1.5)


def test_weights_bring_the_priors_they_were_trained_for(few, tmp_path):
    image = keras.Input((300, 300, 3))
    flat = keras.layers.Flatten()(keras.layers.AveragePooling2D(300)(image))
    outputs = keras.layers.Reshape((8732, 8))(keras.layers.Dense(8732 * 8)(flat))
    model = keras.Model(image, outputs)
    Detector(model, synthetic.shapes.CLASSES, "torchvision").save(tmp_path / "model.keras")
    for weights, priors in {"ssd.pth": "torchvision", "ssd.h5": "voc", None: "voc"}.items():
        recipe = DetectionRecipe(name="x", dataset="x", data=few, weights=weights)
        assert task.detection_splits(recipe).train.priors == priors
    recipe = dataclasses.replace(recipe, weights=str(tmp_path / "model.keras"))
    splits = task.detection_splits(recipe)
    assert splits.train.priors == splits.test.priors == "torchvision"
    splits.save(model, tmp_path / "again.keras")
    assert Detector.load(tmp_path / "again.keras").priors == "torchvision"
    (_, targets), (_, others) = (
        splits.test[0],
        task.detection_splits(dataclasses.replace(recipe, weights=None)).test[0],
    )
    assert (targets[..., 4] != others[..., 4]).any()


@pytest.mark.parametrize("base", ["mobilenet", "vgg16"])
def test_the_first_stages_freeze_and_learn_again(base):
    blocks = {"mobilenet": ("conv_pw_3", "conv_pw_4"), "vgg16": ("conv3_3", "conv4_1")}
    image = keras.Input((4, 4, 1))
    frozen, free = blocks[base]
    last = {"mobilenet": "conv_pw_3_relu", "vgg16": "pool3"}[base]
    x = keras.layers.Conv2D(1, 1, name=frozen)(image)
    x = keras.layers.Activation("relu", name=last)(x)
    model = keras.Model(image, keras.layers.Conv2D(1, 1, name=free)(x))
    ssd.freeze(model)
    assert not model.get_layer(frozen).trainable and model.get_layer(free).trainable
    ssd.unfreeze(model)
    assert len(model.trainable_variables) == 4


def test_help_is_there_at_once_without_keras():
    code = (
        "import runpy, sys; sys.argv = ['voc_ssd300.py', '--help']\n"
        f"try: runpy.run_path({str(PATH)!r}, run_name='__main__')\n"
        "except SystemExit as end: print(end.code, 'keras' in sys.modules, 'cv2' in sys.modules)"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert run.stdout.splitlines()[-1] == "0 False False" and "--zoom-out" in run.stdout
    # Processor time, since other tests run on the same cores.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5


@pytest.mark.slow
def test_the_drawn_sample_is_learned_within_four_minutes(case, tmp_path, monkeypatch):
    monkeypatch.delenv("KERAS_CNN_DATA", raising=False)
    result = case.main(["--out", str(tmp_path)])
    assert result["test"]["map"] >= 0.6
    assert result["seconds"]["total"] <= 240


@pytest.mark.slow
@pytest.mark.skipif(not REAL, reason="KERAS_CNN_DATA names no folder of real sets")
def test_real_blood_cells_are_found(case, tmp_path):
    options = ["--data", f"{REAL}/bccd", "--skip-bad-boxes", "--epochs", "20"]
    result = case.main([*options, "--out", str(tmp_path)])
    assert result["test"]["map"] >= 0.5
    assert np.isfinite([entry["ap"] for entry in result["test"]["classes"]]).all()
