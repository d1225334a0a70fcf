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
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from keras_cnn import card, environment
from keras_cnn.errors import InputError
from keras_cnn.images import preparation
from keras_cnn.images.preparation import Preparation, Scaling
from keras_cnn.recipe import Recipe
from keras_cnn.splits import classification_splits
from keras_cnn.training import determinism, distribution
from keras_cnn.training import run as training
from keras_cnn.transfer import feature_cache

CLASSIFIERS = ("softmax", "logistic", "svm")
PENALTIES = 10.0 ** np.arange(-4, 3)  # C of scikit-learn; validation pictures choose
_OF_TRAINING = (  # choices of a recipe that mean nothing to features computed once
    "augment mix schedule warmup early_stopping label_smoothing weight_decay class_weights ema "
    "precision tensorboard test_crops runs deterministic distribute resume"
).split()


@dataclasses.dataclass(frozen=True)
class Base:
    """A pretrained network without its head, and the one scaling of pixels that fits it.

    Attributes:
        build: Called with ``input_shape=``; returns the model.
        scaling: How its pictures were scaled when it was trained.
    """

    build: Callable[..., keras.Model]
    scaling: Scaling

    @classmethod
    def of(
        cls, builder: Callable[..., keras.Model], *, weights: str | os.PathLike | None = "imagenet"
    ) -> "Base":
        """Return a published network, or one of its kind that was trained here.

        Args:
            builder: A builder of `models` that takes ``include_top=`` and ``weights=``.
            weights: "imagenet", the path of a file, whose card tells the scaling where it has one,
                or None for random weights.

        Raises:
            InputError: There is no such file.
            ValueError: No weights are published for the network, and no card tells its scaling.
        """

        def build(*, input_shape):
            return builder(include_top=False, weights=weights, input_shape=input_shape)

        if weights in (None, "imagenet") or Path(weights).suffix != ".keras":
            return cls(build, Scaling.of_model(builder))
        if not card.is_in(weights):
            return cls(build, Scaling.of_model(builder))
        return cls(build, _rule(card.read(weights)).scaling)

    @classmethod
    def of_run(cls, run: str | os.PathLike, *, unsafe: bool = False) -> "Base":
        """Return what a training saved, without its last dense layer.

        Args:
            run: Folder of the run, or a `.keras` file.
            unsafe: As in `card.load_model`.

        Raises:
            InputError: There is no such model, it has no card, or it does not end with a dense
                layer.
        """
        path = card.model_path(run)
        rule = _rule(card.read(path))

        def build(*, input_shape):
            model = card.load_model(path, unsafe=unsafe)
            wanted = model.input_shape[1:]
            if any(w not in (None, n) for w, n in zip(wanted, input_shape, strict=True)):
                raise InputError(
                    f"pictures must have the size that {path} takes, {wanted}; they have "
                    f"{tuple(input_shape)}: set --image-size"
                )
            dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
            if not dense:
                raise InputError(
                    f"a base from a run must end with a dense layer, to be replaced; {path} has "
                    "none: name another"
                )
            return keras.Model(model.input, dense[-1].input, name=model.name)

        return cls(build, rule.scaling)


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
    generator = preparation.generator(base.scaling, **(augmentation or {}))
    splits = classification_splits(recipe, generator)
    splits = _with_notes(splits, notes)
    if linear_probe:
        started = time.perf_counter()
        weights, head_weights = _probe(base, splits, recipe)
        spent = {"linear_probe": {"seconds": time.perf_counter() - started}}
        splits = dataclasses.replace(splits, facts=splits.facts | spent)

    def build(*, input_shape, classes):
        model = base.build(input_shape=input_shape)
        if linear_probe:
            model.set_weights(weights)  # random ones would be others than the head was solved for
        if from_layer is not None:
            _position(model, from_layer)  # refuses before the training, not after
        model.trainable = False
        x = keras.layers.Dropout(dropout, name="head_dropout")(_vector(model))
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
    folder = environment.writable(recipe.folder)
    keras.utils.set_random_seed(recipe.seed)
    splits = classification_splits(recipe, preparation.generator(base.scaling))
    splits = _with_notes(splits, notes)
    body = base.build(input_shape=splits.image_shape)
    body = keras.Model(body.input, _vector(body), name=body.name)
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
    for field in dataclasses.fields(Recipe):
        unset = (field.default, "none")
        if field.name in _OF_TRAINING and getattr(recipe, field.name) not in unset:
            option = field.name.replace("_", "-")
            raise InputError(
                f"--codes computes features once, and fits one classifier on them: leave out "
                f"--{option} or --codes"
            )


def _probe(base, splits, recipe):
    """Return the weights of the base, and those of the head as logistic regression solves them."""
    environment.writable(recipe.folder)
    keras.utils.set_random_seed(recipe.seed)
    if recipe.deterministic:
        determinism.enable()
    distribution.set_up(recipe)  # JAX meets other processes only before it computes anything
    model = base.build(input_shape=splits.image_shape)
    body = keras.Model(model.input, _vector(model), name=model.name)
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


def _vector(model):
    """The model's output as one vector per picture."""
    output = model.outputs[0]
    if len(output.shape) == 4:
        return keras.layers.GlobalAveragePooling2D(name="head_pool")(output)
    return output if len(output.shape) == 2 else keras.layers.Flatten(name="head_flatten")(output)


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


def _rule(told):
    rule = Preparation.from_dict(told.preparation)
    rule.scale(np.zeros((1, 1, 3)))  # refuses a rule that is code
    return rule


def _with_notes(splits, notes):
    facts = splits.facts | {"notes": [*splits.facts["notes"], *notes]}
    return dataclasses.replace(splits, facts=facts)
