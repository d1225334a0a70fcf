"""``fetch``: download a data set."""

import argparse

from keras_cnn.cli import arguments, output
from keras_cnn.i18n import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments.

    Args:
        parser: Its parser.
    """
    parser.add_argument(
        "name", metavar="NAME", help="birds, cats_dogs, ...; an unknown name prints the list"
    )
    arguments.add_mirror(parser)
    arguments.add_json(parser)


def run(options: argparse.Namespace) -> None:
    """Download a data set into the data folder, and check its digest.

    The data folder is KERAS_CNN_DATA if set, else ./data if there is one, else that of the
    checkout.
    """
    with output.stdout_for_answer(options):
        from keras_cnn import datasets

        path = datasets.fetch(options.name)
        say(f"{options.name} is in {path}")
    if options.json:
        output.print_json({"name": options.name, "path": str(path)})
