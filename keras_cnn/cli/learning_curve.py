"""``learning-curve``: predict the accuracy with more pictures."""

import argparse
from pathlib import Path

from keras_cnn import filesystem
from keras_cnn.cli import arguments, backend, features, output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments.

    Args:
        parser: Its parser.
    """
    parser.add_argument("folder", metavar="DIR", help="class folders, or {train,val,test}/<class>")
    features.add_arguments(parser)
    parser.add_argument(
        "--seeds",
        type=arguments.positive,
        default=5,
        metavar="N",
        help="subsets of each size (default: 5)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="folder of the results (default: runs/DIR_learning_curve)",
    )
    arguments.add_mirror(parser)
    arguments.add_json(parser)


def run(options: argparse.Namespace) -> None:
    """Predict the accuracy with twice as many training pictures.

    A pretrained network computes the features of all pictures once. Logistic regressions learn from
    growing subsets of the training pictures, a power law is fitted to their errors on the test
    pictures, and its continuation to twice as many pictures is printed with a 95 % interval. The
    drawing and the figures are written to runs/<folder>_learning_curve.
    """
    folder = arguments.folder(options.folder)
    features.check(options)
    out = features.results_folder(options, folder, kind="learning_curve")
    with output.stdout_for_answer(options):
        backend.import_keras()
        from keras_cnn.transfer import learning_curve

        pictures = features.read(options, folder)
        curve = learning_curve.of(
            pictures,
            seeds=options.seeds,
            watch=lambda items, total: output.progress(items, total=total, unit="classifiers"),
        )
        answer = learning_curve.write(curve, filesystem.writable(out), network=pictures.network)
        print(f"{pictures.network}; logistic regression")
        print(answer["sentence"])
        print(f"Drawing: {out / 'learning_curve.png'}")
    if options.json:
        output.print_json(answer)
