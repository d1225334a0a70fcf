"""Text in columns of a terminal, where a Chinese character takes two."""

import unicodedata
from collections.abc import Collection, Iterable


def width(text: str) -> int:
    """Return the width of a text in columns.

    Args:
        text: The text.
    """
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def aligned(rows: Iterable[Iterable[str]], *, left: Collection[int] = (0,)) -> list[str]:
    """Return the lines of a table.

    Args:
        rows: Cells of each row, the heads among them; all rows have as many.
        left: Numbers of the columns that begin at the left; the others end at the right.
    """
    rows = [tuple(row) for row in rows]
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = []
        for number, (cell, its_width) in enumerate(zip(row, widths, strict=True)):
            blank = " " * (its_width - width(cell))
            cells.append(cell + blank if number in left else blank + cell)
        lines.append("  ".join(cells).rstrip())
    return lines
