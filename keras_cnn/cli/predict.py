"""``evaluate``, ``predict`` and ``detect``: a trained model on pictures."""

import argparse
import sys
from pathlib import Path

from keras_cnn.cli import arguments, output
from keras_cnn.errors import InputError


def add(commands) -> None:
    """Add the command.

    Args:
        commands: What `add_subparsers` returned.
    """
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


def predict(options: argparse.Namespace) -> int:
    """Tell the class of pictures, or their value, as they come.

    Pictures that cannot be read are told on stderr; the others are answered, and the exit code
    is 2.
    """
    paths, total = arguments.pictures(options.paths)
    if options.engine == "ray":
        return _predict_with_ray(options, paths)
    if options.out:
        done = output.finished(options.out)
        paths, total, options.style = (p for p in paths if p not in done), None, "csv"
    from keras_cnn.inference.predictor import Predictor, reason

    predictor = Predictor.load(options.model, unsafe=options.unsafe)
    bad = []

    def note(path, error):
        bad.append(path)
        print(f"error: {reason(error)}", file=sys.stderr)

    answers = predictor.stream(paths, batch_size=options.batch_size, on_error=note)
    answers = output.progress(answers, total=total, unit="pictures")
    names = predictor.card.class_names
    rows = (_row(path, answer, options) for path, answer in answers)
    if options.out:
        number = output.append_rows(rows, path=options.out)
        print(f"{number} pictures answered, {len(done)} were already: {options.out}")
        return 2 if bad else 0
    width = max(map(len, names), default=0)
    output.write_rows(rows, style=options.style, line=lambda row: _line(row, width))
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
