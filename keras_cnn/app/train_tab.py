"""The tab Train: check a folder or collect pictures, train in a process of its own, try."""

import html
import json
from importlib import resources

import gradio
from gradio.context import Context

from keras_cnn.app import collect, findings, markup, places, records, run_panels
from keras_cnn.app.studio import Studio
from keras_cnn.app.texts import Text
from keras_cnn.datasets import check
from keras_cnn.errors import InputError
from keras_cnn.i18n import N_
from keras_cnn.recipe import Recipe

SECONDS, SECONDS_IDLE = 2, 10  # between two looks at a training: while it runs; else
MINUTES = 10  # as `keras-cnn train` without a network
_FACTS = json.loads((resources.files("keras_cnn") / "models" / "facts.json").read_text("utf-8"))
NETWORKS = tuple(dict.fromkeys(row["builder"] for row in _FACTS))
PRETRAINED = {row["builder"] for row in _FACTS if row["imagenet"]}
_TRY = "() => { document.getElementById('tab-try-button')?.click(); return []; }"


def add(studio: Studio, text: Text) -> None:
    """Add the tab's parts to the page.

    Args:
        studio: What it shows.
        text: Gives a text in the page's language.
    """
    tab = _Tab(studio, text)
    with gradio.Tabs():
        with gradio.Tab(text("A folder of pictures"), id="folder", elem_id="train-folder-tab"):
            start, inputs = _add_folder(tab, text)
        with gradio.Tab(text("Collect pictures"), id="collect", elem_id="train-collect-tab"):
            collected = collect.add(studio, text, start=tab.start_chosen)
    said = gradio.HTML(elem_id="train-said")
    shown = gradio.HTML(elem_id="train-shown", elem_classes="panel", visible=False)
    hidden = {"visible": False, "scale": 0, "min_width": 200}
    with gradio.Row():
        cancel = gradio.Button(text("Cancel"), variant="stop", elem_id="train-cancel", **hidden)
        trying = gradio.Button(text("Try it"), variant="primary", elem_id="train-try", **hidden)
    log = gradio.HTML(elem_id="train-log", visible=False)
    seen, timer = gradio.State(None), gradio.Timer(SECONDS)
    outputs = [shown, log, cancel, trying, timer, seen]

    def began(handler):
        """Return a handler that starts a training, and shows a fault or the training."""

        def handle(*values):
            try:
                handler(*values)
                return "", *tab.look(None)
            except (InputError, OSError) as error:
                return markup.fault(error), *[gradio.skip()] * len(outputs)

        return handle

    quiet = {"show_progress": "hidden"}
    start.click(began(tab.start), inputs, [said, *outputs], **quiet)
    train, handler, values = collected
    train.click(began(handler), values, [said, *outputs], **quiet)
    cancel.click(tab.cancel, None, [said, *outputs], **quiet)
    timer.tick(tab.look, seen, outputs, **quiet)
    run = next((each for each in Context.root_block.blocks.values() if _is_try(each)), None)
    trying.click(tab.choices, None, run, js=_TRY, **quiet)


def _is_try(block):
    """Return whether a part of the page is the choice of the network to try."""
    return getattr(block, "elem_id", None) == "try-run"


def _add_folder(tab, text):
    """Add the parts of a training on a folder; return its button and the handler's inputs."""
    with gradio.Row(equal_height=True):
        folder = gradio.Textbox(
            label=text("Folder of pictures"),
            placeholder=text("<class>/* or {train,val,test}/<class>/*"),
            elem_id="train-folder",
            max_lines=1,
            scale=4,
        )
        look = gradio.Button(text("Check"), elem_id="train-check", scale=1, min_width=100)
    found = gradio.HTML(elem_id="train-findings", elem_classes="panel", visible=False)
    with gradio.Row():
        choices = [(text("chosen for me"), ""), *((name, name) for name in NETWORKS)]
        network = gradio.Dropdown(choices, value="", label=text("Network"), elem_id="train-network")
        minutes = gradio.Number(
            MINUTES, minimum=0, label=text("Minutes for everything"), elem_id="train-minutes"
        )
        epochs = gradio.Number(
            Recipe.epochs,
            minimum=1,
            precision=0,
            label=text("Epochs"),
            visible=False,
            elem_id="train-epochs",
        )
        size = gradio.Number(
            Recipe.image_size,
            minimum=1,
            precision=0,
            label=text("Side of the pictures in pixels"),
            visible=False,
            elem_id="train-size",
        )
        name = gradio.Textbox(
            label=text("Name of the run"), placeholder=text("optional"), elem_id="train-name"
        )
    weights = gradio.Checkbox(
        label=text("Start from ImageNet weights"), visible=False, elem_id="train-weights"
    )
    skips = gradio.Checkbox(
        True, label=text("Leave out pictures that cannot be read"), elem_id="train-skip"
    )
    start = gradio.Button(text("Start"), variant="primary", elem_id="train-start")

    def fit_choices(network):
        is_chosen = bool(network)
        has_weights = network in PRETRAINED
        return (
            gradio.update(visible=not is_chosen),
            gradio.update(visible=is_chosen),
            gradio.update(visible=is_chosen),
            gradio.update(visible=has_weights, value=False),
        )

    network.change(fit_choices, network, [minutes, epochs, size, weights], show_progress="hidden")
    gradio.on([look.click, folder.submit], tab.check, folder, found)
    return start, [folder, network, minutes, epochs, size, weights, name, skips]


class _Tab:
    """The handlers of the tab in a language."""

    def __init__(self, studio, text):
        self._studio, self._text = studio, text

    def check(self, typed, progress=gradio.Progress()):  # noqa: B008 (Gradio's way)
        """Return what `check` finds in a folder."""
        try:
            folder = places.folder(self._studio, typed)
            result = check.check(
                folder, watch=lambda items, total: progress.tqdm(items, total=total)
            )
            shown = findings.shown(result, folder=folder, text=self._text)
        except (InputError, OSError) as error:
            shown = markup.fault(error)
        return gradio.update(value=shown, visible=True)

    def start(self, typed, network, minutes, epochs, size, weights, name, skips):
        """Start a training on a folder that the user typed."""
        folder = places.folder(self._studio, typed)
        if not network:
            self.start_chosen(folder, name, minutes, skips=skips)
            return
        if network not in NETWORKS:
            raise InputError(f"there is no network {network!r}: choose one of the list")
        words = ["--model", network, "--epochs", _number(epochs, N_("the epochs"))]
        words += ["--image-size", _number(size, N_("the side of the pictures"))]
        words += ["--weights", "imagenet"] * bool(weights)
        words += ["--skip-bad-images"] * bool(skips)
        default = f"{folder.resolve().name}_{network.lower().replace('.', '_')}"
        self._start(folder, words, name, default=default)

    def start_chosen(self, folder, name, minutes, *, skips=False):
        """Start a training that chooses the network itself."""
        words = ["--budget", _number(minutes, N_("the minutes"))]
        words += ["--skip-bad-images"] * bool(skips)
        self._start(folder, words, name, default=folder.resolve().name)

    def _start(self, folder, words, name, *, default):
        name, out = places.new_run(self._studio, name, default=default)
        words = ["train", str(folder.absolute()), *words]
        self._studio.trainings.start(words, name=name, folder=out)

    def cancel(self):
        """End the training; with a second press at once."""
        if self._studio.trainings.last is not None:
            self._studio.trainings.last.cancel()
        return "", *self.look(None)

    def choices(self):
        """Return the choice of the network to try: the one that was trained."""
        names, last = self._studio.models(), self._studio.trainings.last
        chosen = last.name if last is not None and last.name in names else None
        return gradio.update(choices=names, value=chosen)

    def look(self, seen):
        """Return what has changed since the last look: the training, its log, the buttons."""
        training = self._studio.trainings.last
        if training is None:
            idle = gradio.Timer(SECONDS_IDLE) if seen is None else gradio.skip()
            return *[gradio.skip()] * 4, idle, []
        state, log, record = training.state, training.log(), self._record(training.name)
        now = [training.name, state, record.epochs if record else 0, hash(log)]
        if now == seen:
            return [gradio.skip()] * 6
        shown, cancel = gradio.skip(), gradio.skip()
        if not seen or now[:3] != seen[:3]:
            shown = gradio.update(value=self._shown(training, state, record), visible=True)
            label = self._text("Cancel") if state == "running" else self._text("End it at once")
            cancel = gradio.update(visible=not training.is_over, value=label)
        trying = gradio.update(visible=training.has_report)
        lines = f'<div class="log"><div>{html.escape(log)}</div></div>' if log else ""
        timer = gradio.Timer(SECONDS_IDLE if training.is_over else SECONDS)
        return shown, gradio.update(value=lines, visible=bool(log)), cancel, trying, timer, now

    def _record(self, name):
        try:
            return records.read(self._studio, name)
        except (InputError, OSError):
            return None  # the command has not made its folder yet, or it was removed

    def _shown(self, training, state, record):
        text = self._text
        if training.is_over and record is not None and record.report:
            return run_panels.run(record, text=text)
        name = f"<h3>{html.escape(training.name)}</h3>"
        match state:
            case "failed":
                return name + markup.fault(training.reason())
            case "cancelled" if record is None:
                sentence = text("Cancelled before the first epoch: nothing was written.")
            case "cancelled":
                return run_panels.run(record, text=text)
            case "finished":
                sentence = text("The training has ended; its folder was removed meanwhile.")
            case "ending":
                sentence = text(
                    "The training ends after this step; its best weights are tested and saved."
                )
            case _ if record is None or not record.epochs:
                sentence = text(
                    "The pictures are read and the network is built: the log below says how far "
                    "it is."
                )
            case _:
                return run_panels.run(record, text=text)
        return name + markup.note(sentence)


def _number(value, what):
    """Return a number as the command line reads it."""
    if value is None:
        raise InputError(f"{what} must be a number above 0: type one")
    if not value > 0:
        raise InputError(f"{what} must be a number above 0; received {value}: type one")
    return str(int(value) if value == int(value) else value)
