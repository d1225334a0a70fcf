"""What a detector's training starts from: its network, weights, priors and optimizer."""

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path

import keras

from keras_cnn import card
from keras_cnn.detection.recipe import DetectionRecipe
from keras_cnn.errors import InputError
from keras_cnn.i18n import say
from keras_cnn.images.preparation import Preparation
from keras_cnn.images.scaling import Scaling
from keras_cnn.models import book, book_ssd, mobilenet, ssd, ssd_weights

NEEDED = {"MobileNet": Scaling("tf"), "VGG16": Scaling("caffe")}  # of a base's pictures


def settled(recipe: DetectionRecipe) -> DetectionRecipe:
    """Return a recipe whose weights are decided, and tell the decision in a line.

    "auto" becomes "imagenet" for the light base if its weights are on this machine or can be
    downloaded, else None; the folder of a run becomes its file. A light detector's file decides
    alpha.

    Args:
        recipe: The choices; a recipe that was settled before stays the same.

    Raises:
        InputError: There is no such file, or the pictures of its training were scaled otherwise.
    """
    if recipe.weights == "auto":
        return dataclasses.replace(recipe, weights=_available(recipe))
    if recipe.weights in (None, "none", "imagenet"):
        kept = None if recipe.weights == "none" else recipe.weights
        return dataclasses.replace(recipe, weights=kept)
    path = Path(recipe.weights)
    if path.is_dir():
        path = card.model_path(path)
    if not path.is_file():
        raise InputError(
            "--weights must be auto, imagenet, none, a file of weights or the folder of a run; "
            f"there is no {str(path)!r}: check the path"
        )
    return dataclasses.replace(recipe, weights=str(path), alpha=_alpha(recipe, path))


def network(recipe: DetectionRecipe, *, input_shape: tuple, classes: int) -> keras.Model:
    """Build the network of a recipe.

    Args:
        recipe: The choices `base`, `alpha`, `weights` and `freeze`; with `as_printed` the network
            is `models.book.SSD300`.
        input_shape: `(300, 300, 3)`.
        classes: Number of classes, background included as the first.

    Returns:
        What `models.SSD300` builds; `freeze` has frozen its first stages.

    Raises:
        InputError: The weights are missing or do not fit, or `alpha` leaves no filter.
    """
    recipe = settled(recipe)
    as_printed = recipe.choices.get("as_printed", False)
    options = {"weights": recipe.weights, "input_shape": input_shape, "classes": classes}
    try:
        if as_printed:
            model = book.SSD300(**options)
        else:
            model = ssd.SSD300(base=recipe.base, alpha=recipe.alpha, **options)
    except (OSError, ValueError) as error:
        option = f"--weights {recipe.weights}: " if recipe.weights else ""
        raise InputError(f"{option}{error}") from error
    if recipe.freeze:
        ssd.freeze(model, through=book_ssd.LAST_FROZEN if as_printed else ssd.LAST_FROZEN)
    return model


def optimizer(recipe: DetectionRecipe) -> Callable[..., keras.optimizers.Optimizer]:
    """Return the class of a recipe's optimizer.

    Args:
        recipe: The choice `optimizer`.
    """
    if recipe.optimizer == "adam":
        return keras.optimizers.Adam
    return partial(keras.optimizers.SGD, momentum=0.9)


def priors(weights: str | None) -> str:
    """Return the row of `boxes.TABLES` that weights were trained for.

    Args:
        weights: As in the recipe.
    """
    if weights is not None and Path(weights).is_dir():
        weights = str(card.model_path(weights))
    if weights is not None and weights.endswith(".pth"):
        return "torchvision"
    if weights is not None and weights.endswith(".keras") and card.is_in(weights):
        return card.read(weights).priors or "voc"
    return "voc"


def _available(recipe):
    """Return "imagenet" if the light base's weights can be had, else None."""
    if recipe.base != "mobilenet" or recipe.choices.get("as_printed"):
        return None
    try:
        mobilenet.MobileNet(
            weights="imagenet", include_top=False, input_shape=(224, 224, 3), alpha=recipe.alpha
        )
    except (OSError, ValueError) as error:
        say(f"Random weights instead of ImageNet's: {error}")
        return None
    say(f"The base starts from ImageNet weights: MobileNet with alpha={recipe.alpha:g}.")
    return "imagenet"


def _alpha(recipe, path):
    """Return the alpha of the weights in a file; refuse pictures that were scaled otherwise."""
    its_card = card.read(path) if path.suffix == ".keras" and card.is_in(path) else None
    alpha = None
    if (network := ssd_weights.base_in(path)) is not None:
        alpha = network.options.get("alpha")
        if its_card is not None:
            _refuse_scaling(path, its_card, NEEDED[network.builder])
    elif its_card is not None and its_card.task == "detection":
        alpha = its_card.recipe.get("alpha")
    if recipe.base != "mobilenet" or alpha in (None, recipe.alpha):
        return recipe.alpha
    say(f"alpha is {alpha:g}, that of {path}, in place of {recipe.alpha:g}.")
    return alpha


def _refuse_scaling(path, its_card, needed):
    scaling = Preparation.from_dict(its_card.preparation).require_scaling()
    if scaling != needed:
        raise InputError(
            f"a base must have learned from pictures scaled by {needed}; those of {path} were "
            f"scaled by {scaling}: train it with keras-cnn train --weights imagenet, or name "
            "another file"
        )
