"""Pieces of HTML that several tabs show."""

import contextlib
import functools
import inspect
import os
from collections.abc import Callable, Sequence
from html import escape

from keras_cnn.errors import InputError
from keras_cnn.inference.answers import Answer

SHOWN = 5  # classes of an answer


def fault(sentence: object) -> str:
    """Return a sentence on an input that cannot be used.

    Args:
        sentence: An error, or its text.
    """
    sentence = str(sentence)
    return f'<p class="fault">{escape(sentence[:1].upper() + sentence[1:])}</p>'


def note(sentence: str) -> str:
    """Return a sentence in small print.

    Args:
        sentence: The text.
    """
    return f'<p class="note">{escape(sentence)}</p>'


def answer(answered: Answer, text: Callable[..., str]) -> str:
    """Return the most likely classes as bars, or the value of a regression.

    Args:
        answered: The answer.
        text: Gives a text in the page's language.
    """
    if not answered.class_names:
        return f'<p class="answer">{answered.value:.6g}</p>'
    head = escape(answered.name)
    kind = ""
    if answered.is_unknown:
        head, kind = escape(text("unknown: unlike the training pictures")), " unknown"
    rows = "".join(
        f'<div><span class="name">{escape(name)}</span>'
        f'<u><i style="width:{100 * score:.2f}%"></i></u><b>{score:.3f}</b></div>'
        for name, score in answered.top(SHOWN)
    )
    return f'<p class="answer{kind}">{head}</p><div class="bars">{rows}</div>'


def reported(outputs: int, *, place: int = 0) -> Callable:
    """Return a decorator of a handler: a fault is shown on the page, the other outputs are emptied.

    Args:
        outputs: Number of the handler's outputs.
        place: Which of them shows a fault, as HTML.
    """

    def decorate(handler):
        @functools.wraps(handler)
        def handle(*arguments):
            try:
                return handler(*arguments)
            except (InputError, OSError, ValueError) as error:
                values: Sequence = [None] * outputs
                sentence = _sentence(error, uploads=arguments)
                values = [*values[:place], fault(sentence), *values[place + 1 :]]
                return values[0] if outputs == 1 else tuple(values)

        with contextlib.suppress(ValueError):  # Gradio reads the handler's own signature
            handle.__signature__ = inspect.signature(handler)
        return handle

    return decorate


def _sentence(error, *, uploads):
    """Return what is wrong; an uploaded file has its own name, without the server's folder."""
    sentence = str(error)
    if isinstance(error, OSError) and error.strerror:
        sentence = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    for argument in uploads:
        if isinstance(argument, str) and os.path.isabs(argument):
            sentence = sentence.replace(argument, os.path.basename(argument))
    return sentence
