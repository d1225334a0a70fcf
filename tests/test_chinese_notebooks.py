"""The Chinese notebooks have the code of the English ones, and prose by one glossary."""

import csv
import json
import re
from collections import Counter
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
CHINESE = NOTEBOOKS / "zh"
ENGLISH = sorted([*NOTEBOOKS.glob("*.ipynb"), *(NOTEBOOKS / "solutions").glob("*.ipynb")])
UNITS = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "万": 1e4, "亿": 1e8}
HAN = "[\u4e00-\u9fff]"


def _twin(path):
    return CHINESE / path.relative_to(NOTEBOOKS)


def _notebook(path):
    return json.loads(path.read_text(encoding="utf-8"))


def _cells(path):
    return _notebook(path)["cells"]


def _markdown_pairs(path):
    """Return the texts of each English markdown cell and its Chinese twin."""
    pairs = zip(_cells(path), _cells(_twin(path)), strict=True)
    return [
        ("".join(english["source"]), "".join(chinese["source"]))
        for english, chinese in pairs
        if english["cell_type"] == "markdown"
    ]


def _prose(text):
    """Remove code, formulas, titles of sources, targets of links, and Chinese terms in brackets."""
    text = re.sub(r"`[^`]*`", "`", text)
    text = re.sub(r"\[[^\]]*\]\(https?:[^)]*\)|\[(?:中文|English)\]\([^)]*\)", "", text)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    text = re.sub(r"(?<!\*)\*(?!\*)[A-Z][^*]+ [^*]+\*", "", text)
    return re.sub(r"\(([^()]*)\)", _without_chinese, " ".join(text.split()))


def _without_chinese(brackets):
    return f"({', '.join(part for part in brackets[1].split(', ') if not re.search(HAN, part))})"


def _numbers(text):
    found = re.findall(rf"(\d+(?:[.,]\d+)*)(?: *({'|'.join(UNITS)}))?", _prose(text))
    return Counter(f"{float(n) * UNITS[unit]:g}" if unit else n for n, unit in found)


def _glossary():
    with (CHINESE / "glossary.csv").open(encoding="utf-8", newline="") as file:
        return {row["english"]: row["chinese"].split("|") for row in csv.DictReader(file)}


def _terms(text, glossary):
    """Return the terms of the glossary that stand in an English text."""
    prose = _prose(text)
    return [term for term in glossary if re.search(rf"\b{term}(?:s|es)?\b", prose, re.I)]


def _external_links(text):
    return sorted(re.findall(r"\]\((https?:[^)]*)\)", text))


each_notebook = pytest.mark.parametrize(
    "path", ENGLISH, ids=lambda path: f"{path.parent.name}/{path.stem}"
)


def test_every_notebook_has_a_chinese_twin_and_no_twin_is_left_over():
    twins = [*CHINESE.glob("*.ipynb"), *(CHINESE / "solutions").glob("*.ipynb")]
    assert sorted(twins) == sorted(map(_twin, ENGLISH))


@each_notebook
def test_the_code_and_the_metadata_of_both_languages_are_identical(path):
    assert _notebook(path)["metadata"] == _notebook(_twin(path))["metadata"]
    english, chinese = _cells(path), _cells(_twin(path))
    assert [cell["cell_type"] for cell in english] == [cell["cell_type"] for cell in chinese]
    for ours, theirs in zip(english, chinese, strict=True):
        if ours["cell_type"] == "code":
            assert ours == theirs
            assert ours["outputs"] == [] and ours["execution_count"] is None
        assert (ours["id"], ours["metadata"]) == (theirs["id"], theirs["metadata"])


@each_notebook
def test_a_term_of_the_glossary_is_translated_by_it(path):
    glossary = _glossary()
    for english, chinese in _markdown_pairs(path):
        for term in _terms(english, glossary):
            assert any(word in chinese for word in glossary[term]), (term, chinese)


def test_every_term_of_the_glossary_stands_in_a_notebook():
    glossary = _glossary()
    pairs = [pair for path in ENGLISH for pair in _markdown_pairs(path)]
    assert {term for english, _ in pairs for term in _terms(english, glossary)} == set(glossary)


@each_notebook
def test_numbers_and_sources_of_both_languages_are_the_same(path):
    for english, chinese in _markdown_pairs(path):
        assert _numbers(english) == _numbers(chinese), chinese
        assert _external_links(english) == _external_links(chinese), chinese


@each_notebook
def test_the_two_languages_of_a_chapter_link_each_other(path):
    if path.parent == NOTEBOOKS:
        english, chinese = _markdown_pairs(path)[0]
        assert f"[中文](zh/{path.name})" in english
        assert f"[English](../{path.name})" in chinese


@each_notebook
def test_every_link_of_a_chinese_notebook_leads_to_a_file(path):
    for _, chinese in _markdown_pairs(path):
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", chinese):
            assert (_twin(path).parent / link).exists(), link


@each_notebook
def test_a_chinese_notebook_has_no_english_sentence(path):
    for _, chinese in _markdown_pairs(path):
        assert not re.search(r"[A-Za-z]+(?:[ ,]+[A-Za-z]+){6}", _prose(chinese)), chinese


@each_notebook
def test_chinese_has_its_own_punctuation_and_spaces_beside_latin_letters_and_digits(path):
    for _, chinese in _markdown_pairs(path):
        prose = _prose(chinese)
        assert not re.search(rf"{HAN}[,.;:!?()]", prose), prose
        assert not re.search(rf"{HAN}[A-Za-z0-9`]|[A-Za-z0-9`]{HAN}", prose), prose
