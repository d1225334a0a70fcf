"""``benchmark`` measures every export of a run, and compares each with Keras."""

import json
import shutil

import keras
import numpy as np
import pytest
from PIL import Image

from keras_cnn import InputError, card
from keras_cnn.cli import main
from keras_cnn.images import files
from keras_cnn.inference import export, exported, formats, labelled, trial


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="Keras exports LiteRT from it")
@pytest.mark.filterwarnings("ignore")  # of the converters
def test_exports_are_measured_on_one_thread_and_on_all(run, stripes, capsys, monkeypatch):
    pytest.importorskip("ai_edge_litert")
    path = export.export(run, format="litert")
    monkeypatch.setattr(files, "cores", lambda: 2)
    old = shutil.copytree(path.parent, run / "export_litert_int8") / "card.json"
    old.write_text(json.dumps(json.loads(old.read_text("utf-8")) | {"weights": "0"}), "utf-8")
    start, threads = exported._litert, []
    monkeypatch.setattr(
        exported, "_litert", lambda path, number: threads.append(number) or start(path, number)
    )
    capsys.readouterr()
    assert main(["benchmark", str(run), "--data", str(stripes), "--json"]) == 0
    assert threads == [2, 1, 2]  # the first one is scored, the others are timed
    written = capsys.readouterr()
    assert "note: export_litert_int8 is left out" in written.err
    rows = json.loads(written.out)
    names = [(row["format"], row["precision"], row["threads"]) for row in rows]
    assert names == [("keras", "float32", 2), ("litert", "float32", 1), ("litert", "float32", 2)]
    assert rows[0]["bytes"] == (run / "model.keras").stat().st_size
    assert rows[1]["bytes"] == path.stat().st_size
    for row in rows:
        assert row["pictures"] == 16 and row["accuracy"] == 1.0
        assert 0 < row["p50_ms"] <= row["p95_ms"] and row["pictures_per_second"] > 0
    assert [row["p_value"] for row in rows] == [None, 1.0, 1.0]


def test_a_run_without_exports_is_told_how_to_make_one(run, stripes, capsys):
    assert main(["benchmark", str(run), "--data", str(stripes)]) == 0
    written = capsys.readouterr().out
    assert "keras   float32" in written and "accuracy on 16 pictures" in written
    assert f"{run} has no exports to compare: run keras-cnn export {run} --format litert" in written


def test_an_engine_without_its_runtime_is_left_out(run, stripes, capsys, monkeypatch):
    (run / "export_litert").mkdir()
    (run / "export_litert" / "model.tflite").touch()
    monkeypatch.setattr(formats.importlib.util, "find_spec", lambda name: None)
    assert main(["benchmark", str(run), "--data", str(stripes)]) == 0
    written = capsys.readouterr()
    assert "export_litert is left out: benchmark of litert needs" in written.err
    assert "accuracy on 16 pictures" in written.out


def test_two_models_are_compared_picture_by_picture():
    first = {"a": True, "b": True, "c": True, "d": True, "e": True, "f": True, "g": False}
    first["y"] = True
    second = dict.fromkeys("abcdef", False) | {"g": False, "z": True}
    result = trial.paired(first, second)
    assert result["pictures"] == 7 and result["accuracy"] == [6 / 7, 0]
    assert result["p_value"] == pytest.approx(2 * 0.5**6)  # six of six for the first: binomial


def test_models_without_a_common_picture_are_not_compared():
    with pytest.raises(InputError, match="there is none: name another folder by --data"):
        trial.paired({"a": True}, {})


def test_one_picture_of_few_may_differ(monkeypatch):
    keras_is_right = dict.fromkeys("abcdefgh", True)
    its_trial = trial.Trial(None, None, {}, keras_is_right)
    monkeypatch.setattr(trial, "right", lambda model, labels: keras_is_right | {"a": False})
    assert its_trial.compare(None, force=False)["int8"] == 7 / 8
    wrong = {"a": False, "b": False}
    monkeypatch.setattr(trial, "right", lambda model, labels: keras_is_right | wrong)
    with pytest.raises(InputError, match="loses 25.00 of 100.00 on 8 pictures"):
        its_trial.compare(None, force=False)


def test_pictures_of_sixteen_bits_are_left_out_of_the_calibration(run, stripes):
    for index, path in enumerate(sorted((stripes / "train").rglob("*.png"))):
        if index % 2:
            Image.fromarray(np.full((24, 24), 3000, np.uint16)).save(path)
    its_card = card.read(run / "model.keras")
    its_card.preparation.update(color_mode="grayscale", full_depth=True)
    raw = trial.Trial.prepare(its_card, stripes).raw
    assert raw.dtype == np.uint8 and len(raw) == 20


def test_pictures_that_are_not_there_are_asked_for(run, tmp_path, capsys):
    assert main(["benchmark", str(run)]) == 2
    assert "name one by --data" in capsys.readouterr().err
    assert main(["benchmark", str(run), "--data", str(tmp_path / "gone")]) == 2
    assert "--data must be a folder; there is no" in capsys.readouterr().err


def test_test_pictures_are_the_validation_pictures_where_there_are_none(run, stripes):
    its_card = card.read(run / "model.keras")
    (stripes / "test").rename(stripes / "validation")
    names = labelled.test_pictures(its_card, stripes)
    assert len(names) == 16 and all("validation" in name for name in names)
    (stripes / "validation").rename(stripes / "other")
    undivided = labelled.test_pictures(its_card, stripes / "train")
    assert len(undivided) == 40 and set(undivided.values()) == {0, 1}
    assert labelled.sample(undivided, number=3) == labelled.sample(undivided, number=3)


def test_a_folder_that_training_divides_is_scored_with_a_note(run, stripes, capsys):
    model = run / "model.keras"
    its_card = card.read(model)
    its_card.recipe["data"] = str(stripes / "train")
    card.write(model, its_card)
    for words in ([], ["--data", str(stripes / "train")]):
        assert main(["benchmark", str(run), *words]) == 0
        written = capsys.readouterr()
        assert "learnt from or been chosen by: the score is too high" in written.err
        assert "accuracy on 40 pictures" in written.out
    assert labelled.training_note(its_card, stripes / "test") is None


def test_splits_and_classes_that_train_allows_are_allowed(run, stripes):
    its_card = card.read(run / "model.keras")
    for split in ("train", "test"):
        shutil.copytree(stripes / split / "lying", stripes / split / "waving")
    assert set(labelled.test_pictures(its_card, stripes).values()) == {0, 1}
    with pytest.raises(InputError, match="must be those of the model"):
        labelled.pictures(its_card, stripes, split="test")
    assert len(labelled.training_pictures(its_card, stripes)) == 40
    (stripes / "train").rename(stripes.parent / "train")
    assert len(labelled.training_pictures(its_card, stripes)) == 16
    shutil.rmtree(stripes / "test")
    (stripes.parent / "train").rename(stripes / "train")
    assert len(labelled.test_pictures(its_card, stripes)) == 40
