"""Boxes that cannot be used: they would make the loss infinite or teach nothing."""

import dataclasses
import os
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from PIL import Image

from keras_cnn.datasets.boxed_pictures import Annotations, Picture
from keras_cnn.errors import InputError, unusable
from keras_cnn.i18n import N_
from keras_cnn.images import decoding

ROUNDING = (1, 0.005)  # pixels, and share of the picture, by which rounding may move an edge
INPUT = 300  # side of a detector's picture in pixels
SMALL = 8  # pixels at that size: a cell of the finest feature map, 300 / 38


def check(
    annotations: Annotations,
    *,
    skip_bad_boxes: bool = False,
    fix_boxes: bool = False,
    option: str = "--skip-bad-boxes",
    sizes: Mapping[str, tuple[int, int]] = MappingProxyType({}),
) -> tuple[Annotations, dict[str, str]]:
    """Find the boxes that cannot be used.

    Args:
        annotations: The split to check.
        skip_bad_boxes: Whether to go on without bad boxes.
        fix_boxes: Whether boxes on a picture of another size are turned or scaled to their picture.
        option: The command-line option that skips bad boxes, for the message.
        sizes: Path -> width and height of pictures that were read; the others are opened.

    Returns:
        The split without bad boxes; and "file, object" -> reason of each bad box.

    Raises:
        InputError: There are bad boxes and `skip_bad_boxes` is off, and the message lists them all;
            or a picture cannot be opened.
    """
    bad, pictures, total = {}, [], 0
    for picture in annotations.pictures:
        actual_size = sizes.get(picture.path) or size(picture.path)
        if fix_boxes:
            picture = _fixed(picture, actual_size)
        other_pixels = _size_fault(picture, actual_size)
        boxes = _without_rounding(picture.boxes, actual_size)
        reasons = [other_pixels or _fault(box, *actual_size) for box in boxes]
        total += len(reasons)
        for number, reason in enumerate(reasons, start=1):
            if reason:
                name = annotations.class_names[picture.labels[number - 1] - 1]
                bad[f"{picture.source}, object {number} ({name})"] = reason
        if other_pixels and reasons:
            continue  # without its objects the picture would teach that it is background
        good = np.array([not reason for reason in reasons], bool)
        pictures.append(picture.only(good, boxes=boxes))
    if bad and not skip_bad_boxes:
        way_out = N_(f"mend or remove them, or go on without them with {option}")
        raise unusable(bad, total=total, what=N_("boxes"), way_out=way_out)
    return dataclasses.replace(annotations, pictures=tuple(pictures)), bad


def size(path: str | os.PathLike) -> tuple[int, int]:
    """Return a picture's width and height in pixels after the turn that its EXIF data asks for.

    Args:
        path: The picture; only its header is read.

    Raises:
        InputError: The file is missing or no picture.
    """
    width, height, turned = _header(path)
    return (height, width) if turned else (width, height)


def _header(path):
    """Width and height as stored, and whether EXIF swaps them."""
    try:
        with open(path, "rb") as file:
            return decoding.read_header(file)
    except Exception as error:  # damaged headers make Pillow raise nearly every type there is
        raise InputError(f"cannot open picture {os.fspath(path)!r}: {error}") from None


def small_objects(
    annotations: Annotations, *, sizes: Mapping[str, tuple[int, int]] = MappingProxyType({})
) -> dict[str, str]:
    """Describe the objects that are too small for a detector once their picture is shrunk.

    Args:
        annotations: A split that was checked.
        sizes: As in `check`.

    Returns:
        Class -> sentence.
    """
    smallest, counts = {}, {}
    for picture in annotations.pictures:
        if not len(picture.boxes):
            continue
        width, height = sizes.get(picture.path) or size(picture.path)
        shortest = (picture.boxes[:, 2:] - picture.boxes[:, :2]).min(axis=1)
        shrunk = shortest * INPUT / max(width, height)
        for label, before, after in zip(picture.labels, shortest, shrunk, strict=True):
            if after < SMALL:
                name = annotations.class_names[label - 1]
                counts[name] = counts.get(name, 0) + 1
                example = (after, f"{before:.3g} px in {width}x{height} is {after:.2g} px")
                smallest[name] = min(smallest.get(name, example), example)
    return {
        name: N_(
            f"{number:d} objects are below {SMALL} px at {INPUT}: {smallest[name][1]}; crop the "
            "pictures, or cut them into tiles"
        )
        for name, number in counts.items()
    }


def _without_rounding(boxes, actual_size):
    """Boxes whose edges leave the picture by no more than rounding, clipped to it."""
    limits = np.tile(np.array(actual_size, float), 2)
    clipped = boxes.clip(0, limits)
    # Shares with six digits, as YOLO's files have them, move an edge of one pixel a little further.
    tolerance = np.maximum(ROUNDING[0], ROUNDING[1] * limits) + 1e-6 * limits
    return np.where(abs(boxes - clipped) <= tolerance, clipped, boxes)


def _differs(stated, actual_size):
    pairs = zip(stated, actual_size, strict=True)
    return any(abs(a - b) > max(ROUNDING[0], ROUNDING[1] * b) for a, b in pairs)


def _fixed(picture, actual_size):
    """Return the picture with its boxes turned as EXIF asks or scaled, where one of them fits."""
    stated = picture.stated_size
    if stated is None or not _differs(stated, actual_size):
        return picture
    boxes = picture.boxes
    if not _differs(stated[::-1], actual_size):
        with Image.open(picture.path) as image:
            orientation = image.getexif().get(0x0112)
        turn = _TURNS.get(orientation)
        if turn is None:
            return picture  # nothing tells which way it was turned
        x1, y1, x2, y2 = boxes.T
        boxes = np.stack(turn(x1, y1, x2, y2, *stated), axis=1)
    else:
        boxes = boxes * np.tile(np.divide(actual_size, stated), 2)
    return dataclasses.replace(picture, boxes=boxes, stated_size=actual_size)


_TURNS = {  # EXIF's orientation -> box on the stored picture of w x h -> box on the upright picture
    5: lambda x1, y1, x2, y2, w, h: (y1, x1, y2, x2),
    6: lambda x1, y1, x2, y2, w, h: (h - y2, x1, h - y1, x2),
    7: lambda x1, y1, x2, y2, w, h: (h - y2, w - x2, h - y1, w - x1),
    8: lambda x1, y1, x2, y2, w, h: (y1, w - x2, y2, w - x1),
}


def _size_fault(picture: Picture, actual_size):
    """Return the reason why boxes belong to a picture of another size, or None."""
    stated = picture.stated_size
    if stated is None or not _differs(stated, actual_size):
        return None
    cause = N_(
        "the picture was resized: put the original in its place, or scale its boxes with "
        "--fix-boxes"
    )
    if not _differs(stated[::-1], actual_size):
        cause = N_("the picture was turned: draw its boxes on the turned picture")
        if _header(picture.path)[2]:
            cause = N_("EXIF turns the picture upright: turn its boxes with --fix-boxes")
    width, height = actual_size
    return N_(
        f"is drawn on {stated[0]}x{stated[1]} pixels, the picture has {width}x{height}: {cause}"
    )


def _fault(box, width, height):
    """Return the reason why a box cannot be used, or None."""
    x1, y1, x2, y2 = box
    # Enough digits to tell the edge from the picture's.
    text = ",".join(np.format_float_positional(edge, precision=6, trim="-") for edge in box)
    if not np.isfinite(box).all():
        return N_(f"{text} is not four numbers")
    if x2 < x1 or y2 < y1:
        return N_(f"{text} is inverted: its right or bottom edge comes first")
    if x2 == x1 or y2 == y1:
        return N_(f"{text} has no area")
    if x1 < 0 or y1 < 0 or x2 > width or y2 > height:
        return N_(f"{text} reaches outside the picture of {width}x{height}")
    if max(x2, y2) <= 1 < min(width, height):
        return N_(f"{text} lies within one pixel: give its edges in pixels, not in shares")
    return None
