"""``predict --engine`` answers by an export as by Keras, without TensorFlow."""

import csv
import dataclasses
import json
import os
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

from keras_cnn import InputError, card
from keras_cnn.card import Card
from keras_cnn.cli import backend, main
from keras_cnn.images.preparation import Preparation, Scaling
from keras_cnn.inference import export, exported, formats

RULES = {
    "margin": Preparation(size=(20, 24), margin=2, interpolation="bilinear"),
    "crop": Preparation(size=(20, 24), crop_from=(26, 32), interpolation="bicubic"),
    "aspect": Preparation(size=(20, 24), keep_aspect_ratio=True, background="white"),
    "grey": Preparation(size=(20, 24), color_mode="grayscale", margin=1),
    "reduced": Preparation(size=(20, 24), reduced_decoding=True, exif_rotation=False),
}


def _answers(capsys, *argv):
    """Return picture -> (class, score) of `predict`."""
    assert main(["predict", *map(str, argv), "--format", "csv"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    return {row["path"]: (row["class"], float(row["score"])) for row in rows}


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="Keras exports LiteRT from it")
@pytest.mark.filterwarnings("ignore")  # of the converters
def test_every_engine_answers_as_keras_does(run, stripes, capsys, monkeypatch):
    for package in ("ai_edge_litert", "onnxruntime", "tf2onnx"):
        pytest.importorskip(package)
    folder = stripes / "test"
    expected = _answers(capsys, run, folder)
    assert len({name for name, _ in expected.values()}) == 2
    for format in ("litert", "onnx"):
        export.export(run, format=format)
    monkeypatch.setattr(backend, "import_keras", lambda: pytest.fail("Keras was imported"))
    for words in (["litert"], ["onnx"], ["auto"], ["litert", "--batch-size", "5"]):
        answers = _answers(capsys, run, folder, "--engine", *words)
        assert answers.keys() == expected.keys()
        for path, (name, score) in answers.items():
            assert name == expected[path][0] and abs(score - expected[path][1]) < 1e-4
    by_folder = _answers(capsys, run / "export_litert", folder, "--engine", "litert")
    assert by_folder.keys() == expected.keys()
    script = f"import sys; from keras_cnn.cli import main; code = main({_words(run, folder)!r}); "
    script += "print('imported', *{'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules))"
    shown = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert shown.stdout.splitlines()[-1] == "imported", shown.stderr


def _words(run, folder):
    return ["predict", str(run), str(folder), "--engine", "litert"]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
def test_pictures_are_read_as_the_preparation_reads_them(rule, tmp_path):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (9, 13, 4)).astype(np.uint8)
    picture = Image.fromarray(pixels).resize((130, 90), Image.Resampling.BICUBIC)
    picture.save(tmp_path / "a.png")
    picture.convert("RGB").resize((300, 200)).save(tmp_path / "b.jpg")
    model = exported.Exported(Card(task="regression", preparation=rule.to_dict()), run=None)
    for name in ("a.png", "b.jpg"):
        expected = rule.read(tmp_path / name)
        margin = rule.margin
        expected = expected[margin : 20 - margin, margin : 24 - margin]
        np.testing.assert_array_equal(
            model.read(tmp_path / name), np.broadcast_to(expected, (*expected.shape[:2], 3))
        )


def test_a_picture_of_sixteen_bits_is_left_to_keras(tmp_path):
    Image.fromarray(np.full((9, 9), 3000, np.uint16)).save(tmp_path / "deep.png")
    rule = Preparation(size=(8, 8), color_mode="grayscale", scaling=Scaling())
    model = exported.Exported(Card(task="regression", preparation=rule.to_dict()), run=None)
    with pytest.raises(InputError, match="8 bits.*by --engine keras"):
        model.read(tmp_path / "deep.png")


def _pretend_export(run, folder):
    """Write what an export of the run consists of, with an empty model."""
    path = run / folder / "model.tflite"
    path.parent.mkdir()
    path.touch()
    content = dataclasses.asdict(card.read(run / "model.keras"))
    content["weights"] = card.weights_sum(run / "model.keras")
    (run / folder / "card.json").write_text(json.dumps(content), "utf-8")
    return path


def test_an_engine_without_an_export_names_the_command_that_makes_it(run, stripes, capsys):
    assert main(_words(run, stripes / "test")) == 2
    message = f"{run} has none: run keras-cnn export {run} --format litert"
    assert message in capsys.readouterr().err
    assert exported.available(run) is None  # auto then takes Keras


def test_the_exact_export_is_preferred_and_an_outdated_one_refused(run, tmp_path, monkeypatch):
    for folder in ("export_litert_int8", "export_litert_float16", "export_litert"):
        path = _pretend_export(run, folder)
        assert exported.find(run, engine="litert") == path
        assert exported.find(run / "model.keras", engine="litert") == path
    its_card = card.read(run / "model.keras")
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)]).save(run / "model.keras")
    card.write(run / "model.keras", its_card)
    with pytest.raises(InputError, match="has changed since: export it again"):
        exported.find(run, engine="litert")
    assert exported.available(run) is None
    model = run / "export_litert_float16" / "card.json"
    content = json.loads(model.read_text("utf-8"))
    content["weights"] = card.weights_sum(run / "model.keras")
    model.write_text(json.dumps(content), "utf-8")
    monkeypatch.setattr(exported, "check_package", lambda package, needed_by: None)
    assert exported.available(run).parent.name == "export_litert_float16"  # the next
    shutil.copytree(run / "export_litert", tmp_path / "alone")  # without its run
    assert exported.find(tmp_path / "alone", engine="litert").parent == tmp_path / "alone"


def test_an_export_of_a_detector_names_the_command_that_runs_it(run, stripes, capsys, monkeypatch):
    path = _pretend_export(run, "export_litert").with_name("card.json")
    content = json.loads(path.read_text("utf-8")) | {"task": "detection"}
    path.write_text(json.dumps(content), "utf-8")
    monkeypatch.setattr(exported, "check_package", lambda package, needed_by: None)
    assert main(["predict", str(run), str(stripes / "test"), "--engine", "auto"]) == 2
    assert "find objects by keras-cnn detect" in capsys.readouterr().err


def test_a_missing_runtime_and_a_missing_card_get_a_sentence(run, monkeypatch):
    path = _pretend_export(run, "export_litert")
    monkeypatch.setattr(formats.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"--engine litert needs .*ai_edge_litert.*\[export\]"):
        exported.Exported.load(path)
    (path.parent / "card.json").write_text("{}")
    with pytest.raises(InputError, match="export the model again"):
        exported.Exported.load(path)
