"""``--help`` in the reader's language."""

import argparse

from keras_cnn import columns
from keras_cnn.i18n import N_, _, translated

OF_ARGPARSE = (
    N_("argument {argument}: expected at least one argument"),
    N_("argument {argument}: expected one argument"),
    N_("argument {argument}: invalid choice: {value} (choose from {choices})"),
    N_("argument {argument}: invalid {type} value: {value}"),
    N_("options"),
    N_("positional arguments"),
    N_("show program's version number and exit"),
    N_("show this help message and exit"),
    N_("the following arguments are required: {names}"),
)

_ENDS = "，。、；：？！）”》"  # do not begin a line
_BEGINS = "（“《"  # do not end a line


class HelpFormatter(argparse.HelpFormatter):
    """Writes descriptions as they are laid out, and translates all texts of a parser."""

    def start_section(self, heading):
        """Begin a group of options."""
        super().start_section(_(heading))

    def _format_usage(self, usage, actions, groups, prefix):
        return super()._format_usage(usage, actions, groups, prefix or _("usage: "))

    def _get_help_string(self, action):
        text = action.help or ""
        if (whole := translated(text)) != text:
            return whole
        start, separator, default = text.partition(" (default: ")
        if not separator:
            return text
        return translated(start) + _(" (default: {default})").format(
            default=default.removesuffix(")")
        )

    def _fill_text(self, text, width, indent):
        paragraphs = text.split("\n\n")
        return "\n\n".join(self._paragraph(paragraph, width) for paragraph in paragraphs)

    def _paragraph(self, text, width):
        words = " ".join(text.split())
        shown = translated(words)
        return text if shown == words else "\n".join(wrapped(shown, width))

    def _split_lines(self, text, width):
        if any(columns.width(character) == 2 for character in text):
            return wrapped(" ".join(text.split()), width)
        return super()._split_lines(text, width)


def wrapped(text: str, width: int) -> list[str]:
    """Break a text into lines: at spaces, and beside Chinese characters, two columns wide each.

    Args:
        text: The text.
        width: Columns of a line.
    """
    lines, used = [""], 0
    for word in _words(text):
        size = columns.width(word)
        if used + size > width and lines[-1] and word[0] not in _ENDS:
            lines.append("")
            word, used = word.lstrip(" "), 0
            size = columns.width(word)
        lines[-1] += word
        used += size
    return [line.rstrip() for line in lines]


def _words(text):
    """Yield the parts of a text between which a line may break; a space belongs to the next."""
    word = ""
    for character in text:
        is_wide = word and 2 in (columns.width(character), columns.width(word[-1]))
        if (is_wide or character == " ") and word.strip() and word[-1] not in _BEGINS:
            yield word
            word = ""
        word += character
    if word:
        yield word
