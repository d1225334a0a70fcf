"""`keras_cnn.fit`: rungs of training within a budget."""

import dataclasses
import time

import keras
import numpy as np
import pytest
from small_base import small_recipe

import keras_cnn
from keras_cnn import InputError, Predictor
from keras_cnn.images.scaling import Scaling
from keras_cnn.training.phases import Phase
from keras_cnn.transfer import Base, fit_features, ladder


@pytest.fixture
def fit(base, stripes, tmp_path, monkeypatch):
    """Call `keras_cnn.fit` on small pictures; most of a real budget is for the report."""
    monkeypatch.setattr(ladder, "REPORT_SECONDS", 0)
    monkeypatch.setattr(ladder, "COMPILING_SECONDS", 0)
    monkeypatch.setattr(ladder, "MOST_EPOCHS", dict.fromkeys(ladder.MOST_EPOCHS, 2))

    def call(**options):
        defaults = {"base": base, "image_size": 24, "out": tmp_path / "out", "budget": 5}
        return keras_cnn.fit(stripes, **defaults | options)

    return call


@pytest.fixture
def hard(monkeypatch):
    """Let a validation picture count as wrong, so that the later rungs are climbed."""
    monkeypatch.setattr(ladder, "_all_right", lambda scores: False)


def test_every_rung_is_reported_and_the_lowest_validation_loss_is_kept(fit, hard, tmp_path):
    result = fit()
    rungs = result["phases"]
    assert list(rungs) == ["linear classifier on features", "head", "fine-tuning"]
    assert [row["epochs"] for row in rungs.values()] == [1, 2, 2]
    losses = [row["val_loss"] for row in rungs.values()]
    lowest = np.minimum.accumulate([np.inf, *losses])
    assert [row["kept"] for row in rungs.values()] == list(losses < lowest[:-1])


def test_a_rung_that_does_not_gain_leaves_the_weights_of_the_one_before(
    fit, hard, base, stripes, tmp_path, monkeypatch
):
    """Far too large steps ruin the network: the answers stay those of the linear classifier."""

    def rungs(name, recipe, epoch, *, end, prepare=None):
        yield Phase(name, dataclasses.replace(recipe, learning_rate=1e3, epochs=1), prepare=prepare)

    monkeypatch.setattr(ladder, "_rung", rungs)
    result = fit(seed=0)
    assert [row["kept"] for row in result["phases"].values()] == [True, False, False]
    paths = sorted((stripes / "test").rglob("*.png"))
    fit_features(base, small_recipe(stripes, tmp_path / "codes", interpolation="bilinear"))
    expected, answers = (
        [answer.scores for answer in Predictor.load(tmp_path / run)(paths)]
        for run in ("codes", "out")
    )
    np.testing.assert_allclose(answers, expected, atol=1e-4)


def test_no_rung_follows_when_all_validation_pictures_are_right(fit):
    assert list(fit()["phases"]) == ["linear classifier on features"]


def test_without_time_only_the_first_answer_is_given(fit, hard, capsys):
    result = fit(budget=1e-6)
    assert list(result["phases"]) == ["linear classifier on features"]
    assert "No head: an epoch takes about" in capsys.readouterr().out


def test_a_phase_ends_at_its_deadline(fit, hard, monkeypatch):
    def late(name, recipe, epoch, *, end, prepare=None):
        yield Phase(name, recipe, prepare=prepare, deadline=time.perf_counter())

    monkeypatch.setattr(ladder, "_rung", late)
    result = fit()
    assert [row["epochs"] for row in result["phases"].values()] == [1, 1, 1]


def test_an_interrupted_ladder_tests_the_best_so_far(fit, hard, tmp_path, monkeypatch):
    class Interrupt(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    monkeypatch.setattr(keras.callbacks, "TerminateOnNaN", Interrupt)
    result = fit()
    assert result["interrupted"] and result["test"]["accuracy"] > 0.9
    assert (tmp_path / "out" / "model.keras").is_file()
    assert not (tmp_path / "out" / "checkpoint").exists()


def test_an_interrupt_between_the_rungs_tests_the_best_so_far(fit, hard, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(ladder, "_rung", interrupted)
    result = fit()
    assert result["interrupted"] and result["test"]["accuracy"] > 0.9


def test_without_pretrained_weights_a_network_learns_from_scratch(fit, base, monkeypatch, capsys):
    small = Base(base.build, Scaling(rescale=1 / 255), "a small network")
    monkeypatch.setattr(ladder, "available_base", lambda: (None, "none can be downloaded (test)"))
    monkeypatch.setattr(ladder, "_scratch", lambda: small)
    result = fit(base=None)
    assert list(result["phases"]) == ["training from scratch"]
    assert "No pretrained network: none can be downloaded (test)." in capsys.readouterr().out


def test_a_large_folder_gets_a_smaller_size(fit, monkeypatch):
    monkeypatch.setattr(ladder, "_seconds_per_picture", lambda *_, **__: 1.0)
    monkeypatch.setattr(ladder, "SIZES", (48, 24))
    monkeypatch.setattr(ladder, "FIRST_ANSWER", 30)
    result = fit(image_size=None)
    assert result["recipe"]["image_size"] == 24


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ({"epochs": 3}, "--epochs is decided by --budget: leave it out"),
        ({"resume": True}, "--resume is decided by --budget"),
        ({"budget": 0}, "--budget must be above 0 minutes; received 0"),
        ({"budget": float("nan")}, "--budget must be above 0 minutes; received nan"),
    ],
)
def test_choices_of_the_budget_are_refused_before_the_work(fit, choices, sentence):
    with pytest.raises(InputError, match=sentence):
        fit(**choices)
