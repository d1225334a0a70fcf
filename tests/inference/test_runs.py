"""Runs side by side: scores with a paired test, costs, recipes, and the files of a comparison."""

import csv
import io
import itertools
import json
import types

import keras
import numpy as np
import pytest
from report_inputs import FACTS, Page, one_hot
from scipy import stats

from keras_cnn import InputError, explain, report
from keras_cnn.cli import main
from keras_cnn.inference import runs
from keras_cnn.report import comparison, side_by_side

HISTORIES = {
    "a": {"loss": [1.0, 0.5], "val_loss": [0.9, 0.7], "accuracy": [0.5, 0.7]},
    "b": {"loss": [1.1], "val_loss": [0.8], "accuracy": [0.6], "val_accuracy": [0.5]},
}
HISTORIES["a"]["val_accuracy"] = [0.5, 0.6]


def network(filters):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(filters, 3)(inputs)
    x = keras.layers.Dense(2, activation="softmax")(keras.layers.Flatten()(x))
    return keras.Model(inputs, x)


@pytest.fixture
def pair(tmp_path, classify, undrawn):
    """Two classifiers tested on the same pictures, of which the second is better."""
    y_true = np.zeros(40, int)
    rights = {"a": np.arange(40) < 22, "b": np.arange(40) >= 4}
    for number, (name, right) in enumerate(rights.items()):
        recipe = {"epochs": 3 + number, "learning_rate": 0.1, "out": name, "name": name}
        facts = FACTS | {"parameters": 100 + number, "recipe": recipe}
        answers = one_hot(1 - right.astype(int), 2)
        classify(y_true, answers, name=name, facts=facts, history=HISTORIES[name])
        network(1 + number).save(tmp_path / name / "model.keras")
    return tmp_path / "a", tmp_path / "b"


def test_each_run_is_tested_against_the_first_on_the_same_pictures(pair):
    result = runs.compare_runs(pair)
    first, second = result["runs"]
    assert result["score"] == "accuracy" and first["test"] is None
    assert (first["name"], first["score"], second["score"]) == ("a", 22 / 40, 36 / 40)
    test = second["test"]
    assert test["p_value"] == pytest.approx(stats.binomtest(4, 22).pvalue)
    assert test["difference"] == pytest.approx(14 / 40) and test["verdict"] == "better"
    backwards = runs.compare_runs(pair[::-1])["runs"][1]["test"]
    assert backwards["verdict"] == "worse" and backwards["difference"] == pytest.approx(-14 / 40)


def test_costs_are_those_of_the_networks_and_the_reports(pair, monkeypatch):
    ticks = itertools.count(step=0.25)  # seconds
    clock = types.SimpleNamespace(perf_counter=lambda: next(ticks))
    monkeypatch.setattr(runs, "time", clock)
    first, second = runs.compare_runs(pair, timed=True)["runs"]
    table = explain.table(network(1))
    assert first["multiply_adds"] == table.multiply_adds == 36 * 27 + 36 * 2
    assert second["multiply_adds"] == 2 * first["multiply_adds"]
    assert (first["parameters"], second["parameters"], first["seconds"]) == (100, 101, 60.0)
    assert first["milliseconds"] == second["milliseconds"] == 250
    assert runs.compare_runs(pair)["runs"][0]["milliseconds"] is None


def test_only_the_options_that_differ_are_shown(pair):
    assert runs.compare_runs(pair)["recipes"] == {"epochs": [3, 4]}


def test_a_run_without_its_model_has_no_multiply_adds_and_a_note(pair):
    (pair[1] / "model.keras").unlink()
    result = runs.compare_runs(pair)
    assert [row["multiply_adds"] is None for row in result["runs"]] == [False, True]
    assert any("The costs of" in note and "are unknown" in note for note in result["notes"])


def test_two_regressions_are_compared_by_the_bootstrap_of_their_paired_errors(
    tmp_path, pictures, undrawn
):
    rng = np.random.default_rng(0)
    y_true = rng.normal(0, 1, 60)
    noise = rng.normal(0, 1, 60)
    errors = {"a": noise, "b": 0.9 * noise, "c": -noise}  # nearly the same errors, a bit smaller
    for name, error in errors.items():
        report.regression(
            tmp_path / name,
            y_true=y_true,
            y_pred=y_true + error,
            train_mean=0.0,
            filepaths=pictures(60),
            history={},
            facts={},
        )
    result = runs.compare_runs([tmp_path / name for name in errors])
    rows = {row["name"]: row for row in result["runs"]}
    test = rows["b"]["test"]
    difference = (0.9 * noise) ** 2 - noise**2
    peer = stats.bootstrap((difference,), np.mean, method="percentile", rng=1).confidence_interval
    assert test["difference"] == pytest.approx(difference.mean(), rel=1e-4)
    assert test["difference_interval"] == pytest.approx(peer, abs=0.03)
    assert test["verdict"] == "better" and test["p_value"] is None
    assert rows["a"]["interval"][0] < rows["b"]["score"] < rows["a"]["interval"][1]  # they overlap
    assert rows["c"]["test"]["verdict"] == "no difference shown"
    assert any("of twenty runs" in note for note in result["notes"])
    assert result["score"] == "mean squared error"


def test_runs_on_different_test_pictures_have_no_test(pair, classify, pictures):
    answers = one_hot(np.ones(40, int), 2)
    classify(np.ones(40, int), answers, name="labels")  # the same pictures with other labels
    classify(np.zeros(40, int), answers, name="files", paths=pictures(40, "other{}.png"))
    result = runs.compare_runs([pair[0], *(pair[0].parent / name for name in ("labels", "files"))])
    assert [row["test"] for row in result["runs"]] == [None] * 3
    for name in ("labels", "files"):
        note = f"There is no test of {name}: it was tested on other pictures than a."
        assert note in result["notes"]


def test_runs_of_detectors_have_no_test_and_a_note(tmp_path):
    for name, score in (("a", 0.5), ("b", 0.6)):
        (tmp_path / name).mkdir()
        test = {"map": score, "interval": [score - 0.1, score + 0.1]}
        content = {"task": "detection", "test": test, "seconds": {"train": 1.0}}
        (tmp_path / name / "report.json").write_text(json.dumps(content))
    result = runs.compare_runs([tmp_path / "a", tmp_path / "b"])
    assert [row["score"] for row in result["runs"]] == [0.5, 0.6]
    assert "There is no paired test for detection: compare the intervals." in result["notes"]
    with pytest.raises(ValueError, match="task must be one of"):
        comparison.paired_test(tmp_path / "a", tmp_path / "b", task="detection")


def test_the_files_of_a_comparison_hold_the_same_table(pair, tmp_path):
    result = runs.compare_runs(pair, out=tmp_path / "both")
    names = {path.name for path in (tmp_path / "both").iterdir()}
    assert names == {"comparison.html", "comparison.md", "comparison.csv", "curves.png"}
    page = Page((tmp_path / "both" / "comparison.html").read_text("utf-8"))
    text = "".join(page.text)
    assert not page.open and all(link.startswith("data:image/png") for link in page.links)
    markdown = (tmp_path / "both" / "comparison.md").read_text("utf-8")
    for part in ("0.9000", "better, p = 0.0043", "2.09k", "epochs", "Where their"):
        assert part in text, part
        assert part in markdown or part == "Where their", part
    assert {line.count("|") for line in markdown.split("\n\n")[0].splitlines()} == {8}
    with (tmp_path / "both" / "comparison.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["a", "b"]
    assert float(rows[1]["p_value"]) == result["runs"][1]["test"]["p_value"]


def test_the_curves_are_those_of_validation(pair):
    histories = {name: HISTORIES[name] for name in HISTORIES}
    assert side_by_side.curves_parts(histories) == ["val_loss", "val_accuracy"]
    assert side_by_side.curves_parts({"a": {}, "b": {"loss": [1.0]}}) == []
    assert side_by_side.history(pair[0]) == HISTORIES["a"]


def test_curves_of_many_runs_are_drawn_and_of_none_a_sentence():
    history = {"loss": [1.0, 0.5], "val_loss": [0.9, np.nan]}
    many = {f"run {number}": history for number in range(9)}
    assert side_by_side.curves(many).startswith(b"\x89PNG")
    assert side_by_side.curves({"a": {}}, dark=True).startswith(b"\x89PNG")


@pytest.mark.parametrize("style", ["table", "csv", "markdown", "json"])
def test_the_command_prints_the_comparison_in_each_format(pair, capsys, style):
    words = ["compare", *map(str, pair), "--format", style]
    assert main(words) == 0
    printed = capsys.readouterr().out
    if style == "json":
        assert json.loads(printed)["runs"][1]["test"]["verdict"] == "better"
    elif style == "csv":
        assert [row["verdict"] for row in csv.DictReader(io.StringIO(printed))] == ["", "better"]
    else:
        assert "better, p = 0.0043" in printed and "epochs" in printed


def test_folders_of_one_name_are_told_apart_by_their_paths(pair, tmp_path):
    (tmp_path / "x").mkdir()
    moved = pair[1].rename(tmp_path / "x" / "a")
    names = [row["name"] for row in runs.compare_runs([pair[0], moved])["runs"]]
    assert names == [str(pair[0]), str(moved)]


def test_what_cannot_be_compared_is_refused_in_one_sentence(pair, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "report.json").write_text("{")
    (tmp_path / "boxes").mkdir()
    (tmp_path / "boxes" / "report.json").write_text('{"task": "detection", "test": {}}')
    for others, message in {
        (): "two or more runs can be compared; received .*a: name another",
        (tmp_path / "empty",): "empty must be the folder of a finished run.*No such file",
        (tmp_path / "damaged",): r"damaged must be .*\(it is no report of a run\)",
        (tmp_path / "boxes",): "runs of one task .*a is a classification, .*boxes a detection",
        (pair[0] / ".." / "a",): "a is named twice",
    }.items():
        with pytest.raises(InputError, match=message):
            runs.compare_runs([pair[0], *others])
        with pytest.raises(InputError, match=message):
            runs.reports([pair[0], *others])
