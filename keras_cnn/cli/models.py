"""``models``: list the networks."""

import argparse

from keras_cnn import columns
from keras_cnn.cli import arguments, networks, output
from keras_cnn.i18n import N_, translated

_HEAD = (
    *(N_("network"), N_("params"), N_("mult-adds"), N_("size"), N_("smallest")),
    *("imagenet", N_("paper")),
)
_NOTES = N_(
    """\
An indented row is a variant, which --alpha X or --model-option NAME=VALUE chooses.
mult-adds: multiplications, each with its addition, for one picture of `size`.
size, smallest: height and width of the pictures in pixels: of the paper, and the least possible.
imagenet: whether --weights imagenet is to be had; then top-1 accuracy in % as stated by"""
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments.

    Args:
        parser: Its parser.
    """
    arguments.add_json(parser)


def run(options: argparse.Namespace) -> None:
    """List the networks that train and lr-find build for --model, with their sizes and costs.

    train-detector builds SSD300 (Liu et al., 2016).
    """
    if options.json:
        shapes = ("digest", "flatten")  # of use to `models.identify` only
        rows = [{k: v for k, v in row.items() if k not in shapes} for row in networks.FACTS]
        output.print_json(rows)
        return
    rows = [row for row in networks.FACTS if "aux_logits" not in row["options"]]  # not for --model
    sources = list(dict.fromkeys(row["source"] for row in rows if row["source"]))
    seen = set()
    lines = [_cells(row, sources, seen) for row in rows]
    print("\n".join(columns.aligned([map(translated, _HEAD), *lines], left=(0, 5, 6))))
    print(f"\n{translated(_NOTES)}")
    for number, source in enumerate(sources, start=1):
        print(f"  [{number}] {source}")


def _cells(row, sources, seen):
    """Return a row's cells; only the first row of a builder has its name."""
    name = row["builder"]
    if name in seen:
        name = "  " + " ".join(_option(*pair) for pair in row["options"].items())
    seen.add(row["builder"])
    top1 = f"yes {row['top1']:.1f} [{sources.index(row['source']) + 1}]" if row["imagenet"] else ""
    counts = [_short(row[key]) for key in ("parameters", "multiply_adds")]
    sizes = [str(row[key]) for key in ("size", "smallest")]
    return (name, *counts, *sizes, top1, row["paper"])


def _option(name, value):
    if name == "alpha":
        return f"--alpha {value}"
    return f"{name}={str(value).lower() if isinstance(value, bool) else value}"


def _short(number):
    """Return a number with three digits and its unit: 4253864 -> "4.25M"."""
    for unit, factor in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= factor:
            digits = 2 - (number >= 10 * factor) - (number >= 100 * factor)
            return f"{number / factor:.{digits}f}{unit}"
    return str(number)
