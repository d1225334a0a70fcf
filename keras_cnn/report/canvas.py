"""Paper to draw a figure on, light or dark, and its PNG bytes.

Figures are `matplotlib.figure.Figure` objects. pyplot is not used, so no window opens and the
figures of the caller's notebook stay as they are.
"""

import contextlib
import io

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from keras_cnn.report import fonts, labels

# Okabe and Ito's colours, which colour-blind readers can distinguish; lighter for the dark page.
LIGHT = {
    "paper": "#ffffff",
    "ink": "#1f2328",
    "soft": "#6b7280",
    "grid": "#e5e7eb",
    "train": "#0072b2",
    "validation": "#d55e00",
    "best": "#009e73",
    "flip": 0.85,  # from this share on, numbers in the cell have the colour of the paper
}
DARK = {
    "paper": "#161b22",
    "ink": "#e6edf3",
    "soft": "#9aa4af",
    "grid": "#30363d",
    "train": "#56b4e9",
    "validation": "#ff9f4a",
    "best": "#3fd1a2",
    "flip": 0.7,
}
DPI = 130
_MARGIN = 0.12  # inches around what is drawn


@contextlib.contextmanager
def paper(size: tuple, dark: bool):
    """Yield an empty figure of `size` inches and the colours to draw it in."""
    ink = DARK if dark else LIGHT
    style = {
        "font.family": list(fonts.families()),
        "font.size": 9,
        "text.parse_math": False,  # a "$" in a file name stays a "$"
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": 10,
        "legend.frameon": False,
        "legend.fontsize": 8.5,
        "grid.linewidth": 0.8,
        "lines.linewidth": 1.8,
        "figure.constrained_layout.use": True,
        "grid.color": ink["grid"],
        "axes.edgecolor": ink["soft"],
    }
    style |= dict.fromkeys(
        ("figure.facecolor", "axes.facecolor", "savefig.facecolor"), ink["paper"]
    )
    colours = ("text.color", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color")
    style |= dict.fromkeys(colours, ink["ink"])
    with matplotlib.rc_context(style):
        figure = Figure(figsize=size, dpi=DPI)
        if labels.HOOK in matplotlib.rcParams["figure.hooks"]:  # only pyplot calls hooks itself
            labels.translate_when_drawn(figure)
        yield figure, ink


def png(figure: Figure) -> bytes:
    """Return a figure as PNG bytes, without its empty margins."""
    canvas, buffer = FigureCanvasAgg(figure), io.BytesIO()
    canvas.draw()
    drawn = np.asarray(canvas.buffer_rgba())
    inked = drawn.view(np.uint32)[..., 0] != drawn.view(np.uint32)[0, 0, 0]
    rows, columns = (np.flatnonzero(inked.any(axis=axis)) for axis in (1, 0))
    if inked[[0, -1]].any() or inked[:, [0, -1]].any() or not len(rows):  # text leaves the figure
        figure.savefig(buffer, format="png", bbox_inches="tight", pad_inches=_MARGIN)
    else:  # in one pass, where "tight" needs two
        margin = round(_MARGIN * figure.dpi)
        inside = drawn[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1, :3]
        height, width = inside.shape[:2]
        whole = np.full((height + 2 * margin, width + 2 * margin, 3), drawn[0, 0, :3])
        whole[margin : margin + height, margin : margin + width] = inside
        Image.fromarray(whole).save(buffer, "png", dpi=(figure.dpi, figure.dpi))
    return buffer.getvalue()


def beside(images: list[bytes]) -> bytes:
    """Return PNG pictures of light figures side by side.

    Args:
        images: PNG bytes.
    """
    if len(images) == 1:
        return images[0]
    panels = [Image.open(io.BytesIO(image)) for image in images]
    size = sum(panel.width for panel in panels), max(panel.height for panel in panels)
    whole, left = Image.new("RGB", size, LIGHT["paper"]), 0
    for panel in panels:
        whole.paste(panel, (left, 0))
        left += panel.width
    buffer = io.BytesIO()
    whole.save(buffer, "png", dpi=(DPI, DPI))
    return buffer.getvalue()
