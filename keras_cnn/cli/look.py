"""``check``, ``fetch`` and ``explain``: what pictures hold, and what a network sees in them."""

import argparse

from keras_cnn.cli import parts


def add(commands) -> None:
    """Add the commands.

    Args:
        commands: What `add_subparsers` returned.
    """
    parser = parts.command(commands, "fetch", fetch, help="download a data set")
    parser.add_argument("name", metavar="NAME", help="birds, cats_dogs, ...; a wrong one lists all")
    parts.add_json(parser)


def fetch(options: argparse.Namespace) -> None:
    """Download a set of the catalogue into the data folder, and check its digest.

    The data folder is KERAS_CNN_DATA, else ./data, else the checkout's.
    """
    with parts.telling(options):
        from keras_cnn import datasets

        path = datasets.fetch(options.name)
        print(f"{options.name} lies in {path}")
    if options.json:
        parts.print_json({"name": options.name, "path": str(path)})
