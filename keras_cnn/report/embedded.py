"""Pictures inside a page, as data URIs: a page is one file."""

import base64
import io
from collections.abc import Sequence
from html import escape

from PIL import Image

from keras_cnn.i18n import _
from keras_cnn.report import canvas, figures


def pictures(images: list[tuple]) -> str:
    """Return figures for the light and the dark page, side by side where there is room.

    Args:
        images: (alternative text, light PNG, dark PNG) each.
    """
    shown = (
        f'<picture><source media="(prefers-color-scheme: dark)" srcset="{uri(dark)}">'
        f'<img src="{uri(light)}" alt="{escape(text)}" width="{_width(light)}" '
        f'style="min-width:{0.6 * _width(light):.0f}px"></picture>'  # narrow screens scroll
        for text, light, dark in images
    )
    return f'<div class="plots">{"".join(shown)}</div>'


def gallery(items: Sequence[tuple]) -> str:
    """Return pictures with captions in a grid.

    Args:
        items: (picture or None, title, note) each; a picture is uint8 or float (height, width,
            channels).
    """
    wide = any(picture is not None and _is_wide(picture) for picture, _, _ in items)
    cells = []
    for picture, title, below in items:
        image = f'<div class="missing">{escape(_("cannot be opened"))}</div>'
        if picture is not None:
            small = max(picture.shape[:2]) < 100
            source = _thumbnail(picture, wide=wide)
            image = f'<img src="{source}" alt="" class="{"small" if small else ""}">'
        caption = escape(title).replace("\n", "<br>")
        cells.append(
            f"<figure>{image}<figcaption>{caption}<small>{escape(below)}</small></figcaption></figure>"
        )
    return f'<div class="gallery{" large" if wide else ""}">{"".join(cells)}</div>'


def _is_wide(picture):
    height, width = picture.shape[:2]
    return width >= 2 * height


def _thumbnail(picture, *, wide):
    image = Image.fromarray(figures.pixels(picture))
    if max(image.size) < 100:
        return uri(encoded(image, format="PNG"))
    image.thumbnail((960, 960) if wide else (320, 320))
    return uri(encoded(image, format="JPEG", quality=85), kind="jpeg")


def encoded(image: Image.Image, **options) -> bytes:
    """Return the bytes of a picture's file.

    Args:
        image: The picture.
        **options: Those of `PIL.Image.Image.save`.
    """
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


def _width(png):
    return round(Image.open(io.BytesIO(png)).width * 96 / canvas.DPI)


def uri(content: bytes, kind: str = "png") -> str:
    """Return a picture's file as a data URI.

    Args:
        content: The bytes of the file.
        kind: "png" or "jpeg".
    """
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
