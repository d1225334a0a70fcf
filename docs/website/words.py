"""The Chinese terms of the glossary as words of the search."""

import csv
import functools
import re
import tempfile
from pathlib import Path

from website.links import ROOT

_CHINESE = re.compile(r"[\u4e00-\u9fff]+")


def terms() -> list[str]:
    """Return the Chinese terms of the notebooks' glossary, without duplicates."""
    with (ROOT / "notebooks/zh/glossary.csv").open(encoding="utf-8", newline="") as file:
        columns = [row["chinese"] for row in csv.DictReader(file)]
    return sorted({word for column in columns for word in _CHINESE.findall(column)})


def dictionary() -> Path:
    """Write the terms as a dictionary of jieba, and return its file."""
    path = Path(_folder().name) / "terms.txt"
    path.write_text("".join(f"{term} 100000 n\n" for term in terms()), encoding="utf-8")
    return path


@functools.cache
def _folder():
    """Return a folder that is removed at the end of the process."""
    return tempfile.TemporaryDirectory(prefix="keras_cnn_terms_")
