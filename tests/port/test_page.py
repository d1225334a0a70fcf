"""The page "Coming from Keras 2" shows the tables of the code; run this file to write them."""

import re
from pathlib import Path

from keras_cnn.port import arguments, names

PAGE = Path(__file__).resolve().parents[2] / "docs" / "KERAS2.md"


def _row(*cells):
    return f"| {' | '.join(cells)} |\n"


def _tables():
    objects = {old: new for old, new in names.OBJECTS.items() if "engine" not in old}
    rows = [
        _row(f"`{old}`", f"`{new}`") for old, new in sorted({**names.MODULES, **objects}.items())
    ]
    yield "names", _row("old", "new") + "|---|---|\n" + "".join(rows)
    pairs = {}
    for kind, table in arguments.RENAMED.items():
        for old, new in table.items():
            pairs.setdefault((old, new), []).append(kind.rpartition(".")[2])
    rows = [
        _row(f"`{old}`", f"`{new}`", ", ".join(sorted(kinds)))
        for (old, new), kinds in sorted(pairs.items())
    ]
    yield "arguments", _row("old", "new", "of") + "|---|---|---|\n" + "".join(rows)


def with_tables(text):
    """Return the page with the tables of the code."""
    for name, table in _tables():
        text = re.sub(
            rf"(<!-- {name}: [^\n]*-->\n).*?(<!-- end of {name} -->)",
            lambda match, table=table: match[1] + table + match[2],
            text,
            flags=re.S,
        )
    return text


def test_the_page_shows_the_tables_of_the_code():
    text = PAGE.read_text(encoding="utf-8")
    assert with_tables(text) == text


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
