"""Training: from the parts of a set and a builder to a tested model and its report."""

import contextlib
import importlib.metadata
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from keras_cnn import report
from keras_cnn.errors import InputError
from keras_cnn.recipe import Recipe
from keras_cnn.splits import Splits

CHECKPOINT = "checkpoint"  # folder inside the run's own: last and best weights, and the history


def run(build: Callable[..., keras.Model], splits: Splits, recipe: Recipe) -> dict:
    """Train a model, test it once with its best weights, and report.

    The best weights are those of the epoch with the lowest validation loss. Ctrl-C ends the
    training, not the run: the best weights so far are tested and saved. After every epoch the
    state lies in ``<folder>/checkpoint``, from where ``recipe.resume`` goes on; a finished run
    removes it.

    Args:
        build: Builder of the model, called with ``input_shape=`` and ``classes=``; its outputs are
            probabilities.
        splits: The data.
        recipe: The choices.

    Returns:
        What ``report.json`` holds.

    Raises:
        InputError: The results folder cannot be written, or there is nothing to resume that fits.
    """
    started = time.perf_counter()
    folder = _writable(recipe.folder)
    keras.utils.set_random_seed(recipe.seed)
    model = _build(build, splits, precision=recipe.precision)
    model.compile(
        optimizer=keras.optimizers.Adam(recipe.learning_rate),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=_jit_compile(),
    )
    model.summary()
    samples = _samples(splits)
    checkpoint = Checkpoint(folder / CHECKPOINT)
    if recipe.resume:
        checkpoint.restore(model)
    else:
        shutil.rmtree(checkpoint.folder, ignore_errors=True)
    trained = time.perf_counter()
    interrupted = _fit(model, splits, recipe, checkpoint)
    seconds = time.perf_counter() - trained
    checkpoint.load_best(model)
    model = _to_keep(model, build, splits, recipe)
    _save(model, folder / "model.keras")
    result = report.classification(
        folder,
        y_true=np.asarray(splits.test.classes),
        y_score=model.predict(splits.test, verbose=0),
        class_names=splits.class_names,
        filepaths=splits.test.filepaths,
        history=checkpoint.history,
        groups=splits.groups,
        samples=samples,
        facts=splits.facts
        | {
            "name": recipe.name,
            "recipe": recipe.to_dict(),
            "samples": {
                part: getattr(splits, part).samples for part in ("train", "validation", "test")
            },
            "interrupted": interrupted,
            "best_epoch": checkpoint.best_epoch,
            "parameters": model.count_params(),
            "seconds": {"train": seconds, "total": time.perf_counter() - started},
            "images_per_second": checkpoint.epochs_run * splits.train.samples / seconds,
            "versions": _versions(),
            "hardware": _hardware(),
        },
    )
    if not interrupted:
        shutil.rmtree(folder / CHECKPOINT)
    print(report.sentence(result))
    print(f"Report: {folder / 'report.html'}")
    return result


class Checkpoint(keras.callbacks.Callback):
    """Keeps a run's last and best weights and its history on disk, after every epoch.

    ``state.json`` holds the history, which tells the weight files that count. It is replaced in
    one step, after the new weights and before the old ones go: a kill at any moment leaves either
    the state before or the state after the epoch.

    Attributes:
        history: Metric -> its value after each epoch, those before a resume included.
        epochs_run: Epochs of this process, those before a resume left out.
    """

    def __init__(self, folder: Path):
        """Start without a state.

        Args:
            folder: Where the files lie; made when the first epoch ends.
        """
        super().__init__()
        self.folder = folder
        self.history = {}
        self.epochs_run = 0

    @property
    def epoch(self) -> int:
        """Number of finished epochs."""
        return len(self.history.get("loss", []))

    @property
    def best_epoch(self) -> int | None:
        """Epoch of the lowest validation loss, counted from 1; None while none is finite."""
        losses = np.asarray(self.history.get("val_loss", []))
        return int(np.nanargmin(losses)) + 1 if np.isfinite(losses).any() else None

    def on_epoch_end(self, epoch, logs=None):
        """Save the weights, and forget those that count no more."""
        for name, value in logs.items():
            self.history.setdefault(name, []).append(float(value))
        self.epochs_run += 1
        self.folder.mkdir(exist_ok=True)
        self.model.save_weights(self._weights(self.epoch))
        state = self.folder / "partial_state.json"
        content = {"history": self.history, "shapes": _shapes(self.model)}
        state.write_text(json.dumps(content), encoding="utf-8")
        os.replace(state, self.folder / "state.json")
        for path in self.folder.glob("*.weights.h5"):
            if path not in (self._weights(self.epoch), self._weights(self.best_epoch)):
                path.unlink()

    def restore(self, model: keras.Model):
        """Put the last epoch's weights, optimizer and history back; nothing where there is none.

        Args:
            model: The compiled model; it must have the layers of the run that is resumed.

        Raises:
            InputError: The weights belong to another model.
        """
        path = self.folder / "state.json"
        if not path.exists():
            return
        state = json.loads(path.read_text(encoding="utf-8"))
        if state["shapes"] != _shapes(model):  # Keras would load what fits and only warn
            raise InputError(
                f"--resume needs the options of the run in {self.folder.parent}, whose weights do "
                "not fit this model: use its options, or drop --resume to start anew"
            )
        self.history = state["history"]
        model.optimizer.build(model.trainable_variables)
        model.load_weights(self._weights(self.epoch))

    def load_best(self, model: keras.Model):
        """Put the best epoch's weights into the model; leave it as it is where there is none.

        Args:
            model: The model that was trained.
        """
        if self.best_epoch:
            model.load_weights(self._weights(self.best_epoch))

    def _weights(self, epoch):
        return self.folder / f"epoch_{epoch or 0:04d}.weights.h5"


def _shapes(model):
    return [list(variable.shape) for variable in model.variables]


def _writable(folder):
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".write_probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(
            f"--out must be a folder that can be written; received {folder} ({error.strerror}): "
            "name another"
        ) from None
    return folder


def _build(build, splits, *, precision):
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision if precision == "float32" else f"mixed_{precision}")
    try:
        return build(input_shape=splits.image_shape, classes=splits.num_classes)
    finally:
        keras.config.set_dtype_policy(policy)


def _jit_compile():
    """Whether to compile with XLA: on TensorFlow's CPU that trains 2 to 7 times slower."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_physical_devices("GPU"))
    return "auto"


def _fit(model, splits, recipe, checkpoint):
    """Train to the last epoch or to Ctrl-C; return whether it was Ctrl-C."""
    try:
        model.fit(
            splits.train,
            validation_data=splits.validation,
            initial_epoch=checkpoint.epoch,
            epochs=recipe.epochs,
            verbose=1 if sys.stdout.isatty() else 2,
            callbacks=[checkpoint, keras.callbacks.TerminateOnNaN()],
        )
    except KeyboardInterrupt:
        print(f"\nInterrupted after {checkpoint.epoch} epochs: testing the best weights so far.")
        return True
    if not checkpoint.best_epoch:
        shutil.rmtree(checkpoint.folder)
        raise InputError(
            f"the loss was no finite number from the first epoch on at --learning-rate "
            f"{recipe.learning_rate}: lower it"
        )
    return False


def _to_keep(model, build, splits, recipe):
    """The trained network in float32 and without the optimizer's state, three times its size."""
    if recipe.precision == "float32":
        kept = keras.Model(model.inputs, model.outputs, name=model.name)
    else:
        kept = _build(build, splits, precision="float32")
        kept.set_weights(model.get_weights())
    kept.jit_compile = _jit_compile()
    return kept


def _save(model, path):
    beside = path.with_name(f"partial_{path.name}")
    model.save(beside)
    os.replace(beside, path)


def _samples(splits):
    """(picture, class name) of the first ten training pictures, as the model receives them."""
    images, labels = splits.train[0]
    splits.train.reset()
    names = [splits.class_names[index] for index in np.argmax(labels[:10], axis=1)]
    return list(zip(images[:10], names, strict=True))


def _versions():
    packages = ("keras-cnn", "keras", keras.backend.backend(), "numpy", "opencv-python-headless")
    found = {"python": platform.python_version()}
    for package in packages:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def _hardware():
    devices = keras.distribution.list_devices()
    return {"platform": platform.platform(), "cores": os.cpu_count(), "devices": devices}
