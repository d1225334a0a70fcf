"""``models``: list the networks."""

import argparse

from keras_cnn.cli import arguments, networks, output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments.

    Args:
        parser: Its parser.
    """
    arguments.add_json(parser)


def run(options: argparse.Namespace) -> None:
    """List the networks that train and lr-find build for --model, with their sources.

    train-detector builds SSD300 (Liu et al., 2016).
    """
    if options.json:
        output.print_json(networks.CLASSIFIERS)
        return
    width = max(map(len, networks.CLASSIFIERS))
    for name, source in networks.CLASSIFIERS.items():
        print(f"{name:<{width}}  {source}")
