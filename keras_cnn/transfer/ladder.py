"""Train on a folder without further choices: from a first answer up to fine-tuning, in a budget.

Each rung of the ladder takes longer than the one before, and is kept only if it lowers the
validation loss: a linear classifier on features, a head that sees augmented pictures, fine-tuning.
"""

import dataclasses
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from keras_cnn import models
from keras_cnn.datasets import folders
from keras_cnn.errors import InputError
from keras_cnn.i18n import N_, say
from keras_cnn.images import memory
from keras_cnn.images.preparation import Preparation
from keras_cnn.images.scaling import Scaling
from keras_cnn.recipe import Recipe, check_budget
from keras_cnn.training import run as training
from keras_cnn.training import unknown
from keras_cnn.training.compiling import build_apart
from keras_cnn.training.phases import Phase, gentle
from keras_cnn.transfer import feature_cache, linear
from keras_cnn.transfer.available import available_base
from keras_cnn.transfer.base import Base, build_base, splits_for, with_pooling
from keras_cnn.transfer.head import add_head, thaw

SIZES = (224, 192, 160, 128)  # pixels; the largest whose features are ready in a minute is taken
FIRST_ANSWER = 60  # seconds for the features of the first rung, or a third of a shorter budget
SIZE_FROM_SCRATCH = 96  # pixels
FROM_SCRATCH = "training from scratch"
MOST_EPOCHS = {"head": 10, "fine-tuning": 15, FROM_SCRATCH: 100}
HEAD_SHARE = 0.3  # of the time that is left after the first rung
TRAINING_COST = 3.5  # a step of training all layers, in answers; the backward pass takes twice one
REPORT_SECONDS = 10  # saving, testing and drawing, without answers to pictures
COMPILING_SECONDS = 10  # the first step of a phase


def fit(
    folder: str | os.PathLike,
    *,
    budget: float = 10.0,
    base: Base | None = None,
    **choices: Any,
) -> dict:
    """Train on a folder of pictures, choose what an expert would, and report.

    A pretrained network is taken if it can be had: its features and a linear classifier give the
    first answer, then a head learns from augmented pictures, then all layers are fine-tuned. A rung
    stays only if its validation loss is lower. Without pretrained weights a network is trained from
    scratch. Three lines say what is done and why. Ctrl-C ends the training with the best network
    so far. The results are written to ``runs/<folder>``.

    Args:
        folder: Holds one folder per class, or train, val and test folders that do.
        budget: Minutes for everything, the report included.
        base: The pretrained network; None takes ImageNet weights that are on this machine or can be
            downloaded.
        **choices: Fields of `Recipe`, such as `out`, `seed`, `classes` or `image_size`, but none of
            those that the budget decides.

    Returns:
        The content of ``report.json``. Its entry "phases" has a row for each rung.

    Raises:
        InputError: The pictures cannot be used, or a choice is not free.
    """
    started = time.perf_counter()
    check_budget(budget, choices)
    recipe = _recipe(folder, choices)
    why = N_("you chose it")
    if base is None:
        base, why = available_base()
    end = started + 60 * budget
    if base is None:
        return _from_scratch(recipe, choices, end=end, why=why)
    return _climb(base, recipe, choices, started=started, end=end, why=why)


def _recipe(folder, choices):
    folder = Path(folder)
    name = folder.resolve().name
    defaults = {"name": name, "dataset": name, "data": folder, "interpolation": "bilinear"}
    chosen = {name: value for name, value in choices.items() if value is not None}
    return Recipe(**defaults | {"augment": "full", "image_size": SIZES[0]} | chosen)


def _climb(base, recipe, choices, *, started, end, why):
    """Train from a pretrained base, rung by rung."""
    tables = folders.tables(recipe.data)
    pictures = {name: len(table) for name, table in tables.items()}
    total = sum(pictures.values())
    sizes = [choices["image_size"]] if choices.get("image_size") else SIZES
    seconds = _seconds_per_picture(base, recipe, tables["train"]["path"], size=sizes[0])
    allowed = min(FIRST_ANSWER, (end - time.perf_counter()) / 3)
    size = next((s for s in sizes if total * seconds * (s / sizes[0]) ** 2 < allowed), sizes[-1])
    seconds *= (size / sizes[0]) ** 2
    model = build_apart(build_base, base=base, image_shape=(size, size, 3))
    batch = choices.get("batch_size") or _batch_size(model, pictures=pictures["train"])
    network = base.label.partition(", ")[0]
    recipe = dataclasses.replace(recipe, image_size=size, batch_size=batch, network=network)
    splits = splits_for(
        base,
        recipe,
        notes=(
            N_(f"Base: {base.label} ({why})."),
            N_(
                f"Pictures: {size} pixels, {batch} per step; the network answers {total:,} in "
                f"about {total * seconds:.0f} s."
            ),
            N_(
                "Plan: a linear classifier on features, then a head that learns from augmented "
                "pictures, then fine-tuning of all layers; each stays only if it lowers the "
                "validation loss."
            ),
        ),
    )
    say("\n".join(splits.facts["notes"][-3:]))
    sizes = splits.sizes
    most = max(int(allowed / seconds) - sizes["validation"], 200)
    weights, scores = linear.probe(model, splits, recipe, most=most)
    probe = {"linear_probe": {"seconds": time.perf_counter() - started}}
    splits = dataclasses.replace(splits, facts=splits.facts | probe)
    base_weights = model.get_weights()
    del model
    right = round(scores["val_accuracy"] * sizes["validation"])
    say(f"First answer: {right} of {sizes['validation']} validation pictures are right.")

    def build(*, input_shape, classes):
        network = build_base(base, image_shape=input_shape)
        network.set_weights(base_weights)  # the head was fitted to exactly these weights
        network = add_head(network, classes=classes)
        network.get_layer("head").set_weights(weights)
        return network

    end -= REPORT_SECONDS + 1.5 * _answered(sizes) * seconds

    def rungs(recipe):
        if _all_right(scores):
            say("All are right: no rung above could be seen to gain.")
            return
        epoch = _Epoch(sizes, seconds)
        yield from _rung("head", recipe, epoch, end=_share(HEAD_SHARE, end))
        epoch = _Epoch(sizes, seconds, cost=TRAINING_COST)
        tuned = dataclasses.replace(gentle(recipe), warmup=1.0)
        yield from _rung("fine-tuning", tuned, epoch, end=end, prepare=thaw)

    return _run(build, splits, recipe, phases=rungs, scores=scores)


def _answered(sizes):
    """Return the number of pictures that the best network answers after the training."""
    return sizes["test"] + sizes["validation"] + unknown.pictures(sizes)


def _all_right(scores):
    return scores["val_accuracy"] == 1


def _from_scratch(recipe, choices, *, end, why):
    """Train a residual network from random weights."""
    size = choices.get("image_size") or SIZE_FROM_SCRATCH
    base = _scratch()
    tables = folders.tables(recipe.data)
    seconds = _seconds_per_picture(base, recipe, tables["train"]["path"], size=size)
    batch = choices.get("batch_size") or _batch_size(
        build_apart(build_base, base=base, image_shape=(size, size, 3)),
        pictures=len(tables["train"]),
    )
    network = base.label.partition(", ")[0]
    recipe = dataclasses.replace(recipe, image_size=size, batch_size=batch, network=network)
    splits = splits_for(
        base,
        recipe,
        notes=(
            N_(f"No pretrained network: {why}."),
            N_(f"Pictures: {size} pixels, {batch} per step."),
            N_(
                "Plan: ResNet18 from random weights on augmented pictures, until the budget ends "
                "or 20 epochs bring no lower validation loss."
            ),
        ),
    )
    say("\n".join(splits.facts["notes"][-3:]))
    end -= REPORT_SECONDS + 1.5 * _answered(splits.sizes) * seconds

    def rungs(recipe):
        patient = dataclasses.replace(recipe, schedule="cosine", warmup=1.0, early_stopping=20)
        epoch = _Epoch(splits.sizes, seconds, cost=TRAINING_COST)
        yield from _rung(FROM_SCRATCH, patient, epoch, end=end)

    def build(*, input_shape, classes):
        network = add_head(build_base(base, image_shape=input_shape), classes=classes)
        network.trainable = True
        return network

    return _run(build, splits, recipe, phases=rungs)


def _scratch():
    def build(*, input_shape):
        return models.ResNet18(include_top=False, input_shape=input_shape)

    return Base(build, Scaling(rescale=1 / 255), "ResNet18, random weights")


def _run(build, splits, recipe, **options):
    try:
        return training.run(build, splits, recipe, **options)
    finally:
        training.remove(recipe.folder / training.CHECKPOINT)  # of an interrupted training


@dataclasses.dataclass
class _Epoch:
    """Seconds of an epoch, estimated from the seconds of an answer to one picture."""

    sizes: dict[str, int]
    seconds_per_picture: float
    cost: float = 1.0

    @property
    def seconds(self):
        pictures = self.cost * self.sizes["train"] + self.sizes["validation"]
        return pictures * self.seconds_per_picture


def _rung(name, recipe, epoch, *, end, prepare=None) -> Iterator[Phase]:
    """Yield a phase of as many epochs as fit into the time that is left, or none."""
    left = end - time.perf_counter() - COMPILING_SECONDS
    epochs = min(int(left / epoch.seconds), MOST_EPOCHS[name])
    if left < epoch.seconds / 2 and name != FROM_SCRATCH:
        say(
            f"No {name}: an epoch takes about {epoch.seconds:.0f} s, and {max(left, 0):.0f} s are "
            "left of the budget."
        )
        return
    schedule = "cosine" if recipe.schedule == "constant" else recipe.schedule
    recipe = dataclasses.replace(recipe, epochs=max(epochs, 1), schedule=schedule)
    deadline = end - epoch.sizes["validation"] * epoch.seconds_per_picture
    yield Phase(name, recipe, prepare=prepare, deadline=deadline)


def _share(share, end):
    """Return the time at which a share of the time until `end` has passed."""
    now = time.perf_counter()
    return now + share * (end - now)


def _seconds_per_picture(base, recipe, paths, *, size):
    """Measure how long the base takes to read and to answer a picture of a size."""
    model = with_pooling(build_apart(build_base, base=base, image_shape=(size, size, 3)))
    preparation = Preparation(
        size=(size, size), interpolation=recipe.interpolation, scaling=base.scaling
    )
    chosen = np.random.default_rng(recipe.seed).permutation(len(paths))[:32]
    chosen = [path for path in paths.iloc[chosen] if _is_readable(preparation, path)] * 2
    if not chosen:
        return 0.05  # the check of the pictures refuses the folder
    feature_cache.compute(model, preparation, chosen[:32])  # compiles
    started = time.perf_counter()
    feature_cache.compute(model, preparation, chosen[:32])
    return (time.perf_counter() - started) / len(chosen[:32])


def _is_readable(preparation, path):
    try:
        return preparation.read(path) is not None
    except InputError:
        return False


def _batch_size(model, *, pictures):
    """Return the largest batch up to 32 that memory and the number of training pictures allow.

    A step of training may take half of the free memory. An epoch has at least 15 steps: on 255
    photographs fine-tuning gained with 16 pictures per step, and not with 32.
    """
    values = sum(np.prod(layer.output.shape[1:]) for layer in model.layers)
    per_picture = 3 * 4 * values  # feature maps, gradients and workspace, in float32
    largest = min(memory.free_memory() / 2 / per_picture, pictures / 15)
    return next((size for size in (32, 16, 8) if size <= largest), 4)
