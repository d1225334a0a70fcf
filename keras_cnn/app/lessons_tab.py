"""The tab Lessons: what a kernel, dropout and the optimizer do, to try by hand."""

import gradio

from keras_cnn.app import lesson_convolution, lesson_dropout, lesson_race
from keras_cnn.app.studio import Studio
from keras_cnn.app.texts import Text


def add(studio: Studio, text: Text) -> None:
    """Add the tab's parts to the page.

    Args:
        studio: Not used: the lessons need no run.
        text: Gives a text in the page's language.
    """
    with gradio.Tabs():
        with gradio.Tab(text("Convolution"), elem_id="lesson-convolution"):
            lesson_convolution.add(text)
        with gradio.Tab(text("Dropout"), elem_id="lesson-dropout"):
            lesson_dropout.add(text)
        with gradio.Tab(text("Optimizers"), elem_id="lesson-race"):
            lesson_race.add(text)
