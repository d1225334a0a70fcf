"""``train-detector``: SSD300 on pictures with boxes."""

import argparse
import functools
import os

from keras_cnn.cli import arguments, output
from keras_cnn.detection.recipe import DetectionRecipe

_DETECTION = DetectionRecipe(
    name="",
    dataset="",
    batch_size=8,
    epochs=40,
    learning_rate=1.5e-3,
    schedule="cosine",
    warmup=1,
    without=("data",),
)


def add(commands) -> None:
    """Add the command.

    Args:
        commands: What `add_subparsers` returned.
    """
    parser = arguments.command(
        commands, "train-detector", train_detector, help="train SSD300 on pictures with boxes"
    )
    parser.add_argument(
        "folder",
        metavar="DIR",
        help="in VOC's layout: Annotations/*.xml, JPEGImages/, ImageSets/Main/{train,val}.txt",
    )
    _DETECTION.add_options(parser)
    arguments.add_json(parser)


def train_detector(options: argparse.Namespace) -> None:
    """Train SSD300 to find objects in pictures, score it once, and report.

    The results lie in runs/<folder>_ssd300: model.keras, which detect, evaluate, explain and
    export use, report.html, report.json and figures.
    """
    folder = arguments.folder(options.folder)
    run = f"{os.path.basename(os.path.abspath(folder))}_ssd300"
    recipe = _DETECTION.with_options(options, name=run, dataset=folder.name, data=folder)
    with output.telling(options):
        from keras_cnn import detection
        from keras_cnn.models import ssd
        from keras_cnn.training import run as training

        told = training.run(
            functools.partial(detection.network, recipe),
            detection.detection_splits(recipe),
            recipe,
            optimizer=detection.optimizer(recipe),
            fine_tune=ssd.unfreeze if recipe.freeze else None,
        )
    if options.json:
        output.print_json(told)
