"""Pieces of HTML that several tabs show."""

import contextlib
import functools
import inspect
import os
from collections.abc import Callable, Sequence
from html import escape

from keras_cnn.errors import InputError
from keras_cnn.i18n import N_, translated
from keras_cnn.inference.answers import Answer

SHOWN = 5  # classes of an answer
SYSTEM = (  # reasons of the operating system, for `translated`
    N_("Permission denied"),
    N_("No space left on device"),
    N_("No such file or directory"),
    N_("Read-only file system"),
    N_("File name too long"),
)


def fault(sentence: object) -> str:
    """Return a sentence on an input that cannot be used.

    Args:
        sentence: An error, or its text.
    """
    if isinstance(sentence, OSError) and sentence.strerror:
        place = f": {sentence.filename}" if sentence.filename else ""
        sentence = f"{translated(sentence.strerror)}{place}"
    sentence = translated(str(sentence))
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
                shown = _without_folders(fault(error), uploads=arguments)
                values = [*values[:place], shown, *values[place + 1 :]]
                return values[0] if outputs == 1 else tuple(values)

        with contextlib.suppress(ValueError):  # Gradio reads the handler's own signature
            handle.__signature__ = inspect.signature(handler)
        return handle

    return decorate


def _without_folders(shown, *, uploads):
    """Return a sentence in which uploaded files have their names, without the server's folder."""
    for argument in uploads:
        if isinstance(argument, str) and os.path.isabs(argument):
            shown = shown.replace(escape(argument), escape(os.path.basename(argument)))
    return shown
