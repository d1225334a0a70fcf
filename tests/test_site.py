"""The site has the same pages in both languages, and its links, tables and references are right."""

import argparse
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import build_site
import documentation
import nbformat
import pytest
import yaml
from documentation import ROOT, exists
from website import (
    bilingual,
    chapters,
    docstrings,
    errata,
    includes,
    links,
    pages,
    published,
    reference,
)

from keras_cnn import cli

WRITTEN = [file for language in pages.LANGUAGES for file in pages.written(language)]


def _rewritten(text, **others):
    settings = {"source": "docs/RESULTS.md", "page": "results/trust.md"}
    known = {"docs/PERFORMANCE.md": "results/performance.md"}
    return links.rewrite(text, **(settings | others), pages=known)


def test_a_link_to_a_document_stays_inside_the_site():
    assert _rewritten("[speed](PERFORMANCE.md#onednn)") == "[speed](performance.md#onednn)"


def test_a_link_to_another_file_leads_to_the_repository():
    assert _rewritten("[it](../cases/food_linear.py)") == (
        f"[it]({links.REPOSITORY}/blob/main/cases/food_linear.py)"
    )
    assert f"{links.REPOSITORY}/tree/main/cases)" in _rewritten("[all](../cases)")


def test_a_link_whose_label_is_code_is_rewritten():
    assert "blob/main" in _rewritten("[`food_linear.py`](../cases/food_linear.py)")


def test_code_that_looks_like_a_link_stays():
    for text in ("`[a](b.md)`", "```python\nx[0](y.md)\n```", "[a](https://example.org) [b](#c)"):
        assert _rewritten(text) == text


def test_a_link_to_a_file_that_does_not_exist_stops_the_build():
    with pytest.raises(FileNotFoundError, match="absent.md"):
        _rewritten("[a](absent.md)")


def test_a_picture_is_looked_for_among_the_pictures_of_the_site():
    assert _rewritten("![a](report.png)") == "![a](../pictures/report.png)"


def test_an_anchor_that_a_chinese_page_labels_leads_to_the_label():
    text = _rewritten("[x](PERFORMANCE.md#onednn)", labels={"onednn"})
    assert text == "[x](#onednn)"


def test_a_section_ends_at_the_next_heading_of_its_level():
    text = "# A\n## B\nb\n### C\n```sh\n# no heading\n```\n## D\nd\n"
    assert includes.section(text, "X|B", file="f") == "b\n### C\n```sh\n# no heading\n```\n"
    with pytest.raises(ValueError, match="f has no section 'E'"):
        includes.section(text, "E", file="f")


def test_a_table_header_without_translation_stops_the_build():
    assert includes.translated("| case | |\n|---|---|\n| a | b |\n").startswith(
        "| 案例 |  |\n| --- | --- |"
    )
    with pytest.raises(ValueError, match="words.csv lacks the table headers .'weather'"):
        includes.translated("| weather |\n|---|\n")


def test_the_lines_of_a_chinese_paragraph_are_joined_without_a_space():
    text = "第一行，\n第二行\n\n- 项\n- 项\n```\n甲\n乙\n```\n"
    assert includes.joined(text) == "第一行，第二行\n\n- 项\n- 项\n```\n甲\n乙\n```\n"


def test_each_english_page_has_a_chinese_twin():
    english = {*pages.written("en").values(), *pages.DOCUMENTS.values()}
    assert english == set(pages.written("zh").values())


@pytest.mark.parametrize("language", pages.LANGUAGES)
def test_every_link_and_every_included_part_of_a_page_exists(language):
    for file in pages.written(language):
        assert "<!-- section" not in pages.own(file, language)


@pytest.mark.parametrize("file", WRITTEN)
def test_the_commands_of_a_page_are_accepted(file):
    parsers = documentation.subcommands()
    for language, content in documentation.fenced_blocks(file):
        for line in content.splitlines() if language == "sh" else ():
            if line.startswith("keras-cnn "):
                _, command, *words = shlex.split(line, comments=True)
                parsers[command].parse_args(words)


def test_the_python_of_a_page_is_that_of_the_readme_and_so_tested():
    readme = [_without_comments(code) for _, code in documentation.fenced_blocks("README.md")]
    for file in WRITTEN:
        for language, code in documentation.fenced_blocks(file):
            if language == "python":
                assert any(_without_comments(code) in block for block in readme), (file, code)


def _without_comments(code):
    return "\n".join(re.sub(r"\s*#.*", "", line) for line in code.splitlines())


@pytest.mark.parametrize("language", pages.LANGUAGES)
def test_every_option_of_every_command_is_on_its_page(language):
    texts = reference.commands(language)
    for name, parser in documentation.subcommands().items():
        text = texts[f"reference/commands/{name}.md"]
        for action in parser._actions:
            if action.help != argparse.SUPPRESS:
                assert all(re.search(rf"^`.*{o}\b.*`$", text, re.M) for o in action.option_strings)


def test_every_command_has_a_chinese_line():
    table = reference.commands("zh")["reference/commands.md"]
    lines = re.findall(r"^\| \[`([\w-]+)`\]\(.*\) \| (.*) \|$", table, re.M)
    assert [name for name, _ in lines] == list(cli.COMMANDS)
    assert all(re.search("[\u4e00-\u9fff]", line) for _, line in lines)


def test_signs_that_markdown_reads_are_escaped_outside_of_code():
    parser = argparse.ArgumentParser(prog="p", description="RUN_*.csv, see ``a_*``")
    text = reference.command(parser, language="en")
    assert r"RUN\_\*.csv, see `a_*`" in text


@pytest.mark.parametrize("language", pages.LANGUAGES)
def test_the_table_of_errata_has_five_cells_in_each_row(language):
    rows = errata.table(language).splitlines()
    assert len(rows) > 50
    assert [row for row in rows if len(re.split(r"(?<!\\)\|", row)) != 7] == []


def test_every_mistake_is_shown_at_a_place_that_exists():
    for document in errata.read():
        for mistake in document["mistakes"]:
            for name in mistake["shown"].split():
                assert exists(f"notebooks/{name}" if name.endswith(".ipynb") else name), name


@pytest.mark.parametrize("name", chapters.CHAPTERS)
@pytest.mark.parametrize("folder", ["notebooks", "notebooks/zh"])
def test_a_chapter_opens_in_colab_and_binder(name, folder):
    owner = r"[\w.-]+/[\w.-]+"
    places = links.notebook_addresses(f"{folder}/{name}")
    assert re.fullmatch(
        rf"https://colab\.research\.google\.com/github/{owner}/blob/main/{folder}/{name}",
        places["Colab"],
    )
    assert re.fullmatch(
        rf"https://mybinder\.org/v2/gh/{owner}/main\?urlpath=lab/tree/{folder}/{name}",
        places["Binder"],
    )


def _executed(outputs):
    notebook = nbformat.read(chapters.NOTEBOOKS / chapters.CHAPTERS[2], as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    code[0].outputs = outputs
    return notebook


def _page(notebook, language="zh"):
    folder = chapters.NOTEBOOKS / "zh" if language == "zh" else chapters.NOTEBOOKS
    source = folder / chapters.CHAPTERS[2]
    page = chapters.page(notebook, source=source, language=language, rewritten=lambda text: text)
    return json.loads(page)["cells"]


def _outputs(cells):
    """Return the outputs of the first cell with code."""
    return next(cell for cell in cells if cell["cell_type"] == "code")["outputs"]


def test_a_chinese_chapter_has_the_outputs_of_the_english_execution():
    text = nbformat.v4.new_output(
        "stream", name="stdout", text=f"{ROOT}/data/x.jpg {Path.home()}/y\n"
    )
    error = nbformat.v4.new_output("error", ename="AssertionError", traceback=["long"])
    cells = _page(_executed([text, error]))
    outputs = _outputs(cells)
    assert outputs[0]["text"] == "data/x.jpg ~/y\n"  # no path of this machine
    assert outputs[1]["traceback"] == ["AssertionError"]
    assert cells[0]["source"].startswith("# 3.")
    assert "运行本章" in cells[0]["source"] and "[English]" not in cells[0]["source"]


@pytest.mark.parametrize("language", pages.LANGUAGES)
def test_a_chapter_shows_the_figure_of_its_language(language):
    pictures = {"en": "ZW4=", "zh": "emg=", "texts": []}
    metadata = {bilingual.KEY: pictures, "image/png": {"width": 640}}
    data = {"image/png": "ZW4="}
    figure = nbformat.v4.new_output("display_data", data=data, metadata=metadata)
    (output,) = _outputs(_page(_executed([figure]), language))
    assert output["data"] == {"image/png": pictures[language]}
    assert output["metadata"] == {"image/png": {"width": 640}}


def test_outputs_of_other_code_are_refused():
    notebook = _executed([])
    notebook.cells[1].source += "\n1"
    notebook.cells[1].cell_type = "code"
    with pytest.raises(ValueError, match="other code"):
        _page(notebook)


def test_an_execution_of_older_code_is_not_shown(tmp_path):
    name = chapters.CHAPTERS[2]
    notebook = _executed([nbformat.v4.new_output("stream", name="stdout", text="kept")])
    chapters.keep(notebook, tmp_path / name)
    assert "kept" in str(chapters.outputs(name, folder=tmp_path, run=False))
    next(c for c in notebook.cells if c.cell_type == "code").source = "1"
    chapters.keep(notebook, tmp_path / name)
    assert "kept" not in str(chapters.outputs(name, folder=tmp_path, run=False))


def test_a_list_of_a_docstring_is_a_list_in_the_reference():
    lines = ["Text:", "- a", "  more", "- b", "End."]
    docstrings.mend(None, None, None, None, None, lines)
    assert lines == ["Text:", "", "- a", "  more", "- b", "", "End."]


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://cdn.example/x.js"></script>',
        '<link rel="stylesheet" href="//fonts.example/x.css">',
        '<img alt="a" src="http://example.org/a.png">',
        "<style>@import 'https://example.org/a.css';</style>",
        "<style>p { background: url(https://example.org/a.png) }</style>",
        '<iframe src="https://example.org/"></iframe>',
        '<video src="https://example.org/a.mp4"></video>',
    ],
)
def test_a_page_that_loads_from_another_host_is_noticed(tmp_path, text):
    (tmp_path / "a.html").write_text(text, encoding="utf-8")
    assert [page for page, _ in published.foreign_resources(tmp_path)] == ["a.html"]


def test_a_link_to_another_host_is_no_resource(tmp_path):
    text = '<a href="https://example.org">a</a><img src="a.png"><link rel="icon" href="b.png">'
    (tmp_path / "a.html").write_text(text, encoding="utf-8")
    (tmp_path / "a.css").write_text("p { background: url(data:image/png;base64,AA) }", "utf-8")
    assert published.foreign_resources(tmp_path) == []


def test_the_workflow_builds_the_site_and_publishes_its_folder():
    text = (ROOT / ".github/workflows/pages.yml").read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    build, deploy = workflow["jobs"].values()
    assert workflow["permissions"] == {"contents": "read"} and "permissions" not in build
    assert deploy["permissions"] == {"pages": "write", "id-token": "write"}
    assert "actions/deploy-pages@v4" in [step.get("uses") for step in deploy["steps"]]
    assert "python docs/build_site.py" in [step.get("run") for step in build["steps"]]
    assert {"path": "site"} in [step.get("with") for step in build["steps"]]
    assert deploy["needs"] == "build"


def test_a_folder_with_other_files_is_not_replaced(tmp_path, capsys):
    (tmp_path / "mine.txt").touch()
    with pytest.raises(SystemExit):
        build_site.main(["--out", str(tmp_path)])
    assert "has files that are no site" in capsys.readouterr().err
    assert (tmp_path / "mine.txt").exists()


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_its_search_finds_chinese_words(tmp_path):
    pytest.importorskip("myst_nb")
    pytest.importorskip("jieba")
    # A process of its own: here third parties' warnings are errors.
    script = [sys.executable, str(ROOT / "docs" / "build_site.py"), "--no-execute"]
    run = subprocess.run([*script, "--out", str(tmp_path / "site")], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    built = {
        language: {
            path.relative_to(tmp_path / "site" / language).as_posix()
            for path in (tmp_path / "site" / language).rglob("*.html")
        }
        for language in pages.LANGUAGES
    }
    assert len(built["en"]) > 70 and built["en"] == built["zh"]
    index = (tmp_path / "site/zh/searchindex.js").read_text(encoding="utf-8")
    for word in ("卷积核", "先验框", "批归一化"):
        assert json.dumps(word) in index
    data = (tmp_path / "site/zh/_static/language_data.js").read_text(encoding="utf-8")
    ours = (tmp_path / "site/zh/_static/chinese_search.js").read_text(encoding="utf-8")
    stemmer = re.search(r"window\.Stemmer = (\w+);", data)[1]
    assert f"var {stemmer}" in data + ours  # else a browser finds nothing at all
