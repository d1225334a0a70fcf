"""``evaluate``: score a model on a folder."""

import argparse
import sys
from pathlib import Path

from keras_cnn.cli import arguments, backend, output
from keras_cnn.errors import InputError
from keras_cnn.i18n import say, translated
from keras_cnn.options import flag


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments.

    Args:
        parser: Its parser.
    """
    arguments.add_run(parser)
    parser.add_argument(
        "folder",
        metavar="DIR",
        help="one folder per class, or test/ with one folder per class; for a detector, one of the "
        "layouts below",
    )
    arguments.add_layouts(parser)
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="write a report into this folder"
    )
    parser.add_argument(
        "--coco-json",
        type=Path,
        metavar="FILE",
        help="of a detector: write its detections as COCO's file of results",
    )
    arguments.add_batch_size(parser)
    arguments.add_reading(parser, classes=False)
    parser.add_argument(
        "--skip-bad-images",
        action="store_true",
        help="go on without pictures, or boxes, that cannot be used",
    )
    arguments.add_json(parser)


def run(options: argparse.Namespace) -> None:
    """Score a model on a folder of pictures whose classes, or objects, are known."""
    folder = arguments.folder(options.folder)
    with output.stdout_for_answer(options):
        from keras_cnn import card
        from keras_cnn.inference import labelled

        model_card = card.read(card.model_path(options.model))
        reading = arguments.reading(options, folder)
        if model_card.task != "detection":
            _refuse_options_of_detectors(options, model_card.task)
        if note := labelled.training_note(model_card, folder):
            say(f"warning: {translated(note)}", file=sys.stderr)
        backend.import_keras()
        if model_card.task == "detection":
            from keras_cnn.detection import Detector as Model

            extra = {"coco_json": options.coco_json, "reading": reading}
            extra["fix_boxes"] = options.fix_boxes
        else:
            from keras_cnn.inference.predictor import Predictor as Model

            extra = {"without": reading.without}
        result = Model.load(options.model, unsafe=options.unsafe).evaluate(
            folder,
            out=options.out,
            batch_size=options.batch_size,
            skip_bad_images=options.skip_bad_images,
            **extra,
        )
    if options.json:
        output.print_json(result)
        return
    say(result["sentence"])
    for path, reason in result["skipped"].items():
        say(f"left out: {path}: {translated(reason)}")
    if options.out:
        say(f"Report: {options.out / 'report.html'}")


def _refuse_options_of_detectors(options, task):
    for name in ("coco_json", "rename", "fix_boxes"):
        if getattr(options, name):
            raise InputError(
                f"{flag(name)} needs a detector; {options.model} is a model for {task}: leave it "
                "out"
            )
