"""The tab train."""

import gradio

from keras_cnn.app.studio import Studio
from keras_cnn.app.texts import Text


def add(studio: Studio, text: Text) -> None:
    """Add the tab's parts to the page.

    Args:
        studio: What it shows.
        text: Gives a text in the page's language.
    """
    gradio.Markdown(text("Nothing here yet."))
