"""``lr-find``: suggest a learning rate."""

import argparse

from keras_cnn.cli import arguments, backend, model_options, networks, output
from keras_cnn.i18n import say

# The options of a recipe that change a range test. The others would have no effect.
_OPTIONS = (
    *("image_size", "interpolation", "batch_size", "validation_split", "seed", "out", "workers"),
    *("augment", "class_weights", "label_smoothing", "weight_decay", "skip_bad_images"),
    *("background", "classes", "leave_out", "cache"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments.

    Args:
        parser: Its parser.
    """
    networks.add_arguments(parser, names=_OPTIONS)
    parser.add_argument(
        "--steps",
        type=arguments.positive,
        default=100,
        metavar="N",
        help="number of learning rates to try (default: 100)",
    )
    arguments.add_mirror(parser)
    arguments.add_json(parser)


def run(options: argparse.Namespace) -> None:
    """Raise the learning rate step by step, draw the loss over it, and suggest a rate.

    The network is trained for these steps only and not kept; with --weights only its new head is
    trained. The drawing and the figures are written to runs/<folder>_<model>: lr_find.png and
    lr_find.json.
    """
    recipe = networks.recipe(options)
    weights = networks.weights(options.weights)
    with output.stdout_for_answer(options):
        backend.import_keras()
        from keras_cnn.training import lr_finder

        build, splits = _network_and_splits(recipe, weights, options)
        result = lr_finder.find_learning_rate(build, splits, recipe, steps=options.steps)
        lr_finder.write(result, recipe.folder)
        say(result.sentence)
        say(f"Drawing: {recipe.folder / 'lr_find.png'}")
    if options.json:
        output.print_json(result.to_dict())


def _network_and_splits(recipe, weights, options):
    """Return the builder of the network to train, and its pictures."""
    builder = networks.builder(options)
    if weights:
        from keras_cnn import transfer

        base = networks.base(builder, weights, options)
        build, scaling = transfer.with_head(base), base.scaling
    else:
        build, scaling = networks.with_input_errors(builder, model_options.words(options)), None
    return build, networks.scaled_splits(recipe, build=build, scaling=scaling)
