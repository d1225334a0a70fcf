"""Pixels as pictures in a page."""

from html import escape

import numpy as np
from PIL import Image

from keras_cnn.report import embedded

_SMALL = 256  # pixels of a side up to which a picture is enlarged with sharp pixels


def source(pixels: np.ndarray) -> str:
    """Return a picture as a data URI: PNG if it is small, otherwise JPEG.

    Args:
        pixels: uint8 (height, width, 3), or (height, width) of grey.
    """
    is_small = max(pixels.shape[:2]) <= _SMALL
    kind, options = ("png", {}) if is_small else ("jpeg", {"quality": 90})
    return embedded.uri(embedded.encoded(Image.fromarray(pixels), format=kind, **options), kind)


def tag(pixels: np.ndarray, *, description: str) -> str:
    """Return a picture as an HTML element that is as large as its place allows.

    Args:
        pixels: As in `source`.
        description: Its alternative text.
    """
    height, width = pixels.shape[:2]
    kind = ' class="small"' if max(height, width) <= _SMALL else ""
    return (
        f'<img src="{source(pixels)}" width="{width}" height="{height}" '
        f'alt="{escape(description)}"{kind}>'
    )
