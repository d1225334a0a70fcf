"""The network of a command by name, and the recipe and pictures of its training."""

import argparse
import dataclasses
import difflib
import functools
import inspect
import json
import os
import re
from collections.abc import Callable, Collection
from importlib.resources import files
from pathlib import Path
from typing import Any

from keras_cnn import filesystem
from keras_cnn.cli import arguments, model_options
from keras_cnn.errors import InputError
from keras_cnn.i18n import N_
from keras_cnn.recipe import Recipe

# `models.identify.facts`, without the seconds that importing `models` takes.
FACTS = json.loads((files("keras_cnn") / "models" / "facts.json").read_text("utf-8"))
CLASSIFIERS = tuple(dict.fromkeys(row["builder"] for row in FACTS))  # names in `models`
RECIPE = Recipe(
    name="",
    dataset="",
    interpolation="bilinear",  # as in the training of published weights
    augment="none",
    without=("variant",),
)


OPTIONS = tuple(name for name in RECIPE.option_names if name != "data")  # DIR is the data


def add_arguments(
    parser: argparse.ArgumentParser,
    *,
    names: Collection[str] = OPTIONS,
    model_is_required: bool = True,
) -> None:
    """Add the folder, the model, its options and weights, and the options of a recipe.

    Args:
        parser: Parser of the command.
        names: Names of the recipe's options that have an effect on the command.
        model_is_required: Whether --model must be given.
    """
    parser.add_argument(
        "folder",
        metavar="DIR",
        help="train/, val/ and test/, each with one folder per class; if test/ or val/ is missing, "
        "a share of train/ takes its place; or one folder per class",
    )
    parser.add_argument(
        "--model",
        required=model_is_required,
        metavar="NAME",
        help=N_("resnet50, vgg16, book.alexnet, ...")
        if model_is_required
        else N_(
            "resnet50, vgg16, book.alexnet, ... (default: chosen for the folder and the --budget)"
        ),
    )
    model_options.add_arguments(parser)
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
        InputError: The folder is missing, there is no such model, or a value is out of its range.
    """
    folder = arguments.folder(options.folder)
    given = ", ".join(f"{name}={text}" for name, text in model_options.texts(options).items())
    network = f"{full_name(options.model)}({given})"
    model = re.sub("[^a-z0-9]+", "_", options.model.lower())
    name = f"{os.path.basename(os.path.abspath(folder))}_{model}"
    changes = {"name": name, "dataset": folder.name, "data": folder, "network": network}
    return RECIPE.with_options(options, **changes)


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
    if letters in ("fcn32s", "fcn16s", "fcn8s"):
        raise InputError("an FCN gives each pixel a class: use cases/shapes_fcn.py --data DIR")
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


def builder(options: argparse.Namespace) -> Callable:
    """Return the builder of a command's network, with the options that the user gave.

    Args:
        options: Options of the command.

    Raises:
        InputError: As in `full_name` and `model_options.apply`.
    """
    return model_options.apply(find_builder(options.model), options)


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
    label = f"{model_options.words(options)} --weights {weights}"
    base = with_input_errors(transfer.Base.of, label)(builder, weights=weights)
    return dataclasses.replace(base, build=with_input_errors(base.build, label))


def base_of_weights(weights: str) -> Any:
    """Return a `transfer.Base` of a file that tells its network itself.

    Args:
        weights: Path of a file of weights, or of a run's `model.keras`.

    Raises:
        InputError: The file holds no network of this package.
    """
    from keras_cnn import card, transfer
    from keras_cnn.models import identify

    if weights.endswith(".keras") and card.is_in(weights):
        return transfer.Base.of_run(weights)
    network = with_input_errors(identify.identify, f"--weights {weights}")(weights)
    if network is None:
        raise InputError(
            f"--weights {weights} holds weights of an unknown network: name it with --model"
        )
    builder = functools.partial(find_builder(network.builder), **network.options)
    label = f"--weights {weights}"
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
            if hasattr(error, "for_command_line"):  # `models.identify.UnfitWeights`
                raise InputError(error.for_command_line()) from error
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
