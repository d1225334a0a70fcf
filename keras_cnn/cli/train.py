"""``train``: train a network on a folder of pictures."""

import argparse

from keras_cnn.cli import arguments, backend, model_options, networks, output
from keras_cnn.errors import InputError
from keras_cnn.options import flag


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments.

    Args:
        parser: Its parser.
    """
    networks.add_arguments(parser)
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

    The results are written to runs/<folder>_<model>: model.keras, which predict, evaluate, explain
    and export use, report.html, report.json and figures.
    """
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
            result = _train_from_weights(builder, weights, recipe, options)
        else:
            from keras_cnn.training import run as training

            build = networks.with_input_errors(builder, model_options.words(options))
            result = training.run(build, networks.scaled_splits(recipe, build=build), recipe)
    if options.json:
        output.print_json(result)


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
