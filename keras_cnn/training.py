"""Training: from the parts of a set and a builder to a tested model and its report."""

import contextlib
import dataclasses
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from keras_cnn import card, report, schedules
from keras_cnn.checkpoint import Checkpoint
from keras_cnn.errors import InputError
from keras_cnn.mixing import Mixed
from keras_cnn.recipe import Recipe
from keras_cnn.splits import Splits

CHECKPOINT = "checkpoint"  # folder inside the run's own: last and best weights, and the history
FINE_TUNING = 0.01  # share of the learning rate that is left for fine-tuning


def run(
    build: Callable[..., keras.Model],
    splits: Splits,
    recipe: Recipe,
    *,
    optimizer: Callable[..., keras.optimizers.Optimizer] = keras.optimizers.Adam,
    fine_tune: Callable[[keras.Model], None] | None = None,
) -> dict:
    """Train a model, test it once with its best weights, and report.

    The best weights are those of the epoch with the lowest validation loss. Ctrl-C ends the
    training, not the run: the best weights so far are tested and saved. After every epoch the
    state lies in ``<folder>/checkpoint``, from where ``recipe.resume`` goes on; a finished run
    removes it.

    With ``recipe.runs`` above 1 every run has its report in ``<folder>/run_<number>``; the folder
    itself has the first run's, with mean and standard deviation of all. The runs share their
    pictures and differ in weights, order and augmentation.

    Args:
        build: Builder of the model, called with ``input_shape=`` and, for a classifier whose
            outputs are probabilities, ``classes=``.
        splits: The data, and how a model is judged on them: `splits.Splits`, or
            `detection.task.DetectionSplits`.
        recipe: The choices.
        optimizer: A class of `keras.optimizers`, or a `functools.partial` of one; called with
            ``learning_rate=``, ``weight_decay=`` and ``use_ema=``.
        fine_tune: For transfer learning: called with the model after the recipe's epochs, to let
            further layers learn. As many epochs follow, from the best weights on and at a hundredth
            of the learning rate, which must not destroy what those layers know.

    Returns:
        What ``report.json`` holds.

    Raises:
        InputError: The results folder cannot be written, or there is nothing to resume that fits.
    """
    folder = writable(recipe.folder)
    if recipe.runs == 1:
        outcome = _train(build, splits, recipe, optimizer=optimizer, fine_tune=fine_tune)
        return conclude(outcome, splits, recipe)
    outcomes, results = [], []
    for number in range(recipe.runs):
        one = dataclasses.replace(
            recipe, runs=1, seed=recipe.seed + number, out=folder / f"run_{number + 1}"
        )
        outcomes.append(_train(build, splits, one, optimizer=optimizer, fine_tune=fine_tune))
        results.append(conclude(outcomes[-1], splits, one))
        if outcomes[-1].facts["interrupted"]:
            break
    shutil.copyfile(folder / "run_1" / "model.keras", folder / "model.keras")
    summary = {"runs": report.summarize_runs(results)}
    return conclude(outcomes[0], splits, recipe, **summary)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a training leaves, beside its model.

    Attributes:
        answers: The model's to the test pictures.
        history: One list per quantity and epoch.
        samples: Training pictures with titles.
        facts: What the report tells of the training.
    """

    answers: np.ndarray | list
    history: dict[str, list[float]]
    samples: list[tuple]
    facts: dict


def conclude(outcome: Outcome, splits: Splits, recipe: Recipe, **facts) -> dict:
    """Report on a training whose model is saved in the run's folder, and tell in a sentence.

    Args:
        outcome: What it left.
        splits: The data.
        recipe: The choices.
        **facts: What the report tells besides.

    Returns:
        What ``report.json`` holds.
    """
    facts = splits.facts | outcome.facts | facts
    facts |= {
        "name": recipe.name,
        "recipe": recipe.to_dict(),
        "samples": {part: len(targets) for part, targets in splits.targets.items()},
    }
    result = splits.report(
        recipe.folder,
        answers=outcome.answers,
        history=outcome.history,
        samples=outcome.samples,
        facts=facts,
    )
    _complete_card(recipe.folder / "model.keras", result)
    print(report.sentence(result))
    print(f"Report: {recipe.folder / 'report.html'}")
    return result


def _train(build, splits, recipe, *, optimizer, fine_tune):
    """Train, test and save; return the outcome."""
    started = time.perf_counter()
    folder = writable(recipe.folder)
    keras.utils.set_random_seed(recipe.seed)
    splits.train.seed = recipe.seed
    model = _build(build, splits, precision=recipe.precision)
    samples = splits.samples()
    checkpoint = Checkpoint(folder / CHECKPOINT, patience=recipe.early_stopping)
    if recipe.resume:
        checkpoint.read(model)
    else:
        checkpoint.clear()
    trained = time.perf_counter()
    gentle = dataclasses.replace(recipe, learning_rate=FINE_TUNING * recipe.learning_rate)
    for number, choices in enumerate([recipe, gentle] if fine_tune else [recipe]):
        if number == 1:
            fine_tune(model)
        if number + 1 < len(checkpoint.starts):
            continue  # finished before the resume
        _compile(model, splits, choices, optimizer)
        model.summary()
        checkpoint.begin(number, model)
        interrupted = _fit(model, splits, choices, checkpoint)
        if interrupted:
            break
    seconds = time.perf_counter() - trained
    checkpoint.load_best(model)
    model = _to_keep(model, build, splits, recipe)
    save(model, splits, folder / "model.keras")
    answers = splits.predict(model)
    if not interrupted:
        checkpoint.clear()
    facts = {
        "interrupted": interrupted,
        "best_epoch": checkpoint.best_epoch,
        "parameters": model.count_params(),
        "seconds": {"train": seconds, "total": time.perf_counter() - started},
        "images_per_second": checkpoint.epochs_run * len(splits.targets["train"]) / seconds,
        **surroundings(),
    }
    return Outcome(answers, checkpoint.history, samples, facts)


def _complete_card(path, result):
    """Tell in the saved model what is known only after its test."""
    if card.is_in(path):
        scores = {
            key: value
            for key, value in result["test"].items()
            if isinstance(value, int | float | str) or key == "interval"
        }
        told = {key: result[key] for key in ("recipe", "versions")}
        card.write(path, dataclasses.replace(card.read(path), scores=scores, **told))


def _compile(model, splits, recipe, optimizer):
    rate = schedules.learning_rate(recipe, steps_per_epoch=len(splits.train))
    optimizer = optimizer(
        learning_rate=rate, weight_decay=recipe.weight_decay or None, use_ema=recipe.ema
    )
    if recipe.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    model.compile(
        optimizer=optimizer,
        loss=splits.loss(recipe),
        metrics=splits.metrics(),
        jit_compile=jit_compile(),
    )


def _fit(model, splits, recipe, checkpoint):
    """Train to a phase's last epoch or to Ctrl-C; return whether it was Ctrl-C."""
    batches = splits.train
    if recipe.mix != "none":
        batches = Mixed(batches, recipe.mix, seed=recipe.seed)
    try:
        model.fit(
            batches,
            validation_data=splits.validation,
            initial_epoch=checkpoint.epoch,
            epochs=checkpoint.starts[-1] + recipe.epochs,
            class_weight=_class_weight(splits) if recipe.class_weights == "balanced" else None,
            verbose=1 if sys.stdout.isatty() else 2,
            callbacks=_callbacks(splits, recipe, checkpoint),
        )
    except KeyboardInterrupt:
        print(f"\nInterrupted after {checkpoint.epoch} epochs: testing the best weights so far.")
        return True
    if not checkpoint.best_epoch:
        checkpoint.clear()
        raise InputError(
            f"the loss was no finite number from the first epoch on at --learning-rate "
            f"{recipe.learning_rate}: lower it"
        )
    return False


def _callbacks(splits, recipe, checkpoint):
    callbacks = [*splits.callbacks(recipe.folder), checkpoint, keras.callbacks.TerminateOnNaN()]
    if recipe.ema:
        callbacks.append(keras.callbacks.SwapEMAWeights())  # validates the weights that are kept
    if recipe.tensorboard:
        if importlib.util.find_spec("tensorboard") is None:
            raise InputError(
                "--tensorboard needs the package tensorboard, which is not installed: run "
                "pip install tensorboard, or leave the option out"
            )
        callbacks.append(keras.callbacks.TensorBoard(str(recipe.folder / "tensorboard")))
    return callbacks


def _class_weight(splits):
    """Class index -> weight; the weights of all pictures together are their number."""
    counts = np.bincount(splits.targets["train"], minlength=splits.num_classes)
    return dict(enumerate(counts.sum() / (len(counts) * counts)))


def writable(folder: Path) -> Path:
    """Make a folder of results and return it.

    Args:
        folder: The folder.

    Raises:
        InputError: It cannot be written.
    """
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
        classes = {"classes": splits.num_classes} if splits.num_classes else {}
        return build(input_shape=splits.image_shape, **classes)
    except ValueError as error:  # a network's own limits, such as its smallest picture
        raise InputError(f"the network cannot be built for these pictures: {error}") from error
    finally:
        keras.config.set_dtype_policy(policy)


def jit_compile() -> bool | str:
    """Whether to compile with XLA: on TensorFlow's CPU that trains 2 to 7 times slower."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_physical_devices("GPU"))
    return "auto"


def _to_keep(model, build, splits, recipe):
    """The trained network in float32 and without the optimizer's state, three times its size."""
    if recipe.precision == "float32":
        kept = keras.Model(model.inputs, model.outputs, name=model.name)
    else:
        kept = _build(build, splits, precision="float32")
        kept.set_weights(model.get_weights())
    kept.jit_compile = jit_compile()
    return kept


def save(model: keras.Model, splits: Splits, path: Path) -> None:
    """Save a model with its card, whole or not at all.

    Args:
        model: The model.
        splits: The data it was trained on.
        path: A name that ends in `.keras`.
    """
    beside = path.with_name(f"partial_{path.name}")
    splits.save(model, beside)
    os.replace(beside, path)


def surroundings() -> dict:
    """Return what a training ran on: "versions" of packages, and "hardware"."""
    return {"versions": _versions(), "hardware": _hardware()}


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
