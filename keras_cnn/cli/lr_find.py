"""``lr-find``: suggest a learning rate."""

import argparse

from keras_cnn.cli import arguments, networks, output


def add(commands) -> None:
    """Add the command.

    Args:
        commands: What `add_subparsers` returned.
    """
    parser = arguments.command(commands, "lr-find", lr_find, help="suggest a learning rate")
    networks.add_options(parser)
    parser.add_argument(
        "--steps",
        type=arguments.positive,
        default=100,
        metavar="N",
        help="rates tried (default: 100)",
    )
    arguments.add_json(parser)


def lr_find(options: argparse.Namespace) -> None:
    """Raise the learning rate step by step, draw the loss over it, and suggest one.

    The network is trained for a few steps only and thrown away. The drawing and the figures lie
    in runs/<folder>_<model>: lr_find.png and lr_find.json.
    """
    name, recipe = networks.choices(options)
    with output.telling(options):
        builder = networks.find_builder(name)
        from keras_cnn.training import lr_finder

        splits = networks.splits(recipe)
        found = lr_finder.find_learning_rate(
            networks.with_sentences(builder, name), splits, recipe, steps=options.steps
        )
        lr_finder.write(found, recipe.folder)
        print(found.sentence)
        print(f"Drawing: {recipe.folder / 'lr_find.png'}")
    if options.json:
        output.print_json(found.to_dict())
