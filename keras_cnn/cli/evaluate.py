"""``evaluate``: score a model on a folder."""

import argparse
import sys
from pathlib import Path

from keras_cnn.cli import arguments, output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments.

    Args:
        parser: Its parser.
    """
    arguments.add_run(parser)
    parser.add_argument(
        "folder",
        metavar="DIR",
        help="one folder per class, or test/ with one folder per class; for a detector, the layout "
        "that train-detector reads",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="write a report into this folder"
    )
    parser.add_argument(
        "--batch-size",
        type=arguments.positive,
        default=32,
        metavar="N",
        help="pictures per step of the network (default: 32)",
    )
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

        model_card = card.read(card.model_path(options.model))
        if model_card.task == "detection":
            from keras_cnn.detection import Detector as Model
        else:
            from keras_cnn.inference.predictor import Predictor as Model

            _warn_of_training_pictures(model_card, folder)
        result = Model.load(options.model, unsafe=options.unsafe).evaluate(
            folder,
            out=options.out,
            batch_size=options.batch_size,
            skip_bad_images=options.skip_bad_images,
        )
    if options.json:
        output.print_json(result)
        return
    print(result["sentence"])
    for path, reason in result["skipped"].items():
        print(f"left out: {path}: {reason}")
    if options.out:
        print(f"Report: {options.out / 'report.html'}")


def _warn_of_training_pictures(model_card, folder):
    """Warn if the model was trained on these very files; `check` finds copies."""
    from keras_cnn.splits.classification import VALIDATION

    data = model_card.recipe.get("data")
    if data is None:
        return
    data, folder = Path(data).resolve(), folder.resolve()
    whole = folder == data and not (data / "test").is_dir()
    if whole or folder in [data / split for split in ("train", *VALIDATION)]:
        print(
            f"warning: {folder} holds pictures that this model has learnt from or been chosen by: "
            "the score is too high",
            file=sys.stderr,
        )
