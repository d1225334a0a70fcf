"""A linear classifier on a network's features, which are computed once ("CNN codes").

References:
    Razavian et al., 2014. CNN features off-the-shelf. https://arxiv.org/abs/1403.6382
"""

import dataclasses
import functools
import os
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from scipy import special
from sklearn import metrics
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from keras_cnn import environment, filesystem, report
from keras_cnn.datasets.division import same_share
from keras_cnn.errors import InputError
from keras_cnn.images.preparation import Preparation
from keras_cnn.recipe import Recipe
from keras_cnn.splits import ClassificationSplits
from keras_cnn.training import run as training
from keras_cnn.training import unknown
from keras_cnn.training.folds import with_folds
from keras_cnn.transfer import feature_cache
from keras_cnn.transfer.base import Base, build_base, splits_for, with_pooling

CLASSIFIERS = ("softmax", "logistic", "svm")
PENALTIES = 10.0 ** np.arange(-4, 3)  # C of scikit-learn; validation pictures choose


def fit_features(
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
        recipe: The choices; epochs, learning rate and batch size count for "softmax" only.
        classifier: "softmax", a dense layer trained by Adam; "logistic", logistic regression with a
            penalty on its weights; "svm", one linear support vector machine per class, whose
            scores are margins, not probabilities. The validation pictures choose the penalty.
        cache: File that stores features by the picture's content and the base's weights; by
            default ``codes.sqlite`` beside the run's folder, or in it if only it can be written.
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
    filesystem.check_writable(recipe.folder)
    keras.utils.set_random_seed(recipe.seed)
    # Built before the pictures are read, which may take minutes: its weights may not fit.
    image_shape = (recipe.image_size, recipe.image_size, 3)
    extractor = with_pooling(build_base(base, image_shape=image_shape))
    splits = splits_for(base, recipe, notes=notes)
    folder = filesystem.writable(recipe.folder)  # only now: it may lie beside class folders
    if recipe.folds:
        return _fit_folds(extractor, splits, recipe, classifier, cache=cache, started=started)
    names = ("train", "validation", "test")
    features, labels = _features(extractor, splits, names, recipe, cache=cache)
    model, head = _with_classifier(extractor, classifier, splits)
    history = {}
    if classifier == "softmax":
        history = _fit_softmax(head, features, labels, recipe)
    else:
        weights, _ = fit_linear(classifier, features, labels, splits.num_classes, seed=recipe.seed)
        head.set_weights(weights)
    seconds = time.perf_counter() - started
    training.save(model, splits, folder / "model.keras")
    answers = _answers(head, features, ("validation", "test"))
    temperature = training.fit_temperature(splits, recipe, answer=lambda: answers["validation"])
    of_unknown = unknown.add(model, splits, folder / "model.keras", features=features)
    facts = _facts(classifier, model, seconds=seconds, started=started) | of_unknown
    outcome = training.Outcome(answers["test"], history, splits.samples(), facts, temperature)
    return training.conclude(outcome, splits, recipe)


def _with_classifier(extractor, classifier, splits):
    """Return the base with a dense layer for its features, and the layer."""
    activation = None if classifier == "svm" else "softmax"
    head = keras.layers.Dense(splits.num_classes, activation=activation, name="head")
    model = keras.Model(extractor.inputs[0], head(extractor.outputs[0]), name=extractor.name)
    return model, head


def _answers(head, features, names):
    """Return the answers to the pictures of each named split."""
    return {name: keras.ops.convert_to_numpy(head(features[name])) for name in names}


def _facts(classifier, model, *, seconds, started):
    return {
        "interrupted": False,
        "classifier": classifier,
        "parameters": model.count_params(),
        "seconds": {"train": seconds, "total": time.perf_counter() - started},
        **environment.surroundings(),
    }


def _fit_folds(extractor, splits, recipe, classifier, *, cache, started):
    """Fit and test the classifier once per fold, then fit it to all pictures; report.

    The last classifier has the median of the folds' penalties.
    """
    if classifier == "softmax":
        raise InputError(
            f"--folds {recipe.folds} goes with --codes logistic and svm: choose one of them"
        )
    of_all, labels_of_all = _features(extractor, splits, ("train",), recipe, cache=cache)
    features, labels = of_all["train"], labels_of_all["train"]
    model, head = _with_classifier(extractor, classifier, splits)
    row_of = {path: row for row, path in enumerate(splits.train.filepaths)}
    fit = functools.partial(
        fit_linear, classifier, num_classes=splits.num_classes, seed=recipe.seed
    )
    answers, penalties = np.empty((len(labels), splits.num_classes)), []
    temperatures, reported = [], []
    for fold, rows in zip(splits.folds, splits.rows, strict=True):
        rows_of = {
            name: [row_of[path] for path in getattr(fold, name).filepaths]
            for name in ("train", "validation")
        } | {"test": rows}
        of_fold = {name: features[chosen] for name, chosen in rows_of.items()}
        weights, penalty = fit(of_fold, {name: labels[rows_of[name]] for name in rows_of})
        head.set_weights(weights)
        of_fold = _answers(head, of_fold, ("validation", "test"))
        answers[rows] = of_fold["test"]
        penalties.append(penalty)
        temperatures.append(
            training.fit_temperature(fold, recipe, answer=lambda of=of_fold: of["validation"])
        )
        test = report.scores.classification(labels[rows], answers[rows], splits.class_names)
        reported.append({"task": splits.kind, "test": test})
    names = ("train", "validation")
    weights, _ = fit(
        dict.fromkeys(names, features),
        dict.fromkeys(names, labels),
        penalties=[np.median(penalties)],
    )
    head.set_weights(weights)
    seconds = time.perf_counter() - started
    training.save(model, splits, recipe.folder / "model.keras")
    facts = _facts(classifier, model, seconds=seconds, started=started)
    facts |= unknown.add(model, splits, recipe.folder / "model.keras")
    outcome = training.Outcome(answers, {}, splits.samples(), facts)
    outcome = with_folds(outcome, splits, reported, temperatures)
    return training.conclude(outcome, splits, recipe)


def fit_codes(base: Base, recipe: Recipe, **options) -> dict:
    """Call `fit_features`: its old name, which works in this version only.

    Args:
        base: As in `fit_features`.
        recipe: As in `fit_features`.
        **options: As in `fit_features`.
    """
    warnings.warn("transfer.fit_codes is now transfer.fit_features", FutureWarning, stacklevel=2)
    return fit_features(base, recipe, **options)


def check_codes(recipe: Recipe) -> None:
    """Refuse choices that `fit_features` cannot follow.

    Args:
        recipe: The choices.

    Raises:
        InputError: A choice belongs to a training of the whole network.
    """
    for field in dataclasses.fields(recipe):
        unset = (field.default, "none")
        if field.metadata.get("whole_network") and getattr(recipe, field.name) not in unset:
            option = field.name.replace("_", "-")
            raise InputError(
                f"--codes computes features once, and fits one classifier on them: leave out "
                f"--{option} or --codes"
            )


def probe(
    base: keras.Model,
    splits: ClassificationSplits,
    recipe: Recipe,
    *,
    cache: str | os.PathLike | None = None,
    most: int | None = None,
) -> tuple[list[np.ndarray], dict[str, float]]:
    """Return the softmax layer that is the logistic regression on features, and its scores.

    Args:
        base: The network without its head.
        splits: The pictures.
        recipe: The choices.
        cache: As in `fit_features`.
        most: Largest number of training pictures to use, of every class the same share; None for
            all.

    Returns:
        Kernel and bias, and the scores "loss", "accuracy", "val_loss" and "val_accuracy".
    """
    extractor = with_pooling(base)
    names = ("train", "validation")
    features, labels = _features(extractor, splits, names, recipe, cache=cache, most=most)
    (kernel, bias), _ = fit_linear(
        "logistic", features, labels, splits.num_classes, seed=recipe.seed
    )
    scores = {}
    for name, prefix in (("train", ""), ("validation", "val_")):
        answers = special.softmax(features[name] @ kernel + bias, axis=1)
        classes = np.arange(splits.num_classes)
        scores[f"{prefix}loss"] = metrics.log_loss(labels[name], answers, labels=classes)
        scores[f"{prefix}accuracy"] = metrics.accuracy_score(labels[name], answers.argmax(axis=1))
    return [kernel, bias], scores


def _features(extractor, splits, names, recipe, *, cache, most=None):
    """Return the features and the labels of the named splits, each as a dictionary.

    Of the training pictures at most `most` are used.
    """
    cache = _default_cache(recipe.folder) if cache is None else Path(cache)
    preparation = Preparation.of(splits.train)
    features, labels = {}, {}
    for name in names:
        flow = getattr(splits, name)
        rows = np.arange(len(flow.filepaths))
        if name == "train" and most is not None and most < len(rows):
            rows = same_share(np.asarray(flow.classes), most, seed=recipe.seed)
        paths = [flow.filepaths[row] for row in rows]
        features[name] = feature_cache.compute(extractor, preparation, paths, cache=cache)
        labels[name] = np.asarray(flow.classes)[rows]
    return features, labels


def _default_cache(folder):
    """Return the file beside the run's folder, which several runs share, or else a file in it."""
    shared = folder.parent / "codes.sqlite"
    needed = [path for path in (shared.parent, shared) if path.exists()]
    is_writable = all(os.access(path, os.W_OK) for path in needed)
    return shared if is_writable else folder / "codes.sqlite"


def _fit_softmax(head, features, labels, recipe):
    """Train the layer, keep its best epoch, return the history."""
    inputs = keras.Input(features["train"].shape[1:])
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
        features["train"],
        labels["train"],
        validation_data=(features["validation"], labels["validation"]),
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        callbacks=[best],
        verbose=0,
    )
    return fitted.history


def fit_linear(
    classifier: str,
    features: dict[str, np.ndarray],
    labels: dict[str, np.ndarray],
    num_classes: int,
    *,
    seed: int,
    penalties: Sequence[float] = PENALTIES,
) -> tuple[list[np.ndarray], float]:
    """Return kernel and bias for the penalty with the lowest loss on the validation pictures.

    Accuracy does not choose: on few pictures many penalties have the same, also so strong a penalty
    that all probabilities are nearly equal.

    Args:
        classifier: "logistic" or "svm".
        features: "train" and "validation" -> (pictures, features).
        labels: "train" and "validation" -> int (pictures,).
        num_classes: Number of classes.
        seed: Seed of the solver.
        penalties: The values to try: scikit-learn's C, times the number of training pictures.

    Returns:
        Kernel (features, classes) and bias (classes,); and the penalty.
    """
    scaler = StandardScaler().fit(features["train"])
    x, x_validation = (scaler.transform(features[name]) for name in ("train", "validation"))
    kind, loss = {
        "logistic": (LogisticRegression, _log_loss),
        "svm": (LinearSVC, _hinge_loss),
    }[classifier]
    # A solver may end at the limit of precision, and warns; the validation loss judges its result.
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        fitted = [
            (kind(C=c / len(x), max_iter=2000, random_state=seed).fit(x, labels["train"]), c)
            for c in penalties
        ]
    best, penalty = min(fitted, key=lambda pair: loss(pair[0], x_validation, labels["validation"]))
    kernel, bias = best.coef_.T, best.intercept_
    if num_classes == 2:  # scikit-learn has one column; softmax of both halves is its sigmoid
        kernel, bias = np.hstack([-kernel, kernel]) / 2, np.concatenate([-bias, bias]) / 2
    kernel = kernel / scaler.scale_[:, None]  # the scaler becomes part of the layer
    return [kernel, bias - scaler.mean_ @ kernel], penalty


def _log_loss(model, x, labels):
    return metrics.log_loss(labels, model.predict_proba(x), labels=model.classes_)


def _hinge_loss(model, x, labels):
    return metrics.hinge_loss(labels, model.decision_function(x), labels=model.classes_)
