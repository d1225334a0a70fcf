"""``train-detector``: train SSD300 on pictures with boxes."""

import argparse
import os

from keras_cnn.cli import arguments, backend, output
from keras_cnn.detection.recipe import LIGHT, DetectionRecipe

_RECIPE = DetectionRecipe(name="", dataset="", **LIGHT)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments.

    Args:
        parser: Its parser.
    """
    arguments.add_boxed_folder(parser)
    names = [name for name in _RECIPE.option_names if name != "data"]  # DIR is the data
    _RECIPE.add_options(parser, names=names)
    arguments.add_mirror(parser)
    arguments.add_json(parser)


def run(options: argparse.Namespace) -> None:
    """Train SSD300 to find objects in pictures, score it once, and report.

    The results are written to runs/<folder>_ssd300: model.keras, which detect, evaluate, explain
    and export use, report.html, report.json and figures.
    """
    folder = arguments.folder(options.folder)
    name = f"{os.path.basename(os.path.abspath(folder))}_ssd300"
    recipe = _RECIPE.with_options(options, name=name, dataset=folder.name, data=folder)
    with output.stdout_for_answer(options):
        backend.import_keras()
        from keras_cnn.training.detectors import train_detector

        result = train_detector(recipe)
    if options.json:
        output.print_json(result)
