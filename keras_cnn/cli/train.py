"""``train``: train a network on a folder of pictures."""

import argparse
import time

from keras_cnn.cli import arguments, backend, model_options, networks, output
from keras_cnn.errors import InputError
from keras_cnn.options import flag
from keras_cnn.recipe import check_budget


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments.

    Args:
        parser: Its parser.
    """
    networks.add_arguments(parser, model_is_required=False)
    parser.add_argument(
        "--budget",
        type=float,
        metavar="MINUTES",
        help="without --model: time for everything, the report included (default: 10)",
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
    parser.add_argument(
        "--codes-cache",
        metavar="FILE",
        help="with --codes: where to store the features (default: codes.sqlite beside the results "
        "folder)",
    )
    arguments.add_mirror(parser)
    arguments.add_json(parser)


def run(options: argparse.Namespace) -> None:
    """Train a network on a folder of pictures, test it once, and report.

    Without --model the command chooses: a pretrained network if one can be had, the size of the
    pictures, and as much training as the --budget allows: first a linear classifier on features,
    then a head that learns from augmented pictures, then fine-tuning. Each stays only if it lowers
    the validation loss.

    The results are written to runs/<folder>_<model>, or runs/<folder> without --model: model.keras,
    which predict, evaluate, explain and export use, report.html, report.json and figures.
    """
    started = time.monotonic()
    if options.model is None:
        result = _within_budget(options, started)
    else:
        result = _with_model(options)
    if options.json:
        output.print_json(result)


def _within_budget(options, started):
    """Let `keras_cnn.fit` choose the network and the training."""
    folder = arguments.folder(options.folder)
    for name in ("alpha", "model_option", "freeze", "codes", "codes_cache"):
        if getattr(options, name):
            raise InputError(f"{flag(name)} belongs to a network that you choose: add --model NAME")
    choices = {
        name: getattr(options, name)
        for name in networks.OPTIONS
        if getattr(options, name) != getattr(networks.RECIPE, name)
    }
    budget = 10.0 if options.budget is None else options.budget
    check_budget(budget, choices)
    weights = networks.weights(options.weights)
    with output.stdout_for_answer(options):
        backend.import_keras()
        from keras_cnn import transfer

        base = networks.base_of_weights(weights) if weights not in (None, "imagenet") else None
        left = budget - (time.monotonic() - started) / 60  # importing Keras takes seconds
        return transfer.fit(folder, budget=max(left, 1e-6), base=base, **choices)


def _with_model(options):
    if options.budget is not None:
        raise InputError("--budget chooses the network itself: leave out --model or --budget")
    recipe = networks.recipe(options)
    for name in ("freeze", "codes"):
        if getattr(options, name) and not options.weights:
            raise InputError(f"--{name} needs trained weights: add --weights imagenet|PATH")
    if options.codes_cache and not options.codes:
        raise InputError("--codes-cache stores the features of --codes: add --codes logistic")
    if options.freeze and options.codes:
        raise InputError("--codes leaves the whole network frozen: leave out --freeze or --codes")
    if options.codes in ("logistic", "svm"):
        for name in ("epochs", "learning_rate", "batch_size"):
            if getattr(recipe, name) != getattr(networks.RECIPE, name):
                raise InputError(
                    f"--codes {options.codes} is solved without steps: leave out {flag(name)}, or "
                    "use --codes softmax"
                )
    weights = networks.weights(options.weights)
    with output.stdout_for_answer(options):
        backend.import_keras()
        builder = networks.builder(options)
        if weights:
            return _train_from_weights(builder, weights, recipe, options)
        from keras_cnn.training import run as training

        build = networks.with_input_errors(builder, model_options.words(options))
        return training.run(build, networks.scaled_splits(recipe, build=build), recipe)


def _train_from_weights(builder, weights, recipe, options):
    from keras_cnn import transfer

    if options.codes:
        transfer.check_codes(recipe)
    base = networks.base(builder, weights, options)
    if options.codes:
        return transfer.fit_features(
            base, recipe, classifier=options.codes, cache=options.codes_cache
        )
    freeze = options.freeze or "all"
    return transfer.fit_head(
        base,
        recipe,
        fine_tune=freeze != "all",
        from_layer=None if freeze in ("all", "none") else freeze,
    )
