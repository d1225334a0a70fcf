"""The page of the studio: a head and its tabs."""

import html

import gradio

from keras_cnn.app import clean_tab, inside_tab, lessons_tab, runs_tab, train_tab, try_tab
from keras_cnn.app.studio import Studio
from keras_cnn.app.texts import LANGUAGES, translator

TABS = (  # identifier, English name, module with `add(studio, text)`
    ("try", "Try", try_tab),
    ("inside", "Look inside", inside_tab),
    ("lessons", "Lessons", lessons_tab),
    ("runs", "Runs", runs_tab),
    ("clean", "Clean", clean_tab),
    ("train", "Train", train_tab),
)


def build(studio: Studio, *, language: str) -> gradio.Blocks:
    """Return the page in a language.

    Args:
        studio: What it shows.
        language: "en" or "zh".
    """
    text = translator(language)
    with gradio.Blocks(title=text("keras_cnn studio"), analytics_enabled=False) as blocks:
        gradio.HTML(_head(studio, language, text), elem_id="head")
        with gradio.Tabs():
            for identifier, name, module in TABS:
                with gradio.Tab(text(name), id=identifier, elem_id=f"tab-{identifier}"):
                    module.add(studio, text)
    return blocks.queue(default_concurrency_limit=4)


def _head(studio, language, text):
    place = html.escape(str(studio.place))
    others = "".join(
        f'<a href="/{code}/" lang="{code}">{name}</a>'
        for code, name in LANGUAGES.items()
        if code != language
    )
    return (
        f'<div class="studio-head"><h1>{html.escape(text("keras_cnn studio"))}</h1>'
        f"<span>{place}</span>{others}</div>"
    )
