"""Figures of an executed chapter in both languages.

A kernel that executes a chapter calls `start`. The output of a figure then has its picture in
English and, under `KEY` of its metadata, a dictionary: "en" and "zh" are its pictures, base64;
"texts" lists the labels of the Chinese one.
"""

import base64
import functools
import hashlib
import sys

from matplotlib.figure import Figure
from matplotlib.text import Text

KEY = "keras_cnn"
_LAST = {}  # digest of an English picture -> (Chinese picture, its labels)


def start() -> None:
    """Let this kernel draw the figures of pyplot and of keras_cnn in both languages."""
    import matplotlib_inline.backend_inline  # noqa: F401 - it sets its own formatter for figures
    from IPython import get_ipython
    from IPython.display import Image

    from keras_cnn.report import canvas, labels

    labels.follow_language()
    plain = canvas.png
    for module in list(sys.modules.values()):
        if getattr(module, "png", None) is plain:
            module.png = functools.partial(_remembered, plain)
    canvas.beside = functools.partial(_joined, canvas.beside)
    display = get_ipython().display_formatter
    draw = display.formatters["image/png"].pop(Figure)
    display.mimebundle_formatter.for_type(Figure, functools.partial(_of_pyplot, draw))
    display.mimebundle_formatter.for_type(Image, _of_file)


def _in_chinese(draw, figure):
    """Return what `draw` returns for a figure in Chinese, and the labels of the figure."""
    from keras_cnn import i18n

    with i18n.using("zh"):
        drawn = draw(figure)
        ticks = [axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]
        shown = [text for axis in ticks for text in axis.get_majorticklabels()]
        shown += figure.findobj(Text)
    return drawn, sorted({text.get_text() for text in shown if text.get_visible()} - {""})


def _remembered(plain, figure):
    """Return a figure of the package as PNG bytes; its Chinese twin is kept for `_of_file`."""
    english = plain(figure)
    _LAST[_digest(english)] = _in_chinese(plain, figure)
    return english


def _joined(beside, images):
    """Return several figures of the package as one picture; its Chinese twin is kept, too."""
    english = beside(images)
    if twins := [_LAST[digest] for digest in map(_digest, images) if digest in _LAST]:
        pictures, texts = zip(*twins, strict=True)
        _LAST[_digest(english)] = beside(pictures), sorted(set().union(*texts))
    return english


def _of_pyplot(draw, figure, include=None, exclude=None):
    english = draw(figure)
    chinese, texts = _in_chinese(draw, figure)
    return {"image/png": english, "text/plain": repr(figure)}, {
        KEY: {"en": english, "zh": chinese, "texts": texts}
    }


def _of_file(image, include=None, exclude=None):
    bundle, metadata = image._repr_mimebundle_(include, exclude)
    if twin := _LAST.get(_digest(image.data)):
        chinese = base64.b64encode(twin[0]).decode("ascii")
        metadata |= {KEY: {"en": bundle["image/png"], "zh": chinese, "texts": twin[1]}}
    return bundle, metadata


def _digest(data):
    return hashlib.sha256(data).digest()
