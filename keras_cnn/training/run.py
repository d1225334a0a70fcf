"""Training: from the parts of a set and a builder to a tested model and its report."""

import dataclasses
import errno
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from keras_cnn import card, report
from keras_cnn.environment import surroundings
from keras_cnn.errors import InputError
from keras_cnn.filesystem import writable, write_atomically
from keras_cnn.images.tf_data import untuned
from keras_cnn.inference import tta
from keras_cnn.recipe import Recipe
from keras_cnn.splits import Splits
from keras_cnn.training import determinism, distribution, schedules
from keras_cnn.training.checkpoint import Checkpoint, remove
from keras_cnn.training.compiling import compile_model, jit_compile, keep_memory
from keras_cnn.training.interrupts import ended_between_steps, ended_by_sigterm
from keras_cnn.training.mixup import Mixed
from keras_cnn.training.seeding import Seek
from keras_cnn.training.sharding import Feed

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
    training after the running step, and not the run: the best weights so far are tested and saved.
    SIGTERM does the same, and then ends the process with code 143. Several processes end without a
    test. After every epoch the state lies in ``<folder>/checkpoint``, from where ``recipe.resume``
    goes on; a finished run removes it. The process keeps the memory of its largest step
    (`compiling.keep_memory`).

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
            ``learning_rate=``, ``weight_decay=``, ``use_ema=`` and ``ema_momentum=``.
        fine_tune: For transfer learning: called with the model after the recipe's epochs, to let
            further layers learn. As many epochs follow, from the best weights on and at a hundredth
            of the learning rate, which must not destroy what those layers know.

    Returns:
        What ``report.json`` holds; nothing in all but the first of several processes.

    Raises:
        InputError: The results folder cannot be written, there is nothing to resume that fits, a
            picture cannot be read any more, or the devices asked for are not there.
        SystemExit: With code 143 after SIGTERM.
    """
    folder = writable(recipe.folder)
    keep_memory()
    with ended_by_sigterm():
        if recipe.runs == 1:
            outcome = _train(build, splits, recipe, optimizer=optimizer, fine_tune=fine_tune)
            return _finish(outcome, splits, recipe)
        outcomes, results = [], []
        for number in range(recipe.runs):
            one = dataclasses.replace(
                recipe, runs=1, seed=recipe.seed + number, out=folder / f"run_{number + 1}"
            )
            outcomes.append(_train(build, splits, one, optimizer=optimizer, fine_tune=fine_tune))
            results.append(_finish(outcomes[-1], splits, one))
            if outcomes[-1] and outcomes[-1].facts["interrupted"]:
                break
        result = {}
        if outcomes[0]:
            shutil.copyfile(folder / "run_1" / "model.keras", folder / "model.keras")
            summary = {"runs": report.summarize_runs(results)}
            result = conclude(outcomes[0], splits, recipe, **summary)
        distribution.wait()
        return result


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


def _finish(outcome, splits, recipe):
    """Report, while other processes wait; only then is the checkpoint no longer needed."""
    result = {}
    if outcome:
        result = conclude(outcome, splits, recipe)
        if not outcome.facts["interrupted"]:
            remove(recipe.folder / CHECKPOINT)
    distribution.wait()
    return result


def _train(build, splits, recipe, *, optimizer, fine_tune):
    """Train, test and save; return the outcome, or None where another process does that."""
    started = time.perf_counter()
    folder = writable(recipe.folder)
    keras.utils.set_random_seed(recipe.seed)
    promise = {"deterministic": determinism.enable()} if recipe.deterministic else {}
    devices = distribution.set_up(recipe)
    splits.train.seed = recipe.seed
    samples = splits.samples()
    checkpoint = Checkpoint(
        folder / CHECKPOINT,
        pictures=splits.fingerprints,
        patience=recipe.early_stopping,
        writes=devices.is_first,
    )
    gentle = dataclasses.replace(recipe, learning_rate=FINE_TUNING * recipe.learning_rate)
    feeds = _feeds(splits, devices)
    with devices.scope(), distribution.told_if_lost(devices):
        model = _build(build, splits, precision=recipe.precision)
        if recipe.resume:
            checkpoint.read(model)
        else:
            checkpoint.clear()
        before = checkpoint.seconds
        for number, choices in enumerate([recipe, gentle] if fine_tune else [recipe]):
            if number == 1:
                fine_tune(model)
            if number + 1 < len(checkpoint.starts):
                continue  # finished before the resume
            # The optimizer's variables wait for all processes: the first has then saved its epoch.
            _compile(model, splits, choices, optimizer, steps=len(feeds[0]))
            if devices.is_first:
                model.summary()
            checkpoint.begin(number, model)
            interrupted = _fit(model, splits, choices, checkpoint, feeds, devices)
            if interrupted:
                break
    if not devices.is_first:
        return None
    model = _to_keep(model, build, splits, recipe, devices, checkpoint, interrupted)
    save(model, splits, folder / "model.keras")
    tested = tta.averaging(model, recipe.test_crops, image_shape=splits.image_shape)
    answers = splits.predict(tested)
    seconds, pictures = checkpoint.seconds, checkpoint.epoch * len(splits.targets["train"])
    facts = {
        "interrupted": interrupted,
        "best_epoch": checkpoint.best_epoch,
        "parameters": model.count_params(),
        "seconds": {"train": seconds, "total": before + time.perf_counter() - started},
        "images_per_second": pictures / seconds if seconds else 0.0,
        "distribution": devices.to_dict(),
        **promise,
        **surroundings(),
    }
    return Outcome(answers, checkpoint.history, samples, facts)


def _feeds(splits, devices):
    parts = {"train": splits.train, "validation": splits.validation}
    return [
        Feed(
            part,
            samples=len(splits.targets[name]),
            share=devices.share,
            training=name == "train",
        )
        for name, part in parts.items()
    ]


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


def _compile(model, splits, recipe, optimizer, *, steps):
    optimizer = optimizer(
        learning_rate=schedules.learning_rate(recipe, steps_per_epoch=steps),
        weight_decay=recipe.weight_decay or None,
        use_ema=recipe.ema,
        ema_momentum=schedules.ema_momentum(recipe.epochs * steps),
    )
    if recipe.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    compile_model(model, optimizer, loss=splits.loss(recipe), metrics=splits.metrics())


def _fit(model, splits, recipe, checkpoint, feeds, devices):
    """Train to a phase's last epoch or to Ctrl-C; return whether it was Ctrl-C."""
    batches = feeds[0]
    weights = _class_weight(splits) if recipe.class_weights == "balanced" else None
    if recipe.mix != "none":
        batches = Mixed(batches, recipe.mix, seed=recipe.seed, class_weight=weights)
        weights = None  # Keras would weigh a mixed picture by its larger part alone
    if checkpoint.out_of_patience:
        return False  # it was so before the resume
    try:
        with ended_between_steps() as ender:
            read = untuned(batches, shuffle=True)
            watching = _callbacks(splits, recipe, checkpoint, batches, tell=read is not batches)
            model.fit(
                read,
                shuffle=read is batches,
                validation_data=untuned(feeds[1]),
                initial_epoch=checkpoint.epoch,
                epochs=checkpoint.starts[-1] + recipe.epochs,
                class_weight=weights,
                verbose=0 if not devices.is_first else 1 if sys.stdout.isatty() else 2,
                callbacks=[*watching, ender],
            )
    except KeyboardInterrupt:
        if devices.share.processes > 1:  # the others are in the middle of a step
            print(f"\nInterrupted after {checkpoint.epoch} epochs: start all with --resume.")
            raise
        print(f"\nInterrupted after {checkpoint.epoch} epochs: testing the best weights so far.")
        return True
    except Exception as error:
        cause = _cause(error, feeds, recipe)
        if cause is None:
            raise
        told = f"{cause}; epoch {checkpoint.epoch} is saved, --resume goes on from it"
        raise InputError(told) if checkpoint.epoch else cause from None
    if not checkpoint.best_epoch:
        checkpoint.clear()
        raise InputError(
            f"the loss was no finite number from the first epoch on at --learning-rate "
            f"{recipe.learning_rate}: lower it"
        )
    return False


def _cause(error, feeds, recipe):
    """The error, told for people, that one of Keras or its backend hides; None if there is none."""
    for feed in feeds:
        if feed.error:  # TensorFlow has wrapped it into one of its own
            return feed.error
    full = os.strerror(errno.ENOSPC) in str(error) and not isinstance(error, InputError)
    if recipe.tensorboard and full:  # its writer has errors of its own
        return InputError(
            f"no room for TensorBoard's logs in {recipe.folder}: make room, or leave out "
            "--tensorboard"
        )
    return None


def _callbacks(splits, recipe, checkpoint, batches, *, tell):
    watching = splits.callbacks(recipe.folder)
    callbacks = [Seek(batches, seed=recipe.seed, tell=tell), *watching, checkpoint]
    callbacks.append(keras.callbacks.TerminateOnNaN())
    if recipe.schedule == "plateau":
        steps = schedules.warmup_steps(recipe, steps_per_epoch=len(batches))
        rate = recipe.learning_rate
        callbacks.append(schedules.Plateau(rate, lambda: checkpoint.phase_losses, warmup=steps))
    if recipe.ema:
        callbacks.append(keras.callbacks.SwapEMAWeights())  # validates the weights that are kept
    if recipe.tensorboard:
        callbacks.append(keras.callbacks.TensorBoard(str(recipe.folder / "tensorboard")))
    return callbacks


def _class_weight(splits):
    """Class index -> weight; the weights of all pictures together are their number."""
    counts = np.bincount(splits.targets["train"], minlength=splits.num_classes)
    return dict(enumerate(counts.sum() / (len(counts) * counts)))


def _build(build, splits, *, precision):
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision if precision == "float32" else f"mixed_{precision}")
    try:
        classes = {"classes": splits.num_classes} if splits.num_classes else {}
        return build(input_shape=splits.image_shape, **classes)
    except InputError:
        raise
    except ValueError as error:  # a network's own limits, such as its smallest picture
        raise InputError(f"the network cannot be built for these pictures: {error}") from error
    finally:
        keras.config.set_dtype_policy(policy)


def _to_keep(model, build, splits, recipe, devices, checkpoint, interrupted):
    """The network with its best weights, in float32 and without the optimizer's large state.

    What several devices hold all processes must assign together, but only the first saves: the
    network is built anew on one device.
    """
    # During a step Keras leaves JAX the only copy of the variables' values.
    lost = interrupted and keras.backend.backend() == "jax"
    if recipe.precision != "float32" or devices.engine or lost:
        trained, model = model, _build(build, splits, precision="float32")
        if not lost:
            model.set_weights(trained.get_weights())
    checkpoint.load_best(model)
    kept = keras.Model(model.input, model.output, name=model.name)
    kept.jit_compile = jit_compile()
    return kept


def save(model: keras.Model, splits: Splits, path: Path) -> None:
    """Save a model with its card, whole or not at all.

    Args:
        model: The model.
        splits: The data it was trained on.
        path: A name that ends in `.keras`.

    Raises:
        InputError: The disk is full or the folder cannot be written.
    """
    try:
        with write_atomically(path) as beside:
            splits.save(model, beside)
    except OSError as error:
        raise InputError(
            f"cannot save the model in {path.parent} ({error.strerror or error}): make room, then "
            "go on with --resume"
        ) from error
