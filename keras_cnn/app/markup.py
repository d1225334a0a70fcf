"""Pieces of HTML that several tabs show."""

from html import escape


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
