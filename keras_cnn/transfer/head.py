"""Transfer learning: a network trained on one task serves another, which has fewer pictures.

Three ways, from the fastest to the most thorough: a linear classifier on the base's features,
computed once ("CNN codes", Razavian et al., 2014); a new head on the frozen base, which sees
augmented pictures; and fine-tuning of the base's later layers after that (Yosinski et al., 2014).

References:
    Razavian et al., 2014. CNN features off-the-shelf. https://arxiv.org/abs/1403.6382
    Yosinski et al., 2014. How transferable are features? https://arxiv.org/abs/1411.1792
"""

import dataclasses
import difflib
import time
from typing import Any

import keras

from keras_cnn.errors import InputError
from keras_cnn.images import scaled_generator
from keras_cnn.recipe import Recipe
from keras_cnn.splits import classification_splits
from keras_cnn.training import run as training
from keras_cnn.transfer.base import Base, as_vector, with_notes
from keras_cnn.transfer.linear import probe


def fit_head(
    base: Base,
    recipe: Recipe,
    *,
    augmentation: dict[str, Any] | None = None,
    fine_tune: bool = False,
    from_layer: str | None = None,
    dropout: float = 0.0,
    linear_probe: bool = False,
    notes: tuple[str, ...] = (),
) -> dict:
    """Train a new head on the frozen base; then, if asked, the base's later layers too.

    Pixels are scaled as the base's weights need it; there is no other choice. Fine-tuning goes on
    for as many epochs at a hundredth of the rate. Batch normalisation stays as it is in both: few
    pictures would only spoil its statistics.

    Args:
        base: The base.
        recipe: The choices.
        augmentation: Random changes, as `ImageDataGenerator` takes them, unless the recipe names
            others.
        fine_tune: Whether layers of the base are to learn after the head.
        from_layer: The first of them; None for all.
        dropout: Share of the features left out at random in training.
        linear_probe: Whether the head starts as logistic regression on the base's features, solved
            to the end: fine-tuning under a random head distorts what the base knows (Kumar et al.,
            2022). The features are remembered in ``codes.sqlite`` beside the run's folder; several
            runs start from the same head.
        notes: Sentences for the report.

    Returns:
        What ``report.json`` holds.

    Raises:
        InputError: The pictures cannot be used, an option would scale pixels once more, or the base
            has no layer `from_layer`.

    References:
        Kumar et al., 2022. Fine-tuning can distort pretrained features and underperform
        out-of-distribution. https://arxiv.org/abs/2202.10054
    """
    generator = scaled_generator(base.scaling, **(augmentation or {}))
    splits = classification_splits(recipe, generator)
    splits = with_notes(splits, notes)
    if linear_probe:
        started = time.perf_counter()
        weights, head_weights = probe(base, splits, recipe)
        spent = {"linear_probe": {"seconds": time.perf_counter() - started}}
        splits = dataclasses.replace(splits, facts=splits.facts | spent)

    def build(*, input_shape, classes):
        model = base.build(input_shape=input_shape)
        if linear_probe:
            model.set_weights(weights)  # random ones would be others than the head was solved for
        if from_layer is not None:
            _position(model, from_layer)  # refuses before the training, not after
        model.trainable = False
        x = keras.layers.Dropout(dropout, name="head_dropout")(as_vector(model))
        head = keras.layers.Dense(classes, activation="softmax", name="head", dtype="float32")
        x = head(x)
        if linear_probe:
            head.set_weights(head_weights)
        return keras.Model(model.input, x, name=model.name)

    def tune(model):
        thaw(model, from_layer=from_layer)

    return training.run(build, splits, recipe, fine_tune=tune if fine_tune else None)


def thaw(model: keras.Model, *, from_layer: str | None = None) -> None:
    """Let a frozen model's layers learn, batch normalisation left out.

    Keras 3.15 trains under `fit` even a batch normalisation that was called with training=False:
    only one that is itself not trainable keeps its statistics.

    Args:
        model: The model; layers before `from_layer` are left as they are.
        from_layer: Name of the first layer; None for all.

    Raises:
        InputError: There is no such layer.
    """
    first = 0 if from_layer is None else _position(model, from_layer)
    later = [part for layer in model.layers[first:] for part in _with_parts(layer)]
    before = [part for layer in model.layers[:first] for part in _with_parts(layer)]
    states = [part.trainable for part in before]
    for part in [model, *later]:
        part.trainable = True  # a model's passes its value on to all its parts
    for part, state in zip(before, states, strict=True):
        part.trainable = state
    for part in later:
        if isinstance(part, keras.layers.BatchNormalization):
            part.trainable = False


def _with_parts(layer):
    """A layer, and before their own layers those of nested models."""
    yield layer
    for part in getattr(layer, "layers", ()):
        yield from _with_parts(part)


def _position(model, name):
    names = [layer.name for layer in model.layers]
    if name in names:
        return names.index(name)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.4) or names[-4:-1]
    raise InputError(
        f"{model.name} has no layer {name!r} to fine-tune from; close names are {', '.join(close)}"
    )
