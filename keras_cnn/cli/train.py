"""``train``, ``train-detector`` and ``lr-find``: a network on one's own folder of pictures."""

import argparse
import dataclasses
import inspect
from pathlib import Path

from keras_cnn.cli import arguments, networks, output
from keras_cnn.errors import InputError


def add(commands) -> None:
    """Add the command.

    Args:
        commands: What `add_subparsers` returned.
    """
    parser = arguments.command(commands, "train", train, help="train a network on your pictures")
    networks.add_options(parser)
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


def train(options: argparse.Namespace) -> None:
    """Train a network on a folder of pictures, test it once, and report.

    The results lie in runs/<folder>_<model>: model.keras, which predict, evaluate, explain and
    export use, report.html, report.json and figures.
    """
    name, recipe = networks.choices(options)
    for option in ("freeze", "codes"):
        if getattr(options, option) and not options.weights:
            raise InputError(f"--{option} needs trained weights: add --weights imagenet|PATH")
    if options.freeze and options.codes:
        raise InputError("--codes leaves the whole network frozen: leave out --freeze or --codes")
    with output.telling(options):
        builder = networks.find_builder(name)
        if options.weights:
            told = _transfer(builder, name, recipe, options)
        else:
            from keras_cnn.training import run as training

            told = training.run(
                networks.with_sentences(builder, name), networks.splits(recipe), recipe
            )
    if options.json:
        output.print_json(told)


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
    base = dataclasses.replace(base, build=networks.with_sentences(base.build, name))
    if options.codes:
        return transfer.fit_codes(base, recipe, classifier=options.codes)
    freeze = options.freeze or "all"
    return transfer.fit_head(
        base,
        recipe,
        fine_tune=freeze != "all",
        from_layer=None if freeze in ("all", "none") else freeze,
    )
