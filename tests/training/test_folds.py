"""A cross-validation: every picture is tested once, and the run can be resumed."""

import json
import shutil
import types

import keras
import numpy as np
import pytest
import tiny_training as tiny

from keras_cnn import ImageDataGenerator, InputError, Predictor
from keras_cnn.report import writer
from keras_cnn.report.calibration import Temperature
from keras_cnn.splits import classification_splits
from keras_cnn.training import folds, phases
from keras_cnn.training import run as training
from keras_cnn.training.outcome import Outcome


@pytest.fixture(scope="module", autouse=True)
def without_figures():
    """Leave the figures out, which have their own tests and take longer than the trainings."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "write", _write_json)
        yield


def _write_json(folder, report, *, history, **_):
    (folder / "history.csv").write_text("\n".join(map(str, ["epoch", *history["loss"]])))
    (folder / "report.json").write_text(json.dumps(report))
    return report


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder of pictures, and the run of two folds on it."""
    folder = tiny.draw(tmp_path_factory.mktemp("set") / "tiny")
    out = tmp_path_factory.mktemp("runs") / "out"
    return folder, out, _run(folder, out)


def test_the_last_network_keeps_its_last_epoch(finished, monkeypatch, tmp_path):
    folder, _, report = finished
    made, kind = [], training.Checkpoint
    monkeypatch.setattr(
        training, "Checkpoint", lambda *of, **options: made.append(options) or kind(*of, **options)
    )
    recipe = tiny.recipe(folder, tmp_path / "out", epochs=4)
    options = {"optimizer": keras.optimizers.Adam, "phases": phases.usual, "scores": None}
    outcome = training._train(tiny.build, _splits(recipe), recipe, last_epoch=2, **options)
    assert made[0]["keep_last"] and len(outcome.history["loss"]) == outcome.facts["best_epoch"] == 2


def test_the_temperatures_of_the_folds_have_one_mean():
    splits = types.SimpleNamespace(facts={"notes": []})
    reported = [{"task": "classification", "test": {"accuracy": 1.0}}] * 2
    outcome = Outcome(np.zeros((2, 2)), {}, [], {})
    temperatures = [Temperature(2.0, "fitted"), Temperature(8.0, "fitted")]
    assert folds.with_folds(outcome, splits, reported, temperatures).temperature.value == 4
    temperatures = [Temperature(), Temperature()]  # margins, not probabilities
    assert folds.with_folds(outcome, splits, reported, temperatures).temperature == Temperature()


def _run(folder, out, **choices):
    recipe = tiny.recipe(folder, out, folds=2, **{"epochs": 4} | choices)
    return training.run(tiny.build, _splits(recipe), recipe)


def _splits(recipe):
    return classification_splits(recipe, ImageDataGenerator(rescale=1 / 255))


def test_the_report_scores_each_picture_by_the_network_of_its_fold(finished):
    folder, out, report = finished
    assert report["test"]["samples"] == 32
    for number in (1, 2):
        of_fold = json.loads((out / f"fold_{number}" / "report.json").read_text())
        assert report["test"]["groups"][f"fold {number}"]["correct"] == of_fold["test"]["correct"]
    values = [report["test"]["groups"][f"fold {n}"]["accuracy"] for n in (1, 2)]
    assert report["folds"]["accuracy"]["values"] == values
    assert report["folds"]["accuracy"]["std"] == pytest.approx(np.std(values, ddof=1))
    assert any("tested by a network that had not learned from it" in n for n in report["notes"])


def test_the_last_network_learns_from_all_pictures(finished):
    _, out, _ = finished
    assert Predictor.load(out).card.data["train"]["pictures"] == 32
    assert not (out / "checkpoint").exists()
    temperatures = [Predictor.load(out / f"fold_{n}").card.temperature for n in (1, 2)]
    assert Predictor.load(out).card.temperature == pytest.approx(np.prod(temperatures) ** (1 / 2))
    assert len((out / "history.csv").read_text().splitlines()) == 5  # the mean of the folds'


def _trainings(folder, out, *, epochs=(1, 1, 1), **choices):
    """Cross-validate by trainings that learn nothing; return folder -> last epoch of each."""
    recipe = tiny.recipe(folder, out, epochs=4, **choices)
    trained, best = {}, iter(epochs)

    def train(splits, recipe, last_epoch=None):
        trained[recipe.folder.name] = last_epoch
        return Outcome(np.full((len(splits.test_names), 2), 0.5), {}, [], {})

    def finish(*_):
        facts = {"task": "classification", "test": {}, "interrupted": False}
        return facts | {"best_epoch": next(best, None)}

    folds.cross_validate(train, finish, _splits(recipe), recipe)
    return trained


def test_the_last_network_learns_the_median_of_the_best_epochs(finished, tmp_path):
    for number in (1, 2, 3):
        (tmp_path / "out" / f"fold_{number}").mkdir(parents=True)
    trained = _trainings(finished[0], tmp_path / "out", epochs=(1, 2, 9), folds=3)
    assert trained == {"fold_1": None, "fold_2": None, "fold_3": None, "out": 2}


def test_a_run_goes_on_with_the_fold_that_was_not_finished(finished, tmp_path, monkeypatch):
    folder, whole, report = finished
    out, ended = tmp_path / "out", []
    shutil.copytree(whole / "fold_1", out / "fold_1")
    finish = training._finish

    def stop_at_second(outcome, splits, recipe):
        ended.append(recipe.folder.name)
        finish(outcome, splits, recipe)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "_finish", stop_at_second)
    with pytest.raises(KeyboardInterrupt):
        _run(folder, out, resume=True)
    assert not (out / "fold_2" / folds.ANSWERS).exists()
    monkeypatch.setattr(
        training, "_finish", lambda *of: ended.append(of[2].out.name) or finish(*of)
    )
    resumed = _run(folder, out, resume=True)
    assert ended == ["fold_2", "fold_2", "out"]
    assert resumed["test"] == report["test"]
    models = [keras.models.load_model(path / "model.keras") for path in (out, whole)]
    for own, expected in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(own, expected, atol=1e-6)


def test_folds_of_other_choices_are_not_resumed(finished):
    folder, out, _ = finished
    with pytest.raises(InputError, match="other pictures or choices"):
        _run(folder, out, resume=True, learning_rate=0.5)


def test_a_damaged_fold_is_trained_again(finished, tmp_path):
    folder, whole, _ = finished
    out = shutil.copytree(whole, tmp_path / "out")
    assert list(_trainings(folder, out, folds=2, resume=True)) == ["out"]
    (out / "fold_1" / folds.ANSWERS).write_bytes(b"no archive")
    kept = out / "fold_2" / folds.ANSWERS
    kept.write_bytes(kept.read_bytes()[:-30])
    assert list(_trainings(folder, out, folds=2, resume=True)) == ["fold_1", "fold_2", "out"]


def test_splits_without_folds_are_refused(finished, tmp_path):
    folder, _, _ = finished
    recipe = tiny.recipe(folder, tmp_path / "out")
    splits = _splits(recipe)
    recipe = tiny.recipe(folder, tmp_path / "out", folds=3)
    with pytest.raises(InputError, match="--folds 3 needs class folders"):
        training.run(tiny.build, splits, recipe)
