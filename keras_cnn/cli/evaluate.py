"""``evaluate``: score a model on a folder."""

import argparse
import sys
from pathlib import Path

from keras_cnn.cli import arguments, output


def add(commands) -> None:
    """Add the command.

    Args:
        commands: What `add_subparsers` returned.
    """
    parser = arguments.command(commands, "evaluate", evaluate, help="score a model on a folder")
    arguments.add_run(parser)
    parser.add_argument(
        "folder",
        metavar="DIR",
        help="one folder per class, or test/ with such; for a detector, what train-detector reads",
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write a report there")
    parser.add_argument("--batch-size", type=arguments.positive, default=32, metavar="N")
    parser.add_argument(
        "--skip-bad-images",
        action="store_true",
        help="go on without pictures, or boxes, that cannot be used",
    )
    arguments.add_json(parser)


def evaluate(options: argparse.Namespace) -> None:
    """Score a model on a folder of pictures whose classes, or objects, are known."""
    folder = arguments.folder(options.folder)
    with output.telling(options):
        from keras_cnn import card

        known = card.read(card.model_path(options.model))
        if known.task == "detection":
            from keras_cnn.detection import Detector as Model
        else:
            from keras_cnn.inference.predictor import Predictor as Model

            _warn_of_learnt(known, folder)
        scores = Model.load(options.model, unsafe=options.unsafe).evaluate(
            folder,
            out=options.out,
            batch_size=options.batch_size,
            skip_bad_images=options.skip_bad_images,
        )
    if options.json:
        output.print_json(scores)
        return
    print(scores["sentence"])
    for path, reason in scores["skipped"].items():
        print(f"left out: {path}: {reason}")
    if options.out:
        print(f"Report: {options.out / 'report.html'}")


def _warn_of_learnt(known, folder):
    """Tell where the pictures are those of the training: not copies, which `check` finds."""
    from keras_cnn.splits.classification import VALIDATION

    data = known.recipe.get("data")
    if data is None:
        return
    data, folder = Path(data).resolve(), folder.resolve()
    whole = folder == data and not (data / "test").is_dir()
    if whole or folder in [data / part for part in ("train", *VALIDATION)]:
        print(
            f"warning: {folder} holds pictures that this model has learnt from or been chosen by: "
            "the score is too high",
            file=sys.stderr,
        )
