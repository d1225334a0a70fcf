"""The tab of runs: a table, curves, a comparison, and a training that is watched and ended."""

import json
import shutil
import signal
import subprocess
import sys

import pytest
from studio_pages import beyond_the_edge, open_tab, serving
from studio_runs import finish, save_epoch

from keras_cnn import i18n
from keras_cnn.app import records, run_panels, runs_tab
from keras_cnn.app.studio import Studio
from keras_cnn.app.texts import translator
from keras_cnn.inference import runs

TRAINING = """
import pathlib, sys, time
from keras_cnn import running
folder = pathlib.Path(sys.argv[1])
folder.mkdir()
with running.announced(folder, {"epochs": 7}):
    print("begun", flush=True)
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("runs")
    finish(place / "a", right=22, changed=1000)
    finish(place / "<i>b", right=36, epochs=3, changed=2000)
    return place


@pytest.fixture(scope="module")
def url(place):
    with serving(Studio(place)) as url:
        yield url


@pytest.fixture
def own(tmp_path):
    """A studio of a test's own folder: its URL."""
    with serving(Studio(tmp_path)) as url:
        yield url


@pytest.fixture
def page(url, open_page):
    page = open_page(url)
    open_tab(page, "Runs")
    page.wait_for_selector("#runs-run h3")
    return page


def _texts(page, selector):
    return [each.inner_text() for each in page.locator(selector).all()]


def test_the_verdict_of_a_report_is_shown_in_the_language_of_the_page():
    note = "Synthetic sample: drawn by code, so the score says nothing about real pictures."
    with i18n.using("zh"):
        (_, shown) = run_panels._lines({"sentence": "", "notes": [note]})
    assert shown.startswith("合成样本")


def test_all_runs_are_listed_and_the_newest_is_shown(page):
    assert _texts(page, "#runs-table tbody th") == ["<i>b", "a"]
    cells = _texts(page, "#runs-table tbody tr:first-child td")
    assert cells[1:4] == ["classification", "0.900 accuracy", "[0.100, 0.900]"]
    assert cells[4:] == ["LeNet5", "2 (best 2)", "1 min 00 s", "finished"]
    assert "It has learned: 36 right." in page.locator("#runs-run").inner_text()


def test_a_run_that_is_chosen_shows_its_curves_its_recipe_and_its_report(page):
    page.locator('[data-run="a"]').click()
    page.wait_for_selector("#runs-run h3:has-text('a')")
    assert page.locator("#runs-run .plots img").count() == 2
    page.locator("#runs-run summary").click()
    assert "LeNet5()" in page.locator("#runs-run details").inner_text()
    with page.context.expect_page() as report:
        page.locator("#runs-run a").click()
    report.value.wait_for_load_state()
    assert report.value.title() == "a"


def test_ticked_runs_are_compared_by_the_test_of_the_command(page, place, monkeypatch):
    unknown = {"multiply_adds": None, "milliseconds": None}
    monkeypatch.setattr(runs, "_costs", lambda folders, **_: [unknown] * len(folders))
    button = page.get_by_role("button", name="Compare")
    button.click()
    page.locator("#runs-comparison .fault", has_text="Two or more runs").wait_for()
    for name in ("<i>b", "a"):
        page.locator(f'[data-tick="{name}"]').check()
    page.locator('[data-run="a"]').click()  # the table is drawn anew, the boxes stay ticked
    page.wait_for_selector("tr.chosen [data-run='a']")
    button.click()
    page.wait_for_selector("#runs-comparison img")
    shown = page.locator("#runs-comparison").inner_text()
    result = runs.compare_runs([place / "<i>b", place / "a"])
    assert f"worse, p = {result['runs'][1]['test']['p_value']:.2g}" in shown
    assert "epochs\t3\t2" in shown and "Validation curves" in shown


def test_a_comparison_with_a_run_that_was_removed_meanwhile_is_a_sentence(own, tmp_path, open_page):
    for name in ("c", "a"):
        finish(tmp_path / name, right=3)
    page = open_page(own)
    open_tab(page, "Runs")
    for name in ("c", "a"):
        page.locator(f'[data-tick="{name}"]').check()
    shutil.rmtree(tmp_path / "c")
    page.get_by_role("button", name="Compare").click()
    assert "is not there any more" in page.locator("#runs-comparison .fault").inner_text()


def test_a_training_is_shown_live_and_ended_from_the_page(tmp_path, monkeypatch, own, open_page):
    monkeypatch.setattr(runs_tab, "SECONDS", 0.2)
    folder = tmp_path / "live"
    command = [sys.executable, "-c", TRAINING, str(folder)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    with child.stdout as said:
        said.readline()
    page = open_page(own)
    open_tab(page, "Runs")
    page.get_by_text("The first epoch has not ended yet.").wait_for()
    for number in (1, 2):
        save_epoch(folder, number)
        page.get_by_text(f"Epochs: {number}, in {3 * number} s").wait_for()
    page.wait_for_selector("#runs-run .plots img")
    page.locator("#runs-stop").click()
    assert child.wait(10) == -signal.SIGTERM
    page.locator("#runs-table .interrupted").wait_for()
    page.locator("#runs-stop").wait_for(state="hidden")
    assert "--resume" in page.locator("#runs-run").inner_text()


def test_a_folder_without_runs_is_a_sentence(own, open_page):
    page = open_page(own)
    open_tab(page, "Runs")
    page.get_by_text("There are no runs in this folder yet").wait_for()


def test_the_page_of_a_phone_is_as_wide_as_the_phone(url, open_page):
    page = open_page(url, width=390, height=800, locale="zh-CN", dark=True)
    open_tab(page, "训练记录")
    page.wait_for_selector("#runs-run .plots img")
    assert not beyond_the_edge(page)


def test_a_run_with_a_damaged_report_has_none(tmp_path):
    folder = finish(tmp_path / "a", right=22)
    studio = Studio(tmp_path)
    assert records.read(studio, "a").state == "finished"
    (folder / "report.json").write_text("{")
    record = records.read(studio, "a")
    assert (record.state, record.report, record.score) == ("no report", {}, None)


def test_a_killed_training_is_interrupted_though_an_older_report_is_there(tmp_path):
    save_epoch(finish(tmp_path / "a", right=22), 3)
    record = records.read(Studio(tmp_path), "a")
    assert record.state == "interrupted"


def test_names_of_options_and_the_end_of_no_training_have_the_language_of_the_page(place):
    studio, text = Studio(place), translator("zh")
    with i18n.using("zh"):
        assert "轮数" in run_panels.run(records.read(studio, "a"), text=text)
        said = runs_tab._Tab(studio, text).stop("a")[0]
    assert "fault" in said and "nothing" not in said


def test_a_report_of_another_program_does_not_hinder_the_table(tmp_path):
    for name, report in {
        "a": {"task": "classification", "test": {"accuracy": "high"}},
        "b": {"task": "classification", "test": {"accuracy": 0.5}, "recipe": [1]},
        "c": {"task": "classification", "test": {"accuracy": 0.5}},
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.json").write_text(json.dumps(report))
        (tmp_path / name / "history.csv").write_bytes(b"\xff\xfe")
    found = records.read_all(Studio(tmp_path))
    assert {name: each.state for name, each in found.items()} == {
        "a": "no report",
        "b": "no report",
        "c": "finished",
    }
    assert run_panels.runs_table(found.values(), text=translator("en"), chosen=None)
