"""Draw boxes on pictures, and pictures on sheets."""

import colorsys
import functools

import numpy as np
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from keras_cnn.i18n import _
from keras_cnn.report import fonts

CROWD = 20  # with more objects, a label wider than its box is left out: it would hide others
GOLDEN = 0.618034  # golden ratio: hues this far apart never come close to each other


def boxes(
    picture: np.ndarray, corners: np.ndarray, labels: np.ndarray, *, texts: list | None = None
) -> np.ndarray:
    """Draw boxes into a copy of a picture.

    Args:
        picture: RGB, uint8, (height, width, 3).
        corners: In pixels, (n, 4).
        labels: Class ids, which choose the colours, (n,).
        texts: Text of each box, the most important first: a text avoids those before it. Of many
            objects only those wider than their text are labelled.
            Characters that no font can draw are escaped.

    Returns:
        RGB, uint8, (height, width, 3).
    """
    image = Image.fromarray(picture)
    pen = ImageDraw.Draw(image)
    longest = max(image.size)
    thick, height = max(1, round(longest / 300)), max(10, round(longest / 40))
    texts = [""] * len(labels) if texts is None else texts
    objects = list(zip(np.asarray(corners, float).tolist(), map(int, labels), texts, strict=True))
    for (x1, y1, x2, y2), label, _text in reversed(objects):
        pen.rectangle((x1, y1, max(x1, x2), max(y1, y2)), outline=colour(label), width=thick)
    taken = []
    for corner, label, text in objects:
        if not text:
            continue
        text = fonts.printable(text)
        font = _font(height, _is_chinese(text))
        left, top, right, bottom = font.getbbox(text)
        if len(objects) > CROWD and right - left > corner[2] - corner[0]:
            continue
        place = _place(corner, (right - left + 4, bottom - top + 4), image.size, taken)
        x, y, *_ = place
        taken.append(place)
        pen.rectangle(place, fill=colour(label))
        pen.text((x + 2 - left, y + 2 - top), text, font=font, fill=(0, 0, 0))
    return np.asarray(image)


def _place(corner, size, room, taken):
    """Corners of a label: at its box and, if possible, on no other label."""
    (x1, y1, x2, y2), (wide, tall) = corner, size
    places = []
    for y in (y1 - tall, y2, y1, y2 - tall):  # above the box, below it, in its top, in its bottom
        for x in (x1, x2 - wide):
            x = min(max(x, 0), max(0, room[0] - wide))
            if 0 <= y <= room[1] - tall:
                places.append((x, y, x + wide, y + tall))
    for place in places:
        if not any(_overlap(place, other) for other in taken):
            return place
    x, y = min(max(x1, 0), max(0, room[0] - wide)), max(y1, 0)
    return places[0] if places else (x, y, x + wide, y + tall)


def _overlap(place, other):
    return all(place[k] < other[k + 2] and other[k] < place[k + 2] for k in (0, 1))


def colour(label: int, *, dark: bool = True) -> tuple[int, int, int]:
    """Return the colour of a class, RGB in [0, 255].

    Args:
        label: Class id.
        dark: Whether it stands on a dark background or under black letters.
    """
    values = colorsys.hsv_to_rgb(label * GOLDEN % 1, 0.75, 1 if dark else 0.75)
    return tuple(round(255 * value) for value in values)


@functools.cache
def _font(height, chinese):
    family = fonts.families()[-1 if chinese else 0]
    properties = font_manager.FontProperties(family=family)
    return ImageFont.truetype(font_manager.findfont(properties), height)


def _is_chinese(text):
    return any(ord(character) > 0x2E80 for character in text)


def pair(picture: np.ndarray, truth: tuple, answer: tuple, *, class_names: list) -> np.ndarray:
    """Draw a picture with its true boxes and, beside it, with its detections.

    Args:
        picture: RGB, uint8, (height, width, 3).
        truth: Corners in pixels (n, 4), class ids (n,), difficult flags (n,).
        answer: Corners in pixels (m, 4), scores (m,), class ids (m,).
        class_names: Names of the classes, without background.

    Returns:
        RGB, uint8, (height, 2 * width + gap, 3).
    """
    corners, labels, difficult = truth
    true_names = [
        class_names[label - 1] + (_(" (difficult)") if is_difficult else "")
        for label, is_difficult in zip(labels, difficult, strict=True)
    ]
    found, scores, ids = answer
    names = [
        f"{class_names[label - 1]} {score:.2f}" for label, score in zip(ids, scores, strict=True)
    ]
    gap = np.full((len(picture), max(2, picture.shape[1] // 60), 3), 255, np.uint8)
    left = boxes(picture, corners, labels, texts=true_names)
    return np.concatenate([left, gap, boxes(picture, found, ids, texts=names)], axis=1)


def sheet(pictures: list[tuple[np.ndarray, str]], *, columns: int, width: int = 320) -> np.ndarray:
    """Lay pictures out in a grid, each below its title.

    Args:
        pictures: RGB, uint8, of any sizes, at least one, and their titles.
        columns: Pictures in a row.
        width: Width of a picture on the sheet in pixels.

    Returns:
        RGB, uint8.
    """
    line, gap = 22, 8
    images = [Image.fromarray(picture) for picture, _ in pictures]
    images = [
        image.resize((width, max(1, round(width * image.height / image.width)))) for image in images
    ]
    rows = range(0, len(images), columns)
    heights = [line + gap + max(image.height for image in images[row:][:columns]) for row in rows]
    paper = Image.new("RGB", (columns * (width + gap) + gap, sum(heights) + gap), (255, 255, 255))
    pen, top = ImageDraw.Draw(paper), gap
    for row, height in zip(rows, heights, strict=True):
        for column in range(min(columns, len(images) - row)):
            left, title = gap + column * (width + gap), fonts.printable(pictures[row + column][1])
            pen.text((left, top), title, font=_font(14, _is_chinese(title)), fill=(0, 0, 0))
            paper.paste(images[row + column], (left, top + line))
        top += height
    return np.asarray(paper)
