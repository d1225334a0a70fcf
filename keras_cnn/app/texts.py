"""The texts of the studio in English and Chinese, from the catalogue of `keras_cnn.i18n`.

The English text is the key. A text with values is written `text("{n} runs", n=3)`.
"""

from collections.abc import Callable

from keras_cnn import i18n

LANGUAGES = {"en": "English", "zh": "中文"}
CONTEXT = "studio"  # of these texts in the catalogue

Text = Callable[..., str]


def translator(language: str) -> Text:
    """Return the function that gives a text in a language.

    Args:
        language: "en" or "zh".

    Returns:
        A function of the English text and of its values by keyword.
    """

    def text(english: str, **values) -> str:
        with i18n.using(language):
            chosen = i18n.pgettext(CONTEXT, english)
            chosen = i18n.translated(english) if chosen == english else chosen
        return chosen.format(**values) if values else chosen

    return text


def mark(english: str) -> str:
    """Return a text as it is: the mark puts it into the catalogue, for a later `text`.

    Args:
        english: The text.
    """
    return english


def preferred(header: str | None) -> str:
    """Return the language that a browser prefers.

    Args:
        header: Its `Accept-Language`, such as "zh-CN,zh;q=0.9,en;q=0.8"; None without it.

    Returns:
        "zh" if it prefers Chinese to English, otherwise "en".
    """
    weights = {"en": 0.0, "zh": 0.0}
    for item in (header or "").split(","):
        tag, _, options = item.strip().partition(";")
        language = tag.partition("-")[0].lower()
        if language in weights:
            weights[language] = max(weights[language], _weight(options))
    return "zh" if weights["zh"] > weights["en"] else "en"


def _weight(options):
    """Return the q of an item of `Accept-Language`; 1 without it."""
    name, _, value = options.strip().partition("=")
    try:
        return float(value) if name == "q" else 1.0
    except ValueError:
        return 0.0
