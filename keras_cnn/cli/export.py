"""``export``: write a model for other programs."""

import argparse
import sys
from pathlib import Path

from keras_cnn.cli import arguments, backend, output
from keras_cnn.i18n import say, translated
from keras_cnn.inference import formats


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments.

    Args:
        parser: Its parser.
    """
    arguments.add_run(parser)
    parser.add_argument("--format", required=True, choices=formats.FORMATS)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="folder to create (default: RUN/export_<format>, RUN/export_<format>_int8 or "
        "RUN/export_<format>_float16)",
    )
    parser.add_argument(
        "--dtype",
        choices=("uint8", "float32"),
        default="uint8",
        help="type of the input pixels, 0 to 255 (default: %(default)s)",
    )
    parser.add_argument(
        "--raw",
        action="store_true",
        help="of a detector: the network alone; priors and variances stand in card.json",
    )
    smaller = parser.add_argument_group("smaller models, onnx and litert")
    precisions = smaller.add_mutually_exclusive_group()
    precisions.add_argument(
        "--int8",
        dest="precision",
        action="store_const",
        const="int8",
        default="float32",
        help="a classifier in 8 bits, calibrated on training pictures and compared with Keras "
        "on the test pictures, else the validation pictures, else all",
    )
    precisions.add_argument(
        "--float16",
        dest="precision",
        action="store_const",
        const="float16",
        help="weights in 16 bits: half the size",
    )
    smaller.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="of --int8: folder of the pictures (default: the folder of the training)",
    )
    smaller.add_argument(
        "--force",
        action="store_true",
        help="of --int8: write it even if it loses more than one point of accuracy, and more than "
        "one picture",
    )
    arguments.add_limits(parser.add_argument_group("objects of a detector"))
    arguments.add_json(parser)


def run(options: argparse.Namespace) -> None:
    """Write a model that takes raw RGB pixels, 0 to 255, and scales them itself.

    A detector takes a picture of any size and returns boxes in its pixels, scores and classes.
    Beside the model it writes labels.txt, a class per line, and card.json, with the size of the
    pictures and the resizing used in training.
    """
    with output.stdout_for_answer(options):
        formats.check_packages(options.format, precision=options.precision)
        backend.import_keras()
        from keras_cnn import card
        from keras_cnn.inference import export, labelled

        path = export.export(
            options.model,
            format=options.format,
            out=options.out,
            dtype=options.dtype,
            unsafe=options.unsafe,
            raw=options.raw,
            precision=options.precision,
            data=options.data,
            force=options.force,
            **arguments.limits(options),
        )
        accuracy = None
        if options.precision == "int8":
            accuracy = card.exported_content(path.parent)["accuracy"]
            its_card = card.read_exported(path.parent)
            for find_note in (labelled.training_note, labelled.calibration_note):
                if note := find_note(its_card, options.data):
                    say(f"note: {translated(note)}", file=sys.stderr)
    if options.json:
        answer = {"path": str(path), "format": options.format, "precision": options.precision}
        output.print_json(answer | {"accuracy": accuracy})
        return
    say(f"Exported: {path}")
    if accuracy:
        say(
            f"accuracy on {accuracy['pictures']} pictures: Keras {accuracy['keras']:.4f}, "
            f"int8 {accuracy['int8']:.4f}"
        )
