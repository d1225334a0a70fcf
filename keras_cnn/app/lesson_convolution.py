"""The lesson on convolution: a kernel of 3x3 weights, a picture, its map, and one sum of it."""

import functools
import html
import math

import gradio
import matplotlib
import numpy as np
from sklearn.datasets import load_sample_image

from keras_cnn import datasets, scratch
from keras_cnn.app import inputs, markup, pictures
from keras_cnn.app.texts import Text, mark
from keras_cnn.errors import InputError
from keras_cnn.images import files

SIDE = 128  # pixels of the longer side of a picture; every pixel can be seen and pointed at
_LARGEST = 1e6  # weight: sums of larger ones overflow on the page
_POINTER = """
let sent = 0;
const send = (event) => {
  const picture = event.target.closest("svg");
  if (!picture) return;
  const box = picture.getBoundingClientRect();
  trigger("click", { x: (event.clientX - box.left) / box.width,
                     y: (event.clientY - box.top) / box.height });
};
element.addEventListener("click", send);
element.addEventListener("pointermove", (event) => {
  if (event.buttons !== 1 || Date.now() - sent < 120) return;
  sent = Date.now();
  send(event);
});
"""
KERNELS = {  # the first four are those of notebook 3
    mark("Vertical edges"): ((-1, 0, 1), (-1, 0, 1), (-1, 0, 1)),
    mark("Horizontal edges"): ((-1, -1, -1), (0, 0, 0), (1, 1, 1)),
    mark("Laplace"): ((0, -1, 0), (-1, 4, -1), (0, -1, 0)),
    mark("Mean (blur)"): ((1 / 9,) * 3,) * 3,
    mark("Sharpen"): ((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
    mark("Emboss"): ((-2, -1, 0), (-1, 1, 1), (0, 1, 2)),
}


def add(text: Text) -> None:
    """Add the lesson to the page.

    Args:
        text: Gives a text in the page's language.
    """
    gradio.Markdown(
        text(
            "The kernel lies on a window of 3×3 pixels. The sum of weights times pixels is one "
            "value of the feature map. Press or drag on a picture to move the window."
        )
    )
    chosen = gradio.State(None)  # pixels of an upload; None for a sample
    window = gradio.State(None)
    presets = [(text(name), name) for name in KERNELS]
    samples = [(text("A digit"), "digit"), (text("A photo"), "photo")]

    def draw(own, name, place, cuts, *values):
        try:
            return _view(text, own, name, place, cuts, *values)
        except InputError as error:
            return markup.fault(error)

    with gradio.Row():
        with gradio.Column(scale=2, min_width=260):
            preset = gradio.Dropdown(
                presets, value=presets[0][1], label=text("Kernel"), elem_id="kernel"
            )
            weights = [field for row in range(3) for field in _fields(row)]
            sample = gradio.Radio(
                samples, value="digit", label=text("Picture"), elem_id="kernel-sample"
            )
            is_cut = gradio.Checkbox(
                label=text("ReLU: negative values become 0"), elem_id="kernel-relu"
            )
            with gradio.Accordion(text("Your own picture"), open=False):
                upload = inputs.picture(text, elem_id="kernel-picture")
        with gradio.Column(scale=5, min_width=300):
            shown = gradio.HTML(
                lambda: draw(None, "digit", None, False, *_flat(presets[0][1])),
                js_on_load=_POINTER,
                elem_id="kernel-shown",
            )

    def take(path, name, cuts, *values):
        if path is None:
            return None, None, draw(None, name, None, cuts, *values)
        try:
            own = read(path)
        except InputError as error:
            return None, None, markup.fault(error)
        return own, None, draw(own, name, None, cuts, *values)

    def point(event: gradio.EventData, own, name, cuts, *values):
        height, width = (sample_picture(name) if own is None else own).shape
        place = _place(event._data, height=height, width=width)
        return place, draw(own, name, place, cuts, *values)

    quiet = {"show_progress": "hidden", "trigger_mode": "always_last"}
    state = [chosen, sample, window, is_cut, *weights]
    preset.input(_flat, preset, weights, show_progress="hidden").then(draw, state, shown, **quiet)
    typed = [each.input for each in weights]
    gradio.on([is_cut.input, *typed], draw, state, shown, **quiet)
    gradio.on(typed, lambda: None, None, preset, show_progress="hidden")  # it is none of them now
    sample.input(lambda: (None, None, None), None, [chosen, window, upload]).then(
        draw, state, shown, **quiet
    )
    gradio.on(
        [upload.input, upload.clear],
        take,
        [upload, sample, is_cut, *weights],
        [chosen, window, shown],
        **quiet,
    )
    shown.click(point, [chosen, sample, is_cut, *weights], [window, shown], **quiet)


def feature_map(picture: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Return the feature map of a picture, without padding, as notebook 3 computes it.

    Args:
        picture: (height, width), 0 to 1.
        kernel: (3, 3).

    Returns:
        (height - 2, width - 2).
    """
    layer = scratch.Convolution(kernel[np.newaxis, np.newaxis], b=np.zeros(1))
    return layer.forward(picture[np.newaxis, np.newaxis])[0, 0]


def read(path: str) -> np.ndarray:
    """Return an uploaded picture in grey, its longer side `SIDE` pixels.

    Args:
        path: Its file.

    Returns:
        float (height, width), 0 to 1.

    Raises:
        InputError: It cannot be read.
    """
    return _small(files.read(path, color_mode="grayscale", least_size=(SIDE, SIDE)))


@functools.cache
def sample_picture(name: str) -> np.ndarray:
    """Return a sample in grey: the digit of notebook 3, or a photo of scikit-learn.

    Args:
        name: "digit" or "photo".

    Returns:
        As `read`.
    """
    if name == "photo":
        photo = load_sample_image("china.jpg") @ (0.299, 0.587, 0.114)  # luma
        return _small(photo.round().astype(np.uint8)[..., np.newaxis])
    (x, y), _ = datasets.arrays("mnist")
    return x[y == 5][0] / 255


def _small(pixels):
    height, width = pixels.shape[:2]
    ratio = min(1, SIDE / max(height, width))
    size = max(3, round(height * ratio)), max(3, round(width * ratio))
    return files.resize(pixels, size=size, interpolation="bilinear")[..., 0] / 255


def _fields(row):
    """Return the three number fields of a row of the kernel."""
    with gradio.Row(elem_classes="kernel-row"):
        return [
            gradio.Number(
                value=value,
                show_label=False,
                container=False,
                min_width=60,
                elem_id=f"kernel-{row}{column}",
            )
            for column, value in enumerate(KERNELS["Vertical edges"][row])
        ]


def _flat(name):
    return [round(value, 4) for row in KERNELS[name] for value in row]


def _place(data, *, height, width):
    """Return row and column of the window's centre that was pointed at."""
    shares = [data.get("y"), data.get("x")]
    if not all(isinstance(share, int | float) and math.isfinite(share) for share in shares):
        return None
    sides = height, width
    return tuple(
        min(max(int(share * side), 1), side - 2) for share, side in zip(shares, sides, strict=True)
    )


def _kernel(values):
    for value in values:
        if not isinstance(value, int | float) or not abs(value) <= _LARGEST:
            raise InputError(
                f"each of the nine weights must be a number from -{_LARGEST:,.0f} to "
                f"{_LARGEST:,.0f}; received {'nothing' if value is None else value}: correct it"
            )
    return np.array(values, float).reshape(3, 3)


def _steepest(picture):
    """Return the centre of notebook 3's window: the steepest rise of row 5, or of the middle."""
    row = 5 if len(picture) == 28 else len(picture) // 2
    column = int(np.diff(picture[row]).argmax())
    return row, min(max(column, 1), picture.shape[1] - 2)


def _view(text, own, name, place, cuts, *values):
    """Return the two pictures and the arithmetic of the window."""
    picture = sample_picture(name) if own is None else own
    kernel = _kernel(values)
    answer = feature_map(picture, kernel)
    if cuts:
        answer = scratch.ReLU().forward(answer)
    row, column = place or _steepest(picture)
    window = picture[row - 1 : row + 2, column - 1 : column + 2]
    limit = np.abs(answer).max() or 1
    if cuts:
        shades = (255 * answer / limit).round().astype(np.uint8)
    else:
        shades = matplotlib.colormaps["RdBu_r"](answer / limit / 2 + 0.5)[..., :3]
        shades = (255 * shades).round().astype(np.uint8)
    height, width = picture.shape
    drawn = _svg((255 * picture).round().astype(np.uint8), (height, width), (row, column), reach=1)
    mapped = _svg(shades, (height, width), (row, column), reach=0)
    size = text("{height}×{width} values", height=answer.shape[0], width=answer.shape[1])
    legend = (
        text("black is 0, white is {limit}", limit=f"{limit:.3g}")
        if cuts
        else text("red is positive, blue is negative, white is 0")
    )
    first = f"<figure>{drawn}<figcaption>{html.escape(text('Picture, 0 to 1'))}"
    second = f"<figure>{mapped}<figcaption>{html.escape(text('Feature map'))}"
    return (
        f'<div class="pair">{first}<small>{height}×{width}</small></figcaption></figure>'
        f"{second}<small>{html.escape(size)} · {html.escape(legend)}</small></figcaption></figure>"
        f"</div>{_arithmetic(text, window, kernel, answer[row - 1, column - 1], cuts)}"
    )


def _svg(pixels, shape, place, *, reach):
    """Return a picture with a frame around a pixel; a map lies inside a margin of one pixel."""
    height, width = shape
    margin = (height - pixels.shape[0]) // 2
    row, column = place
    side = 2 * reach + 1
    frame = f'x="{column - reach}" y="{row - reach}" width="{side}" height="{side}"'
    return (
        f'<svg viewBox="0 0 {width} {height}" style="aspect-ratio:{width}/{height}">'
        f'<image href="{pictures.source(pixels)}" x="{margin}" y="{margin}" '
        f'width="{pixels.shape[1]}" height="{pixels.shape[0]}"/>'
        f'<rect class="halo" {frame}/><rect class="frame" {frame}/></svg>'
    )


def _arithmetic(text, window, kernel, value, cuts):
    terms = zip(window.ravel(), kernel.ravel(), strict=True)
    products = " + ".join(f"{pixel:.2f}·{_signed(weight)}" for pixel, weight in terms)
    total = (window * kernel).sum()
    end = f" → ReLU: <b>{value:.3f}</b>" if cuts else ""
    grids = [
        (text("window"), window, ".2f"),
        (text("kernel"), kernel, ".3g"),
        (text("products"), window * kernel, ".2f"),
    ]
    tables = "".join(
        f"{sign}<figure>{_grid(values, style)}<figcaption>{html.escape(name)}</figcaption></figure>"
        for sign, (name, values, style) in zip(("", "<b>×</b>", "<b>=</b>"), grids, strict=True)
    )
    return (
        f'<div class="sum">{tables}</div>'
        f'<p class="formula">{products} = <b>{total:.3f}</b>{end}</p>'
    )


def _signed(weight):
    return f"{weight:.3g}" if weight >= 0 else f"({weight:.3g})"


def _grid(values, style):
    rows = "".join(
        "<tr>" + "".join(f"<td>{value + 0:{style}}</td>" for value in row) + "</tr>"
        for row in values
    )
    return f"<table>{rows}</table>"
