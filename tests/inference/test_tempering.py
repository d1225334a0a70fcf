"""The temperature of a classifier: every use of a model gives the answers that its test scored."""

import csv
import dataclasses
import warnings
import zipfile

import keras
import numpy as np
import pytest
import tiny_training as tiny
from keras import ops
from PIL import Image

import keras_cnn
from keras_cnn import ImageDataGenerator, InputError, Predictor, card, transfer
from keras_cnn.card import Card
from keras_cnn.images.scaling import Scaling
from keras_cnn.inference import export, tempering
from keras_cnn.report import calibration
from keras_cnn.splits import RegressionSplits, classification_splits

layers = keras.layers
TEMPERATURE = 1.8


def network(end, *, classes=4):
    """Return a network whose probabilities come from another kind of last layer."""
    inputs = keras.Input((6,))
    if end == "dense":
        outputs = layers.Dense(classes, activation="softmax")(inputs)
    else:
        outputs = layers.Dense(classes)(inputs)
        ends = {"activation": layers.Activation("softmax"), "softmax": layers.Softmax()}
        ends["operation"] = ops.softmax
        outputs = ends[end](outputs)
    return keras.Model(inputs, outputs)


@pytest.mark.parametrize("end", ["dense", "activation", "softmax", "operation"])
def test_the_logits_are_divided_whatever_the_last_layer(end):
    model = network(end)
    x = np.random.default_rng(0).normal(0, 3, (20, 6)).astype("float32")
    answers = model.predict_on_batch(x)
    tempered = tempering.tempered(model, TEMPERATURE)
    expected = calibration.tempered(answers, TEMPERATURE)
    np.testing.assert_allclose(tempered.predict_on_batch(x), expected, atol=1e-6)
    assert np.abs(expected - answers).max() > 0.05
    np.testing.assert_array_equal(model.predict_on_batch(x), answers)  # it stays as it is
    assert tempering.tempered(model, 1.0) is model


def test_a_last_dense_layer_needs_no_further_step():
    model = network("dense")
    tempered = tempering.tempered(model, TEMPERATURE)
    assert [type(layer) for layer in tempered.layers] == [type(layer) for layer in model.layers]


def test_a_layer_that_was_called_before_is_tempered_in_the_model_that_is_used():
    head = layers.Dense(3, activation="softmax")
    keras.Model(first := keras.Input((6,)), head(first))
    second = keras.Input((6,))
    model = keras.Model(second, head(second * 2.0))
    x = np.random.default_rng(0).normal(0, 1, (5, 6)).astype("float32")
    np.testing.assert_allclose(
        tempering.tempered(model, TEMPERATURE).predict_on_batch(x),
        calibration.tempered(model.predict_on_batch(x), TEMPERATURE),
        atol=1e-6,
    )


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    """Return a folder of two classes of noise that differ little."""
    folder = tmp_path_factory.mktemp("noise") / "set"
    rng = np.random.default_rng(0)
    for split, number in {"train": 60, "test": 20}.items():
        for level, name in enumerate(("dark", "light")):
            (folder / split / name).mkdir(parents=True)
            for index in range(number):
                picture = rng.integers(0, 180, (8, 8, 3), np.uint8) + np.uint8(10 * level)
                Image.fromarray(picture).save(folder / split / name / f"{index:03d}.png")
    return folder


@pytest.fixture
def trained(noise, tmp_path, undrawn):
    """Return a function that trains on the noise."""

    def train(**choices):
        out = tmp_path / "run"
        choices = {"validation_split": 0.4, "epochs": 3, "learning_rate": 0.05} | choices
        choices = {"label_smoothing": 0.4} | choices  # probabilities that are too low
        recipe = tiny.recipe(noise, out, **choices)
        generator = ImageDataGenerator(rescale=1 / 255)
        splits = classification_splits(recipe, generator)
        return keras_cnn.run(tiny.build, splits, recipe), splits, out

    return train


@pytest.mark.parametrize("crops", [1, 5])
def test_report_predict_evaluate_and_the_graph_of_an_export_give_the_same_answers(
    trained, noise, crops
):
    result, splits, run = trained(test_crops=crops)
    entry = result["test"]["calibration"]
    temperature = card.read(run / "model.keras").temperature
    assert temperature == entry["temperature"] and abs(np.log(temperature)) > 0.05
    assert "was fitted on 48 validation pictures" in entry["note"]

    predictor = Predictor.load(run)
    images = np.concatenate([splits.test[index][0] for index in range(len(splits.test))])
    plain = Predictor(
        predictor.model,
        dataclasses.replace(predictor.card, temperature=1.0),
        predictor.preparation,
    ).tested_model.predict_on_batch(images)
    expected = calibration.tempered(plain, temperature)
    assert np.abs(expected - plain).max() > 1e-3

    paths = splits.test.filepaths
    answers = np.stack([answer.scores for answer in predictor(paths)])
    np.testing.assert_allclose(answers, expected, atol=1e-5)
    with (run / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    reported = [float(row["probability"]) for row in rows]
    np.testing.assert_allclose(reported, expected.max(axis=1), atol=1e-5)
    names = [splits.class_names[index] for index in plain.argmax(axis=1)]
    assert [row["prediction"] for row in rows] == names  # no answer changed

    evaluated = predictor.evaluate(noise)["test"]
    assert evaluated["accuracy"] == result["test"]["accuracy"]
    assert evaluated["loss"] == pytest.approx(result["test"]["loss"], abs=1e-5)
    assert evaluated["calibration"]["before"]["loss"] == pytest.approx(
        entry["before"]["loss"], abs=1e-4
    )
    graph = export.with_preparation(predictor.model, predictor.card)
    pixels = np.stack([predictor.preparation.read(path) for path in paths])
    np.testing.assert_allclose(graph.predict_on_batch(pixels), expected, atol=1e-4)


def test_several_runs_keep_the_temperature_of_the_first(trained):
    result, _, run = trained(runs=2)
    first = card.read(run / "run_1" / "model.keras").temperature
    assert card.read(run / "model.keras").temperature == first != 1
    assert result["test"]["calibration"]["temperature"] == first


def test_pictures_that_choose_the_weights_and_test_them_fit_no_temperature(trained):
    result, _, run = trained(validate_on_test=True, epochs=1)
    entry = result["test"]["calibration"]
    assert entry["temperature"] == card.read(run / "model.keras").temperature == 1
    assert "the validation pictures are the test pictures" in entry["note"]
    assert entry["before"] == entry["after"]


def test_a_linear_classifier_on_features_has_a_temperature(noise, tmp_path, undrawn):
    def pixels(*, input_shape):
        inputs = keras.Input(input_shape)
        return keras.Model(inputs, layers.Flatten()(inputs))

    base = transfer.Base(pixels, Scaling(rescale=1 / 255))
    choices = {"validation_split": 0.4, "epochs": 5, "learning_rate": 0.1}
    recipe = tiny.recipe(noise, tmp_path / "linear", **choices)
    result = transfer.fit_features(base, recipe, classifier="softmax")
    temperature = card.read(tmp_path / "linear" / "model.keras").temperature
    assert result["test"]["calibration"]["temperature"] == temperature != 1
    answers = Predictor.load(tmp_path / "linear").evaluate(noise)["test"]
    assert answers["loss"] == pytest.approx(result["test"]["loss"], abs=1e-5)
    margins = transfer.fit_features(base, recipe, classifier="svm")
    assert margins["test"]["calibration"] is None
    assert card.read(tmp_path / "linear" / "model.keras").temperature == 1


def test_a_regression_has_no_temperature(tmp_path, undrawn):
    values, pictures = np.arange(60.0), np.zeros((60, 8, 8, 1), np.uint8)
    parts = {"train": slice(0, 20), "validation": slice(20, 40), "test": slice(40, 60)}
    flows = {
        name: ImageDataGenerator().flow(pictures[rows], values[rows])
        for name, rows in parts.items()
    }
    targets = {name: values[rows] for name, rows in parts.items()}
    names = [str(index) for index in range(20)]
    splits = RegressionSplits(
        **flows, targets=targets, test_names=names, picture=lambda index: pictures[0]
    )

    def build(*, input_shape):
        inputs = keras.Input(input_shape)
        return keras.Model(inputs, layers.Dense(1)(layers.Flatten()(inputs)))

    recipe = tiny.recipe(tmp_path, tmp_path / "run", epochs=1)
    result = keras_cnn.run(build, splits, recipe)
    assert "calibration" not in result and "calibration" not in result["test"]
    assert card.read(tmp_path / "run" / "model.keras").temperature == 1


def test_an_older_card_has_temperature_1_and_a_wrong_one_is_refused(tmp_path):
    path = tmp_path / "model.keras"
    network("dense").save(path)
    card.write(path, Card(task="classification", temperature=2.5))
    assert card.read(path).temperature == 2.5
    with zipfile.ZipFile(path, "a") as archive, warnings.catch_warnings(action="ignore"):
        archive.writestr(card.ENTRY, '{"format": 1, "task": "classification"}')
    assert card.read(path).temperature == 1
    for value in (0, -1.0, float("nan"), float("inf"), "2"):
        card.write(path, Card(task="classification", temperature=value))
        with pytest.raises(InputError, match="temperature .* no positive number"):
            card.read(path)
