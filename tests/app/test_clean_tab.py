"""Wrong labels are corrected by the keyboard, and every byte comes back by undo."""

import hashlib

import numpy as np
import pytest
from PIL import Image
from studio_pages import beyond_the_edge, open_tab, serving

from keras_cnn.app.studio import Studio
from keras_cnn.datasets import moves


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def url(place):
    with serving(Studio(place)) as url:
        yield url


@pytest.fixture
def folder(tmp_path, place, request):
    """Class folders of noise, with a table of three suspects in the folder of the runs."""
    rng = np.random.default_rng(0)
    folder = tmp_path / f"set{abs(hash(request.node.name))}"
    for label in ("cat", "dog", "7"):
        (folder / label).mkdir(parents=True)
        for number in range(3):
            pixels = rng.integers(0, 255, (8, 8, 3), np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{number}.png")
    results = place / f"{folder.name}_clean"
    results.mkdir()
    rows = [f"{n + 1},cat/{n}.png,cat,dog,0.9,0.1" for n in range(3)]
    head = "rank,file,label,likely,probability,label_probability"
    (results / "suspects.csv").write_text("\n".join([head, *rows, ""]))
    return folder


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): path.is_file()
        and hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
    }


def look_at(page, folder):
    page.get_by_role("tab", name="Clean", exact=True).click()
    page.locator("#clean-folder textarea, #clean-folder input").fill(str(folder))
    page.locator("#clean-open").click()


def at(page, position):
    page.wait_for_selector(f"#clean-card [data-index='{position}']")


def test_keys_keep_relabel_put_away_and_undo_until_every_byte_is_as_before(url, folder, open_page):
    before = tree(folder)
    page = open_page(url)
    look_at(page, folder)
    at(page, 0)
    assert page.locator("#clean-card .tally b").inner_text() == "1 of 3"
    steps = [("k", None), ("7", "7/1.png"), ("Delete", ".quarantine/cat/2.png")]
    for number, (key, target) in enumerate(steps, 1):
        page.keyboard.press(key)
        at(page, number)
        target = target and target.replace("7/1.png", "7/1_2.png")  # the name is taken
        assert target is None or (folder / target).is_file()
        if key == "k":
            page.get_by_text("kept 1 · moved 0 · in quarantine 0").wait_for()
    page.get_by_text("All suspects have been looked at.").wait_for()
    page.get_by_text("kept 1 · moved 1 · in quarantine 1").wait_for()
    for position, key in ((2, "u"), (1, "Control+z"), (0, "u")):
        page.keyboard.press(key)
        at(page, position)
    assert tree(folder) == before
    page.keyboard.press("u")
    page.locator("#clean-card .fault").wait_for()


def test_keys_are_left_to_text_boxes_and_to_other_tabs(url, folder, open_page):
    page = open_page(url)
    look_at(page, folder)
    at(page, 0)
    page.locator("#clean-table textarea, #clean-table input").press_sequentially("dd")
    page.get_by_role("tab", name="Runs", exact=True).click()
    page.keyboard.press("d")
    page.get_by_role("tab", name="Clean", exact=True).click()
    page.wait_for_selector("#clean-card [data-index]")
    page.locator("#clean-card").click(position={"x": 5, "y": 5})
    page.keyboard.press("r")
    at(page, 1)
    assert [each.moves[0].target for each in moves.sessions(folder)] == ["dog/0_2.png"]


def test_buttons_do_the_same_on_a_phone_and_nothing_overflows(url, folder, open_page):
    page = open_page(url, locale="zh-CN", width=390, height=844)
    open_tab(page, "清洗标签")
    page.locator("#clean-folder textarea, #clean-folder input").fill(str(folder))
    page.locator("#clean-open").click()
    at(page, 0)
    for position, name in enumerate(("保留", "改为 dog", "放入隔离区"), 1):
        page.get_by_role("button", name=name).click()
        at(page, position)
    assert len(moves.sessions(folder)) == 3
    assert not beyond_the_edge(page)


def test_a_browser_names_no_file_and_no_class_and_acts_on_the_shown_picture_only(
    url, folder, open_page
):
    page = open_page(url)
    look_at(page, folder)
    at(page, 0)
    before = tree(folder)
    page.evaluate(
        """() => { const button = document.querySelector('#clean-card [data-action="label"]');
        button.dataset.label = '-1'; button.click(); }"""
    )
    index = "(at) => { document.querySelector('#clean-card [data-index]').dataset.index = at; }"
    page.evaluate(index, 2)  # a page that shows another picture than the review
    page.keyboard.press("d")
    page.evaluate(index, 0)
    page.keyboard.press("k")
    at(page, 1)
    assert len(moves.sessions(folder)) == 1 and tree(folder).keys() - before.keys() == {
        moves.JOURNAL
    }


def test_a_folder_that_cannot_be_used_is_a_sentence(url, folder, open_page):
    page = open_page(url)
    for named, sentence in (
        ("", "Type the path of a folder of pictures"),
        ("no/such/folder", "There is no folder 'no/such/folder'"),
        (f"{folder}/cat", "holds no pictures in class folders"),
        ("~no_such_user/pets", "is no path"),
    ):
        look_at(page, named)
        page.locator("#clean-card .fault", has_text=sentence).wait_for()


def test_a_picture_that_was_removed_meanwhile_is_a_sentence_and_the_next_key_goes_on(
    url, folder, open_page
):
    page = open_page(url)
    look_at(page, folder)
    at(page, 0)
    (folder / "cat" / "0.png").unlink()
    page.keyboard.press("r")
    page.locator("#clean-card .said ~ .fault", has_text="cat/0.png is gone").wait_for()
    page.keyboard.press("k")
    at(page, 1)
    assert not moves.sessions(folder)


def test_the_search_shows_its_progress_and_then_the_suspects(
    url, place, stripes, open_page, monkeypatch, tmp_path
):
    from small_base import spread_of_rows_and_columns

    from keras_cnn.images.scaling import Scaling
    from keras_cnn.transfer import Base, available, feature_cache

    base = Base(spread_of_rows_and_columns, Scaling(rescale=1 / 255))
    monkeypatch.setattr(available, "available_base", lambda: (base, ""))
    monkeypatch.setattr(feature_cache, "shared_file", lambda: tmp_path / "codes.sqlite")
    (stripes / "train/lying/pen_u0003.png").rename(stripes / "train/upright/wrong.png")
    page = open_page(url)
    page.get_by_role("tab", name="Clean", exact=True).click()
    page.locator("#clean-folder textarea, #clean-folder input").fill(str(stripes))
    page.locator("#clean-search").click()
    page.locator("#clean-card .meter").wait_for()
    at(page, 0)
    page.get_by_text("train/upright/wrong.png").wait_for()
    assert (place / f"{stripes.name}_clean" / "suspects.csv").is_file()


def test_without_a_pretrained_network_the_search_says_how_to_get_the_weights(
    url, folder, open_page, monkeypatch
):
    from keras_cnn.transfer import available

    monkeypatch.setattr(available, "available_base", lambda: (None, "none can be downloaded"))
    page = open_page(url)
    page.get_by_role("tab", name="Clean", exact=True).click()
    page.locator("#clean-folder textarea, #clean-folder input").fill(str(folder))
    page.locator("#clean-search").click()
    page.locator("#clean-card .fault", has_text="--weights FILE").wait_for()
