"""A pretrained network without its head."""

import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np

from keras_cnn import card
from keras_cnn.errors import InputError
from keras_cnn.images.preparation import Preparation, Scaling
from keras_cnn.splits import Splits


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
        return cls(build, preparation_of(card.read(weights)).scaling)

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
        rule = preparation_of(card.read(path))

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


def as_vector(model: keras.Model) -> keras.KerasTensor:
    """Return a model's output as one vector per picture, pooled where it is a feature map.

    Args:
        model: The model.
    """
    output = model.outputs[0]
    if len(output.shape) == 4:
        return keras.layers.GlobalAveragePooling2D(name="head_pool")(output)
    return output if len(output.shape) == 2 else keras.layers.Flatten(name="head_flatten")(output)


def preparation_of(told: card.Card) -> Preparation:
    """Return how a card says that pictures are prepared.

    Args:
        told: The card.

    Raises:
        InputError: It does not tell, or the rule is code that no file can carry.
    """
    rule = Preparation.from_dict(told.preparation)
    rule.scale(np.zeros((1, 1, 3)))  # refuses a rule that is code
    return rule


def with_notes(splits: Splits, notes: Sequence[str]) -> Splits:
    """Return splits whose report has further sentences.

    Args:
        splits: The splits.
        notes: The sentences.
    """
    facts = splits.facts | {"notes": [*splits.facts["notes"], *notes]}
    return dataclasses.replace(splits, facts=facts)
