"""A linear classifier on a network's features, computed once."""

import dataclasses
import os
import time

import keras
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from keras_cnn import environment, filesystem
from keras_cnn.errors import InputError
from keras_cnn.images import scaled_generator
from keras_cnn.images.preparation import Preparation
from keras_cnn.recipe import Recipe
from keras_cnn.splits import classification_splits
from keras_cnn.training import determinism, distribution
from keras_cnn.training import run as training
from keras_cnn.transfer import feature_cache
from keras_cnn.transfer.base import Base, as_vector, with_notes

CLASSIFIERS = ("softmax", "logistic", "svm")


PENALTIES = 10.0 ** np.arange(-4, 3)  # C of scikit-learn; validation pictures choose


def fit_codes(
    base: Base,
    recipe: Recipe,
    *,
    classifier: str = "logistic",
    cache: str | os.PathLike | None = None,
    notes: tuple[str, ...] = (),
) -> dict:
    """Run every picture through the base once, and fit a linear classifier on the features.

    The result is a Keras model like any other: the base with the classifier as its dense layer.

    Args:
        base: The base.
        recipe: The choices; epochs, rate and batch size count for "softmax" only.
        classifier: "softmax", a dense layer trained by Adam; "logistic", the same with a penalty on
            its weights, solved to the end; "svm", one linear support vector machine per class,
            whose answers are margins, not probabilities. The validation pictures choose the
            penalty.
        cache: File that remembers features by the picture's content and the base's weights; by
            default ``codes.sqlite`` beside the run's folder.
        notes: Sentences for the report.

    Returns:
        What ``report.json`` holds.

    Raises:
        InputError: The pictures cannot be used, the classifier is unknown, or the recipe asks for
            what only a training by `fit_head` does.
    """
    if classifier not in CLASSIFIERS:
        raise InputError(f"classifier must be one of {CLASSIFIERS}; received {classifier!r}")
    check_codes(recipe)
    started = time.perf_counter()
    folder = filesystem.writable(recipe.folder)
    keras.utils.set_random_seed(recipe.seed)
    splits = classification_splits(recipe, scaled_generator(base.scaling))
    splits = with_notes(splits, notes)
    body = base.build(input_shape=splits.image_shape)
    body = keras.Model(body.input, as_vector(body), name=body.name)
    vectors, labels = _codes(body, splits, ("train", "validation", "test"), recipe, cache=cache)
    head = keras.layers.Dense(
        splits.num_classes, activation=None if classifier == "svm" else "softmax", name="head"
    )
    model = keras.Model(body.input, head(body.output), name=body.name)
    history = {}
    if classifier == "softmax":
        history = _fit_softmax(head, vectors, labels, recipe)
    else:
        head.set_weights(_fit_linear(classifier, vectors, labels, splits.num_classes, recipe))
    seconds = time.perf_counter() - started
    training.save(model, splits, folder / "model.keras")
    answers = keras.ops.convert_to_numpy(head(vectors["test"]))
    facts = {
        "interrupted": False,
        "classifier": classifier,
        "parameters": model.count_params(),
        "seconds": {"train": seconds, "total": time.perf_counter() - started},
        **environment.surroundings(),
    }
    outcome = training.Outcome(answers, history, splits.samples(), facts)
    return training.conclude(outcome, splits, recipe)


def check_codes(recipe: Recipe) -> None:
    """Refuse choices that `fit_codes` would pass over.

    Args:
        recipe: The choices.

    Raises:
        InputError: One of them is of a training of the whole network.
    """
    for field in dataclasses.fields(recipe):
        unset = (field.default, "none")
        if field.metadata.get("whole_network") and getattr(recipe, field.name) not in unset:
            option = field.name.replace("_", "-")
            raise InputError(
                f"--codes computes features once, and fits one classifier on them: leave out "
                f"--{option} or --codes"
            )


def probe(base, splits, recipe):
    """Return the weights of the base, and those of the head as logistic regression solves them."""
    filesystem.writable(recipe.folder)
    keras.utils.set_random_seed(recipe.seed)
    if recipe.deterministic:
        determinism.enable()
    distribution.set_up(recipe)  # JAX meets other processes only before it computes anything
    model = base.build(input_shape=splits.image_shape)
    body = keras.Model(model.input, as_vector(model), name=model.name)
    vectors, labels = _codes(body, splits, ("train", "validation"), recipe)
    head = _fit_linear("logistic", vectors, labels, splits.num_classes, recipe)
    return model.get_weights(), head


def _codes(body, splits, parts, recipe, *, cache=None):
    """Return features and labels of some parts of a set, each by its name."""
    cache = recipe.folder.parent / "codes.sqlite" if cache is None else cache
    rule = Preparation.of(splits.train)
    flows = {name: getattr(splits, name) for name in parts}
    vectors = {
        name: feature_cache.compute(body, rule, flow.filepaths, cache=cache)
        for name, flow in flows.items()
    }
    return vectors, {name: np.asarray(flow.classes) for name, flow in flows.items()}


def _fit_softmax(head, vectors, labels, recipe):
    """Train the layer, keep its best epoch, return the history."""
    inputs = keras.Input(vectors["train"].shape[1:])
    model = keras.Model(inputs, head(inputs))
    model.compile(
        keras.optimizers.Adam(recipe.learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    best = keras.callbacks.EarlyStopping(
        "val_loss", patience=recipe.epochs, restore_best_weights=True
    )
    fitted = model.fit(
        vectors["train"],
        labels["train"],
        validation_data=(vectors["validation"], labels["validation"]),
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        callbacks=[best],
        verbose=0,
    )
    return fitted.history


def _fit_linear(classifier, vectors, labels, num_classes, recipe):
    """Return kernel and bias of the penalty that answers most validation pictures rightly."""
    scaler = StandardScaler().fit(vectors["train"])
    x, x_validation = (scaler.transform(vectors[part]) for part in ("train", "validation"))
    kinds = {"logistic": LogisticRegression, "svm": LinearSVC}
    fitted = [
        kinds[classifier](C=penalty, max_iter=2000, random_state=recipe.seed).fit(
            x, labels["train"]
        )
        for penalty in PENALTIES / len(x)
    ]
    best = max(fitted, key=lambda one: one.score(x_validation, labels["validation"]))
    kernel, bias = best.coef_.T, best.intercept_
    if num_classes == 2:  # scikit-learn has one column; softmax of both halves is its sigmoid
        kernel, bias = np.hstack([-kernel, kernel]) / 2, np.concatenate([-bias, bias]) / 2
    kernel = kernel / scaler.scale_[:, None]  # the scaler, folded into the layer
    return [kernel, bias - scaler.mean_ @ kernel]
