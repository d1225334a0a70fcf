"""``convert``: write pictures with boxes in another layout."""

import argparse
from pathlib import Path

from keras_cnn.cli import arguments
from keras_cnn.i18n import say

_LAYOUTS = ("voc", "coco", "yolo")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments.

    Args:
        parser: Its parser.
    """
    arguments.add_boxed_folder(parser)
    parser.add_argument("--to", choices=_LAYOUTS, required=True, help="the new layout")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="the new folder",
    )
    arguments.add_reading(parser)
    parser.add_argument(
        "--skip-bad-boxes", action="store_true", help="go on without boxes that cannot be used"
    )


def run(options: argparse.Namespace) -> None:
    """Write pictures with boxes in another layout; the pictures are copied.

    Splits, classes, boxes and the marks "difficult" and "crowd" stay as they are. YOLO's layout has
    no place for the marks. Faults of annotations and boxes are refused, as a training refuses them;
    `check` finds those of pictures.
    """
    folder = arguments.folder(options.folder)
    from keras_cnn.datasets import conversion

    for sentence in conversion.convert(
        folder,
        options.out,
        to=options.to,
        reading=arguments.reading(options, folder),
        fix_boxes=options.fix_boxes,
        skip_bad_boxes=options.skip_bad_boxes,
    ):
        say(sentence)
    say(f"Written as {options.to}: {options.out}")
