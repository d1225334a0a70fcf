"""The lessons compute what the notebooks compute, and show it."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from studio_pages import beyond_the_edge, open_tab, serving, upload

from keras_cnn import scratch
from keras_cnn.app import lesson_convolution, lesson_dropout, lesson_race
from keras_cnn.app.studio import Studio


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with serving(Studio(tmp_path_factory.mktemp("runs"))) as url:
        yield url


@pytest.fixture
def lesson(url, open_page):
    """Return a function that opens a lesson."""

    def opened(name, **options):
        page = open_page(url, **options)
        open_tab(page, "Lessons")
        page.get_by_role("tab", name=name, exact=True).click()
        return page

    return opened


def test_the_arithmetic_of_the_window_is_that_of_the_convolution(lesson):
    page = lesson("Convolution")
    page.locator("#kernel-shown svg").first.wait_for()
    digit = lesson_convolution.sample_picture("digit")
    kernel = np.array([[0, 0, 0], [0, 2, 0], [0, 0, -3]], float)
    layer = scratch.Convolution(kernel[None, None], b=np.zeros(1))
    expected = layer.forward(digit[None, None])[0, 0]
    row, column = np.unravel_index(expected.argmax(), expected.shape)
    for number, weight in enumerate(kernel.ravel()):
        page.locator(f"#kernel-{number // 3}{number % 3} input").fill(f"{weight:g}")
    page.locator("#kernel-shown .formula", has_text="(-3)").wait_for()
    box = page.locator("#kernel-shown svg").first.bounding_box()
    place = {"x": box["width"] * (column + 1.5) / 28, "y": box["height"] * (row + 1.5) / 28}
    page.locator("#kernel-shown svg").first.click(position=place)
    page.locator("#kernel-relu input").check()
    value = f"{expected.max():.3f}"  # by the arithmetic of the window, and in the feature map
    page.locator("#kernel-shown .formula", has_text=f"= {value} → ReLU: {value}").wait_for()
    row, column = np.unravel_index(expected.argmin(), expected.shape)
    place = {"x": box["width"] * (column + 1.5) / 28, "y": box["height"] * (row + 1.5) / 28}
    page.locator("#kernel-shown svg").first.click(position=place)
    value = f"{expected.min():.3f}"
    page.locator("#kernel-shown .formula", has_text=f"= {value} → ReLU: 0.000").wait_for()


def test_an_empty_weight_and_a_text_file_are_sentences(lesson, tmp_path):
    page = lesson("Convolution")
    page.locator("#kernel-shown svg").first.wait_for()
    page.locator("#kernel-11 input").fill("1e9")
    page.locator("#kernel-shown .fault", has_text="Each of the nine weights").wait_for()
    page.locator("#kernel").locator("input").click()
    page.get_by_role("option", name="Sharpen").click()
    page.locator("#kernel-shown .formula", has_text="·5").wait_for()
    page.get_by_text("Your own picture").click()
    (tmp_path / "notes.png").write_text("no picture")
    upload(page, "#kernel-picture", tmp_path / "notes.png")
    page.locator("#kernel-shown .fault", has_text="cannot read picture").or_(
        page.locator("#kernel-shown .fault", has_text="Cannot read picture")
    ).wait_for()


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.9])
def test_the_mean_over_many_masks_is_that_without_dropout(rate):
    after, is_kept, means = lesson_dropout.masked(rate, masks=4000)
    before = lesson_dropout.activations()[0]
    np.testing.assert_allclose(after[is_kept], before[is_kept] / (1 - rate), rtol=1e-6)
    assert not after[~is_kept].any()
    assert abs(means.mean() / before.mean() - 1) < 0.02


def test_a_new_mask_is_counted_and_a_new_rate_starts_again(lesson):
    page = lesson("Dropout")
    page.locator("#dropout-shown svg").first.wait_for()
    page.locator("#dropout-mask").click()
    page.get_by_text("mean over 2 masks", exact=True).wait_for()
    page.locator("#dropout-many").click()
    page.get_by_text("mean over 102 masks", exact=True).wait_for()
    page.locator("#dropout-rate input[type=number]").fill("0.2")
    page.get_by_text("mean over 1 masks", exact=True).wait_for()
    page.get_by_text("times 1.250").wait_for()


def test_a_racer_is_trained_as_in_the_notebook():
    race = lesson_race.Race(lesson_race.RACES["The optimizers of chapter 13"])
    race.advance(3)
    data = load_digits()
    x, _, labels, _ = train_test_split(data.data / 16, data.target, random_state=0)
    x = x.astype("float32")
    trainer = scratch.Trainer(scratch.MultiLayerNet(64), optimizer=scratch.Adam(0.001))
    rng = np.random.default_rng(0)
    for _ in range(3):
        batch = rng.choice(len(x), 128)
        trainer.step(x[batch], labels[batch])
    assert race.losses["Adam"] == trainer.history["loss"]


def test_a_race_is_drawn_while_it_runs_and_then_from_memory(lesson, monkeypatch):
    monkeypatch.setattr(lesson_race, "STEPS", 120)
    monkeypatch.setattr(lesson_race, "_RUN", {})
    page = lesson("Optimizers", width=390, height=844)
    for _ in range(2):
        page.locator("#race-start").click()
        page.get_by_text("Step 120 of 120").wait_for()
        page.locator("#race-shown td:last-child", has_text="0.9").first.wait_for()
    assert page.locator("#race-shown polyline").count() == 6
    assert not beyond_the_edge(page)


def test_a_rate_that_is_too_large_has_diverged(monkeypatch):
    monkeypatch.setattr(lesson_race, "STEPS", 40)
    losses, accuracies = list(lesson_race.frames("Learning rates of Momentum"))[-1]
    shown = lesson_race._view(lambda english, **values: english, losses, accuracies)
    assert "diverged" in shown and "nan" not in shown


def test_a_kernel_that_was_changed_has_no_name(lesson):
    page = lesson("Convolution")
    page.locator("#kernel-11 input").fill("5")
    page.wait_for_function("document.querySelector('#kernel input').value === ''")
