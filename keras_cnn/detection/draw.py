"""What there is to see of detection: boxes on pictures, curves of precision over recall."""

import colorsys
import functools
import io

import numpy as np
from matplotlib import font_manager
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

LATIN = "DejaVu Sans"  # comes with matplotlib
GOLDEN = 0.618034  # steps of it go round the circle of hues without coming close again


def boxes(
    picture: np.ndarray, corners: np.ndarray, labels: np.ndarray, *, texts: list | None = None
) -> np.ndarray:
    """Draws boxes into a copy of a picture.

    Args:
        picture: RGB, uint8, (height, width, 3).
        corners: In pixels, (n, 4).
        labels: Class ids, which give the colours, (n,).
        texts: What to write above each box; Chinese needs a font of the system that has it,
            characters no font has become "?".

    Returns:
        RGB, uint8, (height, width, 3).
    """
    image = Image.fromarray(picture)
    pen = ImageDraw.Draw(image)
    longest = max(image.size)
    thick, height = max(1, round(longest / 300)), max(10, round(longest / 40))
    texts = [""] * len(labels) if texts is None else texts
    for corner, label, text in zip(np.asarray(corners), labels, texts, strict=True):
        colour = _colour(int(label))
        x1, y1, x2, y2 = map(float, corner)
        pen.rectangle((x1, y1, max(x1, x2), max(y1, y2)), outline=colour, width=thick)
        if not text:
            continue
        text = _printable(text)
        font = _font(height, any(ord(character) > 0x2E80 for character in text))
        left, top, right, bottom = font.getbbox(text)
        wide, tall = right - left + 4, bottom - top + 4
        x = min(max(x1, 0), max(0, image.width - wide))
        y = y1 - tall if y1 >= tall else y1  # inside where there is no room above
        pen.rectangle((x, y, x + wide, y + tall), fill=colour)
        pen.text((x + 2 - left, y + 2 - top), text, font=font, fill=(0, 0, 0))
    return np.asarray(image)


def _colour(label):
    red, green, blue = colorsys.hsv_to_rgb(label * GOLDEN % 1, 0.75, 1)
    return round(255 * red), round(255 * green), round(255 * blue)


def _printable(text):
    """The text, "?" for what no font has."""
    if text.isascii() or _chinese_family():
        return text
    return text.encode("ascii", "replace").decode()


@functools.cache
def _font(height, chinese):
    name = _chinese_family() if chinese else LATIN
    properties = font_manager.FontProperties(family=name or LATIN)
    return ImageFont.truetype(font_manager.findfont(properties), height)


@functools.cache
def _chinese_family():
    """Name of a font that has Chinese characters, upright sans first; None where none has."""
    known = font_manager.fontManager.ttflist
    paths = {font.fname for font in known}
    fonts = list(known)
    if not any(_has_chinese(font.fname) for font in fonts):
        # matplotlib remembers its list between runs: look for fonts installed since.
        for path in sorted(set(font_manager.findSystemFonts()) - paths):
            try:
                font_manager.fontManager.addfont(path)
            except (OSError, RuntimeError):
                continue
        fonts = font_manager.fontManager.ttflist
    fit = [font for font in fonts if font.style == "normal" and _has_chinese(font.fname)]
    fit.sort(key=lambda font: ("Sans" not in font.name, abs(int(font.weight) - 400), font.name))
    return fit[0].name if fit else None


@functools.cache
def _has_chinese(path):
    try:
        return font_manager.get_font(path).get_char_index(ord("书")) != 0
    except (OSError, RuntimeError, ValueError):
        return False


def pair(picture: np.ndarray, truth: tuple, answer: tuple, *, class_names: list) -> np.ndarray:
    """Draws a picture twice: with what is to be found, and beside it with what was found.

    Args:
        picture: RGB, uint8, (height, width, 3).
        truth: Corners in pixels (n, 4), class ids (n,), whether they are difficult (n,).
        answer: Corners in pixels (m, 4), scores (m,), class ids (m,).
        class_names: Names of the classes, without background.

    Returns:
        RGB, uint8, (height, 2 * width + gap, 3).
    """
    corners, labels, difficult = truth
    wanted = [
        class_names[label - 1] + " (difficult)" * bool(hard)
        for label, hard in zip(labels, difficult, strict=True)
    ]
    found, scores, ids = answer
    told = [f"{class_names[label - 1]} {of:.2f}" for label, of in zip(ids, scores, strict=True)]
    gap = np.full((len(picture), max(2, picture.shape[1] // 60), 3), 255, np.uint8)
    left = boxes(picture, corners, labels, texts=wanted)
    return np.concatenate([left, gap, boxes(picture, found, ids, texts=told)], axis=1)


def precision_recall(classes: list, *, dark: bool = False) -> bytes:
    """Draws how precision falls as more of the objects are found.

    Args:
        classes: `metrics.ClassScore` of each class.
        dark: Whether the paper is dark.

    Returns:
        The figure as PNG bytes.
    """
    ink, paper = ("#e6edf3", "#161b22") if dark else ("#1f2328", "#ffffff")
    figure = Figure(figsize=(5.6, 4.2), dpi=130, facecolor=paper, layout="constrained")
    ax = figure.subplots()
    ax.set_facecolor(paper)
    for label, entry in enumerate(classes, start=1):
        if not entry.objects:
            continue
        title = f"{_printable(entry.name)}  {entry.average_precision:.3f}"
        colour = [value / 255 for value in _colour(label)]
        recall, precision = np.r_[0, entry.recall], np.r_[1, entry.precision]
        ax.step(recall, precision, where="post", color=colour, label=title)
    ax.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
    ax.grid(alpha=0.3)
    ax.tick_params(colors=ink)
    for text in (ax.xaxis.label, ax.yaxis.label):
        text.set_color(ink)
    family = [LATIN] + [name for name in [_chinese_family()] if name]
    legend = ax.legend(title="average precision", frameon=False, prop={"family": family, "size": 8})
    for text in (legend.get_title(), *legend.get_texts()):
        text.set_color(ink)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def sheet(pictures: list[tuple[np.ndarray, str]], *, columns: int, width: int = 320) -> np.ndarray:
    """Lays pictures out in a grid, each with its title above.

    Args:
        pictures: RGB, uint8, of any sizes, at least one, and their titles.
        columns: Pictures in a row.
        width: Of a picture on the sheet, in pixels.

    Returns:
        RGB, uint8.
    """
    line, gap = 22, 8
    images = [Image.fromarray(picture) for picture, _ in pictures]
    images = [image.resize((width, round(width * image.height / image.width))) for image in images]
    rows = range(0, len(images), columns)
    heights = [line + gap + max(image.height for image in images[row:][:columns]) for row in rows]
    paper = Image.new("RGB", (columns * (width + gap) + gap, sum(heights) + gap), (255, 255, 255))
    pen, top = ImageDraw.Draw(paper), gap
    for row, height in zip(rows, heights, strict=True):
        for column in range(min(columns, len(images) - row)):
            left, title = gap + column * (width + gap), _printable(pictures[row + column][1])
            chinese = any(ord(character) > 0x2E80 for character in title)
            pen.text((left, top), title, font=_font(14, chinese), fill=(0, 0, 0))
            paper.paste(images[row + column], (left, top + line))
        top += height
    return np.asarray(paper)
