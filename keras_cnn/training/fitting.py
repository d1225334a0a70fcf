"""A phase of a training: compile, then fit to the last epoch or until it is interrupted."""

import contextlib
import errno
import functools
import os
import sys
from typing import NamedTuple

import keras

from keras_cnn.errors import InputError
from keras_cnn.explain import hooks
from keras_cnn.images import pixels
from keras_cnn.images.scaling import Scaling
from keras_cnn.images.tf_data import endless, untuned
from keras_cnn.training import schedules, seeding
from keras_cnn.training.compiling import compile_model
from keras_cnn.training.interrupts import ended_between_steps
from keras_cnn.training.mixup import Mixed
from keras_cnn.training.phases import Deadline
from keras_cnn.training.sharding import Feed


class Feeds(NamedTuple):
    """The batches of train and validation, as this process reads them."""

    train: Feed
    validation: Feed
    scaling: Scaling | None  # of batches of 8-bit pixels, which the network's graph scales
    note: str  # type of the pictures, with the reason if they are floats


def feeds(task, recipe, devices):
    """Return the feeds of a task: 8-bit pixels if both splits have them."""
    batches, reason = (task.train, task.validation), f"--mix {recipe.mix} blends pictures"
    if recipe.mix == "none":
        read = [pixels.eight_bit(split) for split in batches]
        reason = next((entry for entry in read if isinstance(entry, str)), None)
        if reason is None and read[0].scaling != read[1].scaling:
            reason = "train and validation are scaled by different rules"
    scaling, note = None, f"float32, because {reason}"
    if reason is None:
        batches, (scaling, _) = zip(*read, strict=True)
        note = "8-bit pixels, scaled in the network's graph"
    options = {"share": devices.share}
    train = Feed(batches[0], samples=task.sizes["train"], training=True, **options)
    validation = Feed(batches[1], samples=task.sizes["validation"], training=False, **options)
    return Feeds(train, validation, scaling, note)


@contextlib.contextmanager
def scaled_in_graph(model, scaling):
    """Scale the pixels of batches in the graphs of training and validation, within a context.

    The model must be compiled, its steps not traced yet.
    """

    def scaled(step):
        def scaled_step(*arguments):
            *state, (x, *rest) = arguments  # JAX passes a state before the batch
            dtype = keras.backend.standardize_dtype(getattr(x, "dtype", "float32"))
            # A callback may evaluate pictures that it has scaled itself.
            return step(*state, (scaling(x) if dtype == "uint8" else x, *rest))

        return scaled_step

    if scaling is None:
        yield
        return
    steps = {name: scaled(getattr(model, name)) for name in ("train_step", "test_step")}
    try:
        with hooks.replaced(model, **steps):
            yield
    finally:
        model.train_function = model.test_function = None


def compile_phase(model, task, recipe, optimizer, *, steps):
    """Compile with the recipe's optimizer; `steps` are those of an epoch."""
    optimizer = optimizer(
        learning_rate=schedules.learning_rate(recipe, steps_per_epoch=steps),
        weight_decay=recipe.weight_decay or None,
        use_ema=recipe.ema,
        ema_momentum=schedules.ema_momentum(recipe.epochs * steps),
    )
    if recipe.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    compile_model(model, optimizer, loss=task.loss(recipe), metrics=task.metrics())


def fit_phase(model, task, phase, checkpoint, feeds, devices):
    """Train to the last epoch of a phase or to Ctrl-C; return whether it was Ctrl-C."""
    train, validation = feeds.train, feeds.validation
    recipe = phase.recipe
    weights = task.class_weights(recipe)
    if recipe.mix != "none":
        train = Mixed(train, recipe.mix, seed=recipe.seed, class_weight=weights)
        weights = None  # Keras would weigh a mixed picture by the larger of its labels alone
    if checkpoint.out_of_patience:
        return False  # the phase had ended before the resume
    callbacks = _callbacks(task, recipe, checkpoint, train)
    if phase.deadline is not None:
        callbacks.append(Deadline(phase.deadline))
    try:
        with (
            ended_between_steps() as ender,
            scaled_in_graph(model, feeds.scaling),
            _read(train, validation, recipe, checkpoint, knows=feeds.scaling is not None) as read,
        ):
            seek, data = read
            model.fit(
                **data,
                shuffle=False,  # `Feed` reads in the order of the epoch
                initial_epoch=checkpoint.epoch,
                epochs=checkpoint.starts[-1] + recipe.epochs,
                class_weight=weights,
                verbose=_verbose(devices),
                callbacks=[seek, *callbacks, ender],
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
        message = f"{cause}; epoch {checkpoint.epoch} is saved, --resume goes on from it"
        raise InputError(message) if checkpoint.epoch else cause from None
    if not checkpoint.best_epoch:
        checkpoint.clear()
        raise InputError(
            f"the loss was no finite number from the first epoch on at --learning-rate "
            f"{recipe.learning_rate}: lower it"
        )
    return False


@contextlib.contextmanager
def _read(train, validation, recipe, checkpoint, *, knows):
    """Yield the callback that begins the epochs, and the arguments of `fit` that name the data.

    `knows` says that all draws of the batches follow from the seed and the epoch's number. If they
    come from NumPy's global state, no batch of the next epoch may be made before this one ends.
    """
    with contextlib.ExitStack() as stack:
        dataset = untuned(train)
        if not knows or dataset is train:
            seek = seeding.Seek(train, seed=recipe.seed, notify=dataset is not train)
            yield seek, {"x": dataset, "validation_data": untuned(validation)}
            return
        begin = functools.partial(seeding.begin, train, seed=recipe.seed)
        dataset = stack.enter_context(endless(train, begin, first=checkpoint.epoch))
        yield (
            seeding.Seek(None, seed=recipe.seed, notify=False),
            {
                "x": dataset,
                "steps_per_epoch": len(train),
                "validation_data": stack.enter_context(endless(validation, lambda epoch: None)),
                "validation_steps": len(validation),
            },
        )


def _verbose(devices):
    """Return what Keras should print: nothing, a progress bar, or a line per epoch."""
    if not devices.is_first:
        return 0
    return 1 if sys.stdout.isatty() else 2


def _callbacks(task, recipe, checkpoint, train):
    """Return the callbacks of a phase; those of the task first, which may add to the logs."""
    callbacks = [
        *task.callbacks(recipe.folder),
        checkpoint,
        keras.callbacks.TerminateOnNaN(),
    ]
    if recipe.schedule == "plateau":
        steps = schedules.warmup_steps(recipe, steps_per_epoch=len(train))
        callbacks.append(
            schedules.Plateau(recipe.learning_rate, lambda: checkpoint.phase_losses, warmup=steps)
        )
    if recipe.ema:
        callbacks.append(keras.callbacks.SwapEMAWeights())  # validates the averaged weights
    if recipe.tensorboard:
        callbacks.append(keras.callbacks.TensorBoard(str(recipe.folder / "tensorboard")))
    return callbacks


def _cause(error, feeds, recipe):
    """Return the error that an exception of Keras or its backend hides, or None."""
    for feed in (feeds.train, feeds.validation):
        if feed.error:
            return feed.error
    disk_full = os.strerror(errno.ENOSPC) in str(error) and not isinstance(error, InputError)
    if recipe.tensorboard and disk_full:  # TensorBoard's writer raises errors of its own
        return InputError(
            f"no room for TensorBoard's logs in {recipe.folder}: make room, or leave out "
            "--tensorboard"
        )
    return None
