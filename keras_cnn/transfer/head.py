"""A new head on a frozen base, and fine-tuning of the base's later layers.

The head sees augmented pictures while the base stays frozen; after that the base's later layers may
learn too (Yosinski et al., 2014). `linear` has the fastest way: a linear classifier on features
that are computed once.

References:
    Yosinski et al., 2014. How transferable are features? https://arxiv.org/abs/1411.1792
"""

import dataclasses
import difflib
import os
import time
from collections.abc import Callable
from typing import Any

import keras

from keras_cnn import filesystem
from keras_cnn.errors import InputError
from keras_cnn.recipe import Recipe
from keras_cnn.training import determinism, distribution
from keras_cnn.training import run as training
from keras_cnn.training.compiling import build_apart
from keras_cnn.transfer import linear
from keras_cnn.transfer.base import Base, build_base, splits_for, with_pooling


def fit_head(
    base: Base,
    recipe: Recipe,
    *,
    augmentation: dict[str, Any] | None = None,
    fine_tune: bool = False,
    from_layer: str | None = None,
    dropout: float = 0.0,
    linear_probe: bool = False,
    cache: str | os.PathLike | None = None,
    notes: tuple[str, ...] = (),
) -> dict:
    """Train a new head on the frozen base; then, if asked, the base's later layers too.

    Pixels are scaled as the base's weights need it; there is no other choice. Fine-tuning adds as
    many epochs again; its learning rate falls from a tenth of the head's to 0. Batch normalisation
    stays frozen in both phases: the statistics of few pictures would only spoil it.

    Args:
        base: The base.
        recipe: The choices.
        augmentation: Random changes, as `ImageDataGenerator` takes them, unless the recipe names
            others.
        fine_tune: Whether layers of the base learn after the head.
        from_layer: The first layer of the base that learns; None for all.
        dropout: Share of the features that training drops at random.
        linear_probe: Whether the head starts as the logistic regression on the base's features:
            fine-tuning under a random head distorts the features (Kumar et al., 2022). It counts as
            the first epoch, and stays unless training improves on it. Several runs start from the
            same head.
        cache: As in `fit_features`, for `linear_probe`.
        notes: Sentences for the report.

    Returns:
        What ``report.json`` holds.

    Raises:
        InputError: The pictures cannot be used, an option would scale pixels twice, or the base
            has no layer `from_layer`.

    References:
        Kumar et al., 2022. Fine-tuning can distort pretrained features and underperform
        out-of-distribution. https://arxiv.org/abs/2202.10054
    """
    first = _build_first(base, recipe)
    position = None if from_layer is None else _position(first, from_layer)
    splits = splits_for(base, recipe, augmentation=augmentation, notes=notes)
    scores = None
    if linear_probe and recipe.folds:
        raise InputError(
            f"--folds {recipe.folds} has no linear_probe, which would learn from the test "
            "pictures of the folds: leave one of them out"
        )
    if linear_probe:
        started = time.perf_counter()
        base_weights = first.get_weights()
        head_weights, scores = linear.probe(first, splits, recipe, cache=cache)
        seconds = {"linear_probe": {"seconds": time.perf_counter() - started}}
        splits = dataclasses.replace(splits, facts=splits.facts | seconds)
    del first

    def build(*, input_shape, classes):
        model = build_base(base, image_shape=input_shape)
        if linear_probe:
            model.set_weights(base_weights)  # the head was fitted to exactly these weights
        model = add_head(model, classes=classes, dropout=dropout)
        if linear_probe:
            model.get_layer("head").set_weights(head_weights)
        return model

    def tune(model):
        # By position: Keras numbers the names of unnamed layers anew in every build.
        thaw(model, from_layer=None if position is None else model.layers[position].name)

    return training.run(build, splits, recipe, fine_tune=tune if fine_tune else None, scores=scores)


def with_head(base: Base) -> Callable[..., keras.Model]:
    """Return the builder of a frozen base under a new head.

    Args:
        base: The base.

    Returns:
        A function of ``input_shape=`` and ``classes=``.
    """

    def build(*, input_shape, classes):
        return add_head(build_base(base, image_shape=input_shape), classes=classes)

    return build


def add_head(model: keras.Model, *, classes: int, dropout: float = 0.0) -> keras.Model:
    """Freeze a model and put a softmax layer on its features.

    Args:
        model: The model without its head.
        classes: Number of classes.
        dropout: Share of the features that training drops at random.
    """
    model.trainable = False
    features = with_pooling(model).outputs[0]
    features = keras.layers.Dropout(dropout, name="head_dropout")(features)
    head = keras.layers.Dense(classes, activation="softmax", name="head", dtype="float32")
    return keras.Model(model.inputs[0], head(features), name=model.name)


def thaw(model: keras.Model, *, from_layer: str | None = None) -> None:
    """Let a frozen model's layers learn, except batch normalisation.

    Keras 3.15 updates the statistics of a batch normalisation under `fit` even where it was called
    with training=False; only trainable=False keeps them.

    Args:
        model: The model; layers before `from_layer` keep their state.
        from_layer: Name of the first layer; None for all.

    Raises:
        InputError: There is no such layer.
    """
    first = 0 if from_layer is None else _position(model, from_layer)
    earlier = [layer for top in model.layers[:first] for layer in _with_nested(top)]
    later = [layer for top in model.layers[first:] for layer in _with_nested(top)]
    states = [layer.trainable for layer in earlier]
    for layer in [model, *later]:
        layer.trainable = True  # a model passes its value on to all its layers
    for layer, state in zip(earlier, states, strict=True):
        layer.trainable = state
    for layer in later:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False


def _build_first(base, recipe):
    """Build the base once before the pictures are read, which may take minutes.

    A file of weights that does not fit is refused here. The seed makes random weights repeatable.
    """
    filesystem.check_writable(recipe.folder)
    keras.utils.set_random_seed(recipe.seed)
    if recipe.deterministic:
        determinism.enable()
    distribution.set_up(recipe)  # JAX finds other processes only before it computes anything
    image_shape = (recipe.image_size, recipe.image_size, 3)
    return build_apart(build_base, base=base, image_shape=image_shape)


def _with_nested(layer):
    """Yield a layer, then those nested in it."""
    yield layer
    for nested in getattr(layer, "layers", ()):
        yield from _with_nested(nested)


def _position(model, name):
    names = [layer.name for layer in model.layers]
    if name in names:
        return names.index(name)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.4) or names[-4:-1]
    raise InputError(
        f"{model.name} has no layer {name!r} to fine-tune from; close names are {', '.join(close)}"
    )
