"""Pictures are collected by the camera and by uploads, into class folders and nowhere else."""

import contextlib
import io

import numpy as np
import pytest
from PIL import Image
from studio_pages import open_tab, serving

from keras_cnn import InputError
from keras_cnn.app import collect
from keras_cnn.app.collection import Collection, decode
from keras_cnn.app.studio import MOST_PICTURES, Studio
from keras_cnn.app.texts import translator


def _png(seed=0, size=(900, 30)):
    pixels = np.random.default_rng(seed).integers(0, 255, (*size[::-1], 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return buffer.getvalue()


@pytest.fixture
def collection(tmp_path):
    return Collection(Studio(tmp_path), "mine", classes="cat, 狗")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def url(place):
    with serving(Studio(place)) as url:
        yield url


@pytest.fixture
def page(url, open_page):
    page = open_page(url)
    open_tab(page, "Train")
    page.get_by_role("tab", name="Collect pictures").click()
    page.locator("[data-record]").first.wait_for()
    return page


def test_the_camera_fills_a_class_while_its_button_is_held(page, place):
    button = page.locator("[data-record='class 2']")
    box = button.bounding_box()
    page.mouse.move(box["x"] + 9, box["y"] + 9)
    page.mouse.down()
    page.locator(".class", has_text="pictures: 3").wait_for()
    page.mouse.up()
    folder = place / "collected" / "pictures 1"
    assert [path.name for path in folder.iterdir()] == ["class 2"]
    with Image.open(folder / "class 2" / "0001.jpg") as picture:
        assert (picture.format, picture.size) == ("JPEG", (640, 480))
    page.locator("[data-remove='class 2']").click()
    page.locator("#collect-train").click()
    page.wait_for_selector("#train-said .fault")
    assert "'class 1' has 0" in page.locator("#train-said").inner_text()


def test_a_camera_that_is_refused_is_a_sentence(page):
    refuse = "navigator.mediaDevices.getUserMedia = () => Promise.reject(Error('denied'))"
    page.evaluate(f"() => {{ {refuse}; }}")
    sentence = page.locator("#collect-cards .refused", has_text="upload pictures.")
    from playwright.sync_api import TimeoutError as PlaywrightTimeout

    for _ in range(5):  # the cards may be drawn anew while the page is opened
        page.locator("[data-record]").first.click()
        with contextlib.suppress(PlaywrightTimeout):
            sentence.wait_for(timeout=1500)
            break
    assert sentence.is_visible()


def test_uploads_fill_a_class_and_a_text_file_is_a_sentence(page, place):
    page.locator("#collect-name :is(input, textarea)").fill("mine")
    page.locator("#collect-classes :is(input, textarea)").fill("cat, dog")
    page.locator("[data-record='cat']").wait_for()
    files = [
        {"name": "../../x.png", "mimeType": "image/png", "buffer": _png()},
        {"name": "y.png", "mimeType": "image/png", "buffer": b"hello"},
    ]
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose pictures").click()
    chooser.value.set_files(files)
    page.locator("#collect-cards .fault", has_text="it is no picture").wait_for()
    kept = [path for path in (place / "collected" / "mine").rglob("*") if path.is_file()]
    assert [path.name for path in kept] == ["0001.jpg"]


def test_the_number_of_pictures_of_an_upload_is_limited(tmp_path):
    cards = collect._Cards(Studio(tmp_path), lambda english, **values: english)
    shown = cards.upload("mine", "cat, dog", "cat", ["absent.png"] * (MOST_PICTURES + 1))
    assert f"{MOST_PICTURES} pictures at most can be uploaded at once" in shown


def test_a_name_that_leads_out_of_the_folder_has_no_cards(page):
    page.locator("#collect-classes :is(input, textarea)").fill("a, ../b")
    page.locator("#collect-cards .fault", has_text="received '../b'").wait_for()
    assert page.locator("[data-record]").count() == 0


@pytest.mark.parametrize("name", ["", "../up", "a/b", "a\\b", ".a", "a" * 61, "a\0b", "a\nb"])
def test_names_of_classes_and_collections_make_one_folder_each(tmp_path, name):
    studio = Studio(tmp_path)
    with pytest.raises(InputError):
        Collection(studio, name, classes="a, b")
    with pytest.raises(InputError):
        Collection(studio, "mine", classes=f"{name}, b")


@pytest.mark.parametrize("classes", ["a", "a, A", ",".join(map(str, range(31)))])
def test_classes_have_two_to_thirty_different_names(tmp_path, classes):
    with pytest.raises(InputError):
        Collection(Studio(tmp_path), "mine", classes=classes)


def test_pictures_are_kept_as_small_jpeg_files_with_numbers(collection):
    for seed in range(3):
        assert collection.add("狗", _png(seed))
    collection.remove_last("狗")
    collection.add("狗", _png(4))
    names = [path.name for path in collection.pictures("狗")]
    assert names == ["0001.jpg", "0002.jpg", "0003.jpg"]
    with Image.open(collection.pictures("狗")[0]) as picture:
        assert (picture.format, picture.size) == ("JPEG", (640, 21))


def test_a_still_camera_adds_nothing_and_an_upload_does(collection):
    pixels = np.arange(0, 240, 2, np.uint8)[:, None, None] + np.zeros((90, 3), np.uint8)
    still, turned = io.BytesIO(), io.BytesIO()
    Image.fromarray(pixels).save(still, "png")
    Image.fromarray(pixels[::-1]).save(turned, "png")
    assert collection.add("cat", still.getvalue(), from_camera=True)
    assert not collection.add("cat", still.getvalue(), from_camera=True)
    assert collection.add("cat", turned.getvalue(), from_camera=True)
    assert collection.add("cat", turned.getvalue())


def test_a_class_that_is_not_named_takes_no_picture(collection):
    with pytest.raises(InputError, match="is none of the classes cat, 狗"):
        collection.add("../x", _png())


def test_a_training_needs_five_pictures_of_each_class(collection):
    for seed in range(5):
        collection.add("cat", _png(seed))
    with pytest.raises(InputError, match="at least 5 pictures.*'狗' has 0"):
        collection.check()
    for seed in range(5, 10):
        collection.add("狗", _png(seed))
    collection.check()


@pytest.mark.parametrize("sent", [None, "", "data:image/jpeg;base64,%%%", "data:text/html,x"])
def test_what_is_no_picture_of_the_camera_is_refused(sent):
    with pytest.raises(InputError, match="the camera sent"):
        decode(sent)


def test_a_fault_has_the_language_of_the_page(tmp_path):
    cards = collect._Cards(Studio(tmp_path), translator("zh"))
    assert "请写出 2 到 30 个类别" in cards.remove({"name": "mine", "classes": "a"})
    assert "图片集需要名称" in cards.keep({"name": "", "classes": "a, b"})
