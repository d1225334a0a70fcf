"""Docstrings as reStructuredText."""

import re

_ITEM = re.compile(r"\s*(?:[-*]|\d+\.) ")


def mend(app, kind, name, thing, options, lines: list[str]) -> None:
    """Put an empty line before each list and after it, and show text drawn by signs as it is.

    Args:
        app: Sphinx.
        kind: Kind of the object.
        name: Its name.
        thing: The object.
        options: Options of the directive.
        lines: The lines of its docstring; they are changed in place.
    """
    mended, in_list = [], False
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if _ITEM.match(line):
            if not in_list and mended and mended[-1].strip():
                mended.append("")
            in_list, depth = True, indent
        elif in_list and line.strip() and indent <= depth:
            if mended[-1].strip():
                mended.append("")
            in_list = False
        mended.append(line)
    lines[:] = mended


def signature(app, kind, name, thing, options, arguments, returns) -> tuple[str | None, str | None]:
    """Return a signature that does not show the address of a function.

    Args:
        app: Sphinx.
        kind: Kind of the object.
        name: Its name.
        thing: The object.
        options: Options of the directive.
        arguments: The arguments, as text.
        returns: The annotation of what it returns.
    """
    return arguments and re.sub(r"<(?:[^<>]|<[^<>]*>)*>", "...", arguments), returns
