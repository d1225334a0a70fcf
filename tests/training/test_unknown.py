"""A training leaves in its classifier what detects unknown pictures, and never fails over it."""

import keras
import numpy as np
import pytest
import tiny_training as tiny
from PIL import Image
from small_base import small_recipe, spread_of_rows_and_columns

from keras_cnn import ImageDataGenerator, Predictor, Recipe, card
from keras_cnn.datasets.division import same_share
from keras_cnn.images.scaling import Scaling
from keras_cnn.inference.unknown import ENTRY, Unknown
from keras_cnn.splits import array_splits, classification_splits
from keras_cnn.training import run as training
from keras_cnn.transfer import Base, fit_features


@pytest.fixture(autouse=True)
def _plain_reports(monkeypatch):
    monkeypatch.setattr(training, "conclude", tiny.conclude)


def _hidden(*, input_shape, classes):
    inputs = keras.Input(input_shape)
    x = keras.layers.Dense(16, activation="tanh")(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))


def _recipe(folder, out, **choices):
    return tiny.recipe(
        folder, out, **{"epochs": 2, "learning_rate": 1e-3, "validation_split": 0.4} | choices
    )


def test_the_saved_model_keeps_95_percent_of_the_validation_pictures(tmp_path):
    recipe = _recipe(tiny.draw(tmp_path / "set", train=40), tmp_path / "out")
    result = tiny.run(recipe, build=_hidden)["unknown"]
    assert "obstacle" not in result, result
    assert result["pictures"] == 8 and result["left_out"] == result["classes"] == 2
    assert result["seconds"] > 0 and sum(result["histogram"]["known"]) == 8
    splits = classification_splits(recipe, ImageDataGenerator(rescale=1 / 255))
    answers = Predictor.load(tmp_path / "out")(splits.validation.filepaths, unknown=True)
    unknown = np.mean([answer.is_unknown for answer in answers])
    assert len(answers) == 32 and unknown == 1 / 32
    test = Predictor.load(tmp_path / "out")(splits.test.filepaths, unknown=True)
    assert result["kept"] == 1 - np.mean([answer.is_unknown for answer in test])


def test_pictures_of_arrays_have_their_training_features_too(tmp_path):
    recipe = Recipe(name="case", dataset="mnist", data=_digits(tmp_path), out=tmp_path / "out")
    splits = array_splits(recipe, ImageDataGenerator(rescale=1 / 255), margin=2)
    result = training.run(_hidden, splits, recipe)["unknown"]
    assert result["pictures"] == 8
    path = tmp_path / "picture.png"
    Image.fromarray(splits.validation.x[0, 2:-2, 2:-2, 0].astype(np.uint8)).save(path)
    predictor = Predictor.load(tmp_path / "out")
    pixels = predictor.preparation.read(path)
    np.testing.assert_array_equal(pixels, splits.validation.x[0])
    assert predictor(path, unknown=True).is_unknown in (True, False)


def _digits(folder):
    rng = np.random.default_rng(0)
    y, y_test = np.arange(40) % 2, np.arange(8) % 2
    x, x_test = (
        (rng.integers(0, 99, (len(labels), 8, 8)) + 99 * labels[:, None, None]).astype(np.uint8)
        for labels in (y, y_test)
    )
    np.savez(folder / "mnist.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    return folder / "mnist.npz"


def test_a_classifier_on_features_takes_them_from_where_they_are(stripes, tmp_path, monkeypatch):
    from keras_cnn.transfer import linear

    monkeypatch.setattr(linear.training, "conclude", tiny.conclude)
    monkeypatch.setattr(keras.Model, "predict_on_batch", _only_once(keras.Model.predict_on_batch))
    base = Base(spread_of_rows_and_columns, Scaling(rescale=1 / 255))
    result = fit_features(base, small_recipe(stripes, tmp_path / "out"))["unknown"]
    assert result["method"] == "distance" and result["auroc"] > 0.99
    plain = np.full((24, 24, 3), 90, np.uint8)
    predictor = Predictor.load(tmp_path / "out")
    assert predictor(plain, unknown=True).is_unknown
    assert predictor(plain, unknown=True).value > 0.4  # yet it has a best class


def _only_once(predict):
    """Fail if a picture passes the network a second time."""
    seen = set()

    def watched(model, pictures):
        for picture in np.asarray(pictures):
            key = (model.name, picture.tobytes())
            assert key not in seen or not picture.any() or len(np.unique(picture)) == 1
            seen.add(key)
        return predict(model, pictures)

    return watched


@pytest.mark.parametrize(
    ("end", "obstacle"),
    [
        (lambda x, n: keras.ops.softmax(keras.layers.Dense(n)(x)), "must end with a dense layer"),
        (lambda x, n: keras.layers.Dense(n, activation="softmax")(x * np.nan), None),
    ],
    ids=["other end", "no numbers"],
)
def test_a_network_that_cannot_tell_is_trained_and_says_why(tmp_path, end, obstacle):
    def build(*, input_shape, classes):
        inputs = keras.Input(input_shape)
        return keras.Model(inputs, end(keras.layers.Flatten()(inputs), classes))

    recipe = _recipe(tiny.draw(tmp_path / "set"), tmp_path / "out", epochs=1)
    if obstacle is None:
        model = build(input_shape=(tiny.SIZE, tiny.SIZE, 3), classes=2)
        splits = classification_splits(recipe, ImageDataGenerator(rescale=1 / 255))
        (tmp_path / "out").mkdir()
        splits.save(model, tmp_path / "out" / "model.keras")
        result = training.unknown.add(model, splits, tmp_path / "out" / "model.keras")
        obstacle = "not all finite numbers"
    else:
        result = tiny.run(recipe, build=build)
    assert obstacle in result["unknown"]["obstacle"]
    assert card.get(tmp_path / "out" / "model.keras", ENTRY) is None


def test_the_last_network_of_a_cross_validation_has_no_pictures_to_measure_by(tmp_path):
    recipe = _recipe(tiny.draw(tmp_path / "set"), tmp_path / "out", folds=2)
    splits = classification_splits(recipe, ImageDataGenerator(rescale=1 / 255))
    model = _hidden(input_shape=(tiny.SIZE, tiny.SIZE, 3), classes=2)
    result = training.unknown.add(model, splits, tmp_path / "out" / "model.keras")
    assert "has learned from all pictures" in result["unknown"]["obstacle"]


def test_a_full_disk_leaves_the_model_and_the_report(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Unknown, "write", full)
    recipe = _recipe(tiny.draw(tmp_path / "set"), tmp_path / "out", epochs=1)
    result = tiny.run(recipe, build=_hidden)
    assert "No space left" in result["unknown"]["obstacle"]
    assert card.read(tmp_path / "out" / "model.keras").task == "classification"


def test_every_class_has_the_same_share_of_the_chosen_pictures():
    labels = np.repeat([0, 1, 2], [600, 300, 3])
    rows = same_share(labels, 300, seed=0)
    counts = np.bincount(labels[rows])
    assert len(rows) == 300 and abs(counts[0] - 2 * counts[1]) <= 2 and counts[2] >= 1
    assert same_share(labels, 5000, seed=0).tolist() == list(range(903))
    assert np.bincount(labels[same_share(labels, 1, seed=0)]).tolist() == [1, 1, 1]
