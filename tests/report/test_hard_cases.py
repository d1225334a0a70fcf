"""Reports with unusual pictures, names, scores and fonts."""

import csv
import json
import os

import numpy as np
import pytest
from report_inputs import FACTS, one_hot, random_answers

from keras_cnn import report

# Hard cases


@pytest.mark.parametrize(("samples", "classes"), [(1, 1), (1, 11), (2, 2)])
def test_one_or_two_pictures_make_a_report(classify, samples, classes):
    result = classify(*random_answers(samples, classes))
    assert result["test"]["samples"] == samples


def test_two_hundred_classes_of_which_many_are_absent(tmp_path, classify):
    y_true, y_score = random_answers(60, 200, sharpness=1)
    result = classify(y_true, y_score)
    assert len(result["test"]["classes"]) == 200
    assert sum(row["support"] == 0 for row in result["test"]["classes"]) > 100
    assert "180 more classes" in (tmp_path / "run" / "report.html").read_text("utf-8")


def test_very_long_names_are_cut_in_figures_and_whole_in_json(classify, pictures):
    names = ["a" * 300, "书" * 200]
    paths = pictures(4, name="{:03d}" + "x" * 200 + ".png")
    result = classify(
        np.array([0, 1, 0, 1]), one_hot([1, 0, 0, 1], 2), class_names=names, paths=paths
    )
    assert [row["name"] for row in result["test"]["classes"]] == names


def test_nan_probabilities_count_as_wrong_and_are_noted(tmp_path, classify, undrawn):
    y_true, y_score = np.array([0, 1, 1]), np.array([[0.9, 0.1], [np.nan, np.nan], [0.2, 0.8]])
    result = classify(y_true, y_score)
    assert result["test"]["correct"] == 2 and result["test"]["loss"] is None
    assert "1 of 3 test pictures are not finite" in report.sentence(result)
    assert "(not a number)" in (tmp_path / "run" / "predictions.csv").read_text("utf-8")


def test_all_nan_still_makes_a_report(classify):
    history = {"loss": [np.nan, np.inf], "val_loss": [np.nan, np.nan], "accuracy": [0.5, 0.5]}
    result = classify(np.array([0, 1, 0]), np.full((3, 2), np.nan), history=history)
    assert result["test"]["correct"] == 0


def test_scores_that_are_no_probabilities_are_noted(classify, undrawn):
    result = classify(np.array([0, 1]), np.array([[3.0, -1.0], [0.5, 2.0]]))
    assert result["test"]["accuracy"] == 1 and result["test"]["loss"] is None
    assert "softmax" in report.sentence(result)


@pytest.mark.parametrize(
    "history",
    [{}, {"loss": []}, {"loss": [0.5]}, {"loss": [900.0, 0.3], "val_loss": [800.0, 0.0]}],
)
def test_any_history_can_be_drawn(classify, history):
    classify(*random_answers(4, 2), history=history, facts=FACTS | {"best_epoch": None})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y_true": np.array([0, 2])}, r"y_true must hold integers in \[0, 2\)"),
        ({"y_true": np.array([0.0, 1.0])}, "y_true must hold integers"),
        ({"y_score": np.ones((2, 3))}, r"received \(2,\) and \(2, 3\) for 2 filepaths"),
        ({"filepaths": []}, "for 0 filepaths"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path, change, message):
    options = {
        "y_true": np.array([0, 1]),
        "y_score": np.eye(2),
        "class_names": ["a", "b"],
        "filepaths": ["a.png", "b.png"],
        "history": {},
        "facts": {},
    }
    with pytest.raises(ValueError, match=message):
        report.classification(tmp_path / "run", **options | change)
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_a_file_name_that_is_no_utf8_is_escaped(tmp_path, classify, undrawn):
    paths = [os.fsdecode(b"\xe4\xb8\xff.png"), "b.png"]
    classify(np.array([0, 1]), one_hot([1, 0], 2), paths=paths)
    assert r"\udcff" in (tmp_path / "run" / "predictions.csv").read_text("utf-8")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_class_names_that_are_not_utf8_make_a_complete_report(tmp_path, classify, pictures):
    dog, bird = (os.fsdecode(name.encode("gbk")) for name in ("狗", "鸟"))
    y_true, y_score = np.array([0, 1, 0, 1]), one_hot([1, 0, 0, 1], 2)
    options = {
        "class_names": [dog, bird],
        "paths": [path.parent / dog / path.name for path in pictures(4)],
        "samples": [(np.zeros((9, 9, 3)), dog)],
        "groups": {bird: np.array([True, True, False, False])},
        "facts": FACTS | {"skipped": {f"{dog}/1.png": "truncated"}, "notes": [f"{bird}: few"]},
    }
    for name in ("a", "b"):
        result = classify(y_true, y_score, name=name, **options)
    run = tmp_path / "a"
    assert json.loads((run / "report.json").read_text("utf-8")) == result | {"name": "a"}
    assert [row["name"] for row in result["test"]["classes"]] == [dog, bird]
    assert r"\udcb9\udcb7" in (run / "report.html").read_text("utf-8")
    with (run / "predictions.csv").open(newline="", encoding="utf-8") as file:
        truths = [row["truth"] for row in csv.DictReader(file)]
    assert truths == [r"\udcb9\udcb7", r"\udcc4\udcf1"] * 2
    assert r"always answering “\udcb9\udcb7”" in report.sentence(result)
    report.sentence(result).encode("utf-8")  # a terminal can show it
    assert report.compare(run, tmp_path / "b")["p_value"] == 1
    assert (run / "mistakes.png").exists() and (run / "confusion.png").exists()


def test_dollars_and_line_breaks_in_names_are_drawn_as_they_are(classify, pictures):
    paths = pictures(2, name="${:d}_{{x^$.png")
    classify(np.array([0, 1]), one_hot([1, 0], 2), class_names=["$a_{", "b\nc"], paths=paths)


def test_facts_of_any_kind_reach_json(classify, undrawn):
    facts = {
        "array": np.arange(3),
        "number": np.float32(0.5),
        "path": os.path.join("a", "b"),
        "nan": float("nan"),
        "nested": {"deep": {"set": (1, 2)}},
    }
    result = classify(*random_answers(4, 2), facts=facts)
    assert result["array"] == [0, 1, 2] and result["number"] == 0.5 and result["nan"] is None
