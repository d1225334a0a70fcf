"""Auxiliary classifiers: their part of the loss, their gradient, and a run that drops them."""

import keras
import numpy as np
import pytest

import keras_cnn
from keras_cnn import Recipe, models
from keras_cnn.models.auxiliary import AuxiliaryModel
from keras_cnn.splits import classification_splits
from keras_cnn.training import run

layers = keras.layers


def values(tensor):
    return keras.ops.convert_to_numpy(tensor)


def small_network(*, input_shape, classes):
    """Return three softmax classifiers on one another, the last of which is the output."""
    image = keras.Input(input_shape)
    x = layers.Conv2D(4, 3, strides=2, activation="relu", name="early")(image)
    auxiliary = layers.Dense(classes, activation="softmax", name="aux")(layers.Flatten()(x))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu", name="late")(x))
    output = layers.Dense(classes, activation="softmax", name="top")(x)
    return AuxiliaryModel(image, [output, auxiliary])


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return rng.random((6, 16, 16, 3), "float32"), np.eye(3, dtype="float32")[[0, 1, 2, 0, 1, 2]]


def cross_entropy(labels, scores):
    return -np.log((labels * values(scores)).sum(axis=1)).mean()


def test_a_training_step_adds_three_tenths_of_each_auxiliary_loss_and_validation_none(batch):
    x, y = batch
    model = small_network(input_shape=(16, 16, 3), classes=3)
    accuracy = keras.metrics.CategoricalAccuracy(name="accuracy")
    model.compile("sgd", keras.losses.CategoricalCrossentropy(), metrics=[accuracy])
    top, aux = model(x)
    expected = cross_entropy(y, top) + 0.3 * cross_entropy(y, aux)
    tested = model.evaluate(x, y, verbose=0, return_dict=True)
    assert tested["loss"] == pytest.approx(cross_entropy(y, top), rel=1e-5)
    right = (values(top).argmax(axis=1) == y.argmax(axis=1)).mean()
    assert tested["accuracy"] == pytest.approx(right)
    assert model.train_on_batch(x, y, return_dict=True)["loss"] == pytest.approx(expected, rel=1e-5)


def test_auxiliary_classifiers_carry_gradient_into_the_early_layers(batch):
    """The top's gradient is cut off: what moves the early layer comes from the auxiliary ones."""
    x, y = batch
    moved = {}
    for name in ("early", "late"):
        keras.utils.set_random_seed(0)
        model = small_network(input_shape=(16, 16, 3), classes=3)
        top = model.get_layer("top")
        top.set_weights([np.zeros_like(weight) for weight in top.get_weights()])
        model.compile(keras.optimizers.SGD(1.0), "categorical_crossentropy")
        before = model.get_layer(name).get_weights()[0]
        model.train_on_batch(x, y)
        moved[name] = np.abs(model.get_layer(name).get_weights()[0] - before).max()
    assert moved["early"] > 1e-4 and moved["late"] == 0


def test_inception_v1_with_auxiliary_classifiers_is_such_a_model():
    model = models.InceptionV1(input_shape=(65, 65, 3), classes=3, aux_logits=True)
    assert isinstance(model, AuxiliaryModel) and len(model.outputs) == 3


def test_a_run_trains_with_them_and_saves_a_model_of_one_output(stripes, undrawn, tmp_path):
    recipe = Recipe(
        name="case", dataset="", data=stripes, out=tmp_path / "out", image_size=24, epochs=2
    )
    splits = classification_splits(recipe, keras_cnn.ImageDataGenerator(rescale=1 / 255))
    result = run.run(small_network, splits, recipe)
    assert np.isfinite(result["test"]["accuracy"])
    saved = keras.models.load_model(tmp_path / "out" / "model.keras")
    assert saved.output_shape == (None, 2)
    assert "aux" not in {layer.name for layer in saved.layers}
