"""A pretrained network without its head."""

import dataclasses
import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras

from keras_cnn import card
from keras_cnn.errors import InputError
from keras_cnn.i18n import N_
from keras_cnn.images import scaled_generator
from keras_cnn.images.preparation import Preparation
from keras_cnn.images.scaling import Scaling
from keras_cnn.models import weights as weight_files
from keras_cnn.models.surgery import as_functional
from keras_cnn.recipe import Recipe
from keras_cnn.splits import ClassificationSplits, classification_splits


@dataclasses.dataclass(frozen=True)
class Base:
    """A pretrained network without its head, and the scaling of pixels that its weights need.

    Attributes:
        build: Called with ``input_shape=``; returns the model.
        scaling: How pixels were scaled when the network was trained.
        label: The network and its weights, for reports.
    """

    build: Callable[..., keras.Model]
    scaling: Scaling
    label: str = "a network"

    @classmethod
    def of(
        cls,
        builder: Callable[..., keras.Model],
        *,
        weights: str | os.PathLike | None = "imagenet",
        scaling: Scaling | None = None,
        **options: Any,
    ) -> "Base":
        """Return a published network, or a network of the same kind that was trained here.

        Args:
            builder: A builder of `models` or `keras.applications`, a `functools.partial` of a
                builder, or any function that takes ``include_top=``, ``weights=`` and
                ``input_shape=`` and passes them on to a builder.
            weights: "imagenet", the path of a file, or None for random weights.
            scaling: How pixels were scaled when the weights were trained; None takes the scaling of
                the file's card, or that of the published weights.
            **options: Options of the builder, such as ``alpha=0.25`` of `models.MobileNet`.

        Raises:
            InputError: There is no such file, or its card has no usable scaling.
            ValueError: `weights` is no weights file, or the scaling is unknown.
        """
        if weights not in (None, "imagenet"):
            weight_files.check_path(weights)

        def build(*, input_shape):
            return builder(include_top=False, weights=weights, input_shape=input_shape, **options)

        return cls(build, scaling or _scaling(builder, build, weights), _label(builder, weights))

    @classmethod
    def of_run(cls, run: str | os.PathLike, *, unsafe: bool = False) -> "Base":
        """Return the network that a training saved, without its last dense layer.

        Args:
            run: Folder of the run, or a `.keras` file.
            unsafe: As in `card.load_model`.

        Raises:
            InputError: There is no such model, it has no card, or it does not end with a dense
                layer.
        """
        path = card.model_path(run)
        scaling = Preparation.from_dict(card.read(path).preparation).require_scaling()

        def build(*, input_shape):
            model = card.load_model(path, unsafe=unsafe)
            own_shape = model.input_shape[1:]
            if any(own not in (None, n) for own, n in zip(own_shape, input_shape, strict=True)):
                raise InputError(
                    f"pictures must have the size that {path} takes, {own_shape}; they have "
                    f"{tuple(input_shape)}: set --image-size"
                )
            dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
            if not dense:
                raise InputError(
                    f"a base from a run must end with a dense layer, to be replaced; {path} has "
                    "none: name another"
                )
            return keras.Model(model.inputs[0], dense[-1].input, name=model.name)

        return cls(build, scaling, f"the network of {path}")


def build_base(base: Base, *, image_shape: tuple[int, int, int]) -> keras.Model:
    """Build a base as a functional model.

    Args:
        base: The base.
        image_shape: (height, width, channels).

    Raises:
        InputError: The model is neither functional nor Sequential.
    """
    return as_functional(base.build(input_shape=image_shape), image_shape=image_shape)


def with_pooling(model: keras.Model) -> keras.Model:
    """Return the model with one vector per picture as its output.

    Args:
        model: The model; of several outputs the first counts, and feature maps are averaged over
            their positions.
    """
    output = model.outputs[0]
    if len(output.shape) == 4:
        output = keras.layers.GlobalAveragePooling2D(name="head_pool")(output)
    elif len(output.shape) != 2:
        output = keras.layers.Flatten(name="head_flatten")(output)
    return keras.Model(model.inputs[0], output, name=model.name)


def splits_for(
    base: Base,
    recipe: Recipe,
    *,
    augmentation: dict[str, Any] | None = None,
    notes: Sequence[str] = (),
) -> ClassificationSplits:
    """Return a recipe's pictures, scaled as the base needs them.

    Args:
        base: The base.
        recipe: The choices.
        augmentation: Random changes of the training pictures.
        notes: Sentences for the report.

    Raises:
        InputError: The pictures cannot be used, or an option would scale pixels twice.
    """
    generator = scaled_generator(base.scaling, **(augmentation or {}))
    splits = classification_splits(recipe, generator)
    facts = splits.facts | {"notes": [*splits.facts["notes"], *notes]}
    return dataclasses.replace(splits, facts=facts)


def _label(builder, weights):
    """Return a builder with its options and weights: "MobileNet(alpha=0.25), ImageNet weights"."""
    options = {}
    while isinstance(builder, functools.partial):
        options, builder = builder.keywords | options, builder.func
    text = ", ".join(f"{name}={value!r}" for name, value in options.items())
    name = getattr(builder, "__name__", str(builder)) + (text and f"({text})")
    if weights is None:
        return N_(f"{name}, random weights")
    if weights == "imagenet":
        return N_(f"{name}, ImageNet weights")
    path = os.fspath(weights)
    return N_(f"{name}, weights of {path}")


def _scaling(builder, build, weights):
    """Return the scaling of a file's card, or that of the published weights."""
    if weights and Path(weights).suffix == ".keras" and card.is_in(weights):
        return Preparation.from_dict(card.read(weights).preparation).require_scaling()
    mode = weight_files.find_rule(builder, weights=weights)
    if mode is None:  # a function of the user's: the model that it builds knows its rule
        mode = weight_files.find_rule(build(input_shape=(224, 224, 3)), weights=weights)
    if mode is None:
        raise ValueError(
            f"no weights are published for {getattr(builder, '__name__', builder)}, so the scaling "
            "of its pictures is unknown: give scaling=, such as "
            "keras_cnn.images.scaling.Scaling(rescale=1 / 255)"
        )
    return Scaling(mode)
