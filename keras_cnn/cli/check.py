"""``check``: find faults in a folder of pictures."""

import argparse
import dataclasses
import itertools
import os
from pathlib import Path

from keras_cnn.cli import arguments, output
from keras_cnn.errors import InputError
from keras_cnn.i18n import N_, say, translated

_SHOWN = 8  # findings of a kind, and classes of a split, that are printed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments.

    Args:
        parser: Its parser.
    """
    parser.add_argument(
        "folder",
        metavar="DIR",
        help="class folders, {train,val,test}/<class>, or pictures with boxes in one of the "
        "layouts below",
    )
    arguments.add_layouts(parser)
    parser.add_argument(
        "--quarantine",
        type=Path,
        metavar="FILE",
        help="write the names of the files that should be left out into this file, one per line",
    )
    arguments.add_reading(parser)
    parser.add_argument(
        "--group-by",
        metavar="PATTERN",
        help="of boxes, in a set without splits: pictures stay in one split whose file names agree "
        "in the brackets of this regular expression",
    )
    arguments.add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Find faults in a folder of pictures before a training; change and delete nothing.

    The faults are: files that cannot be read, or that may be read in an unexpected way (CMYK, 16
    bits, animations, wrong extensions); empty, missing and unbalanced classes; training pictures
    that are exact or near copies of test pictures; boxes that cannot be used. The exit code is 1
    if there are faults.
    """
    folder = arguments.folder(options.folder)
    if options.quarantine:
        _refuse_other_files(options.quarantine)
    from keras_cnn.datasets import check

    result = check.check(
        folder,
        reading=arguments.reading(options, folder),
        fix_boxes=options.fix_boxes,
        group_by=options.group_by,
        watch=lambda items, total: output.progress(items, total=total, unit=N_("pictures")),
    )
    faults = sum(finding.is_fault for finding in result.findings)
    if options.json:
        totals = {"faults": faults, "quarantine": result.quarantine}
        output.print_json(dataclasses.asdict(result) | totals)
    else:
        _print(result, folder)
    if options.quarantine:  # last: if it cannot be written, all findings have been printed
        lines = "".join(f"{os.path.join(folder, path)}\n" for path in result.quarantine)
        options.quarantine.write_text(lines, encoding="utf-8", errors="surrogateescape")
    if not options.json:
        say(f"{faults:d} faults{_quarantine_note(result.quarantine, options.quarantine)}")
    return 1 if faults else 0


def _quarantine_note(paths, file):
    if not paths:
        return ""
    if file:
        return N_(f"; files that should be left out: {len(paths):d}, listed in {file}")
    return N_(f"; files that should be left out: {len(paths):d}, --quarantine FILE lists them")


def _refuse_other_files(path):
    """Refuse to overwrite a file that is no list of pictures."""
    from keras_cnn.images import files

    try:
        lines = path.read_bytes().decode("utf-8", "surrogateescape").splitlines()
    except FileNotFoundError:
        return
    if not all(map(files.is_picture_name, lines)):
        raise InputError(
            f"--quarantine overwrites nothing but a list of pictures; {path} is another file: "
            "name a new one"
        )


def _print(result, folder):
    if result.layout:
        say(result.layout)
    for split, table in result.objects.items():
        say(
            f"{split}: {table['pictures']} pictures, {table['without objects']} without objects; "
            "objects, and the root of their area in pixels, smallest to largest:"
        )
        for name, entry in table["objects"].items():
            sizes = ", ".join(f"{size:g}" for size in entry["size"])
            print(f"  {name}: {entry['number']}" + (f" ({sizes})" if sizes else ""))
    for split, classes in result.counts.items() if not result.objects else ():
        numbers = ", ".join(f"{name} {number}" for name, number in list(classes.items())[:_SHOWN])
        place, pictures, more = split or folder, sum(classes.values()), len(classes) - _SHOWN
        if more > 0:
            say(f"{place}: {pictures:d} pictures: {numbers}, and {more:d} more")
        else:
            say(f"{place}: {pictures:d} pictures: {numbers}")
    if result.sizes:
        shown = (f"{width} x {height}" for width, height in result.sizes.values())
        smallest, median, largest = shown
        say(f"sizes in pixels: smallest {smallest}, median {median}, largest {largest}")
    for kind, group in itertools.groupby(result.findings, key=lambda finding: finding.kind):
        findings = list(group)
        if findings[0].is_fault:
            say(f"FAULT: {kind}: {len(findings):d}")
        else:
            say(f"note: {kind}: {len(findings):d}")
        for finding in findings[:_SHOWN]:
            print(f"  {finding.path} {translated(finding.reason)}")
        if len(findings) > _SHOWN:
            more = len(findings) - _SHOWN
            say(f"  and {more:d} more; --json lists all")
