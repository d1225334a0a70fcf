"""Train a model on the splits of a data set, test it once, and report."""

import dataclasses
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial

import keras

from keras_cnn import report
from keras_cnn.environment import surroundings
from keras_cnn.errors import InputError
from keras_cnn.filesystem import writable
from keras_cnn.images import memory
from keras_cnn.images.tf_data import untuned
from keras_cnn.inference import tta
from keras_cnn.models.auxiliary import AuxiliaryModel
from keras_cnn.models.surgery import as_functional
from keras_cnn.recipe import TrainingRecipe
from keras_cnn.running import CHECKPOINT, announced
from keras_cnn.training import determinism, distribution, fitting, folds, unknown
from keras_cnn.training import phases as training_phases
from keras_cnn.training.checkpoint import Checkpoint, remove
from keras_cnn.training.compiling import jit_compile
from keras_cnn.training.interrupts import ended_by_sigterm
from keras_cnn.training.outcome import Outcome, conclude, fit_temperature, save
from keras_cnn.training.phases import Phase
from keras_cnn.training.task import Task


def run(
    build: Callable[..., keras.Model],
    splits: Task,
    recipe: TrainingRecipe,
    *,
    optimizer: Callable[..., keras.optimizers.Optimizer] = keras.optimizers.Adam,
    fine_tune: Callable[[keras.Model], None] | None = None,
    phases: Callable[[TrainingRecipe], Iterable[Phase]] | None = None,
    scores: Mapping[str, float] | None = None,
) -> dict:
    """Train a model, test it once with its best weights, and report.

    The best weights are those of the epoch with the lowest validation loss. Ctrl-C ends the
    training after the current step, but not the run: the best weights so far are tested and saved.
    SIGTERM does the same, and then ends the process with code 143. Several processes end without a
    test. After every epoch the state is saved in ``<folder>/checkpoint``, from where
    ``recipe.resume`` goes on; a finished run removes it. Meanwhile the process is named there
    (`running.announced`). It keeps the memory of its largest step (`images.memory.keep`).

    With ``recipe.runs`` above 1 every run has its report in ``<folder>/run_<number>``; the folder
    itself has the first run's, with mean and standard deviation of all. The runs share their
    splits and differ in initial weights, order and augmentation.

    With ``recipe.folds`` it is a cross-validation, see `folds.cross_validate`.

    Args:
        build: Builder of the model, called with ``input_shape=`` and, for a classifier whose
            outputs are probabilities, ``classes=``.
        splits: The data, and how a model is judged on them: `splits.ClassificationSplits`,
            `splits.RegressionSplits` or `detection.task.DetectionSplits`.
        recipe: The choices.
        optimizer: A class of `keras.optimizers`, or a `functools.partial` of one; called with
            ``learning_rate=``, ``weight_decay=``, ``use_ema=`` and ``ema_momentum=``.
        fine_tune: For transfer learning: called with the model after the recipe's epochs, to
            unfreeze further layers. As many epochs follow, from the best weights on, as
            `phases.usual` describes.
        phases: In place of `fine_tune`: called with the choices of a run, returns its phases. Each
            is asked for when the one before has ended, so its length may depend on the clock.
        scores: Metric -> value, "loss" and "val_loss" among them, of the weights that `build`
            gives the model. They count as the first epoch: training must improve on them.

    Returns:
        The content of ``report.json``; empty in all but the first of several processes.

    Raises:
        InputError: The results folder cannot be written, the checkpoint to resume does not fit, a
            picture can no longer be read, or the requested devices are missing.
        SystemExit: With code 143 after SIGTERM.
    """
    folder = writable(recipe.folder)
    memory.keep()
    options = {
        "optimizer": optimizer,
        "phases": phases or partial(training_phases.usual, fine_tune=fine_tune),
        "scores": scores,
    }
    train = partial(_train, build, **options)
    with ended_by_sigterm(), announced(folder, recipe.to_dict()):
        if recipe.folds:
            return folds.cross_validate(train, _finish, splits, recipe)
        if recipe.runs == 1:
            return _finish(train(splits, recipe), splits, recipe)
        outcomes, results = [], []
        for number in range(recipe.runs):
            choices = dataclasses.replace(
                recipe, runs=1, seed=recipe.seed + number, out=folder / f"run_{number + 1}"
            )
            outcome = train(splits, choices)
            outcomes.append(outcome)
            results.append(_finish(outcome, splits, choices))
            if outcome and outcome.facts["interrupted"]:
                break
        result = {}
        if outcomes[0]:
            shutil.copyfile(folder / "run_1" / "model.keras", folder / "model.keras")
            summary = {"runs": report.summarize_runs(results)}
            result = conclude(outcomes[0], splits, recipe, **summary)
        distribution.wait()
        return result


def _finish(outcome, task, recipe):
    """Report, while other processes wait; the checkpoint is no longer needed after that."""
    result = {}
    if outcome:
        result = conclude(outcome, task, recipe)
        if not outcome.facts["interrupted"]:
            remove(recipe.folder / CHECKPOINT)
    distribution.wait()
    return result


def _train(build, task, recipe, **options):
    """Train, save and test, as `_train_in` does; name this process in the folder meanwhile."""
    folder = writable(recipe.folder)
    with announced(folder, recipe.to_dict()):
        return _train_in(folder, build, task, recipe, **options)


def _train_in(folder, build, task, recipe, *, optimizer, phases, scores, last_epoch=None):
    """Train, save and test; return the outcome, or None in all processes but the first.

    With `last_epoch` the training ends with this epoch, whose weights are kept.
    """
    started = time.perf_counter()
    keras.utils.set_random_seed(recipe.seed)
    promise = {"deterministic": determinism.enable()} if recipe.deterministic else {}
    devices = distribution.set_up(recipe)
    task = task.with_seed(recipe.seed)
    samples = task.samples()
    checkpoint = Checkpoint(
        folder / CHECKPOINT,
        pictures=task.fingerprints,
        patience=recipe.early_stopping,
        keep_last=recipe.validate_on_test or last_epoch is not None,
        last_epoch=last_epoch,
        writes=devices.is_first,
    )
    feeds = fitting.feeds(task, recipe, devices)
    with devices.scope(), distribution.refuse_if_lost(devices):
        model = _build(build, task, precision=recipe.precision)
        if recipe.resume:
            checkpoint.read(model)
        else:
            checkpoint.clear()
        seconds_before = checkpoint.seconds
        names, interrupted = [], False
        try:
            for phase in phases(recipe):
                if checkpoint.is_complete:
                    break
                number = len(names) + (scores is not None)
                if phase.prepare:
                    phase.prepare(model)
                names.append(phase.name)
                if number + 1 < len(checkpoint.starts):
                    continue  # finished before the resume
                # The optimizer's variables wait for all processes: the first has saved its epoch.
                fitting.compile_phase(model, task, phase.recipe, optimizer, steps=len(feeds.train))
                if devices.is_first and len(names) == 1:
                    model.summary()
                if scores is not None and not checkpoint.starts:
                    checkpoint.record(model, scores)
                checkpoint.begin(number, model)
                interrupted = fitting.fit_phase(model, task, phase, checkpoint, feeds, devices)
                if interrupted:
                    break
        except KeyboardInterrupt:  # between the phases
            if devices.share.processes > 1 or not (checkpoint.best_epoch or scores):
                raise
            interrupted = True
    if not devices.is_first:
        return None
    model = _best_model(model, build, task, recipe, devices, checkpoint, interrupted)
    save(model, task, folder / "model.keras")
    tested = tta.averaging(model, recipe.test_crops, image_shape=task.image_shape)
    answers = task.predict(tested)
    temperature = fit_temperature(
        task, recipe, answer=lambda: tested.predict(untuned(task.validation), verbose=0)
    )
    of_unknown = unknown.add(model, task, folder / "model.keras")
    seconds, pictures = checkpoint.seconds, checkpoint.epoch * task.sizes["train"]
    facts = {
        "interrupted": interrupted,
        "best_epoch": checkpoint.best_epoch,
        "parameters": model.count_params(),
        "seconds": {"train": seconds, "total": seconds_before + time.perf_counter() - started},
        "images_per_second": pictures / seconds if seconds else 0.0,
        "distribution": devices.to_dict(),
        "batches": feeds.note,
        **promise,
        **surroundings(),
        **of_unknown,
    }
    facts |= training_phases.facts(names, checkpoint, scores=scores)
    return Outcome(answers, checkpoint.history, samples, facts, temperature)


def _build(build, task, *, precision):
    """Build the model under the dtype policy of a precision."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision if precision == "float32" else f"mixed_{precision}")
    try:
        model = build(input_shape=task.image_shape, **task.build_options)
        is_single = not isinstance(model, AuxiliaryModel)
        return as_functional(model, image_shape=task.image_shape, single_output=is_single)
    except InputError:
        raise
    except ValueError as error:  # a network's own limits, such as its smallest picture
        raise InputError(f"the network cannot be built for these pictures: {error}") from error
    finally:
        keras.config.set_dtype_policy(policy)


def _best_model(model, build, task, recipe, devices, checkpoint, interrupted):
    """Return the network with its best weights, in float32 and without the optimizer's state.

    It has one output: auxiliary classifiers serve the training only.

    All processes would have to assign the variables of several devices together, but only the
    first saves: the network is built anew on one device.
    """
    # During a step Keras leaves JAX the only copy of the variables' values.
    lost = interrupted and keras.backend.backend() == "jax"
    if recipe.precision != "float32" or devices.engine or lost:
        trained, model = model, _build(build, task, precision="float32")
        if not lost:
            model.set_weights(trained.get_weights())
    checkpoint.load_best(model)
    best = keras.Model(model.input, model.outputs[0], name=model.name)
    best.jit_compile = jit_compile()
    return best
