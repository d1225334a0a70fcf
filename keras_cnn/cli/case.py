"""``case``: run a case of the chapters."""

import argparse

from keras_cnn import cases
from keras_cnn.options import Parser


def add_arguments(parser: Parser) -> None:
    """Add the command's arguments.

    Args:
        parser: Its parser.
    """
    parser.passes_on = True
    parser.usage = "%(prog)s [NAME [options of the case]]"
    parser.add_argument(
        "name", metavar="NAME", nargs="?", help="calligraphy_alexnet, ...; without it, the list"
    )


def run(options: argparse.Namespace) -> None:
    """Run a case: train the network of a chapter, test it and write a report to runs/NAME.

    Without NAME, list the cases. keras-cnn case NAME --help lists the options of a case.
    """
    if options.name is None:
        print(cases.lines())
    else:
        cases.run(options.name, argv=options.passed_on)
