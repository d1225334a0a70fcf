"""``benchmark`` measures every export of a run, and compares each with Keras."""

import json

import keras
import pytest

from keras_cnn import card
from keras_cnn.cli import main
from keras_cnn.images import files
from keras_cnn.inference import export, labelled, trial


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="Keras exports LiteRT from it")
@pytest.mark.filterwarnings("ignore")  # of the converters
def test_exports_are_measured_on_one_thread_and_on_all(run, stripes, capsys, monkeypatch):
    pytest.importorskip("ai_edge_litert")
    path = export.export(run, format="litert")
    monkeypatch.setattr(files, "cores", lambda: 2)
    assert main(["benchmark", str(run), "--data", str(stripes), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
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
    assert f"{run} has no exports: run keras-cnn export {run} --format litert" in written


def test_two_models_are_compared_picture_by_picture():
    first = {"a": True, "b": True, "c": True, "d": True, "e": True, "f": True, "g": False}
    second = dict.fromkeys("abcdef", False) | {"g": False, "z": True}
    result = trial.paired(first, second)
    assert result["pictures"] == 7 and result["accuracy"] == [6 / 7, 0]
    assert result["p_value"] == pytest.approx(2 * 0.5**6)  # six of six for the first: binomial


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
