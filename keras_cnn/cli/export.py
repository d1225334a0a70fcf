"""``export``: a model for other programs."""

import argparse
from pathlib import Path

from keras_cnn.cli import arguments, output

FORMATS = ("onnx", "litert", "savedmodel", "openvino")


def add(commands) -> None:
    """Add the command.

    Args:
        commands: What `add_subparsers` returned.
    """
    parser = arguments.command(commands, "export", export, help="write a model for other programs")
    arguments.add_run(parser)
    parser.add_argument("--format", required=True, choices=FORMATS)
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="folder to make (default: RUN/export_<format>)"
    )
    parser.add_argument(
        "--dtype",
        choices=("uint8", "float32"),
        default="uint8",
        help="type of the pixels that it takes, 0 to 255 (default: %(default)s)",
    )
    arguments.add_json(parser)


def export(options: argparse.Namespace) -> None:
    """Write a model that takes raw RGB pixels, 0 to 255: it scales them itself.

    Beside it lie labels.txt, a class per line, and card.json, which tells the size that pictures
    are to have and how they were resized in training.
    """
    with output.telling(options):
        from keras_cnn.inference import export as exporting

        path = exporting.export(
            options.model,
            format=options.format,
            out=options.out,
            dtype=options.dtype,
            unsafe=options.unsafe,
        )
    if options.json:
        output.print_json({"path": str(path), "format": options.format})
    else:
        print(f"Exported: {path}")
