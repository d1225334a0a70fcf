"""The lesson on dropout: a mask of a layer, the scaling, and the mean over many masks."""

import functools
import html

import gradio
import numpy as np

from keras_cnn import scratch
from keras_cnn.app import markup
from keras_cnn.app.lesson_convolution import sample_picture
from keras_cnn.app.texts import Text
from keras_cnn.errors import InputError

UNITS = 100
LARGEST_RATE = 0.9
_COLUMNS = 10
_RATE = 0.2  # of the book
_MOST = 10_000  # masks


def add(text: Text) -> None:
    """Add the lesson to the page.

    Args:
        text: Gives a text in the page's language.
    """
    gradio.Markdown(
        text(
            "In training, dropout sets each value of a layer to 0 with probability p and divides "
            "the others by 1 − p. The mean over many masks is that without dropout, so prediction "
            "needs no change."
        )
    )
    number = gradio.State(1)
    with gradio.Row():
        rate = gradio.Slider(
            0, LARGEST_RATE, value=_RATE, step=0.05, label=text("Rate p"), elem_id="dropout-rate"
        )
        fresh = gradio.Button(text("New mask"), variant="primary", elem_id="dropout-mask", scale=0)
        many = gradio.Button(text("100 masks"), elem_id="dropout-many", scale=0)

    def draw(share, masks):
        try:
            return masks, _view(text, share, masks)
        except InputError as error:
            return masks, markup.fault(error)

    shown = gradio.HTML(lambda: draw(_RATE, 1)[1], elem_id="dropout-shown")

    def restart(share):
        return draw(share, 1)

    def again(share, masks):
        return draw(share, min(masks + 1, _MOST))

    def further(share, masks):
        return draw(share, min(masks + 100, _MOST))

    quiet = {"show_progress": "hidden"}
    rate.input(restart, rate, [number, shown], trigger_mode="always_last", **quiet)
    fresh.click(again, [rate, number], [number, shown], **quiet)
    many.click(further, [rate, number], [number, shown], **quiet)


@functools.cache
def activations() -> np.ndarray:
    """Return the activations of a ReLU layer with He's initial weights, for a digit.

    Returns:
        float32 (1, UNITS), none negative.
    """
    digit = sample_picture("digit")
    network = scratch.MultiLayerNet(digit.size, hidden=(UNITS,))
    affine, relu = network.layers[:2]
    return relu.forward(affine.forward(digit.reshape(1, -1).astype("float32")))


def masked(rate: float, *, masks: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the activations under the last of some masks.

    Args:
        rate: Probability that a value becomes 0, from 0 to `LARGEST_RATE`.
        masks: Number of masks, at least 1.

    Returns:
        The activations after dropout (UNITS,); whether each was kept, bool (UNITS,); and the mean
        of the activations under each mask (masks,).
    """
    layer = scratch.Dropout(rate, seed=0)
    means = []
    for _ in range(masks):
        after = layer.forward(activations(), training=True)
        means.append(after.mean())
    return after[0], layer.mask[0] > 0, np.array(means)


def _view(text, rate, masks):
    rate = min(max(float(rate), 0), LARGEST_RATE)
    before = activations()[0]
    after, is_kept, means = masked(rate, masks=masks)
    largest = max(before.max(), after.max())
    scale = 1 / (1 - rate)
    rows = [
        (text("mean before"), before.mean()),
        (text("mean after this mask"), after.mean()),
        (text("mean over {n} masks", n=masks), means.mean()),
        (text("mean over {n} masks, without the division", n=masks), means.mean() / scale),
    ]
    table = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{value:.4f}</td></tr>" for name, value in rows
    )
    count = text(
        "{kept} of {units} values are kept; each is divided by 1 − {rate}: times {scale}",
        kept=int(is_kept.sum()),
        units=UNITS,
        rate=f"{rate:.2f}",
        scale=f"{scale:.3f}",
    )
    everything = np.ones(UNITS, bool)
    return (
        f'<div class="pair"><figure>{_units(before, everything, largest)}'
        f"<figcaption>{html.escape(text('A ReLU layer of 100 units'))}</figcaption></figure>"
        f"<figure>{_units(after, is_kept, largest)}<figcaption>"
        f"{html.escape(text('after dropout: a cross marks a value set to 0'))}"
        f"</figcaption></figure></div>{markup.note(count)}"
        f'<div class="wide"><table class="means">{table}</table></div>'
    )


def _units(values, is_kept, largest):
    """Return the values as squares, the darker the larger."""
    cells = []
    for index, (value, stays) in enumerate(zip(values, is_kept, strict=True)):
        row, column = divmod(index, _COLUMNS)
        place = f'x="{column + 0.06:.2f}" y="{row + 0.06:.2f}" width=".88" height=".88" rx=".1"'
        cells.append(
            f'<rect class="unit" {place}/><rect class="value" {place} '
            f'fill-opacity="{value / largest:.3f}"><title>{value:.3f}</title></rect>'
        )
        if not stays:
            cells.append(
                f'<path class="cross" d="M{column + 0.25} {row + 0.25}l.5 .5m0 -.5l-.5 .5"/>'
            )
    return f'<svg viewBox="0 0 {_COLUMNS} {UNITS // _COLUMNS}">{"".join(cells)}</svg>'
