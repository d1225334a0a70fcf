"""Shapes on busy backgrounds with their boxes, in the layout of PASCAL VOC, or with masks.

Only the outline tells the class of a shape: size, angle, colour and position vary, and shapes
overlap and reach over the picture's edge. The background has lines and textures in dull colours.
The boxes enclose the drawn pixels, clipped to the picture.
"""

import colorsys
from pathlib import Path
from xml.sax.saxutils import escape

import cv2
import numpy as np
from PIL import Image

from keras_cnn.images import masks

CORNERS = {"disc": 40, "star": 10, "triangle": 3}  # number of corners of each outline
CLASSES = tuple(CORNERS)
SPLIT_SIZES = {"train": 280, "val": 30, "test": 60}  # pictures
WIDTHS, HEIGHTS = (240, 320), (240, 320)  # pixels, least and most
NUMBERS = (4, 9)  # shapes per picture, least and most
SIDES = (0.14, 0.38)  # size of a shape as a share of the picture's longer side
DULL = (80, 176)  # values of the background's colours, least and most
TURN = 0.3  # greatest rotation of a shape, in radians
HIDDEN = 0.5  # share of a shape's pixels above which, if covered, it counts as difficult


def write(folder: Path, *, split_sizes: dict[str, int] | None = None):
    """Draw the set.

    Args:
        folder: The set's folder.
        split_sizes: Split -> number of pictures; by default `SPLIT_SIZES`.
    """
    for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (folder / name).mkdir(parents=True)
    for number, (split, pictures) in enumerate((split_sizes or SPLIT_SIZES).items()):
        names = [f"{split}_{index:04d}" for index in range(pictures)]
        (folder / "ImageSets" / "Main" / f"{split}.txt").write_text("\n".join(names) + "\n")
        for index, name in enumerate(names):
            image, objects = picture(np.random.default_rng((6, number, index)))
            height, width = image.shape[:2]
            elements = "".join(_object(*entry) for entry in objects)
            (folder / "Annotations" / f"{name}.xml").write_text(
                f"<annotation><filename>{name}.jpg</filename><size><width>{width}</width>"
                f"<height>{height}</height><depth>3</depth></size>{elements}</annotation>\n"
            )
            Image.fromarray(image).save(folder / "JPEGImages" / f"{name}.jpg", quality=92)


def write_masked(folder: Path):
    """Draw the same pictures with masks, in the layout of `datasets.masked_folders`.

    Args:
        folder: The set's folder.
    """
    for number, (split, pictures) in enumerate(SPLIT_SIZES.items()):
        for name in ("images", "masks"):
            (folder / split / name).mkdir(parents=True)
        for index in range(pictures):
            image, mask = masked(np.random.default_rng((6, number, index)))
            Image.fromarray(image).save(folder / split / "images" / f"{index:04d}.jpg", quality=92)
            masks.write(folder / split / "masks" / f"{index:04d}.png", mask)
    (folder / "classes.txt").write_text("\n".join(("background", *CLASSES)) + "\n")


def picture(rng: np.random.Generator) -> tuple[np.ndarray, list[tuple]]:
    """Draw one picture.

    Args:
        rng: Source of randomness.

    Returns:
        RGB, uint8 (height, width, 3); and for each shape its class, the corners of its box in
        pixels, and whether other shapes cover most of it.
    """
    image, shapes, owner = _draw(rng)
    objects = [
        (name, corners, bool((owner == number).sum() < (1 - HIDDEN) * area))
        for number, name, corners, area in shapes
    ]
    return image, objects


def masked(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw the picture that `picture` draws, with the class of each pixel.

    Args:
        rng: Source of randomness.

    Returns:
        RGB, uint8 (height, width, 3); and class numbers, uint8 (height, width): 0 is the
        background, 1 the first of `CLASSES`.
    """
    image, shapes, owner = _draw(rng)
    mask = np.zeros_like(owner)
    for number, name, _, _ in shapes:
        mask[owner == number] = 1 + CLASSES.index(name)
    return image, mask


def _draw(rng):
    """Return the picture; number, class, corners and area of each shape; each pixel's shape."""
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
    return noisy.clip(0, 255).astype(np.uint8), shapes, owner


def _background(rng, width, height):
    """Return blotches, stripes and lines in dull colours; none of them is a closed shape."""
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
    """Return the corners (n, 2) of a shape in the unit circle; the first is at the top."""
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
