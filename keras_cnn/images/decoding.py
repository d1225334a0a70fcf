"""Decode the bytes of an image file to pixels."""

import contextlib
import io
import os
import struct
import warnings
from typing import BinaryIO

import cv2
import numpy as np
from PIL import Image, ImageColor, JpegImagePlugin

from keras_cnn.errors import InputError
from keras_cnn.i18n import N_

VERSION = 1  # of all that decides on pixels, resizing and cropping included: see `disk_files`
CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}  # color_mode -> number
PIXELS_PER_BYTE = 100  # more is a bomb: a photograph has at most 50, a JPEG of one colour 70
_PILLOW_MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}  # color_mode -> mode
_ORIENTATION = 0x0112  # tag of EXIF
SIDEWAYS = (5, 6, 7, 8)  # EXIF orientations that swap width and height
_TURNS = {  # EXIF orientation -> how Pillow and OpenCV turn the picture upright
    2: (Image.Transpose.FLIP_LEFT_RIGHT, lambda pixels: cv2.flip(pixels, 1)),
    3: (Image.Transpose.ROTATE_180, lambda pixels: cv2.flip(pixels, -1)),
    4: (Image.Transpose.FLIP_TOP_BOTTOM, lambda pixels: cv2.flip(pixels, 0)),
    5: (Image.Transpose.TRANSPOSE, cv2.transpose),
    6: (Image.Transpose.ROTATE_270, lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE)),
    7: (Image.Transpose.TRANSVERSE, lambda pixels: cv2.flip(cv2.transpose(pixels), -1)),
    8: (
        Image.Transpose.ROTATE_90,
        lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE),
    ),
}

# The user's limit in place of Pillow's; 0 means no limit.
with contextlib.suppress(KeyError, ValueError):
    Image.MAX_IMAGE_PIXELS = int(os.environ["KERAS_CNN_MAX_PIXELS"]) or None
# `_refuse_bomb` decides instead of Pillow. Appended, so that the user's own filters come first.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning, append=True)


def decode(
    data: bytes,
    *,
    color_mode: str = "rgb",
    exif_rotation: bool = True,
    least_size: tuple[int, int] | None = None,
    background: str | None = None,
    full_depth: bool = False,
) -> np.ndarray:
    """Decode a picture.

    Args:
        data: Bytes of the file.
        color_mode: As in `files.read`, like the other arguments.
        exif_rotation: Whether to turn the picture upright.
        least_size: Smallest (height, width) to which a JPEG may be reduced, or None.
        background: Colour under transparent pixels, or None.
        full_depth: Whether grey of more than 8 bits keeps its depth.

    Returns:
        Array (height, width, channels).

    Raises:
        Exception: Of nearly every type, if the file is damaged.
    """
    if not data:
        raise ValueError(N_("the file is empty"))
    if not least_size and (pixels := _decode_jpeg(data, color_mode, exif_rotation)) is not None:
        return pixels
    with _open(io.BytesIO(data)) as image:  # reads the header, no pixels yet
        if least_size:
            image.draft(None, (max(least_size), max(least_size)))
        _refuse_bomb(*image.size, len(data))
        image = upright(image) if exif_rotation else image
        return convert(image, color_mode=color_mode, background=background, full_depth=full_depth)


def upright(image: Image.Image) -> Image.Image:
    """Return an image turned as its EXIF orientation says.

    Args:
        image: The image.
    """
    turn = _TURNS.get(_orientation(image))
    return image.transpose(turn[0]) if turn else image


def convert(
    image: Image.Image,
    *,
    color_mode: str = "rgb",
    background: str | None = None,
    full_depth: bool = False,
) -> np.ndarray:
    """Return the pixels of a Pillow image.

    Args:
        image: The image.
        color_mode: As in `files.read`, like the other arguments.
        background: Colour under transparent pixels, or None.
        full_depth: Whether grey of more than 8 bits keeps its depth.
    """
    if image.mode.startswith("I"):
        if full_depth and color_mode == "grayscale":
            levels = np.asarray(image)
            dtype = np.int32 if levels.dtype.itemsize == 4 else np.uint16
            return levels.astype(dtype)[..., np.newaxis]
        if image.mode.startswith("I;16"):
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if background and color_mode != "rgba" and image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, background), image)
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")  # Pillow warns if it is converted to RGB directly
    if image.mode != _PILLOW_MODES[color_mode]:
        image = image.convert(_PILLOW_MODES[color_mode])
    pixels = np.asarray(image)
    return pixels.reshape(*pixels.shape[:2], -1)


def read_header(file: BinaryIO) -> tuple[int, int, bool]:
    """Return the width and height of a picture as stored, and whether `decode` swaps them.

    Args:
        file: The image file, open for reading; no pixels are decoded.

    Raises:
        Exception: Of nearly every type, if the file is damaged.
    """
    with _open(file) as image:
        return *image.size, _orientation(image) in SIDEWAYS


def is_plain_jpeg(data: bytes) -> bool:
    """Return whether the bytes are a complete JPEG of 8-bit grey or colour, without decoding it.

    Args:
        data: Bytes of the file.
    """
    return _jpeg_header(data)[2] in (1, 3)


def _open(file):
    try:
        return Image.open(file)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        file.seek(0)
        if file.read(2) != b"\xff\xd8":
            raise
        file.seek(0)
        return JpegImagePlugin.JpegImageFile(file)  # `_refuse_bomb` judges it


def _refuse_bomb(width, height, size):
    limit = Image.MAX_IMAGE_PIXELS
    if limit and width * height > min(4 * limit, max(limit, size * PIXELS_PER_BYTE)):
        raise ValueError(
            N_(
                f"its {width} x {height} pixels in {size:,} bytes may be a decompression bomb "
                "(the environment variable KERAS_CNN_MAX_PIXELS=0 lifts the limit)"
            )
        )


def _orientation(image):
    """Return the orientation in EXIF or XMP; 1, upright, if they are damaged."""
    try:
        return image.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged tags raise errors of nearly every type
        return 1


def _decode_jpeg(data, color_mode, exif_rotation):
    """Decode a JPEG with OpenCV, faster than Pillow and to the same pixels; else return None.

    Pillow decodes a JPEG that does not end with its end marker: it distinguishes a truncated file
    from one with harmless bytes after the end.
    """
    height, width, channels, has_tags = _jpeg_header(data)
    if channels not in (1, 3) or not height * width:
        return None
    _refuse_bomb(width, height, len(data))
    mode, flags = ("RGB", cv2.IMREAD_COLOR_RGB) if channels == 3 else ("L", cv2.IMREAD_GRAYSCALE)
    buffer = np.frombuffer(data, np.uint8)
    pixels = cv2.imdecode(buffer, flags | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None:
        return None
    if exif_rotation and has_tags:
        with _open(io.BytesIO(data)) as image:
            turn = _TURNS.get(_orientation(image))
        pixels = turn[1](pixels) if turn else pixels
    if _PILLOW_MODES[color_mode] == mode:
        return pixels.reshape(*pixels.shape[:2], -1)
    return convert(Image.fromarray(pixels), color_mode=color_mode)


def _jpeg_header(data):
    """Return height, width, channels of a complete 8-bit JPEG, and whether it may have EXIF or XMP.

    All are 0 for other files. Pillow takes longer.
    """
    position, has_tags = 2, False
    if data[:2] == b"\xff\xd8" and data.endswith(b"\xff\xd9"):
        while position + 10 < len(data) and data[position] == 0xFF:
            marker = data[position + 1]
            if marker in (0xC0, 0xC1, 0xC2):  # start of a frame
                bits, *shape = struct.unpack_from(">BHHB", data, position + 4)
                return (*shape, has_tags) if bits == 8 else (0, 0, 0, False)
            has_tags |= marker == 0xE1
            position += 2 + int.from_bytes(data[position + 2 : position + 4])
    return 0, 0, 0, False


def check_background(background: str) -> None:
    """Refuse a text that is no colour.

    Args:
        background: The name of a colour, or "#rrggbb".

    Raises:
        InputError: There is no such colour.
    """
    try:
        ImageColor.getrgb(background)
    except (ValueError, AttributeError, TypeError):
        raise InputError(
            f'background must be the name of a colour or "#rrggbb"; received {background!r}'
        ) from None
