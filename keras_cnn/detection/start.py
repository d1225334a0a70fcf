"""The weights that a detector's training starts from."""

import dataclasses
from pathlib import Path

from keras_cnn import card
from keras_cnn.detection.recipe import DetectionRecipe
from keras_cnn.errors import InputError
from keras_cnn.images.preparation import Preparation
from keras_cnn.images.scaling import Scaling
from keras_cnn.models import mobilenet, ssd_weights

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


def _available(recipe):
    """Return "imagenet" if the light base's weights can be had, else None."""
    if recipe.base != "mobilenet" or recipe.choices.get("as_printed"):
        return None
    try:
        mobilenet.MobileNet(
            weights="imagenet", include_top=False, input_shape=(224, 224, 3), alpha=recipe.alpha
        )
    except (OSError, ValueError) as error:
        print(f"Random weights instead of ImageNet's: {error}")
        return None
    print(f"The base starts from ImageNet weights: MobileNet with alpha={recipe.alpha:g}.")
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
    print(f"alpha is {alpha:g}, that of {path}, in place of {recipe.alpha:g}.")
    return alpha


def _refuse_scaling(path, its_card, needed):
    scaling = Preparation.from_dict(its_card.preparation).require_scaling()
    if scaling != needed:
        raise InputError(
            f"a base must have learned from pictures scaled by {needed}; those of {path} were "
            f"scaled by {scaling}: train it with keras-cnn train --weights imagenet, or name "
            "another file"
        )
