"""Labels of a notebook's figures in the reader's language."""

import functools
import re
from weakref import WeakKeyDictionary

import matplotlib
from matplotlib.category import StrCategoryFormatter
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedFormatter, Formatter, FuncFormatter

from keras_cnn.i18n import label
from keras_cnn.report import fonts

HOOK = f"{__name__}:translate_when_drawn"
_WORD = re.compile(r"[A-Za-z]")
_drawn: WeakKeyDictionary = WeakKeyDictionary()  # text of a figure -> (English, as shown)


def follow_language() -> None:
    """Draw the labels of all later figures in the language of `keras_cnn.i18n.language`.

    A chapter's code has its labels in English; this shows those that the catalogue has in
    the reader's language, also where pyplot draws them. Fonts for Chinese labels are set, too.
    """
    matplotlib.rcParams["font.family"] = list(fonts.families())
    hooks = matplotlib.rcParams["figure.hooks"]
    if HOOK not in hooks:
        matplotlib.rcParams["figure.hooks"] = [*hooks, HOOK]


def translate_when_drawn(figure: Figure) -> None:
    """Let a figure translate its labels each time before it is drawn; pyplot calls this.

    Args:
        figure: A new figure.
    """
    draw = figure.draw

    @functools.wraps(draw)
    def translated(renderer):
        translate(figure)
        return draw(renderer)

    figure.draw = translated


def translate(figure: Figure) -> None:
    """Show the labels of a figure in the reader's language, or in English again.

    Args:
        figure: The figure. Labels that the catalogue lacks stay as they are.
    """
    for text in figure.findobj(Text):
        english, shown = _drawn.get(text, ("", ""))
        if text.get_text() != shown:  # set by the caller since it was last drawn
            english = text.get_text()
        if _WORD.search(english):  # else it is a number
            text.set_text(label(english))
            _drawn[text] = (english, text.get_text())
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            formatter = axis.get_major_formatter()
            if isinstance(formatter, FixedFormatter | FuncFormatter | StrCategoryFormatter):
                axis.set_major_formatter(_Translated(formatter))


class _Translated(Formatter):
    """Labels of ticks in the reader's language."""

    def __init__(self, english: Formatter):
        self._english = english

    def __call__(self, x, pos=None):
        english = self._english(x, pos)
        return label(english) if _WORD.search(english) else english
