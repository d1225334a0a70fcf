"""Test-time augmentation: the answer is the mean over several crops, in every use of a model."""

import json

import keras
import numpy as np
import pytest

import keras_cnn
from keras_cnn import ImageDataGenerator, InputError, Predictor, Recipe, card
from keras_cnn.cli import main
from keras_cnn.inference import export, tta
from keras_cnn.splits import classification_splits


def network(input_shape, classes):
    """Return a network whose answer changes with a shift or a reflection."""
    inputs = keras.Input(input_shape)
    x = keras.layers.Flatten()(inputs)
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))


def ten_crops(images):
    """Return the crops, cut by NumPy from pictures with repeated edges."""
    height, width = images.shape[1:3]
    y, x = round(height / 14), round(width / 14)
    padded = np.pad(images, ((0, 0), (y, y), (x, x), (0, 0)), mode="edge")
    corners = [(y, x), (0, 0), (0, 2 * x), (2 * y, 0), (2 * y, 2 * x)]
    five = [padded[:, top : top + height, left : left + width] for top, left in corners]
    return five + [crop[:, :, ::-1] for crop in five]


@pytest.mark.parametrize("number", tta.NUMBERS)
def test_the_answer_is_the_mean_over_the_crops(number):
    images = np.random.default_rng(0).normal(0, 2, (3, 42, 70, 3)).astype("float32")
    model = network((42, 70, 3), 4)
    answers = [model.predict_on_batch(crop) for crop in ten_crops(images)[:number]]
    averaged = tta.averaging(model, number, image_shape=(42, 70, 3)).predict_on_batch(images)
    np.testing.assert_allclose(averaged, np.mean(answers, axis=0), atol=1e-6)
    assert number == 1 or np.abs(averaged - answers[0]).max() > 0.01


def test_channels_first_gives_the_same_crops():
    images = np.random.default_rng(0).normal(0, 2, (3, 3, 42, 70)).astype("float32")
    model = network((3, 42, 70), 4)
    crop_after_crop = [np.moveaxis(crop, 3, 1) for crop in ten_crops(np.moveaxis(images, 1, 3))]
    answers = [model.predict_on_batch(crop) for crop in crop_after_crop]
    averaged = tta.averaging(model, 10, image_shape=(3, 42, 70)).predict_on_batch(images)
    np.testing.assert_allclose(averaged, np.mean(answers, axis=0), atol=1e-6)


def test_a_single_pixel_works_and_another_number_of_crops_is_refused():
    model = network((1, 1, 3), 2)
    image = np.ones((1, 1, 1, 3), "float32")
    averaged = tta.averaging(model, 10, image_shape=(1, 1, 3)).predict_on_batch(image)
    np.testing.assert_allclose(averaged, model.predict_on_batch(image), atol=1e-6)
    with pytest.raises(InputError, match=r"one of \(1, 5, 10\); received 'many'"):
        tta.averaging(model, "many", image_shape=(1, 1, 3))


def test_every_use_of_a_model_averages_the_crops_of_its_test(stripes, tmp_path, capsys):
    recipe = Recipe(
        name="case",
        dataset="stripes",
        data=stripes,
        image_size=28,
        epochs=1,
        test_crops=10,
        out=tmp_path / "run",
    )
    splits = classification_splits(recipe, ImageDataGenerator(rescale=1 / 255))
    tested = keras_cnn.run(network, splits, recipe)["test"]
    predictor = Predictor.load(tmp_path / "run")
    images = np.concatenate([splits.test[index][0] for index in range(len(splits.test))])
    answers = np.mean([predictor.model.predict_on_batch(c) for c in ten_crops(images)], axis=0)
    with open(tmp_path / "run" / "predictions.csv") as file:
        reported = [float(line.rsplit(",", 1)[1]) for line in file.readlines()[1:]]
    np.testing.assert_allclose(reported, answers.max(axis=1), atol=1e-5)
    assert card.read(tmp_path / "run" / "model.keras").test_crops == 10

    paths = splits.test.filepaths
    np.testing.assert_allclose([a.scores for a in predictor(paths)], answers, atol=1e-5)
    assert predictor.evaluate(stripes)["test"]["accuracy"] == tested["accuracy"]
    exported = export.with_preparation(predictor.model, predictor.card)
    pixels = np.stack([predictor.preparation.read(path) for path in paths])
    np.testing.assert_allclose(exported.predict_on_batch(pixels), answers, atol=1e-5)
    capsys.readouterr()
    view = tmp_path / "conv"
    view.mkdir()
    model = keras_cnn.models.book.LeNet5(input_shape=(28, 28, 3), classes=2)
    model.save(view / "model.keras")
    card.write(view / "model.keras", predictor.card)
    answer = Predictor.load(view)(paths[0])
    assert main(["explain", str(view), *paths[:2], "--layer", "c1"]) == 0
    assert f"{answer.name} ({answer.value:.3f}); " in capsys.readouterr().out
    assert json.loads((tmp_path / "run" / "report.json").read_text())["recipe"]["test_crops"] == 10
