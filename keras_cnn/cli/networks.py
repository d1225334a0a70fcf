"""The network of a command by name, and the recipe and pictures of its training."""

import argparse
import dataclasses
import difflib
import functools
import inspect
import os
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from keras_cnn import filesystem
from keras_cnn.cli import arguments
from keras_cnn.errors import InputError
from keras_cnn.recipe import Recipe

CLASSIFIERS = {  # name in `models` -> source; a table, since importing `models` takes seconds
    "AlexNet": "Krizhevsky et al., 2012",
    "DenseNet121": "Huang et al., 2017",
    "DenseNet169": "Huang et al., 2017",
    "DenseNet201": "Huang et al., 2017",
    "InceptionV1": "GoogLeNet, Szegedy et al., 2015",
    "InceptionV3": "Szegedy et al., 2016",
    "InceptionV4": "Szegedy et al., 2017",
    "LeNet5": "LeCun et al., 1998",
    "MobileNet": "Howard et al., 2017",
    "ResNet18": "He et al., 2016",
    "ResNet34": "He et al., 2016",
    "ResNet50": "He et al., 2016",
    "ResNet101": "He et al., 2016",
    "ResNet152": "He et al., 2016",
    "SoftmaxRegression": "one dense layer",
    "VGG11": "Simonyan & Zisserman, 2015",
    "VGG13": "Simonyan & Zisserman, 2015",
    "VGG16": "Simonyan & Zisserman, 2015",
    "VGG19": "Simonyan & Zisserman, 2015",
    "book.SoftmaxRegression": "王汉生's listing, chapter 3",
    "book.LeNet5": "王汉生's listing, chapter 4",
    "book.AlexNet": "王汉生's listing, chapter 5",
    "book.VGG16": "王汉生's listing, chapter 5",
    "book.InceptionV1": "王汉生's listing, chapter 5",
    "book.ResNet": "王汉生's listing, chapter 5",
    "book.DenseNet": "王汉生's listing, chapter 6",
    "book.MobileNet": "王汉生's listing, chapter 6",
    "book.FashionCNN": "Udacity's exercise",
}
RECIPE = Recipe(
    name="",
    dataset="",
    interpolation="bilinear",  # as in the training of published weights
    augment="none",
    without=("variant",),
)


OPTIONS = tuple(name for name in RECIPE.option_names if name != "data")  # DIR is the data


def add_arguments(parser: argparse.ArgumentParser, *, names: Collection[str] = OPTIONS) -> None:
    """Add the folder, the model, its weights and the options of a recipe.

    Args:
        parser: Parser of the command.
        names: Names of the recipe's options that have an effect on the command.
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
    parser.add_argument(
        "--weights",
        metavar="imagenet|PATH",
        help="start from trained weights, under a new head (default: random weights)",
    )
    RECIPE.add_options(parser, names=names)


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


def full_name(name: str) -> str:
    """Return the name of a classifier as `CLASSIFIERS` writes it.

    Args:
        name: The name; capitals, hyphens and underscores do not count.

    Raises:
        InputError: There is no such classifier; the sentence lists all.
    """
    letters = _letters(name)
    if letters == "ssd300":
        raise InputError("SSD300 finds objects: use keras-cnn train-detector DIR")
    by_letters = {_letters(key): key for key in CLASSIFIERS}
    if letters in by_letters:
        return by_letters[letters]
    close = difflib.get_close_matches(letters, by_letters, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    raise InputError(f"--model must be one of {', '.join(CLASSIFIERS)}; received {name!r}{hint}")


def _letters(name):
    return re.sub("[^a-z0-9]", "", name.lower())


def find_builder(name: str) -> Callable:
    """Return the builder of a classifier, which takes ``input_shape=`` and ``classes=``.

    Args:
        name: As in `full_name`.

    Raises:
        InputError: As in `full_name`.
    """
    package, _, function = full_name(name).rpartition(".")
    from keras_cnn import models

    return getattr(models.book if package else models, function)


def weights(text: str | None) -> str | None:
    """Return "imagenet", the path of a file of weights, or None.

    Args:
        text: Value of --weights.

    Raises:
        InputError: There is no such file.
    """
    if text in (None, "imagenet"):
        return text
    path = Path(text)
    if path.is_dir():
        path /= "model.keras"
    if not path.is_file():
        raise InputError(
            f"--weights must be imagenet, a file of weights or the folder of a run; there is no "
            f"{str(path)!r}: check the path"
        )
    return str(path)


def base(builder: Callable, weights: str, options: argparse.Namespace) -> Any:
    """Return a `transfer.Base`: a network with trained weights, without its head.

    Args:
        builder: Builder of the network.
        weights: "imagenet" or the path of a file.
        options: Options of the command.

    Raises:
        InputError: The network takes no weights, or they do not fit it.
    """
    from keras_cnn import transfer

    if not {"weights", "include_top"} <= set(inspect.signature(builder).parameters):
        raise InputError(
            f"--model {options.model} cannot start from trained weights: leave out --weights"
        )
    label = f"--model {options.model} --weights {weights}"
    base = with_input_errors(transfer.Base.of, label)(builder, weights=weights)
    return dataclasses.replace(base, build=with_input_errors(base.build, label))


def with_input_errors(function: Callable, options: str) -> Callable:
    """Return a function whose errors, such as for too small pictures, are an `InputError`.

    Args:
        function: A builder, or another function that raises ValueError or ImportError.
        options: The options to name in the message, such as "--model resnet18".
    """

    @functools.wraps(function)
    def call_or_refuse(*args, **keywords):
        try:
            return function(*args, **keywords)
        except InputError:
            raise
        except (ValueError, ImportError) as error:
            raise InputError(f"{options}: {error}") from error

    return call_or_refuse


def scaled_splits(recipe: Recipe, *, build: Callable, scaling: Any = None) -> Any:
    """Return the `ClassificationSplits` of a recipe.

    All pictures are read, which may take minutes. Therefore a results folder that cannot be
    written, missing devices and a network that cannot be built are refused before.

    Args:
        recipe: The choices.
        build: Builder of the network.
        scaling: An `images.scaling.Scaling` of the pixels; None scales them to [0, 1].
    """
    from keras_cnn.images import ImageDataGenerator, scaled_generator
    from keras_cnn.splits import classification_splits
    from keras_cnn.training import compiling, distribution

    filesystem.check_writable(recipe.folder)  # not created yet: it may lie beside class folders
    distribution.set_up(recipe)  # JAX finds other processes only before it computes anything
    image_shape = (recipe.image_size, recipe.image_size, 3)
    compiling.build_apart(build, input_shape=image_shape, classes=2)
    if scaling is None:
        return classification_splits(recipe, ImageDataGenerator(rescale=1 / 255))
    return classification_splits(recipe, scaled_generator(scaling))
