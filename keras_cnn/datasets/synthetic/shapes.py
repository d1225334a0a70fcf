"""Shapes to be found on busy backgrounds, with their boxes, in the layout of PASCAL VOC.

A shape is told by its outline alone: size, turn, colour and place vary, shapes overlap and reach
the picture's edge, and the background is full of lines and texture that are no shapes, only duller.
The boxes are those of the pixels drawn, cut to the picture.
"""

import colorsys
from pathlib import Path
from xml.sax.saxutils import escape

import cv2
import numpy as np
from PIL import Image

CORNERS = {"disc": 40, "star": 10, "triangle": 3}  # of each class's outline
CLASSES = tuple(CORNERS)
PARTS = {"train": 280, "val": 30, "test": 60}
WIDTHS, HEIGHTS = (240, 320), (240, 320)  # pixels, least and most
NUMBERS = (4, 9)  # shapes in a picture, least and most
SIDES = (0.14, 0.38)  # of a shape in shares of the picture's longer side
DULL = (80, 176)  # values of the background's colours, least and most
TURN = 0.3  # most that a shape is turned either way, in radians
HIDDEN = 0.5  # share of a shape's box that later ones may cover before it counts as difficult


def write(folder: Path, *, parts: dict[str, int] | None = None):
    """Draw the set.

    Args:
        folder: Where it goes.
        parts: Pictures of each part; by default `PARTS`.
    """
    for part in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (folder / part).mkdir(parents=True)
    for number, (part, pictures) in enumerate((parts or PARTS).items()):
        names = [f"{part}_{index:04d}" for index in range(pictures)]
        (folder / "ImageSets" / "Main" / f"{part}.txt").write_text("\n".join(names) + "\n")
        for index, name in enumerate(names):
            image, objects = picture(np.random.default_rng((6, number, index)))
            height, width = image.shape[:2]
            told = "".join(_object(*entry) for entry in objects)
            (folder / "Annotations" / f"{name}.xml").write_text(
                f"<annotation><filename>{name}.jpg</filename><size><width>{width}</width>"
                f"<height>{height}</height><depth>3</depth></size>{told}</annotation>\n"
            )
            Image.fromarray(image).save(folder / "JPEGImages" / f"{name}.jpg", quality=92)


def picture(rng: np.random.Generator) -> tuple[np.ndarray, list[tuple]]:
    """Draws one picture.

    Args:
        rng: Source of all choices.

    Returns:
        RGB, uint8, (height, width, 3); for each shape its class, its corners in pixels and whether
        it is mostly covered by others.
    """
    width, height = int(rng.integers(*WIDTHS)), int(rng.integers(*HEIGHTS))
    image = _background(rng, width, height)
    shapes, owner = [], np.zeros((height, width), np.uint8)
    for number in range(1, int(rng.integers(NUMBERS[0], NUMBERS[1] + 1)) + 1):
        name = CLASSES[rng.integers(len(CLASSES))]
        side = rng.uniform(*SIDES) * max(width, height)
        middle = rng.uniform(0.08, 0.92, 2) * (width, height)
        mask = np.zeros((height, width), np.uint8)
        outline = _outline(name) @ _turn(rng.uniform(-TURN, TURN)) * side / 2 + middle
        cv2.fillPoly(mask, [np.rint(outline).astype(np.int32)], 1)
        if mask.sum() < 60:
            continue
        colour = np.array(colorsys.hsv_to_rgb(*rng.uniform((0, 0.6, 0.6), 1))) * 255
        shade = 1 + 0.25 * np.linspace(-1, 1, width)[None, :, None] * rng.uniform(-1, 1)
        paint = (colour * shade).clip(0, 255).astype(np.uint8)
        image = np.where(mask[..., None] > 0, np.broadcast_to(paint, image.shape), image)
        edge = np.rint(outline).astype(np.int32)
        image = cv2.polylines(
            np.ascontiguousarray(image), [edge], True, (colour / 2).tolist(), 2, cv2.LINE_AA
        )
        owner[mask > 0] = number
        columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
        corners = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        shapes.append((number, name, tuple(map(int, corners)), int(mask.sum())))
    noisy = image + rng.normal(0, rng.uniform(2, 10), image.shape)
    objects = [
        (name, corners, bool((owner == number).sum() < (1 - HIDDEN) * area))
        for number, name, corners, area in shapes
    ]
    return noisy.clip(0, 255).astype(np.uint8), objects


def _background(rng, width, height):
    """Blotches, stripes and strokes of dull colours, none of them closed."""
    coarse = rng.integers(*DULL, (int(rng.integers(2, 9)), int(rng.integers(2, 9)), 3))
    image = cv2.resize(coarse.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    rows, columns = np.mgrid[:height, :width]
    angle, period = rng.uniform(0, np.pi), rng.uniform(4, 40)
    stripes = np.sin((columns * np.cos(angle) + rows * np.sin(angle)) * 2 * np.pi / period)
    image = image + rng.uniform(0, 15) * stripes[..., None]
    image = np.ascontiguousarray(image.clip(0, 255).astype(np.uint8))
    for _ in range(int(rng.integers(3, 11))):
        ends = rng.integers(-20, max(width, height), (2, 2))
        colour, thick = rng.integers(*DULL, 3).tolist(), int(rng.integers(1, 5))
        cv2.line(image, *ends.tolist(), colour, thick, cv2.LINE_AA)
    return image


def _outline(name):
    """Corners of a shape within the unit circle, the first on top, (n, 2)."""
    number = np.arange(CORNERS[name])
    angle = number * 2 * np.pi / len(number) - np.pi / 2
    radius = np.where(number % 2, 0.42, 1) if name == "star" else np.ones(len(number))
    return np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius[:, None]


def _turn(angle):
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def _object(name, corners, difficult):
    keys = ("xmin", "ymin", "xmax", "ymax")
    box = "".join(f"<{key}>{value}</{key}>" for key, value in zip(keys, corners, strict=True))
    return (
        f"<object><name>{escape(name)}</name><difficult>{int(difficult)}</difficult>"
        f"<bndbox>{box}</bndbox></object>"
    )
