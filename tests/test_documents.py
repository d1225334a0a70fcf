"""docs/DOCUMENTS.md leads from the documents to files and names that exist."""

import re

import pytest
from documentation import exists, read

ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in read("docs/DOCUMENTS.md").splitlines()
    if line.startswith("| ") and not line.startswith("| section")
]


def test_the_table_has_a_row_for_each_section_and_four_cells_in_each_row():
    assert len(ROWS) >= 90
    assert [row for row in ROWS if len(row) != 4] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: " ".join(row[:2])[:50])
def test_every_place_that_a_row_namesexists(row):
    names = re.findall(r"`([^`]+)`", row[2])
    assert names or row[2] == "not here", row
    assert [name for name in names if not exists(name)] == []


def test_a_name_that_does_not_exist_is_noticed():
    assert not exists("cases/absent.py")
    with pytest.raises((ImportError, AttributeError)):
        exists("models.book.VGG99")
