"""The tab to look inside a network: its layers, their filters, and their maps of a picture."""

import gradio
import numpy as np

from keras_cnn import explain
from keras_cnn.app import drawings, inputs, markup
from keras_cnn.app.studio import Studio
from keras_cnn.app.texts import Text
from keras_cnn.explain import hooks
from keras_cnn.report import embedded, figures

_MOST_MAPS = 64  # maps or filters that are drawn
_ENLARGED = 480  # pixels of a side that a small drawing is enlarged to


def add(studio: Studio, text: Text) -> None:
    """Add the tab's parts to the page.

    Args:
        studio: What it shows.
        text: Gives a text in the page's language.
    """
    run = inputs.network(studio, text, elem_id="inside-run")
    pixels = gradio.State()
    table = gradio.Dataframe(
        headers=[
            text("layer"),
            text("type"),
            text("shape"),
            text("parameters"),
            text("multiply-adds"),
            text("receptive field"),
        ],
        interactive=False,
        max_height=420,
        label=text("Layers: choose one"),
        elem_id="inside-table",
        buttons=[],
    )
    note = gradio.HTML(elem_id="inside-note")
    with gradio.Row():
        with gradio.Column(scale=2):
            with gradio.Tabs():
                with gradio.Tab(text("A picture")):
                    picture = inputs.picture(text, elem_id="inside-picture")
                with gradio.Tab(text("Draw"), elem_id="inside-draw"):
                    pad = inputs.pad(text, elem_id="inside-pad")
        with gradio.Column(scale=3):
            layer = gradio.Dropdown([], label=text("Layer"), elem_id="inside-layer")
            maps = gradio.HTML(elem_id="inside-maps")
            filters = gradio.HTML(elem_id="inside-filters")

    def list_layers(name):
        """Show the table of a network's layers."""
        if not name:
            return [], "", gradio.update(choices=[], value=None), None
        rows = explain.table(studio.load(name).model)
        paths = [row.name for row in rows.rows]
        first = next((row.name for row in rows.rows if len(row.output_shape) == 3), paths[0])
        total = text(
            "{parameters} parameters, {operations} multiply-adds for a picture",
            parameters=f"{rows.parameters:,}",
            operations=f"{rows.multiply_adds:,}",
        )
        choice = gradio.update(choices=paths, value=first)
        return [_cells(row) for row in rows.rows], markup.note(total), choice, None

    def choose(event: gradio.SelectData):
        """Choose the layer of the row that was clicked."""
        return event.row_value[0]

    def draw_filters(name, path):
        """Draw the filters of the chosen layer, if it is a convolution."""
        if not name or not path:
            return ""
        loaded = studio.load(name)
        try:
            kernels = explain.filters(loaded.model, path)
        except ValueError:
            return ""
        number, channels = kernels.shape[0], kernels.shape[-1]
        if channels != 3:
            kernels = kernels[..., :1]
        drawn = explain.mosaic(kernels[:_MOST_MAPS])
        caption = text("{n} filters", n=number)
        if channels not in (1, 3):
            caption = text("{n} filters, the first of {m} channels each", n=number, m=channels)
        return f"<h3>{caption}</h3>" + embedded.gallery([(_enlarged(drawn), _shown(number), "")])

    def draw_maps(name, path, seen):
        """Draw the maps of the chosen layer for the picture, before and after the activation."""
        if not name or not path or seen is None:
            return ""
        loaded = studio.load(name)
        image = loaded.scaled(seen)
        with studio.lock:
            try:
                found = explain.feature_maps(loaded.model, image, _with_pooling(loaded, path))
            except ValueError as error:
                return markup.fault(error)
        items = []
        for title, values in found.items():
            drawn = _drawn(values)
            extent = f"{values.min():.3g} … {values.max():.3g}"
            shown = _shown(values.shape[-1]) if values.ndim == 3 else ""
            items.append((drawn, title, f"{extent} · {shown}" if shown else extent))
        title = text("The layer's maps of the picture")
        return f"<h3>{title}</h3>{embedded.gallery(items)}"

    def _shown(number):
        if number <= _MOST_MAPS:
            return ""
        return text("the first {n} of {all}", n=_MOST_MAPS, all=number)

    def read(name, path):
        """Read a picture as the network takes it."""
        if not name or path is None:
            return None, ""
        return studio.load(name).read(path), ""

    def read_drawing(name, event: gradio.EventData):
        """Bring a drawing to the network's pictures."""
        if not name:
            return None, ""
        loaded = studio.load(name)
        paper = studio.pictures(loaded).paper
        return drawings.placed(paper, inputs.strokes(event), loaded), ""

    live = {"show_progress": "hidden", "trigger_mode": "multiple", "concurrency_limit": 1}
    gradio.on(None, markup.reported(4, place=1)(list_layers), run, [table, note, layer, pixels])
    table.select(choose, None, layer)
    reported = markup.reported(2, place=1)
    drawn = [run, layer, pixels]
    layer.change(
        markup.reported(1)(draw_filters), [run, layer], filters, show_progress="hidden"
    ).then(
        markup.reported(1)(draw_maps),
        drawn,
        maps,
        show_progress="hidden",
        trigger_mode="always_last",
    )
    seen = [pixels, maps]
    pad.clear(lambda: (None, ""), None, seen, show_progress="hidden")
    for event in (
        picture.change(reported(read), [run, picture], seen, show_progress="hidden"),
        pad.input(reported(read_drawing), run, seen, **live),
    ):  # "always_last": while maps are drawn, the next stroke may come
        event.then(
            markup.reported(1)(draw_maps),
            drawn,
            maps,
            show_progress="hidden",
            trigger_mode="always_last",
        )


def _cells(row):
    field = "" if row.receptive_field is None else "×".join(map(str, row.receptive_field))
    operations = "?" if row.multiply_adds is None else f"{row.multiply_adds:,}"
    return [
        row.name,
        row.kind,
        "×".join(map(str, row.output_shape)),
        f"{row.parameters:,}",
        operations,
        field,
    ]


def _with_pooling(loaded, path):
    """Return the names of a layer and of the pooling that follows it, if one does."""
    names = [name for name, _ in hooks.operations(loaded.model)]
    layers = dict(hooks.operations(loaded.model))
    following = names[names.index(path) + 1 :][:1]
    return [path, *(name for name in following if "Pooling2D" in type(layers[name]).__name__)]


def _drawn(values):
    """Return the outputs of a layer as a picture, uint8."""
    low, high = float(values.min()), float(values.max())
    scaled = (values - low) / (high - low if high > low else 1)
    if scaled.ndim == 3:
        pictures = np.moveaxis(scaled, -1, 0)[:_MOST_MAPS]
        return _enlarged(explain.mosaic(pictures))
    return _enlarged(scaled.reshape(1, -1)[:, : _ENLARGED // 2], rows=24)


def _enlarged(drawing, *, rows=1):
    """Return a drawing in [0, 1] as pixels, gaps white, each value as several pixels if small."""
    pixels = np.uint8(np.round(np.nan_to_num(drawing, nan=1.0) * 255))
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    factor = max(1, _ENLARGED // max(pixels.shape[:2]))
    return figures.pixels(pixels.repeat(factor * rows, axis=0).repeat(factor, axis=1))
