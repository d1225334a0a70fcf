"""A phase of a training: compile, then fit to the last epoch or until it is interrupted."""

import contextlib
import errno
import functools
import os
import sys
from typing import NamedTuple

import keras

from keras_cnn import environment
from keras_cnn.errors import InputError
from keras_cnn.explain import hooks
from keras_cnn.i18n import N_, say
from keras_cnn.images import device, pixels
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
    eight_bit: list[pixels.EightBit] | None  # how the graph prepares 8-bit pixels of both
    note: str  # type of the pictures, with the reason if they are floats


def feeds(task, recipe, devices):
    """Return the feeds of a task: 8-bit pixels if both splits have them.

    Raises:
        InputError: The pictures cannot be augmented on the device, as the recipe demands.
    """
    read, note = _pixels(task, recipe)
    batches = (task.train, task.validation) if read is None else [entry.batches for entry in read]
    options = {"share": devices.share}
    train = Feed(batches[0], samples=task.sizes["train"], training=True, **options)
    validation = Feed(batches[1], samples=task.sizes["validation"], training=False, **options)
    return Feeds(train, validation, read, note)


def _pixels(task, recipe):
    """Return both splits as 8-bit pixels, or None; and the note about them."""
    note = ""
    if recipe.augment_on == "device" or (recipe.augment_on == "auto" and _has_accelerator()):
        read = _eight_bit(task, recipe, on_device=True)
        if isinstance(read, str):
            note, reason = N_(f"; augmented on the host, because {read}"), read
        elif any(split.augmentation for split in read):
            return read, N_("8-bit pixels, augmented and scaled in the network's graph")
        else:
            reason = N_("there are no random changes")
        if recipe.augment_on == "device":
            raise InputError(
                f"--augment-on device is not possible, because {reason}: use --augment-on host"
            )
    read = _eight_bit(task, recipe, on_device=False)
    if isinstance(read, str):
        return None, N_(f"float32, because {read}{note}")
    return read, N_(f"8-bit pixels, scaled in the network's graph{note}")


def _has_accelerator():
    return not all(name.lower().startswith("cpu") for name in environment.devices())


def _eight_bit(task, recipe, *, on_device):
    """Return both splits as 8-bit pixels, or why there are none."""
    if recipe.mix != "none":
        return f"--mix {recipe.mix} blends pictures"
    read = [pixels.eight_bit(split, on_device=on_device) for split in (task.train, task.validation)]
    reason = next((entry for entry in read if isinstance(entry, str)), None)
    if reason is None and read[0].scaling != read[1].scaling:
        reason = "train and validation are scaled by different rules"
    return read if reason is None else reason


@contextlib.contextmanager
def prepared_in_graph(model, feeds):
    """Augment and scale 8-bit pixels in the graphs of training and validation, within a context.

    The model must be compiled, its steps not traced yet.
    """
    if feeds.eight_bit is None:
        yield
        return
    train, validation = feeds.eight_bit
    steps = {
        "train_step": _prepared(model.train_step, train),
        "test_step": _prepared(model.test_step, validation),
    }
    if train.augmentation:
        _create_metrics(model, feeds.train[0])
    try:
        with hooks.replaced(model, **steps):
            yield
    finally:
        model.train_function = model.test_function = None


def _prepared(step, read):
    """Return a step that augments and scales its pictures before."""
    prepare = device.fused(lambda *x: read.scaling(read.augmentation(*x)))

    def prepared_step(*arguments):
        *state, (x, *rest) = arguments  # JAX passes a state before the batch
        if isinstance(x, tuple | list):
            x = prepare(*x)
        # A callback may evaluate pictures that it has scaled itself.
        elif keras.backend.standardize_dtype(getattr(x, "dtype", "float32")) == "uint8":
            x = read.scaling(x)
        return step(*state, (x, *rest))

    return prepared_step


def _create_metrics(model, batch):
    """Create the variables of the metrics. Keras would call the network, but on pixels alone."""
    (_, parameters), y, *weights = batch
    answers = keras.tree.map_structure(
        lambda output: keras.ops.zeros((len(parameters), *output.shape[1:])), model.output
    )
    model.compute_metrics(None, y, answers, *weights)
    model.compute_loss(None, y, answers, *weights)
    model.reset_metrics()


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
    if checkpoint.out_of_patience or checkpoint.is_complete:
        return False  # the phase had ended before the resume
    callbacks = _callbacks(task, recipe, checkpoint, train)
    if phase.deadline is not None:
        callbacks.append(Deadline(phase.deadline))
    try:
        with (
            ended_between_steps() as ender,
            prepared_in_graph(model, feeds),
            _read(train, recipe, checkpoint, knows=feeds.eight_bit is not None) as read,
        ):
            seek, data = read
            model.fit(
                **data,
                validation_data=untuned(validation),
                shuffle=False,  # `Feed` reads in the order of the epoch
                initial_epoch=checkpoint.epoch,
                epochs=checkpoint.starts[-1] + recipe.epochs,
                class_weight=weights,
                verbose=_verbose(devices),
                callbacks=[seek, *callbacks, ender],
            )
    except KeyboardInterrupt:
        if devices.share.processes > 1:  # the others are in the middle of a step
            say(f"\nInterrupted after {checkpoint.epoch} epochs: start all with --resume.")
            raise
        say(f"\nInterrupted after {checkpoint.epoch} epochs: testing the best weights so far.")
        return True
    except Exception as error:
        cause = _cause(error, feeds, recipe)
        if cause is None:
            raise
        message = N_(f"{cause}; epoch {checkpoint.epoch} is saved, --resume goes on from it")
        raise InputError(message) if checkpoint.epoch else cause from None
    if not checkpoint.best_epoch:
        checkpoint.clear()
        raise InputError(
            f"the loss was no finite number from the first epoch on at --learning-rate "
            f"{recipe.learning_rate}: lower it"
        )
    return False


@contextlib.contextmanager
def _read(train, recipe, checkpoint, *, knows):
    """Yield the callback that begins the epochs, and the arguments of `fit` that name the data.

    `knows` says that all draws of the batches follow from the seed and the epoch's number. If they
    come from NumPy's global state, no batch of the next epoch may be made before this one ends.
    """
    dataset = untuned(train)
    if not knows or dataset is train:
        seek = seeding.Seek(train, seed=recipe.seed, notify=dataset is not train)
        yield seek, {"x": dataset}
        return
    begin = functools.partial(seeding.begin, train, seed=recipe.seed)
    with endless(train, begin, first=checkpoint.epoch) as dataset:
        seek = seeding.Seek(None, seed=recipe.seed, notify=False)
        yield seek, {"x": dataset, "steps_per_epoch": len(train)}


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
