"""Labels of a chapter's figures are drawn in the reader's language."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from keras_cnn.i18n import label, using
from keras_cnn.report import figures, fonts, labels


@pytest.fixture(autouse=True)
def following():
    with matplotlib.rc_context({"backend": "agg"}):
        labels.follow_language()
        yield
        plt.close("all")


def _texts(figure, language):
    with using(language):
        FigureCanvasAgg(figure).draw()
        return {text.get_text() for text in figure.findobj(Text)}


def test_labels_and_ticks_are_drawn_in_chinese_and_in_english_again():
    figure, ax = plt.subplots(layout="constrained")
    ax.plot([1, 2], label="random guessing")
    ax.set(title="filter 3", xlabel="epoch")
    ax.set_yticks([1, 2], ["step 1", "prediction"])
    ax.legend()
    english = {"random guessing", "filter 3", "epoch", "step 1", "prediction"}
    chinese = {"随机猜测", "卷积核 3", "轮次", "第 1 步", "预测"}
    assert english <= _texts(figure, "en")
    assert chinese <= _texts(figure, "zh") and not english & _texts(figure, "zh")
    assert english <= _texts(figure, "en")


def test_names_on_an_axis_are_translated():
    figure, ax = plt.subplots()
    ax.bar(["stem", "reduction A"], [1, 2])
    assert {"主干起始部分", "缩减模块 A"} <= _texts(figure, "zh")


def test_a_label_that_is_changed_after_it_was_drawn_is_translated_too():
    figure, ax = plt.subplots()
    ax.set_title("before")
    assert "之前" in _texts(figure, "zh")
    ax.set_title("after")
    assert "之后" in _texts(figure, "zh")


def test_a_label_that_the_catalogue_lacks_stays():
    figure, ax = plt.subplots()
    ax.set_title("label of my own")
    assert "label of my own" in _texts(figure, "zh")


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("momentum 0.9: 0.971 on the test", "动量 0.9：测试 0.971"),
        ("baseline 0.100", "基线 0.100"),
        ("one of two", "one of two"),  # a text with words in it is no template
    ],
)
def test_the_values_of_a_label_are_kept(english, chinese):
    assert label(english) == english
    with using("zh"):
        assert label(english) == chinese


def test_captions_of_the_packages_figures_are_translated_for_a_notebook_only(monkeypatch):
    drawn = []
    monkeypatch.setattr(figures, "png", lambda figure: drawn.append(_texts(figure, "zh")))
    items = [(np.zeros((4, 4)), "filter 3", "")]
    figures.pictures(items)
    matplotlib.rcParams["figure.hooks"] = []
    figures.pictures(items)
    assert "卷积核 3" in drawn[0] and "filter 3" in drawn[1]


def test_fonts_for_chinese_labels_are_set():
    assert matplotlib.rcParams["font.family"] == list(fonts.families())


def test_the_hook_is_added_once_and_keeps_others():
    matplotlib.rcParams["figure.hooks"] = ["mine:hook"]
    labels.follow_language()
    labels.follow_language()
    assert matplotlib.rcParams["figure.hooks"] == ["mine:hook", labels.HOOK]
