"""``train``: train a network on a folder of pictures."""

import argparse
import dataclasses
import inspect
from pathlib import Path

from keras_cnn.cli import arguments, networks, output
from keras_cnn.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments.

    Args:
        parser: Its parser.
    """
    networks.add_arguments(parser)
    parser.add_argument(
        "--weights",
        metavar="imagenet|PATH",
        help="start from trained weights, under a new head (default: random weights)",
    )
    parser.add_argument(
        "--freeze",
        metavar="all|none|LAYER",
        help="with --weights: all trains the head only (default); none then trains all layers; a "
        "layer's name then trains the layers from it on",
    )
    parser.add_argument(
        "--codes",
        choices=("softmax", "logistic", "svm"),
        help="with --weights: compute features once, and fit a linear classifier on them",
    )
    arguments.add_json(parser)


def run(options: argparse.Namespace) -> None:
    """Train a network on a folder of pictures, test it once, and report.

    The results are written to runs/<folder>_<model>: model.keras, which predict, evaluate, explain
    and export use, report.html, report.json and figures.
    """
    recipe = networks.recipe(options)
    for name in ("freeze", "codes"):
        if getattr(options, name) and not options.weights:
            raise InputError(f"--{name} needs trained weights: add --weights imagenet|PATH")
    if options.freeze and options.codes:
        raise InputError("--codes leaves the whole network frozen: leave out --freeze or --codes")
    with output.stdout_for_answer(options):
        builder = networks.find_builder(options.model)
        if options.weights:
            result = _train_from_weights(builder, recipe, options)
        else:
            from keras_cnn.training import run as training

            build = networks.with_input_errors(builder, options.model)
            result = training.run(build, networks.scaled_splits(recipe), recipe)
    if options.json:
        output.print_json(result)


def _train_from_weights(builder, recipe, options):
    from keras_cnn import transfer

    if not {"weights", "include_top"} <= set(inspect.signature(builder).parameters):
        raise InputError(
            f"--model {options.model} cannot start from trained weights: leave out --weights"
        )
    if options.codes:
        transfer.check_codes(recipe)
    try:
        base = transfer.Base.of(builder, weights=_weights(options.weights))
    except ValueError as error:
        raise InputError(f"--model {options.model}: {error}") from None
    build = networks.with_input_errors(base.build, options.model)
    base = dataclasses.replace(base, build=build)
    if options.codes:
        return transfer.fit_codes(base, recipe, classifier=options.codes)
    freeze = options.freeze or "all"
    return transfer.fit_head(
        base,
        recipe,
        fine_tune=freeze != "all",
        from_layer=None if freeze in ("all", "none") else freeze,
    )


def _weights(text):
    """Return "imagenet" or the path of a file of weights."""
    if text == "imagenet":
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
