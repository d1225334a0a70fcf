"""A detector is tried on pictures and videos; what it found is filtered without a new answer."""

import re

import cv2
import pytest
from oracle_detector import NAMES, Oracle, bright
from PIL import Image
from studio_pages import serving, upload

from keras_cnn.app import objects, tables
from keras_cnn.app.studio import Loaded, Studio
from keras_cnn.card import Card
from keras_cnn.detection.detector import Detector


class _Loaded(Loaded):
    model = type("Network", (), {"name": "ssd", "count_params": int})


class _Studio(Studio):
    def load(self, name):
        return _LOADED


_LOADED = _Loaded("bars", Card(task="detection", class_names=NAMES), Detector(Oracle(), NAMES))
_PICTURE = bright(200, 100, (50, 20, 120, 80))


@pytest.fixture(scope="module")
def url(trained):
    with serving(_Studio(trained.parent)) as url:
        yield url


@pytest.fixture
def page(url, open_page):
    page = open_page(url)
    page.locator("#objects-picture").wait_for()
    return page


def test_the_objects_above_the_slider_are_drawn(page, tmp_path):
    Image.fromarray(_PICTURE).save(tmp_path / "book.png")
    upload(page, "#objects-picture", tmp_path / "book.png")
    shown = page.locator("#objects-shown")
    shown.locator("img").wait_for()
    assert re.search(r"书法\s+(0\.99|1\.0)", shown.inner_text())
    page.locator("#objects-threshold input[type=number]").fill("1")
    page.locator("#objects-threshold input[type=number]").press("Enter")
    page.get_by_text("no object above 1.00").wait_for()


@pytest.mark.parametrize(("only", "number"), [([], 1), (["书法"], 1), (["book"], 0)])
def test_objects_of_other_classes_are_left_out(only, number):
    found = _LOADED.use(_PICTURE, score_threshold=0.05)
    shown = objects._draw(found, 0.5, only, lambda english, **values: english)
    assert shown.count("<th>书法") == number and ("no object above" in shown) != number


def test_a_video_is_searched_frame_by_frame(page, tmp_path, monkeypatch):
    film = tmp_path / "film.avi"
    video = cv2.VideoWriter(str(film), cv2.VideoWriter_fourcc(*"MJPG"), 5, (200, 100))
    for left in (10, 60):
        video.write(bright(200, 100, (left, 20, left + 70, 80))[..., ::-1])
    video.release()
    page.get_by_role("tab", name="A video").click()
    upload(page, "#objects-video", film)
    shown = page.locator("#objects-shown img")
    shown.wait_for()
    first = shown.get_attribute("src")
    number = page.locator("#objects-frame input[type=number]")
    assert number.get_attribute("max") == "1"
    number.fill("1")
    number.press("Enter")
    page.wait_for_function(
        "(old) => document.querySelector('#objects-shown img')?.src !== old", arg=first
    )


def test_several_pictures_give_a_row_per_object_and_too_many_a_sentence(
    page, tmp_path, monkeypatch
):
    monkeypatch.setattr(tables, "MOST_PICTURES", 2)
    files = [tmp_path / f"{number}.png" for number in range(3)]
    for file in files:
        Image.fromarray(_PICTURE).save(file)
    page.get_by_role("button", name="Several pictures").click()
    upload(page, "#several-files", *files[:2])
    rows = page.locator("#several-table tbody tr")
    rows.nth(1).wait_for()
    assert [row.split("\t")[:2] for row in rows.all_inner_texts()] == [
        ["0.png", "书法"],
        ["1.png", "书法"],
    ]
    upload(page, "#several-files", files[2])
    page.locator("#several-table .fault", has_text="2 pictures at most; received 3").wait_for()
