"""Sections and tables of the repository's documents, put into the pages that name them."""

import csv
import re
from collections.abc import Callable
from pathlib import Path

from website.links import ROOT

HERE = Path(__file__).parent
_INCLUDE = re.compile(r"^<!-- (section|tables) (\S+?)#(.+?)(?: (\d+))? -->$", re.M)
_TABLE = re.compile(r"(?:^\|.*\|$\n?){2,}", re.M)


def expand(text: str, *, translate: bool, rewritten: Callable[[str, str], str]) -> str:
    """Replace ``<!-- section FILE#HEADING -->`` and ``<!-- tables FILE#HEADING NUMBER -->``.

    Args:
        text: Markdown.
        translate: Whether the headers of tables are translated to Chinese.
        rewritten: Takes an included text and its file, and returns it with its links rewritten.

    Returns:
        The text. A section comes without its heading; of its tables all, or the one of that number,
        counted from 1.

    Raises:
        ValueError: The file has no such section, or a table's header has no translation.
    """

    def included(match):
        kind, file, headings, number = match.groups()
        body = section((ROOT / file).read_text(encoding="utf-8"), headings, file=file)
        if kind == "tables":
            tables = _TABLE.findall(body)
            tables = tables if number is None else [tables[int(number) - 1]]
            body = "\n".join(map(translated, tables) if translate else tables)
        return rewritten(body.strip(), file)

    return _INCLUDE.sub(included, text)


def section(text: str, headings: str, *, file: str) -> str:
    """Return the body of a section, up to the next heading of its level or above.

    Args:
        text: Markdown.
        headings: Its heading, or several with a bar between them: the first that is there counts.
        file: Name of the document, for the message.

    Raises:
        ValueError: There is no such heading.
    """
    lines = text.splitlines()
    levels = _levels(lines)
    for heading in headings.split("|"):
        for start, level in levels.items():
            if lines[start].lstrip("# ") == heading.strip():
                end = min((n for n in levels if n > start and levels[n] <= level), default=None)
                return "\n".join(lines[start + 1 : end]) + "\n"
    raise ValueError(f"{file} has no section {headings!r}: correct the page that includes it")


def translated(table: str) -> str:
    """Return a table with the Chinese words of its header, and of the cells that have some.

    Args:
        table: A Markdown table.

    Raises:
        ValueError: words.csv lacks a word.
    """
    with (HERE / "words.csv").open(encoding="utf-8", newline="") as file:
        words = {row["english"]: row["chinese"] for row in csv.DictReader(file)}
    rows = [re.split(r" *\| *", line.strip()[1:-1].strip()) for line in table.splitlines()]
    missing = [cell for cell in rows[0] if cell.isascii() and cell and cell not in words]
    if missing:
        raise ValueError(f"docs/website/words.csv lacks the table headers {missing}")
    lines = (" | ".join(words.get(cell, cell) for cell in row) for row in rows)
    return "".join(f"| {line} |\n" for line in lines)


def joined(text: str) -> str:
    """Join the lines of a Chinese paragraph: Chinese has no spaces between words.

    Args:
        text: Markdown.
    """
    parts = re.split(r"(^```.*?^```$)", text, flags=re.M | re.S)
    ends, begins = r"[\u3001-\u9fff\uff01-\uffef]", r"[\u4e00-\u9fff\uff08\[]"
    return "".join(
        part if number % 2 else re.sub(rf"(?<={ends})\n *(?={begins})", "", part)
        for number, part in enumerate(parts)
    )


def _levels(lines):
    """Return the headings outside of code: number of the line -> level."""
    levels, in_code = {}, False
    for number, line in enumerate(lines):
        in_code ^= line.lstrip().startswith("```")
        if not in_code and re.match(r"#+ ", line):
            levels[number] = len(line) - len(line.lstrip("#"))
    return levels
