"""Regressions, several runs, and two runs compared."""

import statistics

import numpy as np
import pytest
from report_inputs import FACTS, HISTORY, Page, one_hot, random_answers
from scipy import stats

from keras_cnn import InputError, report
from keras_cnn.detection import metrics

# Regression, several runs, comparison


@pytest.fixture
def regress(tmp_path, pictures):
    def write(y_true, y_pred, *, name="run", train_mean=3.0, history=HISTORY):
        return report.regression(
            tmp_path / name,
            y_true=y_true,
            y_pred=y_pred,
            train_mean=train_mean,
            filepaths=pictures(len(y_true)),
            history=history,
            facts=FACTS,
        )

    return write


def test_regression_stands_beside_the_mean_baseline(tmp_path, regress):
    y_true = np.linspace(1, 5, 30)
    result = regress(y_true, y_true[:, None] + 0.1)
    assert result["sentence"].startswith("It has learned: mean squared error 0.010")
    assert {"scatter.png", "residuals.png", "mistakes.png", "curves.png"} <= {
        path.name for path in (tmp_path / "run").iterdir()
    }
    assert not Page((tmp_path / "run" / "report.html").read_text("utf-8")).open


def test_regression_as_good_as_the_mean_has_not_learned(regress, undrawn):
    y_true = np.random.default_rng(0).normal(3, 1, 40)
    assert regress(y_true, np.full(40, 3.0001))["sentence"].startswith("Not shown")
    assert regress(y_true, 6 - y_true)["sentence"].startswith("Worse than")


@pytest.mark.parametrize("y_pred", [[2.0], [np.nan]])
def test_regression_of_one_picture_or_nan(regress, y_pred, undrawn):
    result = regress([1.0], y_pred)
    assert result["test"]["interval"] is None
    assert result["test"]["r2"] is None


def test_runs_are_summarized_by_mean_and_sample_deviation(classify, undrawn):
    reports = [classify(*random_answers(50, 3, seed=k), name=f"run{k}") for k in range(3)]
    summary = report.summarize_runs(reports)
    values = [result["test"]["accuracy"] for result in reports]
    assert summary["accuracy"]["mean"] == pytest.approx(np.mean(values))
    assert summary["accuracy"]["std"] == pytest.approx(np.std(values, ddof=1))
    assert f"{statistics.mean(values):.4f} ± {statistics.stdev(values):.4f}" in summary["sentence"]
    assert report.summarize_runs(reports[:1])["accuracy"]["std"] is None


def test_runs_of_a_detector_are_summarized_by_their_mean_average_precision():
    truth = [(np.array([[0, 0, 10, 10.0]]), np.array([1]), np.array([False]))]
    reports = []
    for right in (10.0, 7.0):  # the second box overlaps the object by 0.7
        detections = [(np.array([[0, 0, right, 10]]), np.array([0.9]), np.array([1]))]
        scores = metrics.summary(truth, detections, class_names=["cell"])
        reports.append({"task": "detection", "test": scores | {"map": right / 10}})
    summary = report.summarize_runs(reports)
    assert summary["sentence"] == "2 runs: mean average precision 0.8500 ± 0.2121"
    assert summary["map"]["values"] == [1.0, 0.7]
    assert summary["map_voc07"]["mean"] == 1 and summary["map_voc07"]["std"] == 0
    assert summary["map_coco"]["mean"] == pytest.approx((1 + 0.5) / 2)
    assert {"map_coco50", "map_coco75"} < set(summary)
    reports[1]["test"]["map"] = None  # no class has objects
    assert "has no mean" in report.summarize_runs(reports)["sentence"]


def test_runs_of_two_tasks_are_not_summarized(classify, regress, undrawn):
    runs = [classify(*random_answers(4, 2)), regress([1.0, 2.0], [1.0, 2.0], name="other")]
    with pytest.raises(ValueError, match="one task"):
        report.summarize_runs(runs)
    with pytest.raises(ValueError, match="one or more"):
        report.summarize_runs([])


def test_compare_counts_the_pictures_that_differ(tmp_path, classify, undrawn):
    y_true = np.zeros(40, int)
    right_a, right_b = np.arange(40) < 30, np.arange(40) >= 8
    classify(y_true, one_hot(1 - right_a.astype(int), 2), name="a")
    classify(y_true, one_hot(1 - right_b.astype(int), 2), name="b")
    result = report.compare(tmp_path / "a", tmp_path / "b")
    assert (result["only_a"], result["only_b"]) == (8, 10)
    assert (result["both_right"], result["both_wrong"]) == (22, 0)
    assert result["accuracy"] == [0.75, 0.8]
    assert result["p_value"] == pytest.approx(stats.binomtest(8, 18).pvalue)
    assert "no difference is shown" in result["sentence"]


def test_compare_names_the_better_run(tmp_path, classify, undrawn):
    y_true = np.zeros(40, int)
    classify(y_true, one_hot(np.ones(40, int), 2), name="a")
    classify(y_true, one_hot(y_true, 2), name="b")
    assert (
        f"{tmp_path / 'b'} is better" in report.compare(tmp_path / "a", tmp_path / "b")["sentence"]
    )


def test_compare_ignores_the_order_of_the_pictures(tmp_path, classify, pictures, undrawn):
    paths, order = pictures(6), np.array([3, 1, 5, 0, 2, 4])
    y_true, y_score = random_answers(6, 2, sharpness=0)
    classify(y_true, y_score, name="a", paths=paths)
    classify(y_true[order], y_score[order], name="b", paths=[paths[k] for k in order])
    result = report.compare(tmp_path / "a", tmp_path / "b")
    assert result["only_a"] == result["only_b"] == 0 and result["p_value"] == 1


def test_compare_refuses_different_test_sets(tmp_path, classify, regress, undrawn):
    classify(np.array([0, 1, 0]), np.eye(2)[[0, 1, 0]], name="a")
    classify(np.array([0, 1]), np.eye(2), name="fewer")
    classify(np.array([1, 1, 0]), np.eye(2)[[0, 1, 0]], name="relabelled")
    regress([1.0, 2.0], [1.0, 2.0], name="scores")
    for other in ("fewer", "relabelled"):
        with pytest.raises(InputError, match="same pictures with the same labels"):
            report.compare(tmp_path / "a", tmp_path / other)
    with pytest.raises(InputError, match="no predictions of a classifier"):
        report.compare(tmp_path / "a", tmp_path / "scores")
    with pytest.raises(InputError, match="give the folder of a finished run"):
        report.compare(tmp_path / "a", tmp_path / "nowhere")
