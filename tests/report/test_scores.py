"""Scores and sentences of the report, compared with scikit-learn, SciPy and counts by hand."""

import io
import itertools
import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import stats
from sklearn import metrics

from keras_cnn import columns
from keras_cnn.report import figures, fonts, scores, sentences


def _softmax(logits):
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_is_scipys(counts):
    successes, samples = counts
    expected = stats.binomtest(successes, samples).proportion_ci(0.95, method="wilson")
    np.testing.assert_allclose(scores.wilson(successes, samples), expected, atol=1e-12)
    z2 = statistics.NormalDist().inv_cdf(0.975) ** 2
    centre = successes + z2 / 2
    spread = math.sqrt(z2 * (successes * (samples - successes) / samples + z2 / 4))
    formula = [(centre - spread) / (samples + z2), (centre + spread) / (samples + z2)]
    np.testing.assert_allclose(scores.wilson(successes, samples), formula, atol=1e-12)


def test_wilson_interval_of_the_books_example():
    # Newcombe (1998), table I: 81 of 263 gives 0.2553 to 0.3662.
    np.testing.assert_allclose(scores.wilson(81, 263), [0.2553, 0.3662], atol=5e-5)


@given(st.integers(0, 400), st.integers(0, 400))
def test_mcnemars_test_is_the_exact_binomial_test(only_a, only_b):
    differing = only_a + only_b
    tail = sum(math.comb(differing, k) for k in range(min(only_a, only_b) + 1))
    counted = min(1.0, 2 * tail / 2**differing)
    assert scores.mcnemar(only_a, only_b) == pytest.approx(counted, rel=1e-9, abs=1e-300)
    if only_a + only_b == 0:
        assert scores.mcnemar(only_a, only_b) == 1
    else:
        expected = stats.binomtest(only_a, only_a + only_b).pvalue
        assert scores.mcnemar(only_a, only_b) == pytest.approx(expected, rel=1e-9, abs=1e-300)


def test_mcnemars_test_works_on_a_large_test_set():
    assert scores.mcnemar(5000, 5000) == 1
    assert scores.mcnemar(9000, 1000) == pytest.approx(0, abs=1e-300)


@st.composite
def answers(draw):
    classes = draw(st.integers(1, 14))
    samples = draw(st.integers(1, 40))
    label = st.integers(0, classes - 1)
    y_true = draw(st.lists(label, min_size=samples, max_size=samples))
    seed = draw(st.integers(0, 2**32 - 1))
    logits = np.random.default_rng(seed).normal(size=(samples, classes))
    return np.array(y_true), _softmax(2 * logits)


@pytest.mark.filterwarnings("ignore:A single label was found")
@given(answers())
@settings(deadline=None)
def test_scores_are_scikit_learns(drawn):
    y_true, y_score = drawn
    names = [f"class{k}" for k in range(y_score.shape[1])]
    labels, y_pred = range(len(names)), y_score.argmax(axis=1)
    test = scores.classification(y_true, y_score, names)
    assert test["accuracy"] == pytest.approx(metrics.accuracy_score(y_true, y_pred))
    expected = metrics.precision_recall_fscore_support(
        y_true, y_pred, labels=labels, zero_division=np.nan
    )
    for row, *values in zip(test["classes"], *expected, strict=True):
        ours = [row[key] for key in ("precision", "recall", "f1", "support")]
        ours = [np.nan if value is None else value for value in ours]
        assert ours == pytest.approx(values, nan_ok=True)
    matrix = metrics.confusion_matrix(y_true, y_pred, labels=labels)
    np.testing.assert_array_equal(scores.confusion(y_true, y_pred, len(names)), matrix)
    if len(names) > 1:
        loss = metrics.log_loss(y_true, y_score, labels=labels)
        assert test["loss"] == pytest.approx(loss, abs=1e-6)
    if len(names) > 10:
        top5 = metrics.top_k_accuracy_score(y_true, y_score, k=5, labels=labels)
        assert test["top5"] == pytest.approx(top5)
        low, high = test["top5_interval"]
        assert low <= top5 <= high
        constant = np.tile(np.bincount(y_true, minlength=len(names)), (len(y_true), 1))
        constant = metrics.top_k_accuracy_score(y_true, constant, k=5, labels=labels)
        assert test["top5_baseline"] == pytest.approx(constant)
    else:
        assert "top5" not in test


@given(answers())
def test_no_constant_answer_beats_the_baseline(drawn):
    y_true, y_score = drawn
    classes = y_score.shape[1]
    constant = [(y_true == k).mean() for k in range(classes)]
    test = scores.accuracy(y_true, y_score.argmax(axis=1), [str(k) for k in range(classes)])
    assert test["baseline"] == max(constant)
    assert constant[int(test["baseline_class"])] == max(constant)


def test_a_tie_of_all_scores_is_no_top5_hit_for_every_class():
    test = scores.classification(
        np.arange(12), np.full((12, 12), 1 / 12), [str(k) for k in range(12)]
    )
    assert test["top5"] == pytest.approx(5 / 12)


def test_undefined_scores_are_none():
    y_true = np.array([0, 0, 1])  # class 2 is absent, class 1 never predicted
    rows = scores.per_class(y_true, np.array([0, 2, 0]), ["a", "b", "c"])
    assert rows[1] == {"name": "b", "precision": None, "recall": 0, "f1": 0, "support": 1}
    assert rows[2] == {"name": "c", "precision": 0, "recall": None, "f1": 0, "support": 0}


@given(st.integers(2, 60), st.integers(0, 1000))
@settings(deadline=None, max_examples=20)
def test_regression_scores_are_scikit_learns(samples, seed):
    generator = np.random.default_rng(seed)
    y_true = generator.normal(3, 1, samples)
    y_pred = y_true + generator.normal(0, 0.7, samples)
    test = scores.regression(y_true, y_pred, 3.1)
    assert test["mse"] == pytest.approx(metrics.mean_squared_error(y_true, y_pred))
    assert test["mae"] == pytest.approx(metrics.mean_absolute_error(y_true, y_pred))
    assert test["r2"] == pytest.approx(metrics.r2_score(y_true, y_pred))
    blind = np.full(samples, 3.1)
    assert test["baseline"]["mse"] == pytest.approx(metrics.mean_squared_error(y_true, blind))
    assert test["gain"] == pytest.approx(test["baseline"]["mse"] - test["mse"])
    assert test["interval"][0] <= test["mse"] <= test["interval"][1]


def test_bootstrap_interval_is_near_the_normal_one():
    values = np.random.default_rng(1).exponential(2, 500)
    error = stats.sem(values)
    expected = stats.norm.interval(0.95, values.mean(), error)
    np.testing.assert_allclose(scores.bootstrap(values), expected, atol=0.2 * error)


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((5, 7), np.uint8),
        np.zeros((5, 7, 1), np.float32),
        np.full((5, 7, 3), 0.5),
        np.full((5, 7, 4), 200, np.uint8),
        np.linspace(-120, 130, 105).reshape(5, 7, 3),
        np.full((1, 1, 3), np.nan),
        np.ones((5, 7, 2), bool),
    ],
)
def test_any_picture_can_be_shown(picture):
    shown = figures.pixels(picture)
    assert shown.dtype == np.uint8 and shown.shape == (*picture.shape[:2], 3)


@pytest.mark.parametrize("number", [1, 3, 10, 12])
def test_a_grid_of_pictures_has_room_for_any_number_up_to_ten(number):
    png = figures.pictures([(np.zeros((9, 9, 3), np.uint8), "kaishu", "样本.png")] * number)
    with Image.open(io.BytesIO(png)) as image:
        assert image.width > 300


def test_floats_in_the_unit_range_keep_their_brightness():
    assert figures.pixels(np.full((2, 2, 3), 0.5)).max() == 128
    stretched = figures.pixels(np.array([[-2.0, 0.0], [1.0, 2.0]]))
    assert (stretched.min(), stretched.max()) == (0, 255)


def test_rates_show_a_difference_of_one_picture():
    for samples in (7, 200, 10_000):
        texts = [sentences.rate(k / samples, samples) for k in range(samples - 5, samples + 1)]
        assert all(a != b for a, b in itertools.pairwise(texts))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.5, "0.5 s"), (59.7, "59.7 s"), (119.8, "2 min 00 s"), (7385, "2 h 03 min")],
)
def test_durations_are_formatted_in_seconds_minutes_and_hours(seconds, text):
    assert sentences.duration(seconds) == text


@given(st.text(max_size=80), st.integers(5, 40))
def test_shortened_text_fits_and_keeps_both_ends(text, width):
    short = fonts.shorten(text, width=width)
    assert columns.width(short) <= max(width, 1)
    if short != text:
        head, tail = short.split("…")[0], short.rsplit("…", 1)[1]
        assert text.startswith(head) and text.endswith(tail)
