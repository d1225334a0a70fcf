"""A network is tried on pictures, drawings and many files; the page's answers are the command's."""

import csv
import io
import shutil
import threading
import time

import keras
import numpy as np
import pytest
from PIL import Image
from studio_pages import beyond_the_edge, open_tab, serving, upload

from keras_cnn import card, explain, i18n
from keras_cnn.app import drawings, inputs, markup, tables
from keras_cnn.app.studio import Loaded, Studio
from keras_cnn.app.texts import translator
from keras_cnn.card import Card
from keras_cnn.inference.predictor import Predictor


@pytest.fixture
def page(url, open_page):
    page = open_page(url)
    page.locator("#try-facts .note").wait_for()
    return page


def _shown(page):
    """Return class -> probability of the bars on the page."""
    page.locator("#try-answer .bars").wait_for()
    names = page.locator("#try-answer .name").all_inner_texts()
    return dict(
        zip(names, map(float, page.locator("#try-answer b").all_inner_texts()), strict=True)
    )


def _draw(page, pad, points):
    box = page.locator(f"{pad} canvas").bounding_box()
    places = [(box["x"] + x, box["y"] + y) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def test_a_picture_gets_the_answer_of_predict_a_heat_map_and_its_neighbours(page, trained):
    picture = next((trained.parents[1] / "pictures/test/flat").iterdir())
    upload(page, "#try-picture", picture)
    answer = Predictor.load(trained)(picture)
    assert _shown(page) == pytest.approx(dict(answer.top()), abs=5e-4)
    page.locator("#try-heat img").wait_for()
    page.locator("#try-neighbours img").nth(4).wait_for()
    assert "flat" in page.locator("#try-neighbours figcaption").first.inner_text()


def test_the_answer_equals_predict_to_the_last_digit(trained):
    studio = Studio(trained.parent)
    loaded = studio.load("bars")
    picture = next((trained.parents[1] / "pictures/test/flat").iterdir())
    ours = studio.answer(loaded, loaded.use.preparation.read(picture)).scores
    np.testing.assert_array_equal(ours, Predictor.load(trained)(picture).scores)


def test_a_stroke_on_the_pad_is_answered_on_the_paper_of_the_training(page):
    page.get_by_role("tab", name="Draw").first.click()
    _draw(page, "#try-pad", [(60, 140), (220, 140)])
    page.locator("#try-seen .note").wait_for()
    assert "paper 230/230/230, ink 30/30/30" in page.locator("#try-seen").inner_text()
    assert max(_shown(page), key=_shown(page).get) == "flat"


def test_another_class_and_layer_can_be_explained(page, trained):
    upload(page, "#try-picture", next((trained.parents[1] / "pictures/test/flat").iterdir()))
    heat = page.locator("#try-heat img")
    heat.wait_for()
    for menu, choice in (("class", "upright"), ("layer", "s2")):
        before = heat.get_attribute("src")
        page.locator(f"#try-{menu} input").click()
        page.get_by_role("option", name=choice).click()
        page.wait_for_function(
            "(old) => document.querySelector('#try-heat img').src !== old", arg=before
        )


def test_several_pictures_give_a_table_and_its_csv(page, trained, tmp_path):
    pictures = sorted((trained.parents[1] / "pictures/test").rglob("*.png"))[6:10]
    text = tmp_path / "notes.png"
    text.write_text("no picture")
    page.get_by_role("button", name="Several pictures").click()
    upload(page, "#several-files", *pictures, text)
    page.locator("#several-table tbody tr").nth(3).wait_for()
    assert "notes.png" in page.locator("#several-table .fault").inner_text()
    with page.expect_download() as download:
        page.locator("#several-csv").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text("utf-8-sig"))))
    answers = Predictor.load(trained)(pictures)
    assert [row["path"] for row in rows] == [path.name for path in pictures]
    scores = [float(row["score"]) for row in rows]
    assert scores == pytest.approx([answer.value for answer in answers], abs=1e-6)


@pytest.mark.parametrize("kind", ["text", "bomb"])
def test_a_file_that_is_no_picture_gets_a_sentence_and_the_next_is_answered(
    page, trained, tmp_path, kind
):
    bad = tmp_path / "bad.png"
    if kind == "text":
        bad.write_text("no picture")
    else:
        Image.new("L", (20_000, 10_000)).save(bad)
    upload(page, "#try-picture", bad)
    sentence = page.locator("#try-answer .fault").inner_text()
    assert ("no picture" if kind == "text" else "pixels") in sentence
    assert "bad.png" in sentence and "/" not in sentence  # no folder of the server
    page.get_by_label("Remove Image").first.click()
    upload(page, "#try-picture", next((trained.parents[1] / "pictures/test/flat").iterdir()))
    assert _shown(page)


def test_every_tab_fits_a_phone_in_chinese(url, open_page):
    page = open_page(url, locale="zh-CN", width=390, height=844, dark=True)
    page.locator("#try-facts .note").wait_for()
    assert "准确率" in page.locator("#try-facts").inner_text()
    for name in ("试一试", "看内部", "小实验", "训练记录", "清洗标签", "训练"):
        open_tab(page, name)
        page.locator(".tabitem:visible").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert beyond_the_edge(page) == [], name


def test_runs_that_cannot_be_used_are_sentences(trained, open_page, tmp_path):
    for name, layer in (("code", keras.layers.Lambda(lambda x: x)), ("bare", keras.layers.ReLU())):
        (tmp_path / name).mkdir()
        keras.Sequential([keras.Input((4, 4, 3)), layer]).save(tmp_path / name / "model.keras")
    card.write(tmp_path / "code/model.keras", card.read(trained / "model.keras"))
    with serving(Studio(tmp_path)) as url:
        page = open_page(url)
        for name, sentence in (("code", "code"), ("bare", "card"), ("code", "not there")):
            if sentence == "not there":
                shutil.rmtree(tmp_path / name)
            page.locator("#try-run input").click()
            page.get_by_role("option", name=name).click()
            page.locator("#try-facts .fault", has_text=sentence).wait_for()
        page.close()


def test_a_drawing_that_the_pad_did_not_send_is_refused():
    event = type("Event", (), {"drawing": "data:image/png;base64,!!"})
    with pytest.raises(ValueError, match="draw again"):
        inputs.strokes(event)


def test_photographs_make_a_drawing_black_on_white(trained):
    from keras_cnn.images.strokes import Paper

    loaded = Studio(trained.parent).load("bars")
    paper = Paper(paper=(110.0,), ink=(30.0,), is_plain=False)
    strokes = np.zeros((280, 280))
    strokes[100:120, 40:240] = 1
    picture = drawings.placed(paper, strokes, loaded)
    assert (picture.min(), picture.max()) == (0, 255)
    assert "photographs" in drawings.sentence(paper, lambda english, **values: english)


@pytest.mark.parametrize(
    ("locale", "words", "sentence"),
    [("en-GB", "Use the camera", "cannot be used"), ("zh-CN", "使用摄像头", "无法使用摄像头")],
)
def test_a_camera_that_is_refused_is_a_sentence(url, open_page, locale, words, sentence):
    refuse = "Promise.reject(new DOMException('denied', 'NotAllowedError'))"
    script = f"navigator.mediaDevices.getUserMedia = () => {refuse}"
    page = open_page(url, locale=locale, script=script)
    page.locator("#try-facts .note").wait_for()
    page.locator("#try-picture .source-selection button").nth(1).click()
    ask = page.locator("#try-picture [title='grant webcam access'] .wrap")
    assert words in ask.evaluate("(each) => getComputedStyle(each, '::after').content")
    ask.click()
    page.locator("#try-picture-camera .refused", has_text=sentence).wait_for()


def test_the_heat_map_is_that_of_the_last_of_several_strokes(page, monkeypatch):
    explained = []

    def slow(model, image, **_):
        time.sleep(0.4)  # the second stroke ends meanwhile
        explained.append(image)
        return np.zeros(image.shape[:2])

    monkeypatch.setattr(explain, "grad_cam", slow)
    page.get_by_role("tab", name="Draw").first.click()
    _draw(page, "#try-pad", [(60, 140), (220, 140)])
    page.wait_for_timeout(200)
    _draw(page, "#try-pad", [(140, 60), (140, 220)])
    page.wait_for_timeout(1300)
    assert len(explained) > 1 and explained[-1][2, 8].mean() < explained[0][2, 8].mean()
    page.locator("#try-heat img").wait_for()
    page.locator("#try-pad button").click()
    page.locator("#try-heat img").wait_for(state="detached")
    assert page.locator("#try-answer").inner_text() == ""


def test_the_table_of_several_pictures_has_the_language_of_the_page(trained, tmp_path):
    text = translator("zh")
    assert [tables._heading(key, text) for key in ("path", "class_2")] == ["文件", "类别 2"]
    assert tables._cell("unknown", text) == "未知"
    (tmp_path / "notes.png").write_text("no picture")
    _, (bad,) = tables._rows(Studio(trained.parent), "bars", [str(tmp_path / "notes.png")])
    with i18n.using("zh"):
        assert "无法读取图片 &#x27;notes.png&#x27;：不是图片" in markup.fault(bad)


def test_many_pictures_leave_others_their_turn(monkeypatch):
    taken, use = [], type("Use", (), {"stream": lambda self, paths, **_: taken.append(paths) or []})
    loaded = Loaded("many", Card(task="classification"), use())
    studio = type("Studio", (), {"load": lambda self, name: loaded, "lock": threading.Lock()})()
    assert tables._rows(studio, "many", [f"{n}.png" for n in range(40)]) == ([], [])
    assert [len(paths) for paths in taken] == [16, 16, 8]


def test_a_fault_of_the_system_is_said_in_the_language_of_the_page():
    with i18n.using("zh"):
        assert "没有权限: /here" in markup.fault(PermissionError(13, "Permission denied", "/here"))
