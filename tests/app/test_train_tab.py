"""The tab Train: a folder is checked, a training is started, watched and cancelled, then tried."""

import sys
import time

import numpy as np
import pytest
from PIL import Image
from studio_pages import open_tab, serving
from studio_runs import finish

from keras_cnn import InputError, i18n
from keras_cnn.app import findings, places, processes, records, train_tab
from keras_cnn.app.studio import Studio
from keras_cnn.app.texts import translator
from keras_cnn.cli import train
from keras_cnn.datasets import check
from keras_cnn.options import Parser

# In place of keras-cnn: it trains an epoch, waits for the signal, and writes a report then.
TRAINING = """
import pathlib, signal, sys, time
sys.path.insert(0, HELPERS)
from keras_cnn import running
from studio_runs import finish, save_epoch
folder = pathlib.Path(sys.argv[-1])
if "nothing" in sys.argv[2]:
    sys.exit("error: there is nothing to learn from")
signals = []
signal.signal(signal.SIGTERM, lambda *_: signals.append(1))
print("the <first> epoch", flush=True)
folder.mkdir()
with running.announced(folder, {"epochs": 7}):
    save_epoch(folder, 1)
    while not signals or "stubborn" in sys.argv[2]:
        time.sleep(0.01)
    (folder / "checkpoint" / "state_0001.json").unlink()
folder.rename(folder.with_name("hidden"))
finish(folder, right=30)
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    import studio_runs

    script = TRAINING.replace("HELPERS", repr(str(studio_runs.__file__).rpartition("/")[0]))
    monkeypatch.setattr(processes, "COMMAND", (sys.executable, "-c", script))
    monkeypatch.setattr(train_tab, "SECONDS", 0.2)
    monkeypatch.setattr(train_tab, "SECONDS_IDLE", 0.2)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("runs")
    finish(place / "old", right=30)
    return place


@pytest.fixture(scope="module")
def studio(place):
    return Studio(place)


@pytest.fixture(scope="module")
def url(studio):
    with serving(studio) as url:
        yield url


@pytest.fixture
def page(url, studio, open_page):
    """The tab of a page; at its end the training is killed."""
    page = open_page(url)
    open_tab(page, "Train")
    yield page
    while studio.trainings.last is not None and not studio.trainings.last.is_over:
        studio.trainings.last.cancel()
        time.sleep(0.05)


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("nothing", "stubborn", "flowers"):
        for label in ("a", "b"):
            (tmp_path / name / label).mkdir(parents=True)
            for number in range(4):
                pixels = rng.integers(0, 255, (12, 12, 3), np.uint8)
                Image.fromarray(pixels).save(tmp_path / name / label / f"{number}.png")
    return tmp_path


def _type(page, field, value):
    page.locator(f"#{field} :is(input, textarea)").fill(str(value))


def _start(page, folder, *, name=""):
    _type(page, "train-folder", folder)
    _type(page, "train-name", name)
    page.locator("#train-start").click()


def _fault(page, place="#train-said"):
    page.wait_for_selector(f"{place} .fault")
    return page.locator(f"{place} .fault").inner_text()


def test_a_folder_is_checked_as_by_the_command(page, pictures):
    (pictures / "flowers" / "a" / "9.png").write_bytes(b"no picture")
    _type(page, "train-folder", pictures / "flowers")
    page.locator("#train-check").click()
    page.wait_for_selector("#train-findings .verdict")
    shown = page.locator("#train-findings").inner_text()
    assert "Faults: 2." in shown and "a 4, b 4" in shown
    assert "fault: unreadable: 1" in shown and "9.png it is no picture" in shown


def test_a_folder_without_pictures_or_none_at_all_is_a_sentence(page, tmp_path):
    _type(page, "train-folder", tmp_path)
    page.locator("#train-check").click()
    assert "must hold pictures" in _fault(page, "#train-findings")
    _start(page, tmp_path / "absent")
    assert "There is no folder" in _fault(page)


def test_a_training_is_watched_and_cancelled_and_its_network_tried(page, place, pictures, studio):
    _start(page, pictures / "flowers", name="mine")
    page.locator("#train-log", has_text="the <first> epoch").wait_for()
    page.locator("#train-shown .in-training").wait_for()
    page.wait_for_selector("#train-shown .plots img")
    _start(page, pictures / "flowers")
    assert "the training 'mine' still runs" in _fault(page).lower()
    page.locator("#train-cancel").click()
    page.locator("#train-shown", has_text="It has learned: 30 right.").wait_for()
    assert studio.trainings.last.state == "cancelled"
    page.locator("#train-cancel").wait_for(state="hidden")
    page.locator("#train-try").click()
    page.locator("#tab-try").wait_for()
    assert page.locator("#tab-train").is_hidden()


def test_a_second_press_ends_a_training_at_once(page, pictures, studio):
    _start(page, pictures / "stubborn")
    page.wait_for_selector("#train-shown .plots img")
    page.locator("#train-cancel").click()
    page.get_by_role("button", name="End it at once").click()
    page.locator("#train-shown .interrupted").wait_for()
    assert studio.trainings.last.state == "cancelled"


def test_a_training_that_fails_shows_its_sentence(page, pictures):
    _start(page, pictures / "nothing", name="failing")
    assert _fault(page, "#train-shown") == "There is nothing to learn from"


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_a_training_has_the_language_of_its_page(language, tmp_path, monkeypatch):
    script = (
        "import sys; from keras_cnn import i18n;"
        "print(i18n.translated('error: ' + sys.argv[1])); print('the last line')"
    )
    monkeypatch.setattr(processes, "COMMAND", (sys.executable, "-c", script))
    with i18n.using(language):
        training = processes.Training(["the reason"], name="a", folder=tmp_path / "a")
    training._process.wait(20)
    head = {"en": "error: ", "zh": "错误："}[language]
    assert training.log() == f"{head}the reason\nthe last line"
    assert training.reason() == "the reason"
    training.forget()


def test_a_name_that_exists_or_leads_out_of_the_folder_is_a_sentence(page, pictures, place):
    _start(page, pictures / "flowers", name="old")
    assert "there is a run 'old' already" in _fault(page).lower()
    for name in ("../outside", ".hidden", "a\\b"):
        _start(page, pictures / "flowers", name=name)
        page.get_by_text(f"received {name!r}").wait_for()
    assert not (place.parent / "outside").exists()


def test_a_training_that_has_ended_shows_its_report_and_its_network_is_chosen(studio, monkeypatch):
    ended = type("Ended", (), {"name": "old", "is_over": True})
    tab = train_tab._Tab(studio, translator("en"))
    shown = tab._shown(ended, "finished", records.read(studio, "old"))
    assert "It has learned: 30 right." in shown
    monkeypatch.setattr(Studio, "models", lambda self: ["newer", "old"])
    monkeypatch.setattr(studio.trainings, "last", ended)
    assert tab.choices()["value"] == "old"


def test_options_follow_the_choice_of_a_network(page):
    assert page.locator("#train-minutes").is_visible()
    page.locator("#train-network input").fill("MobileNet")
    page.get_by_role("option", name="MobileNet", exact=True).click()
    for field in ("epochs", "size", "weights"):
        page.locator(f"#train-{field}").wait_for()
    page.locator("#train-minutes").wait_for(state="hidden")
    page.locator("#train-network input").fill("book.LeNet5")
    page.get_by_role("option", name="book.LeNet5", exact=True).click()
    page.locator("#train-weights").wait_for(state="hidden")


@pytest.mark.parametrize("network", ["", "MobileNet"])
def test_the_words_of_a_training_are_options_of_the_command(
    network, pictures, tmp_path, monkeypatch
):
    kept = []
    (tmp_path / "place").mkdir()
    studio = Studio(tmp_path / "place")
    monkeypatch.setattr(studio.trainings, "start", lambda words, **_: kept.append(words))
    tab = train_tab._Tab(studio, str)
    tab.start(str(pictures / "flowers"), network, 2, 3, 64, bool(network), "", False)
    parser = Parser()
    train.add_arguments(parser)
    options = parser.parse_args([*kept[0][1:], "--out", "there"])
    if network:
        assert (options.model, options.epochs, options.image_size) == ("MobileNet", 3, 64)
        assert options.weights == "imagenet" and options.budget is None
    else:
        assert (options.model, options.budget) == (None, 2.0)


def test_folders_are_limited_where_other_machines_are_served(tmp_path):
    (tmp_path / "place" / "inside").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    studio = Studio(tmp_path / "place")
    assert places.folder(studio, str(tmp_path / "outside"))
    studio.is_shared = True
    assert places.folder(studio, str(tmp_path / "place" / "inside"))
    for path in ("outside", "place/../outside"):
        with pytest.raises(InputError, match="other machines are served"):
            places.folder(studio, str(tmp_path / path))


def test_a_run_without_a_typed_name_gets_a_free_one(place):
    assert places.new_run(Studio(place), "", default="old") == ("old_2", place / "old_2")
    with pytest.raises(InputError, match="'.*old' is a run"):
        places.new_run(Studio(place / "old"), "", default="new")


def test_a_training_that_fails_says_every_line_of_its_error(monkeypatch, tmp_path):
    error = "error: 1 picture is bad:\n  a.png: no picture"
    script = f"import sys; print('begun'); sys.exit({error!r})"
    monkeypatch.setattr(processes, "COMMAND", (sys.executable, "-c", script))
    training = processes.Training(["train"], name="bad", folder=tmp_path / "bad")
    training._process.wait()
    assert training.reason() == "1 picture is bad:\n  a.png: no picture"
    training.forget()


def test_numbers_reach_the_command_in_full():
    shown = [train_tab._number(each, "it") for each in (1234567, 2.0, 0.5)]
    assert shown == ["1234567", "2", "0.5"]
    with pytest.raises(InputError, match="above 0: type one"):
        train_tab._number(None, "it")


def test_pictures_that_cannot_be_read_are_left_out_if_the_box_is_ticked(
    pictures, tmp_path, monkeypatch
):
    kept = []
    (tmp_path / "place").mkdir()
    studio = Studio(tmp_path / "place")
    monkeypatch.setattr(studio.trainings, "start", lambda words, **_: kept.append(words))
    for ticked in (True, False):
        for network in ("", "LeNet5"):
            typed = str(pictures / "flowers"), network, 2, 3, 64, False, ""
            train_tab._Tab(studio, str).start(*typed, ticked)
    assert ["--skip-bad-images" in words for words in kept] == [True, True, False, False]


def test_notes_are_no_faults(tmp_path):
    kinds = [
        next(kind for kind, is_fault in check.KINDS.items() if is_fault == it) for it in (1, 0)
    ]
    result = check.Check({}, {}, tuple(check.Finding(kind, "a.png", "") for kind in kinds))
    assert "Faults: 1." in findings.shown(result, folder=tmp_path, text=translator("en"))
