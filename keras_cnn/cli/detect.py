"""``detect``: find objects in pictures, a video or a camera."""

import argparse
import sys
from pathlib import Path

from keras_cnn.cli import arguments, backend, detect_video, output
from keras_cnn.errors import InputError
from keras_cnn.i18n import N_, say, translated


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments.

    Args:
        parser: Its parser.
    """
    arguments.add_run(parser)
    arguments.add_paths(parser)
    arguments.add_format(parser)
    parser.add_argument(
        "--draw",
        type=Path,
        metavar="OUT",
        help="folder for the pictures with their boxes; of a video, a video",
    )
    arguments.add_limits(parser)


def run(options: argparse.Namespace) -> int:
    """Find objects in pictures, a video such as film.mp4, or a camera such as 0; and draw them.

    Pictures that cannot be read are reported on stderr, and the exit code is then 2; the others
    are answered.
    """
    video_source = detect_video.source(options.paths)
    paths, total = arguments.pictures(options.paths) if video_source is None else ((), 0)
    backend.import_keras()
    from keras_cnn.detection import Detector
    from keras_cnn.inference.predictor import reason

    detector = Detector.load(options.model, unsafe=options.unsafe)
    limits = arguments.limits(options)
    if video_source is not None:
        detect_video.run(detector, video_source, options, limits)
        return 0
    if options.draw:
        _create(options.draw)
    bad = []

    def on_error(path, error):
        bad.append(path)
        say(f"error: {translated(reason(error))}", file=sys.stderr)

    answers = detector.stream(paths, on_error=on_error, **limits)
    answers = output.progress(answers, total=total, unit=N_("pictures"))
    output.write_rows(_rows(answers, options), style=options.style, line=_line)
    return 2 if bad else 0


def _rows(answers, options):
    """Draw the pictures if asked to; yield a row per picture, or in a csv one per object."""
    for path, detections in answers:
        if options.draw:
            _draw(detections, options.draw, path)
        objects = detections.to_dicts()
        if options.style != "csv":
            yield {"path": path, "objects": objects, "highest": detections.highest}
            continue
        for entry in objects:
            corners = dict(zip(("x1", "y1", "x2", "y2"), entry.pop("box"), strict=True))
            yield {"path": path} | entry | corners


def _line(row):
    path, number, highest = row["path"], len(row["objects"]), row["highest"]
    head = N_(f"{path}: {number} objects")
    if not number:
        head = N_(f"{path}: 0 objects; the best score below the threshold: {highest:.3f}")
    lines = [translated(head)]
    for entry in row["objects"]:
        corners = ", ".join(f"{edge:.0f}" for edge in entry["box"])
        lines.append(f"  {entry['class']} {entry['score']:.3f}  ({corners})")
    return "\n".join(lines)


def _create(folder):
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
    while target.exists():  # a picture of the same name from another folder, or of the user
        number += 1
        target = folder / f"{stem}_{number}.png"
    Image.fromarray(detections.draw()).save(target)
