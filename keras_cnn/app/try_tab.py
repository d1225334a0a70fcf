"""The tab to try a network: a picture, a drawing or many pictures in, an answer out."""

import dataclasses
from collections.abc import Callable

import gradio

from keras_cnn import explain
from keras_cnn.app import drawings, inputs, markup, objects, tables
from keras_cnn.app.studio import Studio
from keras_cnn.app.texts import Text
from keras_cnn.errors import InputError
from keras_cnn.explain import hooks
from keras_cnn.images import files
from keras_cnn.report import embedded

_OPACITY = 0.6
_NEIGHBOURS = 5
_SIDE = 512  # pixels of the picture under a heat map, at most


def add(studio: Studio, text: Text) -> None:
    """Add the tab's parts to the page.

    Args:
        studio: What it shows.
        text: Gives a text in the page's language.
    """
    run = inputs.network(studio, text, elem_id="try-run")
    facts = gradio.HTML(elem_id="try-facts")
    answering = _Answering(studio, text)
    with gradio.Column(visible=False, elem_id="try-classifier") as classifier:
        parts = _add_classifier(answering, run, text)
    with gradio.Column(visible=False, elem_id="try-detector") as detector:
        objects.add(studio, run, text)
    with gradio.Accordion(text("Several pictures"), open=False):
        tables.add(studio, run, text)

    def choose(name):
        """Show what a network is, and the inputs that it takes."""
        loaded, fault = None, ""
        try:
            loaded = studio.load(name) if name else None
        except (InputError, OSError, ValueError) as error:
            fault = markup.fault(error)
        is_detector = loaded is not None and loaded.is_detector
        has_classes = loaded is not None and not is_detector and bool(loaded.card.class_names)
        names = loaded.card.class_names if has_classes else ()
        layers = _layers(loaded) if has_classes else ()
        return (
            fault or _facts(loaded, text),
            gradio.update(visible=loaded is not None and not is_detector),
            gradio.update(visible=is_detector),
            _choices(names, first=text("the answer")),
            _choices(layers, first=text("the last one")),
        )

    # Without triggers: when the page loads, and when another run is chosen.
    run.change(answering.cleared, None, parts.outputs, show_progress="hidden", queue=False)
    outputs = [facts, classifier, detector, parts.class_name, parts.layer]
    chosen = gradio.on(None, choose, run, outputs, show_progress="minimal")
    parts.follow(chosen.then(*parts.answer_picture, show_progress="hidden"))


def _facts(loaded, text):
    if loaded is None:
        return markup.fault(
            text("There is no trained network in this folder: train one, and press ↻.")
        )
    scores, names = loaded.card.scores, loaded.card.class_names
    parts = [loaded.model.name, text("{n} parameters", n=f"{loaded.model.count_params():,}")]
    if names:
        parts.append(text("{n} classes", n=len(names)))
    if (accuracy := scores.get("accuracy")) is not None:
        low, high = scores.get("interval") or (None, None)
        between = f" ({low:.3f}–{high:.3f})" if low is not None else ""
        parts.append(text("accuracy {value}", value=f"{accuracy:.3f}{between}"))
    if not loaded.is_detector:
        height, width, _ = loaded.image_shape
        parts.append(text("pictures of {size} pixels", size=f"{height}×{width}"))
    return markup.note(" · ".join(parts))


def _choices(names, *, first):
    """Return the choices of a menu, whose first stands for none of the names."""
    choices = [(first, ""), *((name, name) for name in names)]
    return gradio.update(choices=choices, value="", visible=bool(names))


def _layers(loaded):
    """Return the paths of the layers with feature maps, the last first."""
    return [
        path
        for path, layer in reversed(list(hooks.operations(loaded.model)))
        if len(getattr(getattr(layer, "output", None), "shape", ())) == 4
    ]


@dataclasses.dataclass(frozen=True)
class _Parts:
    """The components and handlers of a classifier that the tab connects.

    Attributes:
        class_name: Menu of the class to explain.
        layer: Menu of the layer to explain.
        outputs: Components that show an answer.
        answer_picture: Handler, inputs and outputs that answer the present picture.
        follow: Called with an event after which heat map and neighbours are shown.
    """

    class_name: gradio.Dropdown
    layer: gradio.Dropdown
    outputs: list
    answer_picture: tuple
    follow: Callable


def _add_classifier(answering, run, text):
    """Add inputs and outputs of a classifier."""
    state = gradio.State()
    with gradio.Row():
        with gradio.Column():
            with gradio.Tabs():
                with gradio.Tab(text("A picture")):
                    picture = inputs.picture(text, elem_id="try-picture")
                with gradio.Tab(text("Draw"), elem_id="try-draw"):
                    pad = inputs.pad(text, elem_id="try-pad")
            seen = gradio.HTML(elem_id="try-seen")
        with gradio.Column():
            answer = gradio.HTML(elem_id="try-answer")
            heat = gradio.HTML(elem_id="try-heat")
            opacity = gradio.Slider(
                0, 1, _OPACITY, step=0.05, label=text("Opacity of the heat map")
            )
            with gradio.Row():
                class_name = gradio.Dropdown(
                    [], label=text("Explain the class"), elem_id="try-class"
                )
                layer = gradio.Dropdown([], label=text("Layer"), elem_id="try-layer")
    neighbours = gradio.HTML(elem_id="try-neighbours")
    clock = gradio.Timer(2, active=False)  # while the index grows
    explained = [state, class_name, layer, opacity, run]
    first = [answer, seen, state]
    found = [neighbours, clock]
    hidden = {"show_progress": "hidden"}
    explain_class = markup.reported(1)(answering.explain)

    def follow(event):  # "always_last": while a heat map is computed, the next stroke may come
        event.then(explain_class, explained, heat, trigger_mode="always_last", **hidden).then(
            answering.neighbours, [state, run], found, trigger_mode="always_last", **hidden
        )

    reported = markup.reported(len(first))
    of_picture = reported(answering.picture), [run, picture], first
    follow(picture.change(*of_picture, **hidden))
    drawn = {"trigger_mode": "multiple", "concurrency_limit": 1}
    follow(pad.input(reported(answering.drawing), run, first, **drawn, **hidden))
    outputs = [*first, heat, *found]
    pad.clear(answering.cleared, None, outputs, **hidden)
    for each in (opacity, class_name, layer):
        each.input(explain_class, explained, heat, trigger_mode="always_last", **hidden)
    clock.tick(answering.neighbours, [state, run], found, **hidden)
    return _Parts(class_name, layer, outputs, of_picture, follow)


class _Answering:
    """Answers of classifiers and regressions on the page."""

    def __init__(self, studio, text):
        self._studio, self._text = studio, text

    def cleared(self):
        """Return the outputs without a picture."""
        return "", "", None, "", "", gradio.Timer(active=False)

    def picture(self, name, path):
        """Answer a picture: HTML, what the network sees, the picture's state."""
        if not name or path is None:
            return "", "", None
        loaded = self._studio.load(name)
        shown = files.read(path, color_mode="rgb", least_size=(_SIDE, _SIDE))
        pixels = loaded.read(path)
        return self._answer(loaded, pixels, shown, "")

    def drawing(self, name, event: gradio.EventData):
        """Answer a drawing: as `picture`."""
        if not name:
            return "", "", None
        strokes = inputs.strokes(event)
        loaded = self._studio.load(name)
        pixels = drawings.placed(self._studio.pictures(loaded).paper, strokes, loaded)
        sentence = drawings.sentence(self._studio.pictures(loaded).paper, self._text)
        return self._answer(loaded, pixels, pixels, sentence)

    def _answer(self, loaded, pixels, shown, sentence):
        with self._studio.lock:
            answered = self._studio.answer(loaded, pixels)
        seen = ""
        if sentence:
            seen = embedded.gallery([(pixels, self._text("as the network sees it"), "")])
            seen += markup.note(sentence)
        state = {"pixels": pixels, "shown": _reduced(shown), "heat": {}}
        return markup.answer(answered, self._text), seen, state

    def explain(self, state, class_name, layer, opacity, name):
        """Return the picture with its heat map."""
        if state is None or not name:
            return ""
        loaded = self._studio.load(name)
        if not loaded.card.class_names:
            return ""
        key = class_name, layer
        if key not in state["heat"]:
            index = loaded.card.class_names.index(class_name) if class_name else None
            image = loaded.scaled(state["pixels"])
            with self._studio.lock:
                heat = explain.grad_cam(loaded.model, image, class_index=index, layer=layer or None)
            state["heat"] = {key: heat}
        drawn = explain.overlay(state["shown"], state["heat"][key], opacity=float(opacity))
        caption = self._text("Grad-CAM: the pixels that support the class")
        return embedded.gallery([(drawn, caption, "")])

    def neighbours(self, state, name):
        """Return the most similar training pictures, and whether to ask again soon."""
        idle = gradio.Timer(active=False)
        if state is None or not name:
            return "", idle
        try:
            pictures = self._studio.pictures(self._studio.load(name))
        except (InputError, OSError) as error:
            return markup.fault(error), idle
        if not pictures.paths:
            return markup.note(self._text("The training pictures are not at hand.")), idle
        pictures.index()
        found = pictures.nearest(state["pixels"], number=_NEIGHBOURS)
        note = ""
        if pictures.is_growing:
            sentence = self._text(
                "The index of the training pictures holds {n} of {all} so far.",
                n=pictures.size,
                all=len(pictures.paths),
            )
            note, idle = markup.note(sentence), gradio.Timer(active=True)
        title = self._text("The most similar training pictures")
        items = [(_opened(path), pictures.label(path), f"{cosine:.3f}") for path, cosine in found]
        return f"<h3>{title}</h3>{embedded.gallery(items)}{note}", idle


def _opened(path):
    try:
        return files.read(path)
    except ValueError:
        return None


def _reduced(picture):
    """Return a picture of at most `_SIDE` pixels a side, for the page."""
    step = max(1, -(-max(picture.shape[:2]) // _SIDE))
    height, width = (max(1, length // step) for length in picture.shape[:2])
    return files.resize(picture, size=(height, width), interpolation="bilinear")
