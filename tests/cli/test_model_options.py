"""Options of a network's builder on the command line."""

import argparse
import inspect
import json

import pytest

from keras_cnn import cli, models
from keras_cnn.cli import backend, main, model_options, networks
from keras_cnn.errors import InputError
from keras_cnn.images import files
from keras_cnn.models import identify
from keras_cnn.training import run as training

SHARED = {"include_top", "weights", "input_tensor", "input_shape", "pooling", "classes"}
SHARED |= {"classifier_activation", "name"}


def options(model, *words, weights=None):
    module, _ = cli.COMMANDS["train"]
    parsed = cli._command_parser("train", module).parse_args(["pets", "--model", model, *words])
    return argparse.Namespace(**vars(parsed) | {"weights": weights})


def error(capsys, *argv):
    assert main([str(word) for word in argv]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


def test_options_reach_the_builder_with_the_type_of_its_signature():
    given = ["--alpha", "0.5", "--model-option", "depth-multiplier=2"]
    build = networks.builder(options("mobilenet", *given))
    assert build.func is models.MobileNet
    assert build.keywords == {"alpha": 0.5, "depth_multiplier": 2}
    given = ["--model-option", "one_weird_trick=True", "--model-option", "groups=none"]
    build = networks.builder(options("alexnet", *given))
    assert build.keywords == {"one_weird_trick": True, "groups": None}
    build = networks.builder(options("lenet5", "--model-option", "subsampling=max"))
    assert build.keywords == {"subsampling": "max"}
    assert networks.builder(options("resnet18")) is models.ResNet18


def test_every_option_that_only_some_builders_have_is_offered():
    for row in identify.facts():
        build = networks.find_builder(row["builder"])
        own = set(inspect.signature(build).parameters) - SHARED - {"aux_logits"}
        with pytest.raises(InputError, match="has no option 'colour'") as error:
            networks.builder(options(row["builder"], "--model-option", "colour=red"))
        assert all(f"{name}=" in str(error.value) for name in own)
        assert own or str(error.value).endswith("it has none")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["mobilenet", "--model-option", "alfa=0.5"],
            "--model mobilenet has no option 'alfa': it has alpha=1.0, depth_multiplier=1, "
            "dropout=0.001 (the defaults)",
        ),
        (["book.lenet5", "--alpha", "0.5"], "--model book.lenet5 has no option 'alpha': it has"),
        (["mobilenet", "--alpha", "half"], "alpha must be a finite number; received 'half'"),
        (["mobilenet", "--alpha", "nan"], "alpha must be a finite number; received 'nan'"),
        (["mobilenet", "--model-option", "depth_multiplier=1.5"], "must be a whole number; rec"),
        (["alexnet", "--model-option", "lrn=maybe"], "lrn must be true or false or none; received"),
    ],
)
def test_a_wrong_name_lists_the_options_and_a_wrong_value_names_its_kind(words, message):
    with pytest.raises(InputError) as error:
        networks.builder(options(*words))
    assert message in str(error.value)


def test_words_that_are_no_options_are_refused_before_keras_is_imported(
    stripes, monkeypatch, capsys
):
    monkeypatch.setattr(backend, "import_keras", lambda: pytest.fail("Keras was imported"))
    words = ["train", stripes, "--model", "mobilenet"]
    message = error(capsys, *words, "--model-option", "alpha")
    assert "--model-option must be NAME=VALUE" in message
    message = error(capsys, *words, "--alpha", "0.5", "--model-option", "alpha=0.25")
    assert "alpha must be given once; received 0.5 and 0.25" in message


@pytest.mark.parametrize("command", ["train", "lr-find"])
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--alpha", "0"], "--model mobilenet --alpha 0: alpha must leave at least one of 32"),
        (["--alpha", "-1"], "alpha must leave at least one of 32"),
        (["--model-option", "depth_multiplier=0"], "--model-option depth_multiplier=0: "),
        (["--model-option", "dropout=2"], "--model-option dropout=2: "),
        (["--alpha", "0.3", "--weights", "imagenet"], "weights are published for alpha in [0.25,"),
        (
            ["--weights", "imagenet", "--model-option", "dropout=0.5"],
            "dropout is an option of the top, which --weights replaces by a new head",
        ),
    ],
)
def test_a_value_out_of_range_is_refused_before_the_pictures_are_read(
    command, words, message, stripes, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(files, "find_bad", lambda *_, **__: pytest.fail("pictures were read"))
    words = [*words, "--image-size", 32, "--out", tmp_path / "out"]
    assert message in error(capsys, command, stripes, "--model", "mobilenet", *words)


@pytest.mark.parametrize("command", ["train", "lr-find"])
def test_a_weights_file_of_another_alpha_is_refused_before_the_pictures_are_read(
    command, stripes, tmp_path, monkeypatch, capsys
):
    path = tmp_path / "a.weights.h5"
    models.MobileNet(alpha=0.25, include_top=False).save_weights(path)
    monkeypatch.setattr(files, "find_bad", lambda *_, **__: pytest.fail("pictures were read"))
    words = ["--weights", path, "--image-size", 32, "--out", tmp_path / "out"]
    codes = ["--codes", "logistic"] if command == "train" else []
    for model, way_out in (
        (["mobilenet"], "MobileNet with alpha=1.0: add --alpha 0.25, or name another file"),
        (["resnet18", *codes], "ResNet18: use --model mobilenet --alpha 0.25, or name another"),
    ):
        message = error(capsys, command, stripes, "--model", *model, *words)
        assert message.startswith(f"error: {path} holds MobileNet with alpha=0.25; the model is ")
        assert way_out in message


def test_the_report_names_the_options_and_resume_refuses_others(
    stripes, tmp_path, undrawn, capsys, monkeypatch
):
    words = ["train", stripes, "--model", "book.fashioncnn", "--image-size", 12]
    words += ["--out", tmp_path / "out", "--epochs", 1]
    monkeypatch.setattr(training, "remove", lambda folder: None)  # as if the run was interrupted
    assert main([*map(str, words), "--model-option", "dropout=0.4"]) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    assert report["recipe"]["network"] == "book.FashionCNN(dropout=0.4)"
    capsys.readouterr()
    message = error(capsys, *words, "--resume")
    assert "--resume needs the options of the run" in message


def test_words_name_the_options_as_the_user_gave_them():
    given = options("mobilenet", "--alpha", "0.5", "--model-option", "dropout=0")
    assert model_options.words(given) == ("--model mobilenet --alpha 0.5 --model-option dropout=0")
