"""Make the font that draws Chinese labels where no installed font does.

It is a subset of Noto Sans CJK SC: all characters of the standard GB 2312 (6,763 Chinese ones, in
the order of Python's codec), its punctuation, full-width forms and Greek letters, and Latin-1. The
family has a name of its own, so that it never hides the whole Noto Sans CJK SC of a system.

Needs fontTools, which comes with Matplotlib, and `apt-get install fonts-noto-cjk`.

    python keras_cnn/report/font/make_font.py --source NotoSansCJK-Regular.ttc
"""

import argparse
import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTCollection, TTFont

FOLDER = Path(__file__).parent
FAMILY = "Noto Sans GB2312"
SOURCE_FAMILY = "Noto Sans CJK SC"
ROWS = (1, 3, 6, *range(16, 88))  # of GB 2312: punctuation, full-width, Greek, Chinese characters
EXTRA = "–−•"  # used in figures, not in GB 2312
DROPPED = "BASE DSIG GDEF GPOS GSUB STAT VORG vhea vmtx".split()  # vertical and fine typesetting
KEPT_NAMES = {0, 1, 2, 3, 4, 5, 6, 13, 14}  # copyright, family names, version, licence


def characters() -> str:
    """Return the characters of the font."""
    codes = (bytes([0xA0 + row, 0xA0 + cell]) for row in ROWS for cell in range(1, 95))
    latin = (chr(code) for code in (*range(0x20, 0x7F), *range(0xA0, 0x100)))
    chinese = (code.decode("gb2312", errors="ignore") for code in codes)
    return "".join((*latin, *chinese, *EXTRA))


def make(source: Path, target: Path) -> None:
    """Write the subset of a font collection.

    Args:
        source: `NotoSansCJK-Regular.ttc`.
        target: The OpenType file to write.
    """
    font = _face(source)
    options = subset.Options(hinting=False, layout_features=[], name_IDs=sorted(KEPT_NAMES))
    options.drop_tables += DROPPED
    subsetter = subset.Subsetter(options)
    subsetter.populate(text=characters())
    subsetter.subset(font)
    _rename(font)
    cmap = font["cmap"]  # the same table twice; all programs read Windows' one
    cmap.tables = [table for table in cmap.tables if table.platformID == 3]
    font.recalcTimestamp = False  # the same bytes from every run
    font.save(target)


def _face(source) -> TTFont:
    """Return the face for simplified Chinese of a collection."""
    for font in TTCollection(source).fonts:
        if font["name"].getDebugName(1) == SOURCE_FAMILY:
            return font
    raise ValueError(f"{source} has no face {SOURCE_FAMILY}: name NotoSansCJK-Regular.ttc")


def _rename(font):
    """Give the font the name FAMILY."""
    compact = FAMILY.replace(" ", "") + "-Regular"
    for identifier, name in {1: FAMILY, 3: compact, 4: FAMILY, 6: compact}.items():
        font["name"].setName(name, identifier, 3, 1, 0x409)
    top = font["CFF "].cff
    top.fontNames = [compact]
    top.topDictIndex[0].FullName = top.topDictIndex[0].FamilyName = FAMILY


def main(argv: list[str] | None = None) -> int:
    """Write the font and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--source",
        type=Path,
        default=Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"),
        help="collection of fonts-noto-cjk (default: %(default)s)",
    )
    parser.add_argument(
        "--out", type=Path, default=FOLDER / "NotoSansGB2312.otf", help="default: %(default)s"
    )
    arguments = parser.parse_args(argv)
    if not arguments.source.is_file():
        print(
            f"make_font: {arguments.source} is missing: run `apt-get install fonts-noto-cjk`, or "
            "name its NotoSansCJK-Regular.ttc by --source",
            file=sys.stderr,
        )
        return 2
    make(arguments.source, arguments.out)
    print(f"{arguments.out}: {arguments.out.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
