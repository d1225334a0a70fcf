"""The part of the tab Train that collects pictures into classes, by the camera or by uploads."""

import html
from collections.abc import Callable
from importlib import resources

import gradio

from keras_cnn.app import inputs, markup, places
from keras_cnn.app.collection import Collection, decode, thumbnails
from keras_cnn.app.studio import MOST_PICTURES, Studio
from keras_cnn.app.texts import Text
from keras_cnn.errors import InputError

_SCRIPT = resources.files("keras_cnn.app").joinpath("collect.js").read_text(encoding="utf-8")
MINUTES = 3  # of a training on a few pictures


def add(studio: Studio, text: Text, *, start: Callable) -> tuple[gradio.Button, list]:
    """Add the parts that collect pictures.

    Args:
        studio: What the page shows.
        text: Gives a text in the page's language.
        start: Called with a folder, a name of the run and minutes; starts the training and returns
            what `outputs` of the button's event show.

    Returns:
        The button that trains, its handler and the inputs of it.
    """
    cards = _Cards(studio, text)

    def keep(sent):  # Gradio marks what a page may call, and cannot mark a method
        return cards.keep(sent)

    def remove(sent):
        return cards.remove(sent)

    gradio.HTML(
        markup.note(
            text(
                "Hold a button to take pictures of a class with the camera, and move meanwhile: 20 "
                "or more of each class. Then train, and try the network on new pictures."
            )
        )
    )
    with gradio.Row():
        name = gradio.Textbox(
            cards.free_name, label=text("Name of the collection"), elem_id="collect-name"
        )
        classes = gradio.Textbox(
            text("class 1, class 2"), label=text("Classes"), elem_id="collect-classes"
        )
    with gradio.Row():
        with gradio.Column(scale=2, min_width=240):
            gradio.HTML("<video playsinline muted></video>", elem_id="collect-camera")
        with gradio.Column(scale=3, min_width=240):
            shown = gradio.HTML(
                js_on_load=_SCRIPT, server_functions=[keep, remove], elem_id="collect-cards"
            )
    with gradio.Row(equal_height=True):
        label = gradio.Dropdown(
            label=text("Upload pictures into"), elem_id="collect-label", min_width=200
        )
        upload = gradio.UploadButton(
            text("Choose pictures"),
            file_count="multiple",
            file_types=["image"],
            elem_id="collect-upload",
            min_width=200,
        )
        minutes = gradio.Number(
            MINUTES,
            minimum=0,
            label=text("Minutes for the training"),
            elem_id="collect-minutes",
            min_width=200,
        )
    train = gradio.Button(
        text("Train on these pictures"), variant="primary", elem_id="collect-train"
    )
    quiet = {"show_progress": "hidden"}
    # Without triggers: when the page loads, and when a name changes.
    gradio.on(None, cards.show, [name, classes], [shown, label], **quiet)
    upload.upload(cards.upload, [name, classes, label, upload], shown)

    def train_on(name, classes, minutes):
        collection = Collection(studio, name, classes=classes)
        collection.check()
        return start(collection.folder, "", minutes)

    return train, train_on, [name, classes, minutes]


class _Cards:
    """The cards of the classes, and what a page does with them."""

    def __init__(self, studio, text):
        self._studio, self._text = studio, text

    def free_name(self):
        """Return a name that no collection has."""
        folder, number = self._studio.place / places.COLLECTED, 1
        while (folder / self._text("pictures {n}", n=number)).exists():
            number += 1
        return self._text("pictures {n}", n=number)

    def show(self, name, classes):
        """Return the cards, and the choice of a class for uploads."""
        try:
            names = Collection(self._studio, name, classes=classes).class_names
        except InputError:
            names = []
        choice = gradio.update(choices=names, value=names[0] if names else None)
        return self._html(name, classes), choice

    def upload(self, name, classes, label, paths):
        """Add uploaded files to a class; return the cards."""
        faults = []
        try:
            if len(paths) > MOST_PICTURES:
                raise InputError(
                    f"{MOST_PICTURES} pictures at most can be uploaded at once; received "
                    f"{len(paths)}: upload them in several parts"
                )
            collection = Collection(self._studio, name, classes=classes)
            for path in paths:
                with open(path, "rb") as file:
                    collection.add(label, file.read())
        except (InputError, OSError) as error:
            faults.append(error)
        return self._html(name, classes, *faults)

    def keep(self, sent):
        """Add a picture of the camera to a class; return the cards."""

        def add(collection):
            if not collection.add(sent["label"], decode(sent.get("picture")), from_camera=True):
                raise InputError(
                    self._text("The picture has not changed, so it was left out: move a little.")
                )

        return self._done(sent, add)

    def remove(self, sent):
        """Remove the newest picture of a class; return the cards."""
        return self._done(sent, lambda collection: collection.remove_last(sent["label"]))

    def _done(self, sent, act):
        name, classes = str(sent.get("name", "")), str(sent.get("classes", ""))
        try:
            act(Collection(self._studio, name, classes=classes))
        except (InputError, OSError, KeyError) as error:
            return self._html(name, classes, error)
        return self._html(name, classes)

    def _html(self, name, classes, *faults):
        root = f'<div data-name="{html.escape(name)}" data-classes="{html.escape(classes)}">'
        try:
            collection = Collection(self._studio, name, classes=classes)
            cards = [self._card(label, collection) for label in collection.class_names]
        except (InputError, OSError) as error:
            return f"{root}{markup.fault(self._text(str(error)))}</div>"
        return (
            f'{root}<div class="classes">{"".join(cards)}</div>'
            + "".join(markup.fault(self._text(str(each))) for each in faults)
            + f"{inputs.camera_refused(self._text)}</div>"
        )

    def _card(self, label, collection):
        pictures, shown = collection.pictures(label), html.escape(label)
        images = "".join(f'<img src="{source}" alt="">' for source in thumbnails(pictures))
        record = html.escape(self._text("Hold to record"))
        remove = html.escape(self._text("Remove the last"))
        undo = f'<button type="button" data-remove="{shown}">{remove}</button>' if pictures else ""
        number = html.escape(self._text("pictures: {n}", n=len(pictures)))
        return (
            f'<div class="class"><p><b>{shown}</b> <span class="note">{number}</span></p>'
            f'<p><button type="button" class="record" data-record="{shown}">{record}</button>'
            f'{undo}</p><div class="thumbnails">{images}</div></div>'
        )
