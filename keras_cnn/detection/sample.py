"""The built-in sample: shapes to be found on busy backgrounds, in VOC's layout, drawn by code.

They are drawings and say so. A shape is told by its outline alone: size, turn, colour and place
vary, shapes overlap and reach the picture's edge, and the background is full of lines and texture
that are no shapes. The boxes are those of the pixels drawn, cut to the picture.
"""

import os
import tempfile
from pathlib import Path
from xml.sax.saxutils import escape

import cv2
import numpy as np

from keras_cnn.errors import InputError

CLASSES = ("cross", "disc", "square", "star", "triangle")
PARTS = {"train": 240, "val": 60, "test": 60}
WIDTHS, HEIGHTS = (200, 320), (200, 320)  # pixels, least and most
NUMBERS = (1, 6)  # shapes in a picture, least and most
SIDES = (0.1, 0.45)  # of a shape in shares of the picture's longer side
HIDDEN = 0.5  # share of a shape's box that later ones may cover before it counts as difficult


def draw(folder: str | os.PathLike, *, parts: dict[str, int] | None = None) -> Path:
    """Draws the set, once.

    Args:
        folder: Where it goes; one that exists is left as it is.
        parts: Pictures of each part; by default `PARTS`.

    Returns:
        The folder.

    Raises:
        InputError: The folder cannot be written.
    """
    folder = Path(folder)
    if folder.exists():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".drawing_") as beside:
            whole = Path(beside) / folder.name
            _write(whole, parts or PARTS)
            whole.rename(folder)  # all of it or nothing, whatever happens while drawing
    except OSError as error:
        if folder.is_dir():  # another process was faster
            return folder
        raise InputError(
            f"the sample cannot be drawn into {folder} ({error.strerror}): name a folder of VOC's "
            "layout with --data"
        ) from None
    return folder


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
        outline = _outline(name) @ _turn(rng.uniform(0, 2 * np.pi)) * side / 2 + middle
        cv2.fillPoly(mask, [np.rint(outline).astype(np.int32)], 1)
        if mask.sum() < 60:
            continue
        colour = rng.integers(0, 256, 3)
        shade = 1 + 0.25 * np.linspace(-1, 1, width)[None, :, None] * rng.uniform(-1, 1)
        paint = (colour * shade).clip(0, 255).astype(np.uint8)
        image = np.where(mask[..., None] > 0, np.broadcast_to(paint, image.shape), image)
        edge = np.rint(outline).astype(np.int32)
        image = cv2.polylines(
            np.ascontiguousarray(image), [edge], True, (colour // 2).tolist(), 2, cv2.LINE_AA
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
    """Blotches, stripes and strokes of any colour, none of them closed."""
    coarse = rng.integers(0, 256, (int(rng.integers(2, 9)), int(rng.integers(2, 9)), 3))
    image = cv2.resize(coarse.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    rows, columns = np.mgrid[:height, :width]
    angle, period = rng.uniform(0, np.pi), rng.uniform(4, 40)
    stripes = np.sin((columns * np.cos(angle) + rows * np.sin(angle)) * 2 * np.pi / period)
    image = image + rng.uniform(0, 40) * stripes[..., None]
    image = np.ascontiguousarray(image.clip(0, 255).astype(np.uint8))
    for _ in range(int(rng.integers(4, 16))):
        ends = rng.integers(-20, max(width, height), (2, 2))
        colour, thick = rng.integers(0, 256, 3).tolist(), int(rng.integers(1, 5))
        cv2.line(image, *ends.tolist(), colour, thick, cv2.LINE_AA)
    return image


def _outline(name):
    """Corners of a shape within the unit circle, (n, 2)."""
    around = {"disc": 40, "square": 4, "triangle": 3, "star": 10, "cross": 12}[name]
    angle = np.arange(around) * 2 * np.pi / around
    if name == "cross":
        arm = np.array([[1, 0.34], [0.34, 0.34], [0.34, 1]]) / np.hypot(1, 0.34)
        return np.concatenate([arm @ _turn(k * np.pi / 2) for k in range(4)])
    radius = np.where(np.arange(around) % 2, 0.42, 1) if name == "star" else 1
    return np.stack([np.cos(angle), np.sin(angle)], axis=1) * np.reshape(radius, (-1, 1))


def _turn(angle):
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def _write(folder, parts):
    for part in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (folder / part).mkdir(parents=True)
    for number, (part, pictures) in enumerate(parts.items()):
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
            done, data = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
            (folder / "JPEGImages" / f"{name}.jpg").write_bytes(data.tobytes())


def _object(name, corners, difficult):
    keys = ("xmin", "ymin", "xmax", "ymax")
    box = "".join(f"<{key}>{value}</{key}>" for key, value in zip(keys, corners, strict=True))
    return (
        f"<object><name>{escape(name)}</name><difficult>{int(difficult)}</difficult>"
        f"<bndbox>{box}</bndbox></object>"
    )
