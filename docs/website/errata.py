"""The errata of the documents, as a table."""

from pathlib import Path

import yaml

FILE = Path(__file__).with_name("errata.yaml")
COLUMNS = {
    "en": ("section", "it says", "what happens", "what is right", "shown in"),
    "zh": ("章节", "原文", "后果", "正确的是", "见"),
}


def read() -> list[dict]:
    """Return the documents: each has a title, and mistakes of five columns, per language."""
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


def table(language: str) -> str:
    """Return the table of all mistakes as Markdown, with a row of its own for each document.

    Args:
        language: "en" or "zh".
    """
    lines = [f"| {' | '.join(COLUMNS[language])} |", "|---|---|---|---|---|"]
    for document in read():
        lines.append(f"| **{document['short'][language]}** | | | | |")
        for mistake in document["mistakes"]:
            cells = [str(mistake["section"]), *mistake[language], _places(mistake["shown"])]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _places(names):
    """Return links to chapters and names of the package."""
    places = []
    for name in names.split():
        if name.endswith(".ipynb"):
            places.append(f"[{name.split('_')[0]}](chapters/{name})")
        elif "/" in name:
            places.append(f"[`{name.split('/')[-1]}`](../../../{name})")
        else:
            places.append(f"{{py:obj}}`{name} <keras_cnn.{name}>`")
    return ", ".join(places)
