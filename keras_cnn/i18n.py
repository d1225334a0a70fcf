"""What people read, in English or in Chinese.

Files for programs and the results of functions are English: `report.json`, exceptions, tables. The
text that people read is translated where it is shown:

- `_("… {name} …").format(name=…)`, `ngettext` and `pgettext` are text that is shown at once, such
  as a heading.
- `N_(f"… {name} …")` is a sentence that is stored or returned, in English. `translated` shows it in
  the reader's language, also if it comes from a `report.json`: the catalogue has its template, and
  the sentence's values are put into the template's translation. The messages of `InputError` and
  the texts of `--help` are in the catalogue without a mark.

`tests/helpers/catalogue.py` collects the texts and compiles the catalogue. It is read when the
first text is translated.
"""

import contextlib
import functools
import gettext as _gettext
import os
import re
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

LANGUAGES = ("en", "zh")
VARIABLE = "KERAS_CNN_LANG"
SENTENCE = "sentence"  # context of a stored sentence with values
LABEL = "label"  # context of a label in a chapter's figure
FIELD = re.compile(r"\{([a-z_]\w*)(!t)?(?::([^{}]*))?\}")  # of a template: {name}, {number:,}
_NUMBER = r"[-+0-9.,e%]+|nan|-?inf"  # what a field with a format is filled with
_chosen: ContextVar[str | None] = ContextVar("language", default=None)


def language() -> str:
    """Return the language of the reader: that of `using`, else the environment's.

    In the environment, `KERAS_CNN_LANG` is before the system's `LC_ALL`, `LC_MESSAGES` and `LANG`.
    `--lang` sets it.

    Returns:
        One of `LANGUAGES`; English for a system in any other language.
    """
    if chosen := _chosen.get():
        return chosen
    names = (VARIABLE, "LC_ALL", "LC_MESSAGES", "LANG")
    name = next((os.environ[name] for name in names if os.environ.get(name)), None)
    if name is None and sys.platform == "win32":
        import locale

        name = locale.getlocale()[0]
    return "zh" if (name or "").lower().startswith(("zh", "chinese")) else "en"


def choose(language: str) -> None:
    """Set the language of the process, its threads and the processes that it starts.

    Args:
        language: One of `LANGUAGES`.
    """
    os.environ[VARIABLE] = language


@contextlib.contextmanager
def restored() -> Iterator[None]:
    """Take back at the end what `choose` sets inside this block."""
    before = os.environ.get(VARIABLE)
    try:
        yield
    finally:
        os.environ.pop(VARIABLE, None)
        if before is not None:
            os.environ[VARIABLE] = before


@contextlib.contextmanager
def using(language: str) -> Iterator[None]:
    """Show texts in a language inside this block, on this thread only; before all other choices.

    Args:
        language: One of `LANGUAGES`.
    """
    token = _chosen.set(language)
    try:
        yield
    finally:
        _chosen.reset(token)


def _(message: str) -> str:
    """Return a text in the reader's language.

    Args:
        message: The English text, as it is in the catalogue; another text is returned as it is.
    """
    return message if language() == "en" else _catalogue().gettext(message)


def ngettext(singular: str, plural: str, number: int) -> str:
    """Return the text for a number in the reader's language.

    Args:
        singular: The English text for 1.
        plural: The English text for other numbers.
        number: The number.
    """
    if language() == "en":
        return singular if number == 1 else plural
    return _catalogue().ngettext(singular, plural, number)


def pgettext(context: str, message: str) -> str:
    """Return a text in the reader's language, where a word has several meanings.

    Args:
        context: Where it stands, as in the catalogue.
        message: The English text.
    """
    return message if language() == "en" else _catalogue().pgettext(context, message)


def N_(message: str) -> str:  # noqa: N802 - the usual name of this mark
    """Return a text as it is: the mark puts it into the catalogue, for `translated`.

    Args:
        message: An English text, which may be an f-string.
    """
    return message


def translated(text: str) -> str:
    """Return an English sentence in the reader's language.

    Args:
        text: A sentence, or several in lines. A line that is not in the catalogue, and that no
            template of it matches, stays as it is.
    """
    if language() == "en":
        return text
    whole = _catalogue().sentence(text)
    if whole is None and "\n" in text:
        return "\n".join(map(translated, text.split("\n")))
    return text if whole is None else whole


def label(text: str) -> str:
    """Return a label of a chapter's figure in the reader's language.

    Args:
        text: The English label. Without an entry of its own, it is translated as other texts are.
    """
    if language() == "en":
        return text
    found = (_catalogue().sentence(text, context=context) for context in (LABEL, SENTENCE, None))
    return next((each for each in found if each is not None), text)


def say(text: str, **options) -> None:
    """Print a sentence in the reader's language; the call also marks it, as `N_` does.

    Args:
        text: An English sentence, which may be an f-string.
        **options: Those of `print`.
    """
    print(translated(text), **options)


class _Catalogue(_gettext.GNUTranslations):
    """A compiled catalogue that also translates sentences whose values are filled in."""

    @functools.cache  # noqa: B019 - there is one catalogue
    def _templates(self, context):
        """Return (pattern, translation) of a context's texts with values, the longest first."""
        found = {}
        for key, translation in self._catalog.items():
            *before, text = key.split("\4") if isinstance(key, str) else (key, "")
            if before == [context] * (context is not None) and FIELD.search(text):
                found[text] = translation
        by_length = sorted(found, key=lambda text: -len(FIELD.sub("", text)))
        # A text that is shown at once has words in its fields, too; as a label, only numbers.
        value = _NUMBER if context is None else ".*?"
        return [(pattern(text, value=value), found[text]) for text in by_length]

    def sentence(self, text, context=SENTENCE):
        """Return the translation of a text with its values, or None."""
        key = f"{context}\4{text}" if context == LABEL else text
        if isinstance(known := self._catalog.get(key), str) and text:
            return known
        for template, translation in self._templates(context):
            if match := template.fullmatch(text):
                values = match.groupdict()
                shown = label if context == LABEL else translated
                return FIELD.sub(lambda field: _value(field, values, shown), translation)  # noqa: B023
        return None


def pattern(template: str, *, value: str = ".*?") -> re.Pattern:
    """Return the pattern that the sentences of a template match, with a group for each value.

    Args:
        template: A text with fields such as ``{name}`` or ``{number:,}``.
        value: Pattern of the value of a field without a format.
    """
    parts, end, seen = [], 0, set()
    for field in FIELD.finditer(template):
        name = field[1]
        parts += [re.escape(template[end : field.start()])]
        its_value = _NUMBER if field[3] else value
        parts += [f"(?P={name})" if name in seen else f"(?P<{name}>{its_value})"]
        seen.add(name)
        end = field.end()
    flags = re.DOTALL if "\n" in template else 0  # else each line is a sentence
    return re.compile("".join(parts) + re.escape(template[end:]), flags)


def _value(field, values, shown):
    """Return the text of a field; ``{name!t}`` asks for its translation by `shown`."""
    value = values[field[1]]
    return shown(value) if field[2] else value


@functools.cache
def _catalogue():
    path = Path(__file__).with_name("locale") / "zh" / "LC_MESSAGES" / "keras_cnn.mo"
    with path.open("rb") as file:
        return _Catalogue(file)
