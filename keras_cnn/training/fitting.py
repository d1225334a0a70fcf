"""A phase of a training: compile, then fit to the last epoch or until it is interrupted."""

import errno
import os
import sys

import keras

from keras_cnn.errors import InputError
from keras_cnn.images.tf_data import untuned
from keras_cnn.training import schedules
from keras_cnn.training.compiling import compile_model
from keras_cnn.training.interrupts import ended_between_steps
from keras_cnn.training.mixup import Mixed
from keras_cnn.training.phases import Deadline
from keras_cnn.training.seeding import Seek
from keras_cnn.training.sharding import Feed


def feeds(task, devices):
    """Return the batches of train and validation, as this process reads them."""
    return [
        Feed(
            getattr(task, name),
            samples=task.sizes[name],
            share=devices.share,
            training=name == "train",
        )
        for name in ("train", "validation")
    ]


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
    train, validation = feeds
    recipe = phase.recipe
    weights = task.class_weights(recipe)
    if recipe.mix != "none":
        train = Mixed(train, recipe.mix, seed=recipe.seed, class_weight=weights)
        weights = None  # Keras would weigh a mixed picture by the larger of its labels alone
    if checkpoint.out_of_patience:
        return False  # the phase had ended before the resume
    dataset = untuned(train)
    callbacks = _callbacks(task, recipe, checkpoint, train, notify=dataset is not train)
    if phase.deadline is not None:
        callbacks.append(Deadline(phase.deadline))
    try:
        with ended_between_steps() as ender:
            model.fit(
                dataset,
                shuffle=False,  # `Feed` reads in the order of the epoch
                validation_data=untuned(validation),
                initial_epoch=checkpoint.epoch,
                epochs=checkpoint.starts[-1] + recipe.epochs,
                class_weight=weights,
                verbose=_verbose(devices),
                callbacks=[*callbacks, ender],
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


def _verbose(devices):
    """Return what Keras should print: nothing, a progress bar, or a line per epoch."""
    if not devices.is_first:
        return 0
    return 1 if sys.stdout.isatty() else 2


def _callbacks(task, recipe, checkpoint, train, *, notify):
    """Return the callbacks of a phase; those of the task first, which may add to the logs."""
    callbacks = [
        Seek(train, seed=recipe.seed, notify=notify),
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
    for feed in feeds:
        if feed.error:
            return feed.error
    disk_full = os.strerror(errno.ENOSPC) in str(error) and not isinstance(error, InputError)
    if recipe.tensorboard and disk_full:  # TensorBoard's writer raises errors of its own
        return InputError(
            f"no room for TensorBoard's logs in {recipe.folder}: make room, or leave out "
            "--tensorboard"
        )
    return None
