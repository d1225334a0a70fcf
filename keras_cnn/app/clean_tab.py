"""The tab Clean: wrong labels, one picture at a time, by the keyboard."""

import html
import os
import weakref
from collections.abc import Iterator, MutableMapping
from importlib import resources
from pathlib import Path

import gradio

from keras_cnn.app import markup, pictures, places
from keras_cnn.app.label_search import LabelSearch
from keras_cnn.app.review import KEPT, MOVED, PUT_AWAY, Review
from keras_cnn.app.studio import Studio, is_run
from keras_cnn.app.texts import Text
from keras_cnn.datasets import corrections
from keras_cnn.errors import InputError

_SCRIPT = resources.files("keras_cnn.app").joinpath("clean.js").read_text(encoding="utf-8")
# A page in either language shows the search of its studio.
_SEARCHES: MutableMapping[Studio, LabelSearch] = weakref.WeakKeyDictionary()
_CAPS = {"arrowleft": "←"}  # key -> what stands on the button
_SECONDS = 0.3  # between two looks at a search


def add(studio: Studio, text: Text) -> None:
    """Add the tab's parts to the page.

    Args:
        studio: What it shows.
        text: Gives a text in the page's language.
    """
    gradio.Markdown(
        text(
            "Pictures that may lie in the folder of a wrong class are shown one by one. Every "
            "action stands in a journal in the folder; nothing is deleted, and all of it can be "
            "undone."
        )
    )
    review = gradio.State(None)
    with gradio.Row():
        folder = gradio.Textbox(
            label=text("Folder of class folders"),
            placeholder=text("for example data/flowers"),
            elem_id="clean-folder",
            max_lines=1,
            min_width=300,
        )
        table = gradio.Textbox(
            label=text("Table of suspects (empty: that of the last search)"),
            placeholder="suspects.csv",
            elem_id="clean-table",
            max_lines=1,
            min_width=300,
        )
    with gradio.Row():
        search = gradio.Button(text("Search for wrong labels"), elem_id="clean-search")
        opening = gradio.Button(
            text("Look at the suspects"), variant="primary", elem_id="clean-open"
        )
    stop = gradio.Button(text("Stop the search"), visible=False, elem_id="clean-stop")
    card = gradio.HTML(elem_id="clean-card", js_on_load=_SCRIPT)

    def open_review(place, named):
        try:
            directory = places.folder(studio, place)
            opened = Review(directory, _table(studio, directory, named))
            return opened, _card(opened, text)
        except (InputError, OSError) as error:
            return None, markup.fault(error)

    def run_search(place):
        hidden = gradio.Button(visible=False)
        try:
            directory = places.folder(studio, place)
            running = _started(studio, directory)
            for shown in _progress(running, text):
                yield None, shown, gradio.Button(visible=True)
            if running.fault:
                raise InputError(running.fault)
            yield *open_review(place, ""), hidden
        except (InputError, OSError) as error:
            yield None, markup.fault(error), hidden

    def stop_search():
        if studio in _SEARCHES:
            _SEARCHES[studio].stop()

    def act(opened, event: gradio.EventData):
        if opened is None:
            return None, ""
        try:
            message = _act(opened, event._data, text)
        except (InputError, OSError) as error:
            return opened, _card(opened, text, fault=error)
        return opened, _card(opened, text, message=message)

    shown = [review, card]
    gradio.on(
        [opening.click, folder.submit, table.submit],
        open_review,
        [folder, table],
        shown,
        show_progress="hidden",
    )
    search.click(run_search, folder, [*shown, stop], show_progress="hidden", concurrency_limit=8)
    stop.click(stop_search, show_progress="hidden")
    card.click(
        act,
        review,
        [review, card],
        show_progress="hidden",
        trigger_mode="multiple",
        concurrency_limit=1,
    )


def _results(studio, directory):
    """Return the folder of a search's results."""
    place = studio.place.absolute()
    runs = place.parent if place.is_file() or is_run(place) else place
    return runs / f"{directory.resolve().name}_clean"


def _table(studio, directory, named):
    if named.strip():
        table = places.path(studio, named)
        if not table.is_file():
            raise InputError(f"{os.fspath(table)!r} is no file: check the path of the table")
        return table
    name = f"{directory.resolve().name}_clean"
    for folder in (_results(studio, directory), Path("runs", name)):
        if (folder / "suspects.csv").is_file():
            return folder / "suspects.csv"
    corrections.Places.of(directory)  # refuses a folder without class folders
    raise InputError(
        f"there is no {_results(studio, directory) / 'suspects.csv'} yet: search for wrong labels "
        "first, or name a table of suspects"
    )


def _started(studio, directory):
    """Return the search in a folder, which may have been started before."""
    running = _SEARCHES.get(studio)
    if running and running.is_running:
        if running.directory.resolve() == directory.resolve():
            return running
        raise InputError(f"a search in {running.directory} is running: wait for its end")
    corrections.Places.of(directory)  # refuses a folder without pictures at once
    running = LabelSearch(directory, out=_results(studio, directory))
    _SEARCHES[studio] = running
    studio.on_close(running.stop)
    return running


def _progress(search, text) -> Iterator[str]:
    while search.is_running:
        name = {
            0: text("The network is loaded …"),
            1: text("Pictures are read: {done} of {total}", done=search.done, total=search.total),
        }.get(
            search.stage,
            text("Features are computed: {done} of {total}", done=search.done, total=search.total),
        )
        yield _meter(search.done, search.total) + markup.note(name)
        search.wait(_SECONDS)


def _meter(done, total):
    return f'<div class="meter"><i style="width:{100 * done / max(1, total):.1f}%"></i></div>'


def _act(review, data, text):
    """Do what a browser asks for; return the sentence to show.

    It sends the index of the picture that it shows: an action for another is left undone.
    """
    action, index, label = (data.get(name) for name in ("action", "index", "label"))
    if action == "back":
        review.back()
    elif action == "undo":
        review.undo()
    elif index != review.position or review.suspect is None:
        return ""
    elif action == "keep":
        review.keep()
    elif action == "likely" and review.suspect.likely in review.labels:
        return _moved(review.move(review.suspect.likely), text)
    elif action == "label" and isinstance(label, int) and 0 <= label < len(review.labels):
        return _moved(review.move(review.labels[label]), text)
    elif action == "quarantine":
        return _moved(review.move(None), text)
    return ""


def _moved(move, text):
    if move is None:
        return ""
    return text("{file} was moved to {place}.", file=_name(move.source), place=_name(move.target))


def _name(file):
    """Return a file name as text that can be sent: its bytes may be no UTF-8."""
    return os.fsencode(file).decode("utf-8", "replace")


def _card(review, text, *, message="", fault=None):
    states = review.states()
    counts = {name: sum(s.decision == name for s in states) for name in (KEPT, MOVED, PUT_AWAY)}
    decided = sum(bool(state.decision) or state.file is None for state in states)
    number = len(states)
    where = text("{n} of {total}", n=min(review.position + 1, number), total=number)
    tally = text(
        "kept {kept} · moved {moved} · in quarantine {away}",
        kept=counts[KEPT],
        moved=counts[MOVED],
        away=counts[PUT_AWAY],
    )
    lines = [
        f'<div class="review" data-index="{review.position}">{_meter(decided, number)}',
        f'<p class="tally"><b>{html.escape(where)}</b><span>{html.escape(tally)}</span></p>',
        f'<div class="said" aria-live="polite">{markup.note(message) if message else ""}</div>',
        markup.fault(fault) if fault else "",
    ]
    if review.suspect is None:
        lines += [f'<p class="answer">{html.escape(text("All suspects have been looked at."))}</p>']
        lines += [_buttons(_steps(text))]
    else:
        lines += [_suspect(review, states[review.position], text)]
    return "".join(lines) + "</div>"


def _suspect(review, state, text):
    """Return the picture of a suspect beside its classes and the buttons."""
    suspect = review.suspect
    try:
        picture = pictures.tag(review.picture(), description=_name(suspect.file))
    except InputError as error:
        picture = markup.fault(error)
    decisions = {
        KEPT: text("You kept it."),
        MOVED: text("You moved it to {label}.", label=state.label),
        PUT_AWAY: text("You put it into the quarantine."),
    }
    more = text("Also: → keeps, Delete puts into the quarantine, Ctrl+Z undoes.")
    note = decisions.get(state.decision, "")
    rows = _bar(review.label_of(suspect.file), suspect.label_probability, text("its folder"))
    rows += _bar(suspect.likely, suspect.probability, text("more likely"))
    return (
        f'<div class="sides"><div class="picture">{picture}</div><div>'
        f'<p class="note">{html.escape(_name(state.file or suspect.file))} '
        f"<b>{html.escape(note)}</b></p>"
        f'<div class="bars">{rows}</div>'
        f"{_buttons(_decisions(review, text))}"
        f"{markup.note(text('It belongs to:'))}{_buttons(_labels(review), kind='labels')}"
        f'{_buttons(_steps(text))}<div class="more">{markup.note(more)}</div></div></div>'
    )


def _bar(name, share, note):
    return (
        f'<div><span class="name">{html.escape(name)} <small>{html.escape(note)}</small></span>'
        f'<u><i style="width:{100 * share:.2f}%"></i></u><b>{share:.3f}</b></div>'
    )


def _buttons(buttons, *, kind=""):
    """Return buttons: (action, label of the class or None, keys, name), shown with their first key.

    The other keys do the same.
    """
    shown = []
    for action, label, keys, name in buttons:
        cap = f"<kbd>{html.escape(_CAPS.get(keys[0], keys[0].upper()))}</kbd>" if keys else ""
        target = "" if label is None else f' data-label="{label}"'
        shown.append(
            f'<button type="button" data-action="{action}"{target} '
            f'data-keys="{html.escape(" ".join(keys))}">{cap}{html.escape(name)}</button>'
        )
    return f'<div class="keys {kind}">{"".join(shown)}</div>'


def _decisions(review, text):
    likely = review.suspect.likely
    buttons = [("keep", None, ("k", "arrowright"), text("Keep"))]
    if likely in review.labels:
        buttons += [("likely", None, ("r",), text("Move to {label}", label=likely))]
    return [*buttons, ("quarantine", None, ("d", "delete"), text("Quarantine"))]


def _labels(review):
    """Return a button per class; the first ten have a digit, their own if they are called so."""
    free = [digit for digit in "1234567890" if digit not in review.labels]
    buttons = []
    for number, label in enumerate(review.labels):
        digit = label if label in tuple("1234567890") else free.pop(0) if free else None
        buttons.append(("label", number, (digit,) if digit else (), label))
    return buttons


def _steps(text):
    return [
        ("undo", None, ("u",), text("Undo")),
        ("back", None, ("arrowleft",), text("Back")),
    ]
