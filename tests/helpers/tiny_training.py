"""A training of a second, in this process or in children that may be killed."""

import dataclasses
import json
import signal
import sys
import time
from pathlib import Path

import forks
import keras
import numpy as np
from PIL import Image

from keras_cnn import ImageDataGenerator, Recipe, script
from keras_cnn.splits import ClassificationSplits, classification_splits
from keras_cnn.training import checkpoint, distribution
from keras_cnn.training import run as training

SIZE = 8
DROPOUT = 0.5


def draw(folder, *, train=12, test=4):
    """Draw two classes of noise, of which one is brighter; return the folder."""
    rng = np.random.default_rng(0)
    for split, number in {"train": train, "test": test}.items():
        for level, name in enumerate(("dark", "light")):
            (folder / split / name).mkdir(parents=True)
            for index in range(number):
                picture = rng.integers(0, 180, (SIZE, SIZE), np.uint8) + np.uint8(60 * level)
                Image.fromarray(picture).save(folder / split / name / f"{index:03d}.png")
    return folder


def build(*, input_shape, classes):
    """Build a softmax regression with dropout."""
    inputs = keras.Input(input_shape)
    x = keras.layers.Dropout(DROPOUT)(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))


def two_devices():
    """Make TensorFlow see two devices in the CPU."""
    import tensorflow as tf

    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)


def dawdle():
    """Make saving and reporting take longer than a process may go without a heartbeat."""

    def late(work, seconds):
        return lambda *values, **options: (time.sleep(seconds), work(*values, **options))[1]

    distribution.PATIENCE = 5
    checkpoint.Checkpoint._save = late(checkpoint.Checkpoint._save, 4)
    training.conclude = late(training.conclude, 15)


def recipe(folder, out, **choices):
    choices = {"epochs": 3, "learning_rate": 0.05, "batch_size": 8} | choices
    return Recipe(name="case", dataset="tiny", data=folder, image_size=SIZE, out=out, **choices)


def run(recipe, *, build=build, callbacks=(), **options):
    """Train with callbacks; return the result."""
    generator = ImageDataGenerator(rescale=1 / 255, horizontal_flip=True, rotation_range=20)
    splits = classification_splits(recipe, generator)
    return training.run(build, with_callbacks(splits, callbacks), recipe, **options)


def with_callbacks(splits, callbacks):
    """Return the same splits with callbacks of their own."""

    class Watched(ClassificationSplits):
        def callbacks(self, folder):
            return list(callbacks)

    fields = {field.name: getattr(splits, field.name) for field in dataclasses.fields(splits)}
    return Watched(**fields)


def conclude(outcome, splits, recipe, **facts):
    """Replace the report, whose figures take longer than the training."""
    (recipe.folder / "history.json").write_text(json.dumps(outcome.history))
    print("Report: left out")
    right = np.argmax(outcome.answers, axis=1) == splits.targets["test"]
    test = {"accuracy": float(np.mean(right))}
    return outcome.facts | facts | {"history": outcome.history, "test": test}


def history(out):
    return json.loads((Path(out) / "history.json").read_text())


class Tell(keras.callbacks.Callback):
    """Sends the number of each epoch that begins to the parent process."""

    def __init__(self, connection):
        super().__init__()
        self._connection = connection

    def on_epoch_begin(self, epoch, logs=None):
        self._connection.send(epoch)


def _child(connection, log, recipe, prepare, options):
    sys.stdout = sys.stderr = log.open("a", buffering=1, encoding="utf-8")
    training.conclude = conclude
    if prepare:
        prepare()
    # A test run in a shell's background ignores Ctrl-C, and so do its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    script(lambda: run(recipe, callbacks=[Tell(connection)], **options))


def start(recipe, *, prepare=None, **options):
    """Train in a child of a server that has imported everything; return (child, connection).

    The child calls `prepare` first, prints into ``<out>.log``, and ends with the test process.
    """
    context = forks.context()
    mine, its = context.Pipe(duplex=False)
    log = recipe.out.with_suffix(".log")
    child = context.Process(target=_child, args=(its, log, recipe, prepare, options), daemon=True)
    child.start()
    its.close()
    return child, mine
