"""The files and the page of a report."""

import csv
import json
import os
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from PIL import Image
from report_inputs import FACTS, HISTORY, Page, one_hot, random_answers

from keras_cnn import InputError, report
from keras_cnn.report import embedded, figures, scores

# Scores


@pytest.mark.parametrize(
    ("correct", "verdict", "opening"),
    [
        (70, "above", "It has learned"),
        (52, "around", "Not shown to have learned"),
        (30, "below", "Worse than not looking"),
    ],
)
def test_first_line_says_whether_the_score_is_good(classify, correct, verdict, opening, undrawn):
    y_true = np.arange(100) % 2
    y_pred = np.where(np.arange(100) < correct, y_true, 1 - y_true)
    result = classify(y_true, one_hot(y_pred, 2))
    assert result["test"]["verdict"] == verdict
    assert result["sentence"].startswith(opening)
    assert f"{correct} of 100" in report.sentence(result)
    assert "the 0.500 of always answering “class0”" in report.sentence(result)


def test_groups_have_their_own_baseline_and_interval(classify, undrawn):
    y_true = np.array([0] * 6 + [1] * 4)
    seen = np.arange(10) < 8
    empty = np.zeros(10, bool)
    y_pred = np.where(seen, y_true, 0)
    groups = {"seen": seen, "unseen": ~seen, "none": empty}
    result = classify(y_true, one_hot(y_pred, 2), groups=groups)
    seen, unseen, none = (result["test"]["groups"][name] for name in groups)
    assert (seen["accuracy"], unseen["accuracy"]) == (1, 0)
    assert (seen["baseline"], unseen["baseline"]) == (0.75, 1)
    assert seen["interval"] == scores.wilson(8, 8)
    assert none["samples"] == 0 and none["accuracy"] is None
    assert "none: no test picture" in result["sentence"]


# Files


def test_report_folder_holds_every_file_and_nothing_else(tmp_path, classify):
    y_true, y_score = random_answers(12, 3)
    samples = [(np.full((8, 8, 3), k / 10), f"class{k % 3}") for k in range(10)]
    result = classify(y_true, y_score, samples=samples)
    written = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert written == [
        "calibration.png",
        "confusion.png",
        "curves.png",
        "history.csv",
        "mistakes.png",
        "predictions.csv",
        "report.html",
        "report.json",
        "samples.png",
    ]
    assert json.loads((tmp_path / "run" / "report.json").read_text("utf-8")) == result
    for path in (tmp_path / "run").glob("*.png"):
        with Image.open(path) as image:
            image.verify()
            assert min(image.size) > 100
    for key in ("recipe", "versions", "samples", "seconds"):
        assert result[key] == FACTS[key]


def test_history_counts_epochs_from_one_and_allows_a_shorter_column(tmp_path, classify, undrawn):
    history = {"loss": [0.9, 0.5], "val_loss": [0.8]}
    classify(*random_answers(4, 2), history=history)
    text = (tmp_path / "run" / "history.csv").read_text("utf-8")
    assert text == "epoch,loss,val_loss\n1,0.9,0.8\n2,0.5,\n"


def test_predictions_name_files_below_their_common_folder(tmp_path, classify, pictures, undrawn):
    paths = [path.parent / f"c{index % 2}" / path.name for index, path in enumerate(pictures(3))]
    y_score = np.array([[0.9, 0.1], [0.75, 0.25], [0.4, 0.6]])
    classify(np.array([0, 1, 1]), y_score, paths=paths)
    with (tmp_path / "run" / "predictions.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["file", "truth", "prediction", "probability"],
        ["c0/000.png", "class0", "class0", "0.9"],
        ["c1/001.png", "class1", "class0", "0.75"],
        ["c0/002.png", "class1", "class1", "0.6"],
    ]


def test_a_failed_write_leaves_the_old_report_and_no_partial_files(
    tmp_path, classify, monkeypatch, undrawn
):
    classify(*random_answers(4, 2))
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}

    def disk_full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", disk_full)
    with pytest.raises(InputError, match=r"cannot write .*: No space left on device"):
        classify(*random_answers(4, 2, seed=1))
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


def test_a_file_in_place_of_the_folder_is_refused(tmp_path, classify, undrawn):
    (tmp_path / "run").write_text("")
    with pytest.raises(InputError, match="cannot make the folder .*run"):
        classify(*random_answers(4, 2))


def test_worst_mistakes_are_the_confident_ones(classify, monkeypatch, undrawn):
    drawn = []
    monkeypatch.setattr(embedded, "gallery", lambda items: drawn.append(items) or "")
    y_true = np.array([0, 0, 1, 1])
    y_score = np.array([[0.1, 0.9], [0.8, 0.2], [0.99, 0.01], [0.45, 0.55]])
    classify(y_true, y_score)
    titles = [title for _, title, _ in drawn[0]]
    assert titles == ["class1\n→ class0\np = 0.990", "class0\n→ class1\np = 0.900"]
    assert [note for *_, note in drawn[0]] == ["002.png", "000.png"]


def test_without_a_mistake_the_narrowest_right_answers_are_shown(tmp_path, classify, undrawn):
    y_score = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
    classify(np.array([0, 0, 1]), y_score)
    source = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert "No mistake in 3 pictures; the narrowest right answers" in source
    assert source.index("p = 0.600") < source.index("p = 0.800") < source.index("p = 0.900")


def test_a_missing_or_damaged_picture_leaves_a_gap_in_the_page(
    tmp_path, classify, pictures, undrawn
):
    paths = pictures(4)
    paths[1].unlink()
    paths[2].write_bytes(b"no picture")
    classify(np.zeros(4, int), one_hot([1, 1, 1, 1], 2), paths=paths)
    source = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert source.count("cannot be opened") == 2


def test_a_function_may_return_the_pictures(classify, undrawn):
    asked = []

    def picture(index):
        asked.append(index)
        return np.zeros((28, 28), np.uint8)

    classify(np.array([0, 1]), one_hot([1, 1], 2), paths=["digit 0", "digit 1"], picture=picture)
    assert asked == [0]


# The page


def test_page_is_one_well_formed_file_without_script(tmp_path, classify, undrawn):
    facts = FACTS | {"notes": ["An <erratum> & its reason."], "skipped": {"bad.jpg": "truncated"}}
    classify(*random_answers(30, 12, sharpness=1), facts=facts, groups={"half": np.arange(30) < 15})
    source = (tmp_path / "run" / "report.html").read_text("utf-8")
    parsed = Page(source)
    assert not parsed.open
    assert all(link.startswith("data:image/") for link in parsed.links) and parsed.links
    assert "script" not in parsed.tags
    assert "url(" not in source and "@import" not in source
    text = " ".join(parsed.text)
    for phrase in ("An <erratum> & its reason.", "bad.jpg", "top-5", "half", "learning rate"):
        assert phrase in text
    assert "prefers-color-scheme: dark" in source and "width=device-width" in source


def test_page_notes_a_synthetic_sample_and_an_interruption(tmp_path, classify, undrawn):
    result = classify(*random_answers(6, 2), facts=FACTS | {"synthetic": True, "interrupted": True})
    source = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert '<span class="badge">synthetic sample</span>' in source
    assert "drawn by code" in report.sentence(result)
    assert "interrupted" in report.sentence(result)


def test_names_cannot_break_out_of_the_page(tmp_path, classify, undrawn):
    names = ['<img src=x onerror="alert(1)">', "a & b"]
    classify(np.array([0, 1]), one_hot([1, 0], 2), class_names=names)
    parsed = Page((tmp_path / "run" / "report.html").read_text("utf-8"))
    assert "x" not in parsed.links
    assert names[0] in parsed.text


def test_drawing_leaves_matplotlib_as_it_was():
    before = dict(matplotlib.rcParams)
    figures.curves(HISTORY, dark=True)
    assert dict(matplotlib.rcParams) == before


def test_importing_the_report_imports_neither_keras_nor_pyplot():
    code = (
        "import sys, keras_cnn.report; heavy = {'keras', 'tensorflow', 'matplotlib.pyplot'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
