"""How a training reads its batches: 8-bit pixels that the graph scales, or floats."""

import dataclasses
import json

import keras
import numpy as np
import pytest
import tiny_training as tiny

from keras_cnn import ImageDataGenerator
from keras_cnn.models.auxiliary import AuxiliaryModel
from keras_cnn.splits import classification_splits
from keras_cnn.training import fitting
from keras_cnn.training import run as training


def _with_auxiliary_output(*, input_shape, classes):
    model = tiny.build(input_shape=input_shape, classes=classes)
    other = keras.layers.Dense(classes, activation="softmax")(model.layers[-2].output)
    return AuxiliaryModel(model.input, [model.output, other])


def _train(out, data, *, build=tiny.build, **choices):
    recipe = tiny.recipe(data, out, epochs=2, **choices)
    splits = classification_splits(recipe, ImageDataGenerator(rescale=1 / 255, vertical_flip=True))
    training.run(build, splits, recipe)
    return json.loads((out / "report.json").read_text()), (out / "history.csv").read_text()


@pytest.mark.parametrize("build", [tiny.build, _with_auxiliary_output])
def test_a_training_learns_the_same_from_bytes_as_from_floats(tmp_path, monkeypatch, build):
    data = tiny.draw(tmp_path / "set")
    report, history = _train(tmp_path / "bytes", data, build=build)
    assert report["batches"] == "8-bit pixels, scaled in the network's graph"
    monkeypatch.setattr(fitting.pixels, "eight_bit", lambda flow, **_: "of a test")
    report, expected = _train(tmp_path / "floats", data, build=build)
    assert report["batches"] == "float32, because of a test"
    assert history == expected


def test_pictures_that_are_blended_are_read_as_floats(tmp_path):
    report, _ = _train(tmp_path / "out", tiny.draw(tmp_path / "set"), mix="mixup")
    assert report["batches"] == "float32, because --mix mixup blends pictures"


def test_splits_with_scalings_of_their_own_are_read_as_floats(tmp_path):
    recipe = tiny.recipe(tiny.draw(tmp_path / "set"), tmp_path / "out", epochs=1)
    splits = classification_splits(recipe, ImageDataGenerator(rescale=1 / 255))
    other = classification_splits(recipe, ImageDataGenerator(rescale=2.0)).validation
    training.run(tiny.build, dataclasses.replace(splits, validation=other), recipe)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["batches"].endswith("scaled by different rules")


def test_the_model_takes_scaled_pictures_again_after_the_training(tmp_path):
    data = tiny.draw(tmp_path / "set")
    recipe = tiny.recipe(data, tmp_path / "out", epochs=1)
    splits = classification_splits(recipe, ImageDataGenerator(rescale=1 / 255))
    models = []
    training.run(lambda **shape: models.append(tiny.build(**shape)) or models[0], splits, recipe)
    assert not {"train_step", "test_step"} & set(vars(models[0]))
    x, y = splits.test[0]
    expected = keras.losses.categorical_crossentropy(y, models[0].predict(x, verbose=0))
    loss = models[0].evaluate(x, y, verbose=0, return_dict=True)["loss"]
    np.testing.assert_allclose(loss, float(keras.ops.mean(expected)), rtol=1e-5)
