"""``cache``: list or remove the resized pictures that runs keep on disk."""

import argparse
import dataclasses
import datetime

from keras_cnn.cli import arguments, output
from keras_cnn.i18n import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments.

    Args:
        parser: Its parser.
    """
    parser.add_argument(
        "folder",
        metavar="FOLDER",
        nargs="?",
        help="folder that --cache named in a training (default: this user's cache)",
    )
    parser.add_argument("--clear", action="store_true", help="remove all pictures of the cache")
    arguments.add_json(parser)


def run(options: argparse.Namespace) -> None:
    """List the resized pictures that trainings keep on disk, or remove them.

    The pictures are sorted by height x width x channels and by the other choices of reading.
    "checked" and "examined" are records of files without faults, which the next run need not read
    again. --clear removes nothing but these files, and a later training makes them anew.
    """
    from keras_cnn.images import disk, disk_files

    folder = arguments.folder(options.folder) if options.folder else disk.default_folder()
    parts = [] if options.clear else disk_files.parts(folder)
    number, size = disk_files.clear(folder) if options.clear else _totals(parts)
    if options.json:
        rows = [dataclasses.asdict(part) for part in parts]
        answer = {"folder": folder, "entries": number, "bytes": size, "parts": rows}
        output.print_json(answer | {"cleared": options.clear})
        return
    for part in parts:
        day = datetime.datetime.fromtimestamp(part.last_use).strftime("%Y-%m-%d %H:%M")
        say(f"{part.name}: {part.entries:d} entries, {_size(part.bytes)}, last used {day}")
    if options.clear:
        say(f"{folder}: removed {number:d} entries, {_size(size)}")
    else:
        say(f"{folder}: {number:d} entries, {_size(size)}")


def _totals(parts):
    return sum(part.entries for part in parts), sum(part.bytes for part in parts)


def _size(number):
    return f"{number / 1e6:.1f} MB"
