"""Objects in a picture or a short video: boxes, with a live threshold."""

import dataclasses
import itertools

import gradio

from keras_cnn.app import inputs, markup
from keras_cnn.app.studio import Studio
from keras_cnn.app.texts import Text
from keras_cnn.detection import video
from keras_cnn.errors import InputError
from keras_cnn.images import files
from keras_cnn.report import embedded, html

_LEAST = 0.05  # score of the objects that are kept for the slider
_MOST_SECONDS = 20  # of a video


def add(studio: Studio, run: gradio.Dropdown, text: Text) -> None:
    """Add inputs and outputs of a detector.

    Args:
        studio: What the tab shows.
        run: Choice of the network.
        text: Gives a text in the page's language.
    """
    found = gradio.State()
    with gradio.Row():
        with gradio.Column():
            with gradio.Tabs():
                with gradio.Tab(text("A picture")):
                    picture = inputs.picture(text, elem_id="objects-picture")
                with gradio.Tab(text("A video")):
                    film = gradio.File(
                        label=text("A video of {n} seconds at most", n=_MOST_SECONDS),
                        file_types=["video"],
                        elem_id="objects-video",
                    )
                    frame = gradio.Slider(
                        0, 1, 0, step=1, label=text("Frame"), visible=False, elem_id="objects-frame"
                    )
            threshold = gradio.Slider(
                _LEAST, 1, 0.5, step=0.01, label=text("Least score"), elem_id="objects-threshold"
            )
            classes = gradio.Dropdown(
                [], multiselect=True, label=text("Only the classes"), elem_id="objects-classes"
            )
        with gradio.Column():
            shown = gradio.HTML(elem_id="objects-shown")

    def detect(name, pixels):
        loaded = studio.load(name)
        with studio.lock:
            return loaded.use(pixels, score_threshold=_LEAST)

    def of_picture(name, path, least, only):
        """Detect objects in a picture."""
        if not name or path is None:
            return None, ""
        detections = detect(name, files.read(path, color_mode="rgb"))
        return detections, _draw(detections, least, only, text)

    def of_frame(name, path, number, least, only):
        """Detect objects in a frame of a video."""
        if not name or not path:
            return None, ""
        pixels = next(itertools.islice(video.frames(path), int(number), None), None)
        if pixels is None:
            raise InputError(text("The video has no frame {n}: choose an earlier one.", n=number))
        detections = detect(name, pixels)
        return detections, _draw(detections, least, only, text)

    def open_film(path):
        """Show the slider of a video's frames."""
        if not path:
            return gradio.update(visible=False), ""
        facts = video.facts(path)
        if facts.frames is None or facts.frames > _MOST_SECONDS * facts.rate:
            raise InputError(
                text(
                    "a video of {n} seconds at most can be shown: use keras-cnn detect for it",
                    n=_MOST_SECONDS,
                )
            )
        return gradio.update(visible=True, maximum=facts.frames - 1, value=0), ""

    def draw(detections, least, only):
        """Draw what was found, again."""
        return "" if detections is None else _draw(detections, least, only, text)

    def list_classes(name):
        """Offer the classes of a detector."""
        loaded = studio.load(name) if name else None
        names = loaded.card.class_names if loaded is not None and loaded.is_detector else ()
        return gradio.update(choices=list(names), value=[]), None, ""

    live = {"show_progress": "hidden", "trigger_mode": "always_last"}
    limits = [threshold, classes]
    gradio.on(None, markup.reported(3, place=2)(list_classes), run, [classes, found, shown])
    reported = markup.reported(2, place=1)
    picture.change(reported(of_picture), [run, picture, *limits], [found, shown], **live)
    film.change(markup.reported(2, place=1)(open_film), film, [frame, shown]).then(
        reported(of_frame), [run, film, frame, *limits], [found, shown]
    )
    frame.input(reported(of_frame), [run, film, frame, *limits], [found, shown], **live)
    for each in limits:
        each.input(draw, [found, *limits], shown, **live)


def _draw(detections, least, only, text):
    kept = [
        number
        for number, (name, score) in enumerate(
            zip(detections.names, detections.scores, strict=True)
        )
        if score >= least and (not only or name in only)
    ]
    chosen = dataclasses.replace(
        detections,
        boxes=detections.boxes[kept],
        scores=detections.scores[kept],
        labels=detections.labels[kept],
    )
    caption = text("{n} objects", n=len(kept))
    if not kept:
        caption = text(
            "no object above {least}; the highest score is {highest}",
            least=f"{least:.2f}",
            highest=f"{detections.highest:.3f}",
        )
    rows = [[row["class"], f"{row['score']:.3f}"] for row in chosen.to_dicts()]
    table = html.table([text("class"), text("score")], rows) if rows else ""
    return embedded.gallery([(chosen.draw(), caption, "")]) + table
