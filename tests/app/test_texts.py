"""The studio speaks the language of the browser, in its errors too."""

import pytest

from keras_cnn.app.page import in_language
from keras_cnn.app.texts import preferred, translator
from keras_cnn.i18n import translated

SENTENCE = "the pad has sent no drawing: draw again"


def test_a_text_has_its_values():
    assert translator("en")("{n} classes", n=3) == "3 classes"
    assert translator("zh")("{n} classes", n=3) == "3 类"


def test_a_handler_speaks_the_language_of_its_page():
    assert in_language(translated, "zh")(SENTENCE).startswith("手写板")
    assert in_language(translated, "en")(SENTENCE) == SENTENCE


def test_a_handler_that_yields_speaks_it_too():
    def handler(sentence):
        yield translated(sentence)

    assert next(in_language(handler, "zh")(SENTENCE)).startswith("手写板")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB,en;q=0.9,zh;q=0.5", "en"),
        ("de", "en"),
        ("zh-TW;q=oops", "en"),
        (None, "en"),
    ],
)
def test_the_browser_chooses_the_language(header, language):
    assert preferred(header) == language
