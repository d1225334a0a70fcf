"""``lr-find``: suggest a learning rate."""

import argparse

from keras_cnn.cli import arguments, backend, networks, output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments.

    Args:
        parser: Its parser.
    """
    networks.add_arguments(parser)
    parser.add_argument(
        "--steps",
        type=arguments.positive,
        default=100,
        metavar="N",
        help="number of learning rates to try (default: 100)",
    )
    arguments.add_json(parser)


def run(options: argparse.Namespace) -> None:
    """Raise the learning rate step by step, draw the loss over it, and suggest a rate.

    The network is trained for these steps only and not kept. The drawing and the figures are
    written to runs/<folder>_<model>: lr_find.png and lr_find.json.
    """
    recipe = networks.recipe(options)
    with output.stdout_for_answer(options):
        networks.full_name(options.model)
        backend.import_keras()
        builder = networks.find_builder(options.model)
        from keras_cnn.training import lr_finder

        build = networks.with_input_errors(builder, f"--model {options.model}")
        splits = networks.scaled_splits(recipe, build=build)
        result = lr_finder.find_learning_rate(build, splits, recipe, steps=options.steps)
        lr_finder.write(result, recipe.folder)
        print(result.sentence)
        print(f"Drawing: {recipe.folder / 'lr_find.png'}")
    if options.json:
        output.print_json(result.to_dict())
