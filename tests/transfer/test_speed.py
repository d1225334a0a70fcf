"""Features of a related task are faster than training from scratch.

The task is drawn: polygons of random position, size and rotation on noise.
"""

import time

import cv2
import keras
import numpy as np
import pytest
from PIL import Image

from keras_cnn import Recipe
from keras_cnn.images import scaled_generator
from keras_cnn.images.scaling import Scaling
from keras_cnn.splits import classification_splits
from keras_cnn.training import run as training
from keras_cnn.transfer import Base, fit_features

layers = keras.layers


def _polygon(rng, corners, depth, size=32):
    """Return a star with notches of relative depth `depth`; 0 gives a regular polygon."""
    angles = np.linspace(0, 2 * np.pi, 2 * corners, endpoint=False) + rng.uniform(0, 7)
    radius = np.where(np.arange(2 * corners) % 2, (1 - depth) * np.cos(np.pi / corners), 1)
    radius = radius * rng.uniform(8, 11)
    centre = rng.uniform(12, size - 12, 2)
    points = centre + radius[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    picture = rng.integers(0, 120, (size, size, 3)).astype(np.uint8)
    colour = tuple(int(value) for value in rng.integers(140, 256, 3))
    cv2.fillPoly(picture, [np.round(points * 16).astype(np.int32)], colour, shift=4)
    return picture


def _draw(folder, classes, *, train, test):
    rng = np.random.default_rng(1)
    for split, number in {"train": train, "test": test}.items():
        for corners, depth in classes:
            class_folder = folder / split / f"{corners} corners, {depth}"
            class_folder.mkdir(parents=True)
            for index in range(number):
                Image.fromarray(_polygon(rng, corners, depth)).save(class_folder / f"{index}.png")


def _deep(*, input_shape, classes):
    image = keras.Input(input_shape)
    x = image
    for filters in (16, 32, 64):
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
            x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.MaxPooling2D()(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(classes, activation="softmax")(x))


class _Until(keras.callbacks.Callback):
    """Stop the training at an accuracy on the test pictures, or after a time."""

    def __init__(self, x, y, *, accuracy, seconds):
        super().__init__()
        self.x, self.y, self.accuracy, self.seconds = x, y, accuracy, seconds
        self.tested = 0.0  # seconds of testing, which do not count as training

    def on_train_begin(self, logs=None):
        self.begun = time.process_time()

    def on_epoch_end(self, epoch, logs=None):
        now = time.process_time()
        right = self.model.predict_on_batch(self.x).argmax(axis=1) == self.y.argmax(axis=1)
        self.took, self.reached = now - self.begun - self.tested, right.mean()
        self.tested += time.process_time() - now
        self.model.stop_training = self.took > self.seconds or self.reached >= self.accuracy


@pytest.mark.slow
def test_features_reach_an_accuracy_ten_times_faster_than_training_from_scratch(tmp_path, capsys):
    _draw(tmp_path / "related", [(n, d) for n in (3, 5, 7) for d in (0, 0.5)], train=120, test=20)
    _draw(tmp_path / "task", [(4, 0), (4, 0.5), (6, 0), (6, 0.5)], train=40, test=100)
    choices = {"image_size": 32, "learning_rate": 3e-3, "schedule": "cosine"}
    related = Recipe(
        name="a", dataset="a", data=tmp_path / "related", out=tmp_path / "a", epochs=10, **choices
    )
    generator = scaled_generator(Scaling(rescale=1 / 255))
    training.run(_deep, classification_splits(related, generator), related)
    base = Base.of_run(tmp_path / "a")
    task = Recipe(name="b", dataset="b", data=tmp_path / "task", out=tmp_path / "b", **choices)
    base.build(input_shape=(32, 32, 3)).predict(np.zeros((32, 32, 32, 3)), verbose=0)
    begun = time.process_time()
    result = fit_features(base, task)
    seconds = result["seconds"]["train"]
    cpu = time.process_time() - begun
    accuracy = result["test"]["accuracy"]
    splits = classification_splits(task, generator)
    batches = [splits.test[index] for index in range(len(splits.test))]
    x, y = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    scratch = _deep(input_shape=(32, 32, 3), classes=4)
    scratch.compile("adam", loss="categorical_crossentropy")
    watch = _Until(x, y, accuracy=accuracy, seconds=10 * cpu)
    scratch.fit(splits.train, epochs=1000, callbacks=[watch], verbose=0)
    with capsys.disabled():
        print(
            f"\ncodes {accuracy:.3f} in {seconds:.1f} s ({cpu:.1f} s of the processor); "
            f"from scratch {watch.reached:.3f} after {watch.took:.1f} s of the processor"
        )
    assert accuracy > 0.6 and watch.took >= 10 * cpu
