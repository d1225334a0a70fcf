"""``compare``: put runs side by side."""

import argparse
import sys
from pathlib import Path

from keras_cnn import columns
from keras_cnn.cli import arguments, backend, output
from keras_cnn.i18n import say, translated


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments.

    Args:
        parser: Its parser.
    """
    parser.add_argument("runs", metavar="RUN", nargs="+", help="folders of two or more runs")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="write comparison.html, comparison.md, comparison.csv and curves.png into this folder",
    )
    parser.add_argument(
        "--time",
        action="store_true",
        help="measure the milliseconds of a network's answer to one picture",
    )
    parser.add_argument(
        "--unsafe", action="store_true", help="run code inside the models (Lambda layers)"
    )
    arguments.add_format(parser, more=("markdown",))


def run(options: argparse.Namespace) -> None:
    """Compare runs of one task: scores, costs, and the options that differ.

    Each run is tested against the first on the same test pictures: classifiers by McNemar's exact
    test, regressions by the bootstrap interval of the difference of their squared errors.
    """
    from keras_cnn.inference import runs
    from keras_cnn.report import side_by_side

    runs.reports(options.runs)  # refuses what cannot be compared, before Keras is imported
    backend.import_keras()
    result = runs.compare_runs(
        options.runs, out=options.out, timed=options.time, unsafe=options.unsafe
    )
    match options.style:
        case "json":
            output.print_json(result)
        case "markdown":
            print(side_by_side.markdown(result), end="")
        case "csv":
            output.write_rows(side_by_side.records(result), style="csv", line=str)
        case "table":
            tables = [side_by_side.cells(result)]
            tables += [side_by_side.recipe_cells(result)] if result["recipes"] else []
            print("\n\n".join("\n".join(columns.aligned([head, *rows])) for head, rows in tables))
    if options.style != "markdown":  # which holds the notes
        for note in result["notes"]:
            say(f"note: {translated(note)}", file=sys.stderr)
    if options.out:
        say(f"Comparison: {options.out / 'comparison.html'}", file=sys.stderr)
