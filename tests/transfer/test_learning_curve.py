"""The learning curve: nested subsets, a power law, and the forecast for twice as many pictures."""

import csv
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image
from scipy.optimize import curve_fit
from small_base import spread_of_rows_and_columns

from keras_cnn import InputError, card, models
from keras_cnn.cli import main
from keras_cnn.datasets.division import same_share
from keras_cnn.images.scaling import Scaling
from keras_cnn.report import sentences
from keras_cnn.transfer import Base, labelled_features, learning_curve
from keras_cnn.transfer.learning_curve import LearningCurve

NUMBERS = np.array([100, 141, 200, 283, 400, 566, 800])


def _simulated(law, *, pictures=1000, seeds=5, seed=0):
    """A curve of answers that are right with about the probability of a power law.

    Return the accuracy of a training with twice as many pictures, too.
    """
    rng = np.random.default_rng(seed)
    errors = learning_curve.power_law([*NUMBERS, 1600], law)
    # A picture has a difficulty, which all classifiers share, as real pictures do.
    difficulty = rng.random(pictures)
    luck = rng.normal(0, 0.1, (seeds, len(errors), pictures))
    right = difficulty + luck > errors[:, None]
    return LearningCurve(NUMBERS, right[:, :-1]), right[0, -1].mean()


def test_the_fit_is_that_of_scipys_curve_fit():
    rng = np.random.default_rng(0)
    errors = learning_curve.power_law(NUMBERS, (0.05, 2.0, 0.5)) + rng.normal(0, 1e-3, 7)
    a, b, c = learning_curve.fit(NUMBERS, errors)
    expected, _ = curve_fit(
        lambda n, a, b, c: a + b * n**-c, NUMBERS.astype(float), errors, p0=(0.05, 2, 0.5)
    )
    np.testing.assert_allclose([a, b, c], expected, rtol=0.02)


def test_an_error_that_falls_faster_than_any_law_gets_the_best_law_without_a_floor():
    errors = 200 * NUMBERS**-1.5
    a, b, c = learning_curve.fit(NUMBERS, errors)
    expected, _ = curve_fit(lambda n, b: b / n, NUMBERS.astype(float), errors)
    np.testing.assert_allclose([a, b, c], [0, *expected, 1])


def test_a_power_law_without_noise_is_continued_exactly():
    for law in ((0.0, 3.0, 0.5), (0.1, 1.5, 0.4), (0.02, 0.0, 0.5)):
        fitted = learning_curve.fit(NUMBERS, learning_curve.power_law(NUMBERS, law))
        later = learning_curve.power_law([1600], fitted)
        np.testing.assert_allclose(later, learning_curve.power_law([1600], law), atol=1e-3)


def test_the_interval_holds_the_truth_in_nearly_all_simulations_and_is_narrow():
    inside, widths = [], []
    for seed in range(20):
        curve, truth = _simulated((0.03, 2.0, 0.5), seed=seed)
        forecast = learning_curve.forecast(curve)
        inside.append(forecast.low[-1] <= truth <= forecast.high[-1])
        widths.append(forecast.high[-1] - forecast.low[-1])
    assert np.mean(inside) >= 0.95 and np.median(widths) < 0.041


def test_a_set_that_is_learnt_without_a_mistake_is_predicted_without_one():
    curve = LearningCurve(NUMBERS, np.ones((3, 7, 50), bool))
    forecast = learning_curve.forecast(curve)
    np.testing.assert_allclose(forecast.accuracies, 1, atol=1e-4)
    assert (forecast.low > 0.99).all() and (forecast.high <= 1).all()


def test_a_lucky_last_size_is_not_lost_by_twice_as_many(tmp_path):
    right = np.arange(100) < np.array([60, 70, 76, 80, 83, 85, 99])[:, None]
    curve = LearningCurve(NUMBERS, np.stack([right, right]))
    answer = learning_curve.write(curve, tmp_path, network="a network")
    now, later = re.search(r"([01]\.\d+) -> ([01]\.\d+)", answer["sentence"]).groups()
    forecast = answer["forecast"]
    assert float(now) < float(later) and forecast["sizes"][-1] == 1600
    assert float(later) == pytest.approx(forecast["accuracies"][-1], abs=5e-4)


def test_smaller_subsets_are_parts_of_larger_ones_and_keep_the_shares_of_the_classes():
    labels = np.repeat([0, 1, 2], (60, 30, 30))
    rows = [set(same_share(labels, n, seed=1)) for n in (30, 60, 120)]
    assert rows[0] < rows[1] < rows[2] and len(rows[0]) == 30
    np.testing.assert_array_equal(np.bincount(labels[sorted(rows[0])]), [15, 8, 7])


def test_sizes_grow_by_a_constant_ratio_and_too_few_pictures_are_refused():
    numbers = learning_curve.sizes(np.repeat(["a", "b"], 400)).tolist()
    assert numbers == [71, 100, 141, 200, 283, 400, 566, 800]
    assert learning_curve.sizes(np.repeat(["a", "b"], (19, 100))).tolist() == [42, 59, 84, 119]
    with pytest.raises(InputError, match="at least 19 training pictures of each class; 'a' has 18"):
        learning_curve.sizes(np.repeat(["a", "b"], (18, 100)))


def test_test_pictures_are_those_of_the_test_folder_or_a_share_with_copies_on_one_side(stripes):
    base = Base(spread_of_rows_and_columns, Scaling(rescale=1 / 255))
    pictures = labelled_features.read(stripes, base=base, image_size=24)
    train, test = learning_curve.split(pictures)
    assert set(pictures.table["split"][test]) == {"test"} and len(train) == 40
    shutil.rmtree(stripes / "test")
    shutil.copy(stripes / "train/lying/pen_u0000.png", stripes / "train/lying/copy.png")
    pictures = labelled_features.read(stripes / "train", base=base, image_size=24)
    for seed in range(5):
        train, test = learning_curve.split(pictures, seed=seed)
        assert not set(pictures.groups[train]) & set(pictures.groups[test])
        assert len(train) + len(test) == 41 and 6 <= len(test) <= 10


def test_a_split_without_one_of_the_classes_is_refused(stripes):
    shutil.rmtree(stripes / "test/lying")
    base = Base(spread_of_rows_and_columns, Scaling(rescale=1 / 255))
    pictures = labelled_features.read(stripes, base=base, image_size=24)
    with pytest.raises(InputError, match="must have the same classes; they have .'lying', 'upri"):
        learning_curve.split(pictures)


def test_the_command_draws_the_curve_and_says_what_twice_as_many_bring(
    run, stripes, tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    its_card = card.read(run / "model.keras")
    models.book.LeNet5(input_shape=(24, 24, 3), classes=2).save(run / "model.keras")
    card.write(run / "model.keras", its_card)
    words = ["--weights", str(run), "--image-size", "24"]
    assert main(["learning-curve", str(stripes), *words, "--json", "--seeds", "2"]) == 0
    answer = json.loads(capsys.readouterr().out)
    number = r"\d\.\d{3}"
    sentence = rf"twice as many pictures: {number} -> {number} \({number}-{number}\)"
    assert re.fullmatch(sentence, answer["sentence"])
    a, b, c = (answer["law"][name] for name in "abc")
    now = sentences.rate(1 - a - b * 40**-c, answer["test_pictures"])
    assert f"pictures: {now} ->" in answer["sentence"]
    assert answer["training_pictures"] == [14, 20, 28, 40]
    assert np.shape(answer["accuracies"]) == (2, 4)
    out = tmp_path / "runs" / f"{stripes.name}_learning_curve"
    assert json.loads((out / "learning_curve.json").read_text("utf-8")) == answer
    rows = list(csv.DictReader((out / "learning_curve.csv").read_text("utf-8").splitlines()))
    assert [row["pictures"] for row in rows[:4]] == ["14", "20", "28", "40"]
    assert rows[-1]["pictures"] == "80" and rows[-1]["accuracy"] == "" and rows[-1]["low"]
    with Image.open(out / "learning_curve.png") as drawn:
        assert drawn.width > 600
    assert main(["learning-curve", str(stripes / "test"), *words]) == 2
    assert "needs at least 19 training pictures of each class" in capsys.readouterr().err
