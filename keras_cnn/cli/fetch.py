"""``fetch``: download a data set."""

import argparse

from keras_cnn.cli import arguments, output


def add(commands) -> None:
    """Add the command.

    Args:
        commands: What `add_subparsers` returned.
    """
    parser = arguments.command(commands, "fetch", fetch, help="download a data set")
    parser.add_argument("name", metavar="NAME", help="birds, cats_dogs, ...; a wrong one lists all")
    arguments.add_json(parser)


def fetch(options: argparse.Namespace) -> None:
    """Download a set of the catalogue into the data folder, and check its digest.

    The data folder is KERAS_CNN_DATA, else ./data, else the checkout's.
    """
    with output.telling(options):
        from keras_cnn import datasets

        path = datasets.fetch(options.name)
        print(f"{options.name} lies in {path}")
    if options.json:
        output.print_json({"name": options.name, "path": str(path)})
