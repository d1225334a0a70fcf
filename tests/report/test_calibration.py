"""Do the probabilities of a classifier come true? Error, temperature, and their report."""

import json

import numpy as np
import pytest
import sklearn
from report_inputs import Page, random_answers, softmax
from scipy import special
from sklearn import calibration as peer
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.frozen import FrozenEstimator

from keras_cnn.report import calibration, reliability, scores, sentences
from keras_cnn.report.calibration import Temperature


def drawn(pictures, *, classes=4, sharpness=1.0, seed=0):
    """Return logits times a sharpness, and labels drawn from the softmax of the logits."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (pictures, classes))
    y_true = (special.softmax(logits, axis=1).cumsum(axis=1) < rng.random((pictures, 1))).sum(
        axis=1
    )
    return y_true, logits * sharpness


def test_the_error_is_the_mean_distance_weighed_by_the_number_of_answers():
    confidence = np.repeat([0.9, 0.6], [10, 30])
    right = np.concatenate([np.arange(10) < 5, np.arange(30) < 18])
    error = calibration.expected_calibration_error(confidence, right)
    assert error == pytest.approx((10 * 0.4 + 30 * 0.0) / 40)
    assert calibration.expected_calibration_error(np.ones(7), np.ones(7, bool)) == 0


def test_the_bins_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.3, 1, 500)
    right = rng.random(500) < confidence**2
    accuracy, mean = peer.calibration_curve(right, confidence, n_bins=calibration.BINS)
    rows = calibration.reliability(confidence, right)
    assert [row["accuracy"] for row in rows] == pytest.approx(accuracy)
    assert [row["confidence"] for row in rows] == pytest.approx(mean)
    edges = np.linspace(0, 1, calibration.BINS + 1)
    counts = np.histogram(confidence, edges)[0]
    assert [row["pictures"] for row in rows] == counts[counts > 0].tolist()
    assert {(row["from"], row["to"]) for row in rows} <= set(zip(edges, edges[1:], strict=False))
    expected = np.abs(accuracy - mean) @ counts[counts > 0] / 500
    error = calibration.expected_calibration_error(confidence, right)
    assert error == pytest.approx(expected) and error > 0.05


@pytest.mark.parametrize("gap", [0.0, 0.03, 0.25])
def test_the_interval_holds_the_true_error(gap, monkeypatch):
    monkeypatch.setattr(calibration, "RESAMPLES", 200)
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(100):
        confidence = rng.choice([0.5, 0.7, 0.9, 0.97], 200)
        right = rng.random(200) < confidence - gap
        low, high = calibration.interval(confidence, right)
        held += low <= gap <= high
    assert held >= 86  # about 90; quantiles of the resamples alone hold 0 never
    assert calibration.interval(np.array([0.5]), np.array([True])) is None


def test_the_temperature_that_made_the_probabilities_too_high_is_found():
    for sharpness in (2.5, 0.5):
        y_true, logits = drawn(20_000, sharpness=sharpness)
        fitted = calibration.fit(y_true, softmax(logits))
        assert fitted.value == pytest.approx(sharpness, rel=0.05)
        assert fitted.note.endswith("was fitted on 20,000 validation pictures.")
        tempered = calibration.tempered(softmax(logits), fitted.value)
        entry = calibration.summary(y_true, tempered, fitted)
        before, after = entry["before"], entry["after"]
        assert before["ece"] > 0.08 and after["ece"] < 0.01
        assert after["loss"] < before["loss"]


@pytest.mark.skipif(
    tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 8), reason="has no temperature"
)
@pytest.mark.parametrize("classes", [2, 5])
def test_the_temperature_is_that_of_scikit_learn(classes):
    y_true, logits = drawn(300, classes=classes, sharpness=3)

    class Given(ClassifierMixin, BaseEstimator):
        """A classifier whose inputs are its answers."""

        def fit(self, x, y):
            self.classes_ = np.unique(y)
            return self

        def predict_proba(self, x):
            return x

        def predict(self, x):
            return self.classes_[x.argmax(axis=1)]

    answers = softmax(logits)
    given = FrozenEstimator(Given().fit(answers, y_true))
    fitted = peer.CalibratedClassifierCV(given, method="temperature").fit(answers, y_true)
    ours = calibration.fit(y_true, answers)
    assert ours.value > 1.5
    np.testing.assert_allclose(
        calibration.tempered(answers, ours.value), fitted.predict_proba(answers), atol=2e-4
    )


def test_a_temperature_divides_the_logits_and_its_inverse_undoes_it():
    _, logits = drawn(50)
    expected = special.softmax(logits / 1.7, axis=1)
    tempered = calibration.tempered(softmax(logits), 1.7)
    np.testing.assert_allclose(tempered, expected, rtol=1e-9)
    np.testing.assert_allclose(calibration.tempered(tempered, 1 / 1.7), softmax(logits), rtol=1e-9)
    answers = softmax(logits)
    assert calibration.tempered(answers, 1) is answers


@pytest.mark.parametrize("temperature", calibration.LIMITS)
def test_no_answer_changes_not_even_of_a_saturated_softmax(temperature):
    _, logits = drawn(500, sharpness=60)
    answers = softmax(logits.astype("float32"))
    assert (answers == 0).any() and (answers == 1).any()
    tempered = calibration.tempered(answers, temperature)
    assert np.isfinite(tempered).all()
    np.testing.assert_array_equal(tempered.argmax(axis=1), answers.argmax(axis=1))


def test_the_temperature_stays_1_where_the_pictures_cannot_tell():
    y_true, logits = drawn(calibration.FEWEST - 1)
    assert calibration.fit(y_true, softmax(logits)).value == 1
    assert (
        "at least 20 validation pictures, and there are 19"
        in calibration.fit(y_true, softmax(logits)).note
    )
    answers = softmax(np.eye(3)[np.arange(30) % 3])
    fitted = calibration.fit(np.arange(30) % 3, answers)
    assert fitted.value == 1 and "all 30 validation pictures are right" in fitted.note
    assert calibration.fit(np.zeros(30, int), answers * 7) == Temperature()  # margins
    assert calibration.fit(np.zeros(30, int), answers * np.nan) == Temperature()
    wrong = calibration.fit((np.arange(30) + 1) % 3, answers)
    assert wrong.value == pytest.approx(calibration.LIMITS[1], rel=0.01)


def test_the_table_counts_the_answers_above_each_probability():
    y_true = np.zeros(10, int)
    high = np.array([0.99, 0.95, 0.94, 0.92, 0.85, 0.75, 0.72, 0.65, 0.6, 0.55])
    wrong = [3, 7, 9]
    y_score = np.stack([high, 1 - high], axis=1)
    y_score[wrong] = y_score[wrong, ::-1]
    entry = calibration.summary(y_true, y_score, Temperature())
    rows = {row["threshold"]: row for row in entry["thresholds"]}
    counts = {key: (row["answered"], row["right"]) for key, row in rows.items()}
    assert counts[0.0] == counts[0.5] == (10, 7)
    assert counts[0.9] == (4, 3) and counts[0.95] == (2, 2) and counts[0.99] == (1, 1)
    assert rows[0.9]["accuracy"] == 0.75 and rows[0.9]["interval"] == scores.wilson(3, 4)
    assert rows[0.9]["share"] == 0.4
    none = calibration.summary(y_true, np.full((10, 2), 0.5), Temperature())["thresholds"][-1]
    assert (none["answered"], none["accuracy"], none["interval"]) == (0, None, None)


def test_a_report_shows_the_answers_before_and_after_the_temperature(tmp_path, classify):
    y_true, y_score = random_answers(60, 3, sharpness=1.0)
    fitted = Temperature(1.8, "The temperature 1.8 was fitted on 40 validation pictures.")
    result = classify(y_true, calibration.tempered(y_score, 1.8), temperature=fitted)
    entry = result["test"]["calibration"]
    assert entry["temperature"] == 1.8
    assert result["test"]["loss"] == entry["after"]["loss"]
    assert entry["before"]["loss"] == pytest.approx(scores.cross_entropy(y_true, y_score))
    assert json.loads((tmp_path / "run" / "report.json").read_text("utf-8"))["test"] == json.loads(
        json.dumps(result["test"])
    )
    page = Page((tmp_path / "run" / "report.html").read_text("utf-8"))
    text = "".join(page.text)
    assert not page.open and "Can the probabilities be trusted?" in text
    assert "The temperature 1.8 was fitted on 40 validation pictures. The expected" in text
    assert (tmp_path / "run" / "calibration.png").stat().st_size > 5000
    assert "calibration" not in result  # it is no further table of the page


def test_without_a_temperature_there_is_one_panel_and_one_error(classify, undrawn):
    y_true, y_score = random_answers(60, 3)
    entry = classify(y_true, y_score)["test"]["calibration"]
    assert entry["before"] == entry["after"]
    assert reliability.panels(entry) == ["after"]
    text = sentences.calibration(entry)
    assert text.startswith("The model's temperature is 1. The expected") and "before" not in text


def test_scores_that_are_no_probabilities_have_no_calibration(tmp_path, classify, undrawn):
    y_true, y_score = random_answers(20, 3)
    assert classify(y_true, y_score * 3)["test"]["calibration"] is None
    y_score[0, 0] = np.nan
    assert classify(y_true, y_score)["test"]["calibration"] is None
    assert not (tmp_path / "run" / "calibration.png").exists()
