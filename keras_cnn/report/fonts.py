"""Text for figures: drawn by an installed Chinese font or the package's own, else escaped."""

import functools
import unicodedata
import warnings
from pathlib import Path

from matplotlib import font_manager

from keras_cnn import columns

LATIN = "DejaVu Sans"  # comes with matplotlib
CJK = (  # by preference: upright sans-serif fonts are the most legible at label size
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "PingFang SC",
    "Microsoft YaHei",
    "Hiragino Sans GB",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Heiti SC",
    "STHeiti",
    "SimHei",
    "Noto Sans CJK JP",  # matplotlib before 3.11 sees only the first face of a collection
    "Noto Sans CJK TC",
    "Droid Sans Fallback",
    "Arial Unicode MS",
    "AR PL UMing CN",
    "Noto Serif CJK SC",
    "Songti SC",
    "SimSun",
    "LXGW WenKai",
    "AR PL UKai CN",
)
OWN = "Noto Sans GB2312"  # comes with this package: the 6,763 characters of GB 2312
OWN_FILE = Path(__file__).parent / "font" / "NotoSansGB2312.otf"
PROBE = "书"  # a font that has this simplified character can draw Chinese labels


@functools.cache
def families() -> tuple[str, ...]:
    """Return the fonts to draw with; the first that has a character draws it.

    A Chinese font of the system comes before the package's own, which lacks rare characters.
    """
    chinese = _chinese(font_manager.fontManager.ttflist)
    if chinese is None:
        # matplotlib caches its list of fonts on disk; fonts installed later are not in it.
        known = {font.fname for font in font_manager.fontManager.ttflist}
        before = len(font_manager.fontManager.ttflist)
        for path in sorted(set(font_manager.findSystemFonts()) - known):
            try:
                font_manager.fontManager.addfont(path)
            except Exception:  # noqa: BLE001, S112 - FreeType raises several kinds for a bad file
                continue
        chinese = _chinese(font_manager.fontManager.ttflist[before:]) or _own()
    return (LATIN,) if chinese is None else (LATIN, chinese)


def _own() -> str | None:
    """Return the name of the package's own font, or None if its file is missing or damaged."""
    try:
        font_manager.fontManager.addfont(OWN_FILE)
    except (OSError, RuntimeError):
        return None
    return OWN


def printable(text) -> str:
    r"""Replace what no font can draw by its escape, such as `\u4e66`, and warn once about it."""
    text = " ".join(str(text).split())
    return "".join(character if _drawn(character) else _escape(character) for character in text)


def shorten(text, *, width: int) -> str:
    """Cut the middle out of a text wider than `width` columns.

    Args:
        text: The text.
        width: Number of columns; a Chinese character takes two.
    """
    text = str(text)
    if columns.width(text) <= width:
        return text
    head, tail = "", ""
    for left, right in zip(text, reversed(text), strict=True):
        if columns.width(head + left + tail) >= width:
            break
        head += left
        if columns.width(head + right + tail) >= width:
            break
        tail = right + tail
    return f"{head}…{tail}"


def _chinese(fonts) -> str | None:
    """Return the name of the best of `fonts` that has Chinese characters, or None."""
    names = {
        font.name: font
        for font in fonts
        if int(font.weight) <= 500
        and font.style == "normal"
        and not font.name.startswith("Last Resort")  # it has a box for every character
    }
    ranked = [name for name in CJK if name in names]
    ranked += sorted(name for name in names if name not in CJK)
    # Open by file: a search by name logs a warning for each font without a normal weight.
    return next((name for name in ranked if _has(name, PROBE, names[name].fname)), None)


@functools.cache
def _face(name: str, path: str | None):
    if path is None:
        path = font_manager.findfont(
            font_manager.FontProperties(family=name), fallback_to_default=False
        )
    return font_manager.get_font(path)


def _has(name: str, character: str, path: str | None = None) -> bool:
    try:
        return _face(name, path).get_char_index(ord(character)) != 0
    except (OSError, RuntimeError, ValueError):  # the font file has been removed or damaged
        return False


@functools.cache
def _drawn(character: str) -> bool:
    if " " <= character <= "~" or _has(LATIN, character):
        return True
    return any(_has(name, character) for name in families()[1:])


@functools.cache
def _warn_once() -> None:
    warnings.warn(
        "no font has some characters of the labels, so the figures show codes like "
        "\\u4e2d; install a font that has them, such as Noto Sans CJK",
        stacklevel=2,
    )


def _escape(character: str) -> str:
    if not unicodedata.category(character).startswith("C"):  # no font has control characters
        _warn_once()
    return character.encode("ascii", "backslashreplace").decode("ascii")
