"""A small run for tests that use a trained model."""

import keras
import pytest

from keras_cnn import ImageDataGenerator, Recipe
from keras_cnn.splits import classification_splits


@pytest.fixture
def run(stripes, tmp_path):
    """A run that classifies stripes by the variation of rows against that of columns."""
    recipe = Recipe(name="case", dataset="stripes", data=stripes, image_size=24)
    splits = classification_splits(recipe, ImageDataGenerator(rescale=1 / 255))
    image = keras.Input((24, 24, 3))
    rows, columns = (keras.ops.std(keras.ops.mean(image, axis=(a, 3)), axis=1) for a in (2, 1))
    folder = tmp_path / "run"
    folder.mkdir()
    logits = keras.ops.stack([rows, columns], axis=1) * 20.0
    splits.save(keras.Model(image, keras.ops.softmax(logits)), folder / "model.keras")
    return folder
