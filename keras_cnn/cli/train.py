"""``train``, ``train-detector`` and ``lr-find``: a network on one's own folder of pictures."""

import argparse
import dataclasses
import difflib
import functools
import inspect
import os
import re
from pathlib import Path

from keras_cnn.cli import arguments
from keras_cnn.detection.recipe import DetectionRecipe
from keras_cnn.errors import InputError
from keras_cnn.recipe import Recipe

_NO_CLASSIFIERS = ("LinearRegression", "SSD300")
_RECIPE = Recipe(
    name="",
    dataset="",
    interpolation="bilinear",  # as published weights learned
    augment="none",
    without=("data", "variant"),
)

_DETECTION = DetectionRecipe(
    name="",
    dataset="",
    batch_size=8,
    epochs=40,
    learning_rate=1.5e-3,
    schedule="cosine",
    warmup=1,
    without=(*DetectionRecipe.without, "data"),
)


def add(commands) -> None:
    """Add the commands.

    Args:
        commands: What `add_subparsers` returned.
    """
    parser = arguments.command(commands, "train", train, help="train a network on your pictures")
    _add_shared(parser)
    parser.add_argument(
        "--weights",
        metavar="imagenet|PATH",
        help="start from trained weights, under a new head (default: from scratch)",
    )
    parser.add_argument(
        "--freeze",
        metavar="all|none|LAYER",
        help="with --weights: all, only the head learns (default); none, then all layers do; a "
        "layer's name, then those from it on do",
    )
    parser.add_argument(
        "--codes",
        choices=("softmax", "logistic", "svm"),
        help="with --weights: compute features once, and fit a linear classifier on them",
    )
    arguments.add_json(parser)

    parser = arguments.command(
        commands, "train-detector", train_detector, help="train SSD300 on pictures with boxes"
    )
    parser.add_argument(
        "folder",
        metavar="DIR",
        help="in VOC's layout: Annotations/*.xml, JPEGImages/, ImageSets/Main/{train,val}.txt",
    )
    _DETECTION.add_options(parser)
    arguments.add_json(parser)

    parser = arguments.command(commands, "lr-find", lr_find, help="suggest a learning rate")
    _add_shared(parser)
    parser.add_argument(
        "--steps",
        type=arguments.positive,
        default=100,
        metavar="N",
        help="rates tried (default: 100)",
    )
    arguments.add_json(parser)


def _add_shared(parser):
    parser.add_argument(
        "folder",
        metavar="DIR",
        help="train/, val/ and test/ with one folder per class each; without test/ or val/ parts "
        "of train/ take their place; or one folder per class",
    )
    parser.add_argument(
        "--model", required=True, metavar="NAME", help="resnet50, vgg16, book.alexnet, ..."
    )
    _RECIPE.add_options(parser)


def train(options: argparse.Namespace) -> None:
    """Train a network on a folder of pictures, test it once, and report.

    The results lie in runs/<folder>_<model>: model.keras, which predict, evaluate, explain and
    export use, report.html, report.json and figures.
    """
    name, recipe = _choices(options)
    for option in ("freeze", "codes"):
        if getattr(options, option) and not options.weights:
            raise InputError(f"--{option} needs trained weights: add --weights imagenet|PATH")
    if options.freeze and options.codes:
        raise InputError("--codes leaves the whole network frozen: leave out --freeze or --codes")
    with arguments.telling(options):
        builder = find_builder(name)
        if options.weights:
            told = _transfer(builder, name, recipe, options)
        else:
            from keras_cnn.training import run as training

            told = training.run(_sentences(builder, name), _splits(recipe), recipe)
    if options.json:
        arguments.print_json(told)


def _transfer(builder, name, recipe, options):
    from keras_cnn import transfer

    taken = inspect.signature(builder).parameters
    if not {"weights", "include_top"} <= set(taken):
        raise InputError(f"--model {name} cannot start from trained weights: leave out --weights")
    if options.codes:
        transfer.check_codes(recipe)
    weights = options.weights
    if weights != "imagenet" and Path(weights).is_dir():
        weights = str(Path(weights) / "model.keras")
    if weights != "imagenet" and not Path(weights).is_file():
        raise InputError(
            f"--weights must be imagenet, a file of weights or the folder of a run; there is no "
            f"{weights!r}: check the path"
        )
    try:
        base = transfer.Base.of(builder, weights=weights)
    except ValueError as error:
        raise InputError(f"--model {name}: {error}") from None
    base = dataclasses.replace(base, build=_sentences(base.build, name))
    if options.codes:
        return transfer.fit_codes(base, recipe, classifier=options.codes)
    freeze = options.freeze or "all"
    return transfer.fit_head(
        base,
        recipe,
        fine_tune=freeze != "all",
        from_layer=None if freeze in ("all", "none") else freeze,
    )


def train_detector(options: argparse.Namespace) -> None:
    """Train SSD300 to find objects in pictures, score it once, and report.

    The results lie in runs/<folder>_ssd300: model.keras, which detect, evaluate, explain and
    export use, report.html, report.json and figures.
    """
    folder = arguments.folder(options.folder)
    run = f"{os.path.basename(os.path.abspath(folder))}_ssd300"
    recipe = _DETECTION.with_options(options, name=run, dataset=folder.name, data=folder)
    with arguments.telling(options):
        from keras_cnn import detection
        from keras_cnn.models import ssd
        from keras_cnn.training import run as training

        told = training.run(
            functools.partial(detection.network, recipe),
            detection.detection_splits(recipe),
            recipe,
            optimizer=detection.optimizer(recipe),
            fine_tune=ssd.unfreeze if recipe.freeze else None,
        )
    if options.json:
        arguments.print_json(told)


def lr_find(options: argparse.Namespace) -> None:
    """Raise the learning rate step by step, draw the loss over it, and suggest one.

    The network is trained for a few steps only and thrown away. The drawing and the figures lie
    in runs/<folder>_<model>: lr_find.png and lr_find.json.
    """
    name, recipe = _choices(options)
    with arguments.telling(options):
        builder = find_builder(name)
        from keras_cnn.training import lr_finder

        splits = _splits(recipe)
        found = lr_finder.find(_sentences(builder, name), splits, recipe, steps=options.steps)
        lr_finder.write(found, recipe.folder)
        print(found.sentence)
        print(f"Drawing: {recipe.folder / 'lr_find.png'}")
    if options.json:
        arguments.print_json(found.to_dict())


def _choices(options):
    """The model's name and the recipe."""
    folder = arguments.folder(options.folder)
    name = options.model
    run = f"{os.path.basename(os.path.abspath(folder))}_{re.sub('[^a-z0-9]+', '_', name.lower())}"
    return name, _RECIPE.with_options(options, name=run, dataset=folder.name, data=folder)


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


def _sentences(build, name):
    """Let what a builder refuses, such as pictures too small for it, be one sentence."""

    @functools.wraps(build)
    def building(**options):
        try:
            return build(**options)
        except ValueError as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"--model {name}: {error}") from error

    return building


def _splits(recipe):
    from keras_cnn.images import ImageDataGenerator
    from keras_cnn.splits import classification_splits

    return classification_splits(recipe, ImageDataGenerator(rescale=1 / 255))
