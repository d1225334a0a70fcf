"""The page of the studio: a head and its tabs."""

import functools
import html
import inspect
from collections.abc import Callable

import gradio

from keras_cnn import i18n
from keras_cnn.app import clean_tab, inside_tab, lessons_tab, runs_tab, train_tab, try_tab
from keras_cnn.app.studio import Studio
from keras_cnn.app.texts import LANGUAGES, mark, translator

TABS = (  # identifier, English name, module with `add(studio, text)`
    ("try", mark("Try"), try_tab),
    ("inside", mark("Look inside"), inside_tab),
    ("lessons", mark("Lessons"), lessons_tab),
    ("runs", mark("Runs"), runs_tab),
    ("clean", mark("Clean"), clean_tab),
    ("train", mark("Train"), train_tab),
)
_UPLOADS = 600, 3600  # seconds: how often, and at what age uploads are deleted; all are at the end


def build(studio: Studio, *, language: str) -> gradio.Blocks:
    """Return the page in a language.

    Args:
        studio: What it shows.
        language: "en" or "zh".
    """
    text = translator(language)
    with gradio.Blocks(
        title=text("keras_cnn studio"), analytics_enabled=False, delete_cache=_UPLOADS
    ) as blocks:
        gradio.HTML(_head(studio, language, text), elem_id="head")
        with gradio.Tabs():
            for identifier, name, module in TABS:
                with gradio.Tab(text(name), id=identifier, elem_id=f"tab-{identifier}"):
                    module.add(studio, text)
    for event in blocks.fns.values():
        if event.fn is not None:
            event.fn = in_language(event.fn, language)
    return blocks.queue(default_concurrency_limit=4)


def in_language(handler: Callable, language: str) -> Callable:
    """Return a handler whose sentences and figures are in a language.

    Args:
        handler: A function, which may yield.
        language: "en" or "zh".
    """

    @functools.wraps(handler)
    def handle(*arguments):
        with i18n.using(language):
            return handler(*arguments)

    @functools.wraps(handler)
    def steps(*arguments):
        values = handler(*arguments)
        while True:
            with i18n.using(language):  # each step may run on another thread
                try:
                    value = next(values)
                except StopIteration:
                    return
            yield value

    return steps if inspect.isgeneratorfunction(handler) else handle


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
