"""Arguments that several commands share, and the pictures that they name."""

import argparse
import glob
import io
import itertools
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from keras_cnn import box_layouts
from keras_cnn.errors import InputError
from keras_cnn.i18n import _, say


def add_run(parser: argparse.ArgumentParser) -> None:
    """Add the model, and whether code inside it may run.

    Args:
        parser: Parser of the command.
    """
    parser.add_argument("model", metavar="RUN", help="folder of a run, or a .keras file")
    parser.add_argument(
        "--unsafe", action="store_true", help="run code inside the model (Lambda layers)"
    )


def add_paths(parser: argparse.ArgumentParser, *, nargs: str = "+") -> None:
    """Add the pictures.

    Args:
        parser: Parser of the command.
        nargs: "+" for at least one, "*" for any number.
    """
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs=nargs,
        help="pictures, folders of them, quoted patterns like '*.jpg', or - for a list on stdin",
    )


def add_batch_size(parser: argparse.ArgumentParser) -> None:
    """Add the number of pictures that the network takes at once.

    Args:
        parser: Parser of the command.
    """
    parser.add_argument(
        "--batch-size",
        type=positive,
        default=32,
        metavar="N",
        help="pictures per step of the network (default: 32)",
    )


def add_boxed_folder(parser: argparse.ArgumentParser) -> None:
    """Add the folder of a set of pictures with boxes.

    Args:
        parser: Parser of the command.
    """
    parser.add_argument(
        "folder",
        metavar="DIR",
        help="folder of pictures with boxes, in one of the layouts below, which is recognised",
    )
    add_layouts(parser)


def add_layouts(parser: argparse.ArgumentParser) -> None:
    """Add the table of the layouts of pictures with boxes below the options.

    Args:
        parser: Parser of the command.
    """
    parser.epilog = _("layouts of pictures with boxes:") + box_layouts.lines()


def add_reading(parser: argparse.ArgumentParser, *, classes: bool = True) -> None:
    """Add the choices of how annotations are read.

    Args:
        parser: Parser of the command.
        classes: Whether the classes can be named; those of a trained model are known.
    """
    parser.add_argument(
        "--rename",
        action="append",
        metavar="OLD=NEW",
        help="of boxes: read class OLD as NEW; may be repeated; =NEW names objects without a class",
    )
    if classes:
        parser.add_argument(
            "--classes",
            metavar="A,B,...",
            help="of boxes: all classes, in the order of their ids (default: those of the set)",
        )
    parser.add_argument(
        "--fix-boxes",
        action="store_true",
        help="turn or scale boxes that were drawn on another turn or size of their picture",
    )
    parser.add_argument(
        "--without",
        dest="leave_out",
        type=Path,
        metavar="FILE",
        help="leave out the pictures that this file lists, one per line, as check --quarantine "
        "writes it",
    )


def reading(options: argparse.Namespace, folder: Path):
    """Return how annotations are read, a `datasets.reading.Reading`.

    Args:
        options: Options of `add_reading`.
        folder: The set's folder.

    Raises:
        InputError: A value cannot be used.
    """
    from keras_cnn.datasets.reading import of_options

    return of_options(
        folder,
        rename=options.rename,
        leave_out=options.leave_out,
        classes=getattr(options, "classes", None),
    )


def add_limits(parser: argparse.ArgumentParser) -> None:
    """Add what limits the objects that a detector finds.

    Args:
        parser: Parser of the command.
    """
    parser.add_argument(
        "--score",
        "--score-threshold",
        dest="score_threshold",
        type=share,
        metavar="X",
        help="smallest probability of an object (default: 0.5)",
    )
    parser.add_argument(
        "--iou-threshold",
        type=share,
        metavar="X",
        help="IoU from which the less likely of two boxes is dropped (default: 0.45)",
    )
    parser.add_argument(
        "--nms",
        choices=("class", "all"),
        help="boxes that drop one another: those of the same class, or of all classes "
        "(default: class)",
    )
    parser.add_argument(
        "--top-k",
        type=positive,
        metavar="N",
        help="most objects of a picture (default: 200)",
    )


def limits(options: argparse.Namespace) -> dict:
    """Return the limits that were given, as `Detector` takes them; it has the defaults.

    Args:
        options: Options of `add_limits`.
    """
    names = ("score_threshold", "iou_threshold", "nms", "top_k")
    values = {name: getattr(options, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the option to answer in JSON.

    Args:
        parser: Parser of the command.
    """
    parser.add_argument("--json", action="store_true", help="answer in JSON on stdout")


def add_mirror(parser: argparse.ArgumentParser) -> None:
    """Add the places that downloads try; `cli.main` puts them into effect.

    Args:
        parser: Parser of the command.
    """
    parser.add_argument(
        "--mirror",
        action="append",
        metavar="ROOT",
        help="address or folder to download from before the publisher's address; may be repeated "
        "(default: KERAS_CNN_MIRRORS, else the configuration file)",
    )


def add_format(parser: argparse.ArgumentParser, *, more: tuple[str, ...] = ()) -> None:
    """Add the format of the answers.

    Args:
        parser: Parser of the command.
        more: Formats beside table, csv and json.
    """
    parser.add_argument(
        "--format",
        dest="style",
        choices=("table", "csv", "json", *more),
        default="table",
        help="format of the answers (default: %(default)s)",
    )
    parser.add_argument(
        "--json", dest="style", action="store_const", const="json", help="same as --format json"
    )


def pictures(paths: list[str]) -> tuple[Iterator[str], int | None]:
    """Find the pictures that paths stand for.

    Args:
        paths: As `add_paths` describes them.

    Returns:
        The names of the pictures, path by path; and their number, None if a list on stdin may
        still grow.

    Raises:
        InputError: A path stands for no picture.
    """
    names = [_expand(path) for path in paths]
    total = None if "-" in paths else sum(map(len, names))
    return itertools.chain.from_iterable(names), total


def _expand(path):
    """Return the names that a path stands for: a list, or an iterator over stdin."""
    if path == "-":
        return _names_on_stdin()
    if os.path.isdir(path):
        return _names_in_folder(path)
    if os.path.exists(path):
        return [path]
    matches = sorted(name for name in glob.glob(path, recursive=True) if os.path.isfile(name))
    if not matches:
        raise InputError(
            f"{path!r} must be a picture, a folder or a pattern; no file matches: check the path"
        )
    return matches


def _names_on_stdin():
    if sys.stdin is None:
        raise InputError("- stands for a list on stdin, which is closed: name the pictures")
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")  # as Python reads file names
    lines = (line.strip().lstrip("\ufeff") for line in sys.stdin)
    return (line for line in lines if line)


def _names_in_folder(folder):
    from keras_cnn.images import files

    _, listed = files.find(folder, classes=["."])
    names = [os.path.normpath(os.path.join(folder, name)) for name, _ in listed]
    if note := files.left_out_note(names, directory=folder):
        say(note, file=sys.stderr)
    return names


def positive(text: str) -> int:
    """Return a whole number of at least 1.

    Args:
        text: Value of an option.

    Raises:
        ArgumentTypeError: It is something else.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1; received {text}")
    return int(text)


def share(text: str) -> float:
    """Return a number from 0 to 1.

    Args:
        text: Value of an option.

    Raises:
        ArgumentTypeError: It is something else.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 1; received {text}")
    return value


def folder(text: str) -> Path:
    """Return the path of a folder that exists.

    Args:
        text: Value of an argument.

    Raises:
        InputError: There is no such folder.
    """
    path = Path(text)
    if not path.is_dir():
        raise InputError(f"{text!r} must be a folder; there is no such folder: check the path")
    return path
