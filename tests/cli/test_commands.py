"""Every command of ``keras-cnn``: its answers, its files and its refusals."""

import csv
import dataclasses
import io
import json
import os
import re
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
from one_object_detector import OneObjectDetector
from PIL import Image

from keras_cnn import Predictor, card, models
from keras_cnn.cli import arguments, main
from keras_cnn.cli.networks import find_builder
from keras_cnn.datasets import fingerprint
from keras_cnn.images import files
from keras_cnn.training import lr_finder

COMMANDS = (
    "train",
    "train-detector",
    "case",
    "learning-curve",
    "lr-find",
    "evaluate",
    "predict",
    "detect",
    "explain",
    "check",
    "clean",
    "convert",
    "fetch",
    "export",
    "benchmark",
    "models",
    "doctor",
)


def _error(capsys, *argv):
    """Return the one sentence of a command that ends with exit code 2."""
    try:
        code = main([str(word) for word in argv])
    except SystemExit as exit:
        code = exit.code
    written = capsys.readouterr()
    assert code == 2, written
    lines = [line for line in written.err.splitlines() if line.startswith("error:")]
    assert len(lines) == 1 and "Traceback" not in written.err
    return lines[0]


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_help_answers_at_once(command):
    at_exit = "import atexit, sys; atexit.register(lambda: print('numpy' in sys.modules)); "
    code = f"{at_exit}from keras_cnn.cli import main; main({[*command, '--help']!r})"
    before = os.times()
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    after = os.times()
    assert shown.returncode == 0 and "usage: keras-cnn" in shown.stdout, shown.stderr
    assert shown.stdout.rstrip().endswith("False"), "NumPy was imported"
    seconds = after.children_user + after.children_system
    assert seconds - before.children_user - before.children_system < 0.5


def test_train_makes_a_run_that_evaluate_uses(stripes, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "runs" / "条纹 stripes_softmax_regression"
    options = ["--image-size", "24", "--epochs", "2", "--batch-size", "8"]
    code = main(["train", str(stripes), "--model", "Softmax-Regression", *options, "--json"])
    written = capsys.readouterr()
    result = json.loads(written.out)
    assert code == 0 and "Epoch" in written.err
    assert result["recipe"]["epochs"] == 2
    assert main(["evaluate", str(out), str(stripes), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["test"]["accuracy"] == result["test"]["accuracy"]
    model_card = card.read(out / "model.keras")
    assert model_card.scores["accuracy"] == result["test"]["accuracy"]
    assert model_card.recipe["data"] == str(stripes)
    assert main(["evaluate", str(out), str(stripes / "train")]) == 0
    assert "has learnt from" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "pattern"),
    [
        (["--model", "resnet5"], "must be one of .*ResNet50.*; received 'resnet5'.*did you mean"),
        (["--model", "ssd300"], "use keras-cnn train-detector"),
        (["--model", "resnet18", "--freeze", "all"], "--freeze needs trained weights"),
        (["--model", "resnet18", "--codes", "svm"], "--codes needs trained weights"),
        (["--model", "resnet18", "--weights", "imagenet", "--codes", "svm", "--ema"], "out --ema"),
        (
            ["--model", "resnet18", "--weights", "imagenet", "--codes", "svm", "--epochs", "3"],
            "leave out --epochs, or use --codes softmax",
        ),
        (["--model", "lenet5", "--weights", "imagenet"], "lenet5"),
        (["--model", "softmaxregression", "--weights", "imagenet"], "leave out --weights"),
        (["--model", "resnet18", "--weights", "nowhere.h5"], "there is no 'nowhere.h5'"),
        (["--model", "inceptionv3", "--image-size", "40"], "--model inceptionv3: .*75"),
        (["--model", "resnet18", "--epochs", "0"], "--epochs must be at least 1"),
        (["--model", "resnet18", "--epoch", "3"], "did you mean --epochs"),
        (["--epochs", "3"], "--epochs is decided by --budget: leave it out, or choose .* --model"),
        (["--alpha", "0.5"], "--alpha belongs to a network that you choose: add --model NAME"),
        (["--codes", "svm"], "--codes belongs to a network that you choose"),
        (["--budget", "0"], "--budget must be above 0 minutes; received 0"),
        (["--model", "resnet18", "--budget", "3"], "leave out --model or --budget"),
    ],
)
def test_wrong_options_of_train_get_a_sentence(stripes, tmp_path, capsys, options, pattern):
    options = [*options, "--out", tmp_path / "out"]
    assert re.search(pattern, _error(capsys, "train", stripes, *options))


@pytest.mark.parametrize("command", ["train", "lr-find"])
def test_a_network_that_cannot_be_built_is_refused_before_the_pictures_are_read(
    command, stripes, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(files, "find_bad", lambda *_, **__: pytest.fail("pictures were read"))
    options = ["--model", "inception-v3", "--image-size", 20, "--out", tmp_path / "out"]
    assert "at least 75" in _error(capsys, command, stripes, *options)


def test_train_refuses_a_missing_folder_and_one_without_class_folders(tmp_path, capsys):
    message = _error(capsys, "train", tmp_path / "gone", "--model", "resnet18")
    assert "must be a folder" in message
    message = _error(capsys, "train", tmp_path, "--model", "resnet18", "--out", tmp_path / "out")
    assert "holds no class folders" in message


def test_capitals_and_hyphens_of_a_model_name_do_not_count():
    assert find_builder("resnet-50") is find_builder("ResNet50") is models.ResNet50
    assert find_builder("book.alexnet") is models.book.AlexNet
    assert find_builder("alexnet") is models.AlexNet


def test_predict_prints_classes_as_table_csv_and_json(run, stripes, capsys):
    folder = stripes / "test"
    assert main(["predict", str(run), str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 16 and lines[0].split()[0] == "lying" and lines[0].endswith(".png")
    assert main(["predict", str(run), str(folder), "--format", "csv", "--top-k", "2"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert list(rows[0]) == ["path", "class", "score", "class_2", "score_2"]
    assert all(row["class"] in row["path"] for row in rows)
    assert main(["predict", str(run), str(folder), "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)
    assert [a["path"] for a in answers] == [row["path"] for row in rows]
    assert answers[0]["top"] == [{"class": answers[0]["class"], "score": answers[0]["score"]}]


def test_predict_takes_files_folders_patterns_and_a_list(run, stripes, monkeypatch, capsys):
    files = sorted(str(path) for path in (stripes / "test" / "lying").iterdir())
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{files[2]}\n\n{files[1]}\n"))
    pattern = str(stripes / "test" / "up*" / "*_u000[01].png")
    assert main(["predict", str(run), files[0], "-", pattern, "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)
    assert [a["path"] for a in answers[:3]] == [files[0], files[2], files[1]]
    assert [a["class"] for a in answers] == ["lying"] * 3 + ["upright"] * 2


def test_a_bad_picture_is_reported_and_the_others_are_answered(run, stripes, capsys):
    (stripes / "test" / "lying" / "bad.png").write_text("no picture")
    assert main(["predict", str(run), str(stripes / "test"), "--json"]) == 2
    written = capsys.readouterr()
    assert len(json.loads(written.out)) == 16
    assert "bad.png': it is no picture" in written.err and "on_error" not in written.err


@pytest.mark.parametrize("path", ["gone.png", "*.gone", "{empty}"])
def test_predict_refuses_paths_without_pictures_before_the_model_loads(
    run, tmp_path, capsys, monkeypatch, path
):
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(card, "load_model", None)
    message = _error(capsys, "predict", run, path.format(empty=tmp_path / "empty"))
    assert "no file matches" in message or "no pictures" in message


def test_an_empty_stdin_gives_an_empty_answer(run, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert main(["predict", str(run), "-", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_model_that_holds_code_is_refused(run, stripes, capsys):
    image = keras.Input((24, 24, 3))
    x = keras.layers.Lambda(lambda x: x[:, 0, 0, :2], output_shape=(2,))(image)
    model_card = card.read(run / "model.keras")
    keras.Model(image, x).save(run / "model.keras")
    card.write(run / "model.keras", model_card)
    picture = next((stripes / "test").rglob("*.png"))
    assert "holds a Lambda layer" in _error(capsys, "predict", run, picture)
    assert main(["predict", str(run), str(picture), "--unsafe"]) == 0


def test_evaluate_names_both_lists_if_classes_differ(run, stripes, capsys):
    os.rename(stripes / "test" / "lying", stripes / "test" / "flat")
    message = _error(capsys, "evaluate", run, stripes)
    assert "['lying', 'upright']" in message and "['flat', 'upright']" in message


def test_evaluate_prints_a_sentence(run, stripes, capsys):
    assert main(["evaluate", str(run), str(stripes / "test")]) == 0
    assert "16 of 16 test pictures right" in capsys.readouterr().out


@pytest.mark.parametrize("recipe", ["data", "dataset"])
@pytest.mark.parametrize("split", ["train", "valid", "test", "."])
def test_evaluate_warns_of_training_pictures(run, stripes, capsys, monkeypatch, split, recipe):
    monkeypatch.setenv("KERAS_CNN_DATA", str(stripes.parent))
    shutil.copytree(stripes / "test", stripes / "valid")
    recipe = {"data": {"data": str(stripes)}, "dataset": {"data": None, "dataset": stripes.name}}[
        recipe
    ]
    path = run / "model.keras"
    card.write(path, dataclasses.replace(card.read(path), recipe=recipe))
    assert main(["evaluate", str(run), str(stripes / split)]) == 0
    assert ("has learnt from" in capsys.readouterr().err) == (split in ("train", "valid"))


def test_evaluate_knows_a_copy_of_the_validation_pictures(run, stripes, tmp_path, capsys):
    path = run / "model.keras"
    names = [path for path in (stripes / "test").rglob("*.png") if "0007" not in path.name]
    data = {"validation": {"pictures": len(names), "hash": fingerprint.fingerprint(names)}}
    card.write(path, dataclasses.replace(card.read(path), data=data))
    assert main(["evaluate", str(run), str(stripes / "test")]) == 0
    assert "has learnt from" not in capsys.readouterr().err
    for name in names:
        copy = tmp_path / "copy" / name.parent.name / name.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(name, copy)
    assert main(["evaluate", str(run), str(tmp_path / "copy")]) == 0
    assert "has learnt from or been chosen by" in capsys.readouterr().err


def test_detect_answers_and_draws(run, stripes, tmp_path, capsys, monkeypatch):
    from keras_cnn import detection

    monkeypatch.setattr(detection, "Detector", OneObjectDetector, raising=False)
    shutil.copy(next((stripes / "train").rglob("*.png")), tmp_path / "a.png")
    (tmp_path / "other").mkdir()
    shutil.copy(tmp_path / "a.png", tmp_path / "other" / "a.png")
    (tmp_path / "bad.png").touch()
    paths = [str(tmp_path / name) for name in ("a.png", "bad.png", "other")]
    drawn = tmp_path / "drawn"
    assert main(["detect", str(run), *paths, "--draw", str(drawn), "--json"]) == 2
    answers = json.loads(capsys.readouterr().out)
    assert [a["path"] for a in answers] == [paths[0], f"{paths[2]}/a.png"]
    assert answers[0]["objects"] == [{"class": "书", "score": 0.75, "box": [2, 3, 12, 14]}]
    assert sorted(path.name for path in drawn.iterdir()) == ["a.png", "a_2.png"]
    with Image.open(drawn / "a.png") as picture:
        assert picture.size == (24, 24)
    assert main(["detect", str(run), paths[0], "--format", "csv"]) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["class"] == "书" and float(row["x2"]) == 12
    assert main(["detect", str(run), paths[0]]) == 0
    assert "书 0.750  (2, 3, 12, 14)" in capsys.readouterr().out


def test_a_detector_and_a_classifier_are_not_mistaken(run, stripes, capsys):
    picture = next((stripes / "train").rglob("*.png"))
    assert "must hold a detector" in _error(capsys, "detect", run, picture)
    card.write(run / "model.keras", card.Card(task="detection", class_names=("a", "b")))
    assert "use keras-cnn detect" in _error(capsys, "predict", run, picture)


def test_train_detector_hands_its_options_to_the_training(tmp_path, capsys, monkeypatch):
    from keras_cnn.training import detectors

    message = _error(capsys, "train-detector", tmp_path, "--out", tmp_path / "out")
    assert "must have one of these layouts" in message
    received = {}

    def run(build, splits, recipe, **options):
        received.update(options, recipe=recipe)
        return {"test": {}}

    monkeypatch.setattr(detectors, "run", run)
    monkeypatch.setattr("keras_cnn.detection.task.detection_splits", lambda recipe: None)
    options = ["--base", "mobilenet", "--optimizer", "sgd", "--epochs", "2", "--weights", "none"]
    assert main(["train-detector", str(tmp_path), *options]) == 0
    assert (received["recipe"].epochs, received["recipe"].data) == (2, tmp_path)
    assert received["optimizer"].keywords == {"momentum": 0.9} and received["fine_tune"] is None


def test_explain_draws_heat_maps_filters_and_feature_maps(run, stripes, capsys):
    model_card = card.read(run / "model.keras")
    models.book.LeNet5(input_shape=(24, 24, 3), classes=2).save(run / "model.keras")
    card.write(run / "model.keras", model_card)
    picture = str(next((stripes / "test" / "lying").iterdir()))
    capsys.readouterr()
    assert main(["explain", str(run), picture, "--class", "lying", "--layer", "c1", "--json"]) == 0
    written = capsys.readouterr()
    answer = Predictor.load(run)(picture)
    assert f"{picture}: {answer.name} ({answer.value:.3f}); " in written.err
    assert "shows the pixels that support lying\n" in written.err
    result = json.loads(written.out)
    names = [os.path.basename(path) for path in result["drawings"]]
    stem = os.path.splitext(os.path.basename(picture))[0]
    assert names[:2] == ["filters_c1.png", f"{stem}_grad_cam_lying.png"] and len(names) == 4
    with Image.open(run / "explain" / names[1]) as drawn:
        assert drawn.size == (480, 480)
    assert result["table"]["rows"]
    before = (run / "explain" / names[1]).read_bytes()
    assert main(["explain", str(run), picture, "--class", "upright"]) == 0
    assert (run / "explain" / names[1]).read_bytes() == before  # one drawing per class
    assert (run / "explain" / f"{stem}_grad_cam_upright.png").exists()
    assert "has no layer 'c9'" in _error(capsys, "explain", run, picture, "--layer", "c9")
    message = _error(capsys, "explain", run, picture, "--class", "zigzag")
    assert "['lying', 'upright']" in message


def test_lr_find_draws_and_suggests(stripes, tmp_path, capsys):
    options = ["--image-size", "24", "--batch-size", "8", "--steps", "60", "--out", str(tmp_path)]
    options.append("--json")
    assert main(["lr-find", str(stripes), "--model", "book.lenet5", *options]) == 0
    result = json.loads(capsys.readouterr().out)
    assert 1e-4 < result["suggestion"] < 1e-2 < result["highest"]
    with Image.open(tmp_path / "lr_find.png") as picture:
        assert picture.width > 500
    assert json.loads((tmp_path / "lr_find.json").read_text()) == result


def test_the_suggested_rate_is_that_of_the_steepest_fall():
    steps = np.geomspace(1e-7, 10, 200)
    losses = 2 - 1.5 / (1 + (1e-3 / steps) ** 2) + (steps / 0.3) ** 2  # falls around 1e-3
    result = lr_finder.judge(steps, losses)
    assert 7e-4 < result.suggestion < 1.4e-3 < result.highest < 0.3
    assert f"--learning-rate {result.suggestion:.1e}" in result.sentence


@pytest.mark.parametrize("seed", range(5))
def test_no_rate_is_suggested_if_the_loss_never_falls(seed):
    noise = np.random.default_rng(seed).normal(0, 0.1, 60)
    result = lr_finder.judge(np.geomspace(1e-7, 10, 60), 1 + noise)
    assert result.suggestion is None and "does not fall at any rate" in result.sentence


def test_fetch_of_an_unknown_set_lists_all(capsys):
    assert "must be one of" in _error(capsys, "fetch", "unicorns")


def test_doctor_shows_backend_gpu_font_and_folders(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["doctor", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["backend"] == keras.backend.backend() and shown["packages"]["keras"]
    assert shown["gpu"].split(":")[0] == "none" or shown["gpu"][0].isdigit()
    assert "can be written" in shown["folders"]["runs"] and "font" in shown
    assert not (tmp_path / "runs").exists()


def test_doctor_reports_a_full_disk(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def full(**options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    assert main(["doctor"]) == 1
    assert "runs (no space left on device)" in capsys.readouterr().out


def test_an_error_of_the_file_system_is_one_sentence(run, stripes, monkeypatch, capsys):
    def closed(*arguments, **options):
        raise PermissionError(13, "Permission denied", "a/class")

    monkeypatch.setattr(arguments, "pictures", closed)
    message = _error(capsys, "predict", run, stripes)
    assert message == "error: Permission denied 'a/class'"


@pytest.mark.slow
def test_a_closed_pipe_is_no_error(run, stripes):
    command = [sys.executable, "-m", "keras_cnn", "predict", str(run), str(stripes / "test")]
    shown = subprocess.run(
        " ".join(f"'{word}'" for word in command) + " --batch-size 1 | head -1; echo $PIPESTATUS",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
    )
    assert shown.stdout.splitlines()[-1] == "0" and "Traceback" not in shown.stderr


@pytest.mark.parametrize("argv", [[], ["fly"], ["predict"], ["predict", "run", "--top-k", "0"]])
def test_missing_and_wrong_arguments_get_a_sentence(argv, capsys):
    assert _error(capsys, *argv).endswith("--help lists the options")
