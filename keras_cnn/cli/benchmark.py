"""``benchmark``: compare the exports of a run with its Keras model."""

import argparse
import sys
from pathlib import Path

from keras_cnn import columns
from keras_cnn.cli import arguments, backend, output
from keras_cnn.i18n import N_, say, translated

_HEAD = (
    *(N_("format"), N_("number type"), N_("threads"), "MB", "p50 ms", "p95 ms"),
    *(N_("pictures/s"), N_("accuracy"), N_("p against Keras")),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments.

    Args:
        parser: Its parser.
    """
    arguments.add_run(parser)
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder whose test pictures are scored, else the validation pictures, else all "
        "(default: the folder of the training)",
    )
    arguments.add_json(parser)


def run(options: argparse.Namespace) -> None:
    """Compare the exports of a run with its Keras model: size, speed and accuracy.

    Every export to onnx and litert that lies in the run's folder is measured, on one thread and on
    all: milliseconds of one picture (median, and 95 of 100 are faster), pictures per second in
    batches of 32, accuracy, and McNemar's exact test against Keras. The test pictures are scored,
    else the validation pictures, else all pictures, with a note that the model was trained on most
    of them.
    """
    with output.stdout_for_answer(options):
        backend.import_keras()
        from keras_cnn.inference import benchmark

        rows = benchmark.benchmark(
            options.model,
            data=options.data,
            unsafe=options.unsafe,
            on_note=lambda note: say(f"note: {translated(note)}", file=sys.stderr),
        )
    if options.json:
        output.print_json(rows)
        return
    table = [map(translated, _HEAD), *map(_cells, rows)]
    print("\n".join(columns.aligned(table, left=(0, 1))))
    say(f"accuracy on {rows[0]['pictures']} pictures")
    if len(rows) == 1:
        say(
            f"{options.model} has no exports to compare: run keras-cnn export {options.model} "
            "--format litert"
        )


def _cells(row):
    return (
        row["format"],
        row["precision"],
        str(row["threads"]),
        f"{row['bytes'] / 1e6:.2f}",
        f"{row['p50_ms']:.2f}",
        f"{row['p95_ms']:.2f}",
        f"{row['pictures_per_second']:.1f}",
        f"{row['accuracy']:.3f}",
        "" if row["p_value"] is None else f"{row['p_value']:.2g}",
    )
