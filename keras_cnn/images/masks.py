"""Masks: PNG files with the class number of each pixel, as in Pascal VOC.

In Pascal VOC 0 is the background and 255 is void: pixels at the edges of objects, without a class.
"""

import os

import numpy as np
from PIL import Image

from keras_cnn.errors import InputError
from keras_cnn.images import files

VOID = 255


def palette() -> np.ndarray:
    """Return Pascal VOC's colour of each class number, RGB, uint8 (256, 3)."""
    numbers, colours = np.arange(256), np.zeros((256, 3), np.uint8)
    for bit in range(8):
        for channel in range(3):
            colours[:, channel] |= ((numbers >> 3 * bit + channel & 1) << 7 - bit).astype(np.uint8)
    return colours


def write(path: str | os.PathLike, mask: np.ndarray) -> None:
    """Write a mask in the colours of `palette`.

    Args:
        path: A name that ends in `.png`.
        mask: Class numbers, uint8 (height, width).
    """
    image = Image.fromarray(mask)
    image.putpalette(palette().tobytes())
    image.save(path)


def read(path: str | os.PathLike, *, size: tuple[int, int] | None = None) -> np.ndarray:
    """Read a mask.

    Args:
        path: A PNG with a palette or in 8-bit grey; its numbers count, not its colours.
        size: (height, width) to resize to, by the nearest pixel; None leaves the file's own.

    Returns:
        Class numbers, uint8 (height, width).

    Raises:
        InputError: The file cannot be read, or holds colours.
    """
    try:
        with Image.open(path) as image:
            mode, mask = image.mode, np.asarray(image)
    except Exception as error:  # broken files make Pillow raise errors of nearly every type
        raise InputError(f"cannot read the mask {path} ({error}); mend or remove it") from error
    if mode not in ("P", "L"):
        raise InputError(
            f"a mask must hold class numbers, in a palette or in 8-bit grey; {path} holds {mode}: "
            "save it as a PNG with a palette"
        )
    return mask if size is None else files.resize(mask[..., None], size=size)[..., 0]
