"""``evaluate``, ``predict`` and ``detect``: a trained model on pictures."""

import argparse
import collections
import dataclasses
import sys
from pathlib import Path

from keras_cnn.cli import arguments
from keras_cnn.errors import InputError


def add(commands) -> None:
    """Add the commands.

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

    parser = arguments.command(commands, "predict", predict, help="tell the class of pictures")
    arguments.add_run(parser)
    arguments.add_paths(parser)
    arguments.add_format(parser)
    parser.add_argument(
        "--top-k", type=arguments.positive, default=1, metavar="N", help="classes told (default: 1)"
    )
    parser.add_argument("--batch-size", type=arguments.positive, default=32, metavar="N")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="append the answers to this csv; pictures it has are not read again",
    )
    parser.add_argument(
        "--engine",
        choices=("none", "ray"),
        default="none",
        help="ray: on a Ray cluster (RAY_ADDRESS), Parquet into the folder --out",
    )
    parser.add_argument(
        "--workers", type=arguments.positive, default=2, metavar="N", help="of --engine ray"
    )

    parser = arguments.command(commands, "detect", detect, help="find objects in pictures")
    arguments.add_run(parser)
    arguments.add_paths(parser)
    arguments.add_format(parser)
    parser.add_argument(
        "--draw", type=Path, metavar="OUT", help="folder for the pictures with boxes drawn in"
    )
    parser.add_argument(
        "--score-threshold",
        type=arguments.share,
        default=0.5,
        metavar="X",
        help="least probability of an object (default: %(default)s)",
    )
    parser.add_argument(
        "--iou-threshold",
        type=arguments.share,
        default=0.45,
        metavar="X",
        help="overlap from which the less likely of two boxes goes (default: %(default)s)",
    )


def evaluate(options: argparse.Namespace) -> None:
    """Score a model on a folder of pictures whose classes, or objects, are known."""
    folder = arguments.folder(options.folder)
    with arguments.telling(options):
        from keras_cnn import card

        known = card.read(card.model_path(options.model))
        if known.task == "detection":
            told = _evaluate_detector(options, folder)
        else:
            _warn_of_learnt(known, folder)
            told = _evaluate_classifier(options, folder)
    if options.json:
        arguments.print_json(told)
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


def predict(options: argparse.Namespace) -> int:
    """Tell the class of pictures, or their value, as they come.

    Pictures that cannot be read are told on stderr; the others are answered, and the exit code
    is 2.
    """
    paths, total = arguments.pictures(options.paths)
    if options.engine == "ray":
        return _predict_with_ray(options, paths)
    if options.out:
        done = arguments.finished(options.out)
        paths, total, options.style = (p for p in paths if p not in done), None, "csv"
    from keras_cnn.inference.predictor import Predictor, reason

    predictor = Predictor.load(options.model, unsafe=options.unsafe)
    bad = []

    def note(path, error):
        bad.append(path)
        print(f"error: {reason(error)}", file=sys.stderr)

    answers = predictor.stream(paths, batch_size=options.batch_size, on_error=note)
    answers = arguments.progress(answers, total=total, unit="pictures")
    names = predictor.card.class_names
    rows = (_row(path, answer, options) for path, answer in answers)
    if options.out:
        number = arguments.append_rows(rows, path=options.out)
        print(f"{number} pictures answered, {len(done)} were already: {options.out}")
        return 2 if bad else 0
    width = max(map(len, names), default=0)
    arguments.write_rows(rows, style=options.style, line=lambda row: _line(row, width))
    return 2 if bad else 0


def _predict_with_ray(options, paths):
    if options.out is None:
        raise InputError("--engine ray needs --out, a new folder for its Parquet files")
    from keras_cnn.inference import ray_batch

    chosen = {key: getattr(options, key) for key in ("out", "workers", "batch_size", "unsafe")}
    told = ray_batch.predict(options.model, paths, **chosen)
    number, bad = told["pictures"], told["bad"]
    print(f"{number} pictures answered, {bad} of them cannot be read: {options.out}")
    return 2 if bad else 0


def _row(path, answer, options):
    if not answer.class_names:
        return {"path": path, "value": answer.value}
    top = answer.top(options.top_k)
    if options.style == "json":
        return {
            "path": path,
            "class": top[0][0],
            "score": top[0][1],
            "top": [{"class": name, "score": score} for name, score in top],
        }
    cells = {"path": path}
    for number, (name, score) in enumerate(top, start=1):
        ending = f"_{number}" if number > 1 else ""
        cells |= {f"class{ending}": name, f"score{ending}": round(score, 6)}
    return cells


def _line(row, width):
    path, *cells = row.values()
    if len(cells) == 1:
        return f"{cells[0]:>12.6g}  {path}"
    pairs = zip(cells[::2], cells[1::2], strict=True)
    return "  ".join(f"{name:<{width}} {score:.3f}" for name, score in pairs) + f"  {path}"


def detect(options: argparse.Namespace) -> int:
    """Find objects in pictures, and draw them.

    Pictures that cannot be read are told on stderr; the others are answered, and the exit code
    is 2.
    """
    paths, total = arguments.pictures(options.paths)
    from keras_cnn import card
    from keras_cnn.detection import Detector
    from keras_cnn.images import files
    from keras_cnn.inference.predictor import reason

    detector = Detector.load(card.model_path(options.model), unsafe=options.unsafe)
    if options.draw:
        _make(options.draw)
    waiting, bad = collections.deque(), []

    def pixels():
        for path in paths:
            try:
                picture = files.read(path)
            except InputError as error:
                bad.append(path)
                print(f"error: {reason(error)}", file=sys.stderr)
                continue
            waiting.append(path)
            yield picture

    limits = {"score_threshold": options.score_threshold, "iou_threshold": options.iou_threshold}
    found = arguments.progress(detector.stream(pixels(), **limits), total=total, unit="pictures")

    def rows():
        for detections in found:
            path = waiting.popleft()
            if options.draw:
                _draw(detections, options.draw, path)
            objects = [
                {"class": name, "score": float(score), "box": [round(float(v), 1) for v in box]}
                for name, score, box in zip(
                    detections.names, detections.scores, detections.boxes, strict=True
                )
            ]
            if options.style == "csv":
                for one in objects:
                    corners = dict(zip(("x1", "y1", "x2", "y2"), one.pop("box"), strict=True))
                    yield {"path": path} | one | corners
            else:
                yield {"path": path, "objects": objects}

    arguments.write_rows(rows(), style=options.style, line=_objects)
    return 2 if bad else 0


def _objects(row):
    lines = [f"{row['path']}: {len(row['objects'])} objects"]
    for one in row["objects"]:
        corners = ", ".join(f"{value:.0f}" for value in one["box"])
        lines.append(f"  {one['class']} {one['score']:.3f}  ({corners})")
    return "\n".join(lines)


def _make(folder):
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"--draw must be a folder that can be written; received {folder} ({error.strerror}): "
            "name another"
        ) from None


def _draw(detections, folder, path):
    from PIL import Image

    stem, number = Path(path).stem, 1
    target = folder / f"{stem}.png"
    while target.exists():  # a picture of that name from another folder, or the user's own
        number += 1
        target = folder / f"{stem}_{number}.png"
    Image.fromarray(detections.draw()).save(target)
