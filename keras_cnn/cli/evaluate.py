"""``evaluate``: score a model on a folder."""

import argparse
import dataclasses
import sys
from pathlib import Path

from keras_cnn.cli import arguments, output
from keras_cnn.errors import InputError


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
            told = _evaluate_detector(options, folder)
        else:
            _warn_of_learnt(known, folder)
            told = _evaluate_classifier(options, folder)
    if options.json:
        output.print_json(told)
        return
    print(told["sentence"])
    for path, reason in told["skipped"].items():
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


def _evaluate_classifier(options, folder):
    from keras_cnn.inference.predictor import Predictor

    predictor = Predictor.load(options.model, unsafe=options.unsafe)
    return predictor.evaluate(
        folder,
        out=options.out,
        batch_size=options.batch_size,
        skip_bad_images=options.skip_bad_images,
    )


def _evaluate_detector(options, folder):
    if options.out:
        raise InputError("--out writes reports of classifiers only: leave it out for a detector")
    from keras_cnn import card
    from keras_cnn.datasets import annotations
    from keras_cnn.detection import Detector, callbacks
    from keras_cnn.detection.batches import Batches
    from keras_cnn.images import files

    detector = Detector.load(card.model_path(options.model), unsafe=options.unsafe)
    names = detector.class_names
    part = "test" if annotations.has(folder, "test") else "val"
    read, skipped = annotations.read(folder, split=part, class_names=names), {}
    if options.skip_bad_images:
        skipped = files.find_bad(entry.path for entry in read.pictures)
        kept = tuple(entry for entry in read.pictures if entry.path not in skipped)
        if not kept:
            raise InputError(f"no picture of {part} in {folder} can be read: mend them")
        read = dataclasses.replace(read, pictures=kept)
    read, bad = annotations.check(
        read, skip_bad_boxes=options.skip_bad_images, option="--skip-bad-images"
    )
    batches = Batches(read.pictures, batch_size=options.batch_size, priors=detector.priors)
    scores = callbacks.score(detector.model, batches, class_names=names)
    del scores["found"]
    scores["classes"] = {
        one.name: {"ap": one.average_precision, "objects": one.objects} for one in scores["classes"]
    }
    told = "undefined, no class has objects" if scores["map"] is None else f"{scores['map']:.3f}"
    sentence = f"mAP {told} at IoU 0.5 on {len(read.pictures)} pictures of {part}."
    return {"sentence": sentence, "test": scores, "skipped": skipped | bad}
