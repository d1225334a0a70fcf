"""Pictures from the browser: uploaded, pasted, from the camera, or drawn on a pad."""

import base64
import binascii
import html
import io
from pathlib import Path

import gradio
import numpy as np
from gradio.context import Context
from PIL import Image

from keras_cnn.app.studio import Studio
from keras_cnn.app.texts import Text
from keras_cnn.errors import InputError

PAD = 280  # pixels of a side of the pad
_LARGEST_DRAWING = 1 << 20  # bytes
_PAD_SCRIPT = """
const canvas = element.querySelector('canvas'), pen = canvas.getContext('2d');
const clear = () => { pen.fillStyle = '#fff'; pen.fillRect(0, 0, canvas.width, canvas.height); };
const send = () => trigger('input', { drawing: canvas.toDataURL('image/png') });
let last = null, sent = 0;
const place = (event) => { const box = canvas.getBoundingClientRect();
  return [(event.clientX - box.left) * canvas.width / box.width,
          (event.clientY - box.top) * canvas.height / box.height]; };
clear();
pen.lineCap = pen.lineJoin = 'round'; pen.strokeStyle = '#000';
canvas.addEventListener('pointerdown', (event) => { event.preventDefault();
  canvas.setPointerCapture(event.pointerId); last = place(event);
  pen.lineWidth = +element.querySelector('input').value;
  pen.beginPath(); pen.moveTo(...last); pen.lineTo(last[0] + .01, last[1]); pen.stroke(); });
canvas.addEventListener('pointermove', (event) => { if (!last) return;
  for (const each of (event.getCoalescedEvents?.() ?? [event])) { const next = place(each);
    pen.beginPath(); pen.moveTo(...last); pen.lineTo(...next); pen.stroke(); last = next; }
  if (Date.now() - sent > 500) { sent = Date.now(); send(); } });
const end = () => { if (last) { last = null; send(); } };
canvas.addEventListener('pointerup', end); canvas.addEventListener('pointercancel', end);
element.querySelector('button').addEventListener('click', () => { clear(); trigger('clear'); });
"""
_CAMERA_SCRIPT = """
const media = navigator.mediaDevices, sentence = element.querySelector('.refused');
if (media && !media.watched) {
  const ask = media.getUserMedia.bind(media);
  const note = (refused) => window.dispatchEvent(new CustomEvent('camera', { detail: refused }));
  media.watched = true;
  media.getUserMedia = async (wanted) => {
    try { const stream = await ask(wanted); note(false); return stream; }
    catch (error) { note(true); throw error; } };
}
window.addEventListener('camera', (event) => { sentence.hidden = !event.detail; });
if (!media) document.addEventListener('click', (event) => {  // an address without https
  if (event.target.closest('[title="grant webcam access"]')) sentence.hidden = false; });
"""


def network(studio: Studio, text: Text, *, elem_id: str) -> gradio.Dropdown:
    """Add the choice of a run with a model; a button, and each load of the page, list them again.

    Args:
        studio: What the tab shows.
        text: Gives a text in the page's language.
        elem_id: Identifier of the element in the page.
    """

    def listed(name):
        names = studio.models()
        chosen = name if name in names else next(iter(names), None)
        return gradio.update(choices=names, value=chosen)

    names = studio.models()
    with gradio.Row(equal_height=True):
        run = gradio.Dropdown(
            names, value=next(iter(names), None), label=text("Network"), elem_id=elem_id
        )
        again = gradio.Button("↻", scale=0, min_width=56, elem_id=f"{elem_id}-again")
    gradio.on([Context.root_block.load, again.click], listed, run, run, show_progress="hidden")
    return run


def picture(text: Text, *, elem_id: str) -> gradio.Image:
    """Add an input for a picture: upload, camera, clipboard; a camera that is refused is said.

    Its value is the name of the uploaded file: the package's own reader opens it, with its limits.

    Args:
        text: Gives a text in the page's language.
        elem_id: Identifier of the element in the page.
    """
    component = gradio.Image(
        label=text("Picture"),
        sources=["upload", "webcam", "clipboard"],
        height=300,
        elem_id=elem_id,
        buttons=[],
    )
    gradio.HTML(
        camera_refused(text),
        js_on_load=_CAMERA_SCRIPT,
        elem_id=f"{elem_id}-camera",
        elem_classes="camera",
    )
    component.preprocess = lambda payload: None if payload is None else payload.path
    return component


def camera_refused(text: Text) -> str:
    """Return the sentence on a camera that cannot be used, as hidden HTML.

    Args:
        text: Gives a text in the page's language.
    """
    sentence = text("The camera cannot be used. Allow it in the browser, or upload pictures.")
    return f'<p class="fault refused" hidden>{html.escape(sentence)}</p>'


def pad(text: Text, *, elem_id: str) -> gradio.HTML:
    """Add a pad to draw on. Its event `input` has the attribute `drawing`; `clear` empties it.

    Args:
        text: Gives a text in the page's language.
        elem_id: Identifier of the element in the page.
    """
    return gradio.HTML(
        html_template=f'<canvas width="{PAD}" height="{PAD}"></canvas><p><button type="button">'
        f'{text("Clear")}</button><label>{text("Pen")} <input type="range" min="4" max="40" '
        'value="18"></label></p>',
        js_on_load=_PAD_SCRIPT,
        elem_id=elem_id,
        elem_classes="pad",
    )


def strokes(event: gradio.EventData) -> np.ndarray:
    """Return a drawing as the share of ink of each pixel, float32 (height, width), 0 to 1.

    Args:
        event: The event of the pad.

    Raises:
        InputError: It is no drawing of the pad.
    """
    drawing = getattr(event, "drawing", None)
    head = "data:image/png;base64,"
    if not isinstance(drawing, str) or not drawing.startswith(head):
        raise InputError("the pad has sent no drawing: draw again")
    try:
        content = base64.b64decode(drawing[len(head) : _LARGEST_DRAWING], validate=True)
        image = Image.open(io.BytesIO(content), formats=["PNG"])
        if image.size != (PAD, PAD):
            raise ValueError
        return 1 - np.asarray(image.convert("L"), "float32") / 255
    except (ValueError, OSError, binascii.Error):
        raise InputError("the pad has sent no drawing: draw again") from None


def name(path: str) -> str:
    """Return the name of an uploaded file, without its folder.

    Args:
        path: The file.
    """
    return Path(path).name
