"""The network of a command by name, and the recipe and pictures of its training."""

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
    interpolation="bilinear",  # as in the training of published weights
    augment="none",
    without=("data", "variant"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the folder, the model and the options of a recipe.

    Args:
        parser: Parser of the command.
    """
    parser.add_argument(
        "folder",
        metavar="DIR",
        help="train/, val/ and test/, each with one folder per class; if test/ or val/ is missing, "
        "a share of train/ takes its place; or one folder per class",
    )
    parser.add_argument(
        "--model", required=True, metavar="NAME", help="resnet50, vgg16, book.alexnet, ..."
    )
    RECIPE.add_options(parser)


def recipe(options: argparse.Namespace) -> Recipe:
    """Return the recipe of a command; its name is ``<folder>_<model>``.

    Args:
        options: Options of the command, from `add_arguments`.

    Raises:
        InputError: The folder is missing, or a value is out of its range.
    """
    folder = arguments.folder(options.folder)
    model = re.sub("[^a-z0-9]+", "_", options.model.lower())
    name = f"{os.path.basename(os.path.abspath(folder))}_{model}"
    return RECIPE.with_options(options, name=name, dataset=folder.name, data=folder)


def builders() -> dict[str, Callable]:
    """Return the builders of classifiers by name; the book's listings are ``book.<name>``."""
    from keras_cnn import models

    functions = {name: getattr(models, name) for name in models.__all__}
    functions |= {f"book.{name}": value for name, value in vars(models.book).items()}
    return {name: value for name, value in functions.items() if _is_classifier(value)}


def _is_classifier(function):
    return (
        inspect.isfunction(function)
        and function.__name__[0].isupper()
        and function.__name__ not in _NO_CLASSIFIERS
        and {"input_shape", "classes"} <= set(inspect.signature(function).parameters)
    )


def find_builder(name: str) -> Callable:
    """Return the builder of a name.

    Args:
        name: A key of `builders`; capitals, hyphens and underscores do not count.

    Returns:
        The builder, which takes ``input_shape=`` and ``classes=``.

    Raises:
        InputError: There is no such builder; the sentence lists all.
    """
    letters = _letters(name)
    if letters == "ssd300":
        raise InputError("SSD300 finds objects: use keras-cnn train-detector DIR")
    known = builders()
    by_letters = {_letters(key): builder for key, builder in known.items()}
    if letters in by_letters:
        return by_letters[letters]
    close = difflib.get_close_matches(letters, by_letters, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    raise InputError(f"--model must be one of {', '.join(sorted(known))}; received {name!r}{hint}")


def _letters(name):
    return re.sub("[^a-z0-9]", "", name.lower())


def with_input_errors(build: Callable, name: str) -> Callable:
    """Return a builder whose ValueError, such as for too small pictures, becomes an `InputError`.

    Args:
        build: The builder.
        name: Name of the model, as the user wrote it.
    """

    @functools.wraps(build)
    def build_or_refuse(**options):
        try:
            return build(**options)
        except InputError:
            raise
        except ValueError as error:
            raise InputError(f"--model {name}: {error}") from error

    return build_or_refuse


def scaled_splits(recipe: Recipe) -> Any:
    """Return the `ClassificationSplits` of a recipe, pixels scaled to [0, 1].

    Args:
        recipe: The choices.
    """
    from keras_cnn.images import ImageDataGenerator
    from keras_cnn.splits import classification_splits

    return classification_splits(recipe, ImageDataGenerator(rescale=1 / 255))
