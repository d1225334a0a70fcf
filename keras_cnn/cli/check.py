"""``check``: find what is wrong with the pictures of a folder."""

import argparse
import dataclasses
import itertools
import os
from pathlib import Path

from keras_cnn.cli import arguments, output
from keras_cnn.errors import InputError

_SHOWN = 8  # findings of a kind, and classes of a part, that `check` prints


def add(commands) -> None:
    """Add the command.

    Args:
        commands: What `add_subparsers` returned.
    """
    parser = arguments.command(commands, "check", check, help="find what is wrong with pictures")
    parser.add_argument("folder", metavar="DIR", help="class folders, or {train,val,test}/<class>")
    parser.add_argument(
        "--quarantine",
        type=Path,
        default=Path("quarantine.txt"),
        metavar="FILE",
        help="where to list files better left out (default: %(default)s)",
    )
    arguments.add_json(parser)


def check(options: argparse.Namespace) -> int:
    """Look at every picture of a folder before a training does; change and delete nothing.

    Found are files that cannot be read, or not as their owner may think (CMYK, 16 bits, animations,
    wrong extensions); empty, missing and unbalanced classes; copies, exact or nearly, of test
    pictures among those that are learnt from; boxes that cannot be used. Files better left out are
    listed in the quarantine file, one a line. The exit code is 1 where faults were found.
    """
    folder = arguments.folder(options.folder)
    _refuse_anothers(options.quarantine)
    from keras_cnn.datasets import check as checking

    found = checking.check(
        folder,
        watch=lambda items, total: output.progress(items, total=total, unit="pictures"),
    )
    faults = sum(one.is_fault for one in found.findings)
    if options.json:
        told = dataclasses.asdict(found) | {"faults": faults, "quarantine": found.quarantine}
        output.print_json(told)
    else:
        _tell(found, folder)
    written = ""
    if found.quarantine:  # last: where it cannot be written, all has been told
        lines = "".join(f"{os.path.join(folder, path)}\n" for path in found.quarantine)
        options.quarantine.write_text(lines, encoding="utf-8", errors="surrogateescape")
        written = f"; files better left out: {options.quarantine}"
    if not options.json:
        print(f"{faults} faults{written}")
    return 1 if faults else 0


def _refuse_anothers(path):
    """Refuse a file that is no list of pictures, for the quarantine takes its place."""
    from keras_cnn.images import files

    try:
        lines = path.read_bytes().decode("utf-8", "surrogateescape").splitlines()
    except FileNotFoundError:
        return
    if not all(map(files.is_picture_name, lines)):
        raise InputError(
            f"--quarantine takes the place of a list of pictures only; {path} is another file: "
            "name a new one"
        )


def _tell(found, folder):
    for part, classes in found.counts.items():
        listed = ", ".join(f"{name} {number}" for name, number in list(classes.items())[:_SHOWN])
        more = f", and {len(classes) - _SHOWN} more" if len(classes) > _SHOWN else ""
        print(f"{part or folder}: {sum(classes.values())} pictures: {listed}{more}")
    sizes = (f"{name} {width} x {height}" for name, (width, height) in found.sizes.items())
    print(f"sizes in pixels: {', '.join(sizes)}")
    for kind, group in itertools.groupby(found.findings, key=lambda one: one.kind):
        group = list(group)
        print(f"{'FAULT' if group[0].is_fault else 'note'}: {kind}: {len(group)}")
        for one in group[:_SHOWN]:
            print(f"  {one.path} {one.reason}")
        if len(group) > _SHOWN:
            print(f"  and {len(group) - _SHOWN} more; --json lists all")
