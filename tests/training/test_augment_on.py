"""`--augment-on`: where training pictures are changed."""

import keras
import numpy as np
import pytest
import tiny_training as tiny

from keras_cnn import ImageDataGenerator, InputError
from keras_cnn.models.auxiliary import AuxiliaryModel
from keras_cnn.splits import classification_splits
from keras_cnn.training import fitting
from keras_cnn.training import run as training
from keras_cnn.training.distribution import Devices
from keras_cnn.training.sharding import Share

GRAPH = "8-bit pixels, augmented and scaled in the network's graph"
CHANGES = {"rotation_range": 20, "zoom_range": 0.2, "horizontal_flip": True}


@pytest.fixture(autouse=True)
def no_report(monkeypatch):
    monkeypatch.setattr(training, "conclude", tiny.conclude)


@pytest.fixture
def data(tmp_path):
    return tiny.draw(tmp_path / "set")


def _with_auxiliary_output(*, input_shape, classes):
    model = tiny.build(input_shape=input_shape, classes=classes)
    other = keras.layers.Dense(classes, activation="softmax")(model.layers[-2].output)
    return AuxiliaryModel(model.input, [model.output, other])


def _splits(recipe, changes, **options):
    generator = ImageDataGenerator(rescale=1 / 255, **changes)
    return classification_splits(recipe, generator, **options)


def _train(out, data, *, build=tiny.build, augment_all=False, **choices):
    recipe = tiny.recipe(data, out, **{"epochs": 2} | choices)
    splits = _splits(recipe, CHANGES, augment_all=augment_all)
    report = training.run(build, splits, recipe)
    return report["batches"], report["history"]


def _note(data, *, changes=CHANGES, devices=1, **choices):
    """Return what a report says about the batches."""
    recipe = tiny.recipe(data, data, **choices)
    return fitting.feeds(_splits(recipe, changes), recipe, Devices(Share(devices))).note


@pytest.mark.parametrize(
    "options",
    [
        {"class_weights": "balanced", "batch_size": 7},
        {"build": _with_auxiliary_output, "augment_all": True},
    ],
)
def test_a_training_learns_the_same_on_the_device_as_on_the_host(tmp_path, data, options):
    note, expected = _train(tmp_path / "host", data, augment_on="host", **options)
    assert note == "float32, because the augmentation makes fractions of grey levels"
    note, history = _train(tmp_path / "device", data, augment_on="device", **options)
    assert note == GRAPH
    for name, values in expected.items():
        np.testing.assert_allclose(history[name], values, rtol=2e-3, err_msg=name)


def test_auto_takes_the_device_only_if_it_is_no_processor(data, monkeypatch):
    assert _note(data).startswith("float32")
    monkeypatch.setattr(fitting.environment, "devices", lambda: ["cpu:0", "gpu:0"])
    assert _note(data) == GRAPH
    assert _note(data, augment_on="host").startswith("float32")
    assert _note(data, changes={}) == "8-bit pixels, scaled in the network's graph"
    why = "; augmented on the host, because "
    cubic = CHANGES | {"interpolation_order": 3}
    assert why + "the device interpolates with" in _note(data, changes=cubic)
    assert why + "--mix mixup blends pictures" in _note(data, mix="mixup")
    assert _note(data, devices=2) == GRAPH  # each augments its share


@pytest.mark.parametrize(
    "changes, reason",
    [({}, "no random changes"), (CHANGES | {"interpolation_order": 0}, "interpolation_order=1")],
)
def test_a_device_that_cannot_augment_is_refused_with_the_reason(data, changes, reason):
    with pytest.raises(InputError, match=f"{reason}.*: use --augment-on host"):
        _note(data, changes=changes, augment_on="device")


@pytest.mark.parametrize(
    "choices", [{"augment": "none"}, {"augment": "alexnet"}, {"mix": "cutmix"}]
)
def test_options_that_the_device_cannot_follow_are_refused_at_once(tmp_path, choices):
    with pytest.raises(InputError, match="--augment-on"):
        tiny.recipe(tmp_path, tmp_path, augment_on="device", **choices)


class _Interrupt(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


def test_a_resumed_training_draws_what_an_uninterrupted_one_draws(tmp_path, data):
    options = {"epochs": 3, "augment_on": "device", "resume": True}
    expected = tiny.run(tiny.recipe(data, tmp_path / "whole", **options))["history"]
    recipe = tiny.recipe(data, tmp_path / "parts", **options)
    assert tiny.run(recipe, callbacks=[_Interrupt()])["interrupted"]
    history = tiny.run(recipe)["history"]
    assert len(history["loss"]) == 3
    for name, values in expected.items():
        np.testing.assert_allclose(history[name], values, atol=1e-6, err_msg=name)
