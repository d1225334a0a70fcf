"""``predict``: answer with the class of pictures, or with their value."""

import argparse
import sys
from pathlib import Path

from keras_cnn.cli import arguments, backend, output
from keras_cnn.errors import InputError
from keras_cnn.inference import answers


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments.

    Args:
        parser: Its parser.
    """
    arguments.add_run(parser)
    arguments.add_paths(parser)
    arguments.add_format(parser)
    parser.add_argument(
        "--top-k",
        type=arguments.positive,
        default=1,
        metavar="N",
        help="number of classes per picture, the most likely first (default: 1)",
    )
    parser.add_argument(
        "--unknown",
        action="store_true",
        help='answer "unknown" for a picture unlike the training pictures; the network then runs '
        "twice per picture",
    )
    arguments.add_batch_size(parser)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="append the answers to this csv file; pictures already in it are not read again",
    )
    parser.add_argument(
        "--engine",
        choices=("keras", "onnx", "litert", "auto", "ray"),
        default="keras",
        help="onnx, litert: answer by the run's export, without starting TensorFlow; auto: by an "
        "export if there is one; ray: run on a Ray cluster (RAY_ADDRESS), write Parquet files "
        "into the folder --out (default: keras)",
    )
    parser.add_argument(
        "--workers",
        type=arguments.positive,
        metavar="N",
        help="number of workers of --engine ray (default: 2)",
    )


def run(options: argparse.Namespace) -> int:
    """Print the class of each picture, or its value, as soon as it is known.

    Pictures that cannot be read are reported on stderr, and the exit code is then 2; the others
    are answered.
    """
    _refuse_without_effect(options)
    paths, total = arguments.pictures(options.paths)
    if options.engine == "ray":
        return _predict_with_ray(options, paths)
    if options.out:
        done = output.finished(options.out)
        paths, total, options.style = (path for path in paths if path not in done), None, "csv"
    predictor = _load(options)
    bad = []

    def on_error(path, error):
        bad.append(path)
        print(f"error: {answers.reason(error)}", file=sys.stderr)

    unknown = {"unknown": True} if options.unknown else {}  # exports cannot detect them
    stream = predictor.stream(paths, batch_size=options.batch_size, on_error=on_error, **unknown)
    stream = output.progress(stream, total=total, unit="pictures")
    names = predictor.card.class_names
    rows = (_row(path, answer, options) for path, answer in stream)
    if options.out:
        number = output.append_rows(rows, path=options.out)
        print(f"{number} pictures answered, {len(done)} were already answered: {options.out}")
        return 2 if bad else 0
    width = max(map(len, [*names, answers.UNKNOWN * options.unknown]), default=0)
    output.write_rows(rows, style=options.style, line=lambda row: _line(row, width))
    return 2 if bad else 0


def _load(options):
    """Return what answers: the run's export, or its Keras model."""
    if options.engine in ("onnx", "litert") or (options.engine == "auto" and not options.unknown):
        from keras_cnn.inference import exported

        if options.engine == "auto":
            path = exported.available(options.model)
        else:
            path = exported.find(options.model, engine=options.engine)
        if path:
            return exported.Exported.load(path)
    backend.import_keras()
    from keras_cnn.inference.predictor import Predictor

    return Predictor.load(options.model, unsafe=options.unsafe)


def _refuse_without_effect(options):
    """Refuse options that would have no effect beside the others."""
    if options.engine != "ray" and options.workers:
        raise InputError("--workers needs --engine ray: leave it out")
    if options.engine == "ray" and (options.top_k > 1 or options.style != "table"):
        raise InputError(
            "--engine ray writes one class per picture, as Parquet: leave out --top-k, --format "
            "and --json"
        )
    if options.unknown and options.engine not in ("keras", "auto"):
        raise InputError(
            "--unknown needs the features of pictures, which --engine "
            f"{options.engine} does not give: answer by --engine keras"
        )
    if options.out and options.style == "json":
        raise InputError("--out writes csv: leave out --json, or --out")


def _predict_with_ray(options, paths):
    if options.out is None:
        raise InputError("--engine ray needs --out, a new folder for its Parquet files")
    from keras_cnn.inference import ray_batch

    totals = ray_batch.predict(
        options.model,
        paths,
        out=options.out,
        workers=options.workers or 2,
        batch_size=options.batch_size,
        unsafe=options.unsafe,
    )
    number, bad = totals["pictures"], totals["bad"]
    print(f"{number} pictures answered, {bad} of them cannot be read: {options.out}")
    return 2 if bad else 0


def _row(path, answer, options):
    """Return an answer as a row of JSON, or as the cells of a table or csv.

    With --unknown it also has the best class, whether the picture is unknown or not.
    """
    cells = answers.cells(path, answer, top_k=options.top_k)
    if options.style != "json" or not answer.class_names:
        return cells
    top = [{"class": name, "score": score} for name, score in answer.top(options.top_k)]
    score = None if answer.is_unknown else top[0]["score"]
    best = {"best": cells["best"]} if "best" in cells else {}
    return {"path": path, "class": cells["class"], "score": score} | best | {"top": top}


def _line(row, width):
    """Return the line of a table; class names are padded to a width."""
    path, *cells = [cell for key, cell in row.items() if key != "best"]
    if len(cells) == 1:
        return f"{cells[0]:>12.6g}  {path}"
    pairs = zip(cells[::2], cells[1::2], strict=True)
    texts = (
        f"{name:<{width}} " + ("  –  " if score == "" else f"{score:.3f}") for name, score in pairs
    )
    return "  ".join(texts) + f"  {path}"
