"""Every kind of model a user may build works everywhere, or is refused before any training."""

import functools

import numpy as np
import pytest
import user_models

import keras_cnn
from keras_cnn import (
    Base,
    ImageDataGenerator,
    InputError,
    Predictor,
    Recipe,
    card,
    explain,
    find_learning_rate,
    fit_features,
    fit_head,
)
from keras_cnn.images import files
from keras_cnn.images.preparation import Preparation
from keras_cnn.images.scaling import Scaling
from keras_cnn.inference import export
from keras_cnn.splits import classification_splits

SHAPE = (24, 24, 3)
every_working_kind = pytest.mark.parametrize(
    "build", user_models.WORKING, ids=lambda build: build.__name__
)
every_refused_kind = pytest.mark.parametrize(
    ("build", "message"),
    user_models.REFUSED.items(),
    ids=lambda value: getattr(value, "__name__", ""),
)


def _recipe(folder, out, **choices):
    choices = {"image_size": 24, "epochs": 1, "batch_size": 8} | choices
    return Recipe(name="case", dataset="stripes", data=folder, out=out, **choices)


def _run(build, stripes, out, **choices):
    recipe = _recipe(stripes, out, **choices)
    return keras_cnn.run(build, _splits(recipe), recipe)


def _splits(recipe):
    return classification_splits(recipe, ImageDataGenerator(rescale=1 / 255))


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 256, SHAPE, np.uint8)


PREPARATION = Preparation(size=SHAPE[:2], scaling=Scaling(rescale=1 / 255))
CARD = card.Card(
    task="classification",
    class_names=("lying", "upright"),
    preparation=PREPARATION.to_dict(),
)


@every_working_kind
def test_a_run_trains_it_and_its_model_serves_predict_export_and_transfer(
    build, stripes, tmp_path, picture, undrawn
):
    result = _run(build, stripes, tmp_path / "run", test_crops=5)
    predictor = Predictor.load(tmp_path / "run")
    assert predictor.evaluate(stripes)["test"]["accuracy"] == result["test"]["accuracy"]
    exported = export.with_preparation(predictor.model, predictor.card)
    np.testing.assert_allclose(
        exported.predict_on_batch(picture[None])[0], predictor(picture).scores, atol=1e-5
    )
    base = Base.of_run(tmp_path / "run")
    assert base.build(input_shape=SHAPE).output_shape == (None, 4)
    fit_head(base, _recipe(stripes, tmp_path / "head"), fine_tune=True)
    fit_features(base, _recipe(stripes, tmp_path / "features"))


@every_working_kind
def test_a_file_of_the_user_s_own_serves_predict_and_transfer(build, tmp_path, picture):
    model = build(input_shape=SHAPE, classes=2)
    expected = np.asarray(model(picture[None] / np.float32(255)))[0]
    model.save(tmp_path / "model.keras")
    card.write(tmp_path / "model.keras", CARD)
    for predictor in (
        Predictor.load(tmp_path / "model.keras"),
        Predictor(build(input_shape=SHAPE, classes=2), CARD, PREPARATION),
    ):
        predictor.model.set_weights(model.get_weights())
        np.testing.assert_allclose(predictor(picture).scores, expected, atol=1e-5)
    assert Base.of_run(tmp_path / "model.keras").build(input_shape=SHAPE).output_shape == (None, 4)


@every_working_kind
def test_it_is_explained(build, picture):
    model = build(input_shape=SHAPE, classes=2)
    heat = explain.grad_cam(model, picture / np.float32(255))
    assert heat.shape == SHAPE[:2] and 0 < heat.max() <= 1
    maps = explain.feature_maps(model, picture / np.float32(255), ["conv", "predictions"])
    assert maps["conv"].shape == (22, 22, 4)
    assert explain.filters(model, "conv").shape == (4, 3, 3, 3)
    assert explain.table(model)["conv"].receptive_field == (3, 3)


@every_refused_kind
def test_what_cannot_work_is_refused_before_the_training(
    build, message, stripes, tmp_path, picture, monkeypatch
):
    monkeypatch.setattr("keras.Model.fit", lambda *_, **__: pytest.fail("the training has begun"))
    with pytest.raises(InputError, match=message):
        _run(build, stripes, tmp_path / "run")
    with pytest.raises(InputError, match=message):
        find_learning_rate(build, _splits(recipe := _recipe(stripes, tmp_path)), recipe)
    with pytest.raises(InputError, match=message):
        Predictor(build(input_shape=SHAPE, classes=2), CARD, PREPARATION)
    with pytest.raises(ValueError, match=message):
        explain.grad_cam(build(input_shape=SHAPE, classes=2), picture / np.float32(255))


@pytest.mark.parametrize("fit", [fit_head, fit_features])
def test_a_base_of_unknown_layers_is_refused_and_of_several_outputs_the_first_counts(
    fit, stripes, tmp_path, monkeypatch, undrawn
):
    recipe = _recipe(stripes, tmp_path / "out")
    scaling = Scaling(rescale=1 / 255)
    fit(Base(functools.partial(user_models.multi_output, classes=4), scaling), recipe)
    monkeypatch.setattr(files, "find_bad", lambda *_, **__: pytest.fail("pictures were read"))
    with pytest.raises(InputError, match="is a Subclassed"):
        fit(Base(functools.partial(user_models.subclassed, classes=4), scaling), recipe)
