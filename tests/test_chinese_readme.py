"""README.zh-CN.md says all that README.md says: the same sections, commands, tables and figures."""

import re
from typing import NamedTuple

import documentation
import pytest


class Section(NamedTuple):
    """What both languages share of a section."""

    level: int
    commands: list[str]  # lines of code blocks without comments
    tables: list[list[int]]  # numbers of cells of each row
    figures: list[str]  # 0.97, 2,400 and powers such as 1e-4, in prose and tables
    spans: set[str]  # code in running text
    links: set[str]  # targets, images among them


_CODE = re.compile(r"^```.*?^```$", re.M | re.S)
_COMMENT = re.compile(r"\s+# .*")
_FIGURE = r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+|e-?\d+| %)|\d+(?:,\d{3})+"


def _sections(text):
    """Return the sections of a page, in order."""
    text = text.replace("[中文说明](README.zh-CN.md)", "").replace("[English](README.md)", "")
    blocks = iter(_CODE.findall(text))
    prose = _CODE.sub("```", text)  # a line "# comment" of a block is no heading
    return [
        _section(len(level), body, blocks)
        for level, body in re.findall(r"^(#+) (.*?)(?=^#+ |\Z)", prose, re.M | re.S)
    ]


def _section(level, body, blocks):
    commands = [
        _COMMENT.sub("", line)
        for _ in range(body.count("```"))
        for line in next(blocks).splitlines()
    ]
    rows = re.findall(r"(?:^\|.*\n)+", body, re.M)
    words = re.sub(r"`[^`]*`|\]\([^)]*\)", " ", body)
    return Section(
        level,
        commands,
        [[row.count("|") for row in table.splitlines()] for table in rows],
        sorted(re.findall(_FIGURE, words)),
        {" ".join(span.split()) for span in re.findall(r"`([^`]+)`", body.replace("```", ""))},
        {link for link in re.findall(r"\]\(([^)]+)\)", body) if not link.startswith("#")},
    )


ENGLISH = _sections(documentation.read("README.md"))
CHINESE = _sections(documentation.read("README.zh-CN.md"))


def test_both_languages_have_the_same_headings_in_the_same_order():
    assert [section.level for section in CHINESE] == [section.level for section in ENGLISH]


@pytest.mark.parametrize("part", Section._fields[1:])
def test_the_sections_of_both_languages_share_their(part):
    pairs = [
        (number, getattr(english, part), getattr(chinese, part))
        for number, (english, chinese) in enumerate(zip(ENGLISH, CHINESE, strict=True))
    ]
    assert [pair for pair in pairs if pair[1] != pair[2]] == []


def test_links_within_the_chinese_page_lead_to_its_headings():
    text = documentation.read("README.zh-CN.md")
    headings = re.findall(r"^#+ (.*)$", _CODE.sub("", text), re.M)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors


PAGE = (
    "# A\n\n1.5 of 2,000 `x`\n\n## B\n\n```sh\nrun --fast  # quickly\n```\n\n| a | b |\n|---|---|\n"
)


@pytest.mark.parametrize(
    ("before", "after", "part"),
    [
        ("1.5", "1.6", "figures"),
        ("2,000", "3,000", "figures"),
        ("`x`", "`y`", "spans"),
        ("--fast", "--slow", "commands"),
        ("| a | b |", "| a |", "tables"),
        ("# B", "## B", "level"),
    ],
)
def test_a_difference_is_noticed(before, after, part):
    pairs = zip(_sections(PAGE), _sections(PAGE.replace(before, after)), strict=True)
    assert any(getattr(one, part) != getattr(other, part) for one, other in pairs)


def test_a_translated_comment_is_no_difference():
    assert _sections(PAGE) == _sections(PAGE.replace("quickly", "很快"))
