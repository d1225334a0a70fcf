"""The layers of a network are listed; filters and maps of the chosen layer are drawn."""

import shutil
import time

import numpy as np
import pytest
from PIL import Image
from studio_pages import upload

from keras_cnn import explain
from keras_cnn.app.studio import Loaded
from keras_cnn.card import Card


@pytest.fixture
def page(url, open_page):
    page = open_page(url)
    page.get_by_role("tab", name="Look inside").click()
    page.locator("#inside-note .note").wait_for()
    return page


def test_the_table_has_shape_costs_and_receptive_field_of_each_layer(page):
    cells = page.locator("#inside-table [role=gridcell]")
    cells.first.wait_for()
    shown = [text.strip() for text in cells.all_inner_texts()[:6]]
    assert shown == ["c1", "Conv2D", "16×16×4", "112", "27,648", "3×3"]


def test_maps_are_drawn_before_and_after_the_activation_and_after_pooling(page, trained):
    picture = next((trained.parents[1] / "pictures/test/flat").iterdir())
    page.locator("#inside-filters img").wait_for()
    upload(page, "#inside-picture", picture)
    page.locator("#inside-maps img").nth(2).wait_for()
    captions = page.locator("#inside-maps figcaption").all_inner_texts()
    assert [each.splitlines()[0] for each in captions] == ["c1 before relu", "c1", "s2"]


def test_a_click_on_a_row_chooses_its_layer(page):
    page.locator("#inside-table [role=gridcell]", has_text="s2").first.click()
    page.wait_for_function("document.querySelector('#inside-layer input').value === 's2'")
    page.locator("#inside-filters img").wait_for(state="detached")


def test_maps_change_while_a_stroke_is_drawn(page):
    page.get_by_role("tab", name="Draw").last.click()
    box = page.locator("#inside-pad canvas").bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 220, box["y"] + 60, steps=3)
    page.locator("#inside-maps img").nth(2).wait_for()
    maps = "document.querySelector('#inside-maps img')?.src"
    before = page.evaluate(maps)
    page.wait_for_timeout(550)  # the pad sends its drawing every half second
    page.mouse.move(box["x"] + 220, box["y"] + 220, steps=3)
    page.wait_for_function(f"(old) => {maps} && {maps} !== old", arg=before)
    page.mouse.up()


def test_the_maps_are_those_of_the_last_of_several_strokes(page, monkeypatch):
    seen, maps = [], explain.feature_maps

    def slow(model, image, layers):
        time.sleep(0.4)  # the second stroke ends meanwhile
        seen.append(image)
        return maps(model, image, layers)

    monkeypatch.setattr(explain, "feature_maps", slow)
    page.get_by_role("tab", name="Draw").last.click()
    box = page.locator("#inside-pad canvas").bounding_box()
    for start, end in (((60, 140), (220, 140)), ((140, 60), (140, 220))):
        page.mouse.move(box["x"] + start[0], box["y"] + start[1])
        page.mouse.down()
        page.mouse.move(box["x"] + end[0], box["y"] + end[1], steps=3)
        page.mouse.up()
        page.wait_for_timeout(200)
    page.wait_for_timeout(1100)
    assert len(seen) > 1 and seen[-1][2, 8].mean() < seen[0][2, 8].mean()


def test_a_run_that_was_trained_meanwhile_can_be_chosen(url, open_page, trained):
    later = shutil.copytree(trained, trained.parent / "later")
    try:
        page = open_page(url)
        page.get_by_role("tab", name="Look inside").click()
        page.locator("#inside-note .note").wait_for()
        page.locator("#inside-run input").click()
        page.get_by_role("option", name="later").wait_for()
    finally:
        shutil.rmtree(later)


def test_a_detector_takes_a_picture(tmp_path):
    Image.fromarray(np.zeros((40, 80, 3), np.uint8)).save(tmp_path / "a.png")
    loaded = Loaded("boxes", Card(task="detection"), None)
    picture = loaded.read(str(tmp_path / "a.png"))
    assert picture.shape == (300, 300, 3) and loaded.scaled(picture) is picture
