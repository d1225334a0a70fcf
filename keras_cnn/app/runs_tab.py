"""The tab of runs: all of a folder, each with its curves, several compared, a live one ended."""

import gradio

from keras_cnn import running
from keras_cnn.app import markup, records, run_panels
from keras_cnn.app.studio import Studio
from keras_cnn.app.texts import Text
from keras_cnn.errors import InputError
from keras_cnn.inference import runs
from keras_cnn.report import side_by_side

SECONDS, SECONDS_IDLE = 2, 10  # between two looks at the folder: while a run trains; else
# A click on a name chooses a run; a click on a box ticks it. The page keeps what is ticked, as the
# table may be drawn anew between two clicks.
_CLICKS = """
const ticked = new Set();
element.addEventListener('click', event => {
  const run = event.target.closest('[data-run]'), box = event.target.closest('[data-tick]');
  if (run) trigger('choose', {name: run.dataset.run});
  if (box) ticked[box.checked ? 'add' : 'delete'](box.dataset.tick);
});
watch('value', () => {
  for (const box of element.querySelectorAll('[data-tick]'))
    box.checked = ticked.has(box.dataset.tick);
});
"""
_TICKED = """() => [
  [...document.querySelectorAll('#runs-table [data-tick]:checked')].map(box => box.dataset.tick)
]"""


def add(studio: Studio, text: Text) -> None:
    """Add the tab's parts to the page.

    Args:
        studio: What it shows.
        text: Gives a text in the page's language.
    """
    tab = _Tab(studio, text)
    chosen, ticked = gradio.State(None), gradio.JSON(visible=False)
    seen = gradio.State(lambda: tab.now())  # Gradio copies it; a method would copy the studio
    table = gradio.HTML(
        lambda: tab.table(None),
        js_on_load=_CLICKS,
        elem_id="runs-table",
        elem_classes="panel",
    )
    with gradio.Row():
        compare = gradio.Button(text("Compare the ticked runs"), size="md", scale=0, min_width=260)
    comparison = gradio.HTML(
        markup.note(text("Tick two or more runs to compare them.")), elem_id="runs-comparison"
    )
    run = gradio.HTML(lambda: tab.run(None), elem_id="runs-run", elem_classes="panel")
    stop = gradio.Button(
        text("End this training: its best weights are tested and saved"),
        variant="stop",
        visible=False,
        elem_id="runs-stop",
    )
    said = gradio.HTML(elem_id="runs-said")
    timer = gradio.Timer(SECONDS)
    shown = [table, run, stop, timer, seen]
    quiet = {"show_progress": "hidden"}
    timer.tick(tab.look, [chosen, seen], shown, **quiet)
    # Each of several quick clicks counts: Gradio drops the data of the last with "always_last".
    table.choose(tab.choose, None, [said, chosen, *shown], trigger_mode="multiple", **quiet)
    compare.click(tab.compare, ticked, comparison, js=_TICKED)
    stop.click(tab.stop, chosen, [said, *shown], **quiet)


class _Tab:
    """What the parts of the tab show in a language."""

    def __init__(self, studio, text):
        self._studio, self._text = studio, text

    def table(self, chosen):
        found = records.read_all(self._studio)
        if not found:
            return markup.note(
                self._text(
                    "There are no runs in this folder yet: train a network on the tab Train."
                )
            )
        chosen = chosen or next(iter(found))
        return run_panels.runs_table(found.values(), text=self._text, chosen=chosen)

    def run(self, chosen):
        """Return the HTML of a run, the newest if none is chosen."""
        try:
            name = chosen or self._newest()
            if name is None:
                return ""
            return run_panels.run(records.read(self._studio, name), text=self._text)
        except (InputError, OSError) as error:
            return markup.fault(error)

    def now(self):
        """Return what `look` compares; None while a run trains, so that it draws everything."""
        found = records.read_all(self._studio)
        return None if _is_live(found) else _signature(found)

    def is_training(self, chosen):
        folder = self._studio.runs().get(chosen or self._newest())
        return folder is not None and running.process(folder) is not None

    def look(self, chosen, seen):
        """Return what has changed since the last look."""
        found = records.read_all(self._studio)
        now = _signature(found)
        if now == seen:
            return [gradio.skip()] * 5
        timer = gradio.Timer(SECONDS if _is_live(found) else SECONDS_IDLE)
        stop = gradio.update(visible=self.is_training(chosen))
        return self.table(chosen), self.run(chosen), stop, timer, now

    def choose(self, event: gradio.EventData):
        name = str(event.name)
        return "", name, *self.look(name, None)

    def compare(self, ticked):
        try:
            folders = [self._studio.folder(str(name)) for name in ticked or ()]
            runs.reports(folders)  # refuses what cannot be compared, before Keras is imported
            with self._studio.lock:
                result = runs.compare_runs(folders)
            names = [row["name"] for row in result["runs"]]
            histories = dict(zip(names, map(side_by_side.history, folders), strict=True))
            shown = run_panels.compared(result, histories, text=self._text)
        except (InputError, OSError) as error:
            shown = markup.fault(error)
        return gradio.update(value=shown, elem_classes="panel")

    def stop(self, chosen):
        try:
            running.end(self._studio.folder(chosen or self._newest()))
            said = markup.note(self._text("The training ends after this step. It is then tested."))
        except InputError as error:
            said = markup.fault(error)
        return said, *self.look(chosen, None)

    def _newest(self):
        return next(iter(self._studio.runs()), None)


def _signature(found):
    return [(each.name, each.state, each.epochs, each.score) for each in found.values()]


def _is_live(found):
    return any(each.state == "in training" for each in found.values())
