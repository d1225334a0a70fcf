"""What the commands that train a classifier share: recipe, builder by name, pictures."""

import argparse
import difflib
import functools
import inspect
import os
import re
from collections.abc import Callable
from typing import Any

from keras_cnn.cli import arguments
from keras_cnn.errors import InputError
from keras_cnn.recipe import Recipe

_NO_CLASSIFIERS = ("LinearRegression", "SSD300")


RECIPE = Recipe(
    name="",
    dataset="",
    interpolation="bilinear",  # as published weights learned
    augment="none",
    without=("data", "variant"),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the folder, the model and the options of a recipe.

    Args:
        parser: The command's.
    """
    parser.add_argument(
        "folder",
        metavar="DIR",
        help="train/, val/ and test/ with one folder per class each; without test/ or val/ parts "
        "of train/ take their place; or one folder per class",
    )
    parser.add_argument(
        "--model", required=True, metavar="NAME", help="resnet50, vgg16, book.alexnet, ..."
    )
    RECIPE.add_options(parser)


def choices(options: argparse.Namespace) -> tuple[str, Recipe]:
    """Return the model's name and the recipe.

    Args:
        options: The command's.
    """
    folder = arguments.folder(options.folder)
    name = options.model
    run = f"{os.path.basename(os.path.abspath(folder))}_{re.sub('[^a-z0-9]+', '_', name.lower())}"
    return name, RECIPE.with_options(options, name=run, dataset=folder.name, data=folder)


def find_builder(name: str):
    """Find a builder of `models`, or with the prefix ``book.`` a listing of `models.book`.

    Args:
        name: Its name; capitals, hyphens and underscores do not count.

    Returns:
        The builder, which takes ``input_shape=`` and ``classes=``.

    Raises:
        InputError: There is none; the sentence lists all.
    """
    from keras_cnn import models

    listings = {f"book.{key}": value for key, value in vars(models.book).items()}
    known = {
        key: value
        for key, value in ({key: getattr(models, key) for key in models.__all__} | listings).items()
        if inspect.isfunction(value)
        and value.__name__[0].isupper()
        and {"input_shape", "classes"} <= set(inspect.signature(value).parameters)
        and value.__name__ not in _NO_CLASSIFIERS
    }
    if _letters(name) == "ssd300":
        raise InputError("SSD300 finds objects: use keras-cnn train-detector DIR")
    by_plain_name = {_letters(key): value for key, value in known.items()}
    if builder := by_plain_name.get(_letters(name)):
        return builder
    close = difflib.get_close_matches(_letters(name), by_plain_name, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    raise InputError(f"--model must be one of {', '.join(sorted(known))}; received {name!r}{hint}")


def _letters(name):
    return re.sub("[^a-z0-9]", "", name.lower())


def with_sentences(build: Callable, name: str) -> Callable:
    """Return a builder whose refusals, such as pictures too small for it, are an `InputError`.

    Args:
        build: The builder.
        name: What the user called it.
    """

    @functools.wraps(build)
    def building(**options):
        try:
            return build(**options)
        except ValueError as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"--model {name}: {error}") from error

    return building


def splits(recipe: Recipe) -> Any:
    """Return the `ClassificationSplits` of a recipe, pixels scaled to [0, 1].

    Args:
        recipe: The choices.
    """
    from keras_cnn.images import ImageDataGenerator
    from keras_cnn.splits import classification_splits

    return classification_splits(recipe, ImageDataGenerator(rescale=1 / 255))
