"""The HTML of runs: their table, one of them with its curves, several of them compared."""

import html
import math
import threading
import urllib.parse
from collections.abc import Iterable
from functools import partial

from keras_cnn.app.markup import note
from keras_cnn.app.records import Record
from keras_cnn.app.texts import Text, mark
from keras_cnn.i18n import translated
from keras_cnn.inference import runs
from keras_cnn.report import comparison, figures, names, sentences, side_by_side
from keras_cnn.report.embedded import pictures
from keras_cnn.report.html import table

_HEAD = (
    mark("run"),
    mark("task"),
    mark("score"),
    mark("95 % interval"),
    mark("network or case"),
    mark("epochs"),
    mark("training"),
    mark("state"),
)
_TASKS = (mark("classification"), mark("regression"), mark("detection"), mark("segmentation"))
_SAID = ("loss", "accuracy")  # of the metrics, while a run trains
_DRAWING = threading.Lock()  # matplotlib's style is the whole process'


def runs_table(records: Iterable[Record], *, text: Text, chosen: str | None) -> str:
    """Return the table of all runs, with a box to tick each.

    Args:
        records: The runs.
        text: Gives a text in the page's language.
        chosen: Name of the run that is shown below.
    """
    head = "".join(f"<th>{html.escape(text(name))}</th>" for name in _HEAD)
    rows = []
    for record in records:
        name, box = html.escape(record.name), ""
        if record.report:
            label = html.escape(text("compare {name}", name=record.name))
            box = f'<input type="checkbox" data-tick="{name}" aria-label="{label}">'
        cells = [html.escape(cell) for cell in _cells(record, text)]
        cells.append(_state(record, text))
        rows.append(
            f'<tr{" class=chosen" if record.name == chosen else ""}><td class="tick">{box}</td>'
            f'<th><button type="button" class="link" data-run="{name}">{name}</button></th>'
            + "".join(f"<td>{cell}</td>" for cell in cells)
            + "</tr>"
        )
    return (
        f'<div class="wide"><table class="runs"><thead><tr><th></th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def run(record: Record, *, text: Text) -> str:
    """Return a run: its verdict, curves and recipe.

    Args:
        record: The run.
        text: Gives a text in the page's language.
    """
    parts = [f"<h3>{html.escape(record.name)} {_state(record, text)}</h3>"]
    if record.report:
        address = html.escape("/report/" + urllib.parse.quote(record.name))
        label = html.escape(text("Open the report"))
        lines = "".join(f"<p>{html.escape(line)}</p>" for line in _lines(record.report))
        verdict = html.escape(record.report["test"].get("verdict") or "around")
        parts.append(f'<div class="verdict {verdict}">{lines}</div>')
        parts.append(f'<p><a class="go" href="{address}" target="_blank">{label}</a></p>')
    elif record.epochs:
        parts.append(note(progress(record, text=text)))
    elif record.state == "in training":
        parts.append(note(text("The first epoch has not ended yet.")))
    if record.state == "interrupted" and not record.report:
        sentence = text("keras-cnn train with the same options and --resume goes on with it.")
        parts.append(note(sentence))
    elif record.state == "no report":
        parts.append(
            note(
                text(
                    "This folder has no report, or a damaged one: the scores and curves are not "
                    "known. Try its model, or train again."
                )
            )
        )
    if record.epochs:
        parts.append(curves(record))
    if record.recipe:
        rows = [
            (names.name(option), sentences.plain(value)) for option, value in record.recipe.items()
        ]
        summary = html.escape(text("Recipe"))
        options = table([text("option"), text("value")], rows)
        parts.append(f'<details class="plain"><summary>{summary}</summary>{options}</details>')
    return "".join(parts)


def progress(record: Record, *, text: Text) -> str:
    """Return a sentence on how far a training is.

    Args:
        record: The run; an epoch of it has ended.
        text: Gives a text in the page's language.
    """
    latest = ", ".join(
        f"{names.name(name)} {values[-1]:.4f}"
        for name, values in record.history.items()
        if values and math.isfinite(values[-1]) and name.removeprefix("val_") in _SAID
    )
    return text(
        "Epochs: {epochs}, in {time}: {latest}",
        epochs=record.epochs,
        time=sentences.duration(record.seconds or 0.0),
        latest=latest or "–",
    )


def curves(record: Record) -> str:
    """Return the curves of a run, on light and on dark paper.

    Args:
        record: The run; an epoch of it has ended.
    """
    baseline = record.report["test"].get("baseline") if record.report else None
    draw = partial(
        figures.curves,
        record.history,
        best_epoch=record.best_epoch,
        baseline=baseline if isinstance(baseline, float) else None,
    )
    return _drawn(record.name, draw, figures.curves_parts(record.history))


def compared(result: dict, histories: dict[str, dict[str, list[float]]], *, text: Text) -> str:
    """Return runs side by side.

    Args:
        result: What `inference.runs.compare_runs` returns.
        histories: Name of a run -> its history.
        text: Gives a text in the page's language.
    """
    head, rows = side_by_side.cells(result)
    parts = [table(head, rows)]
    parts += [note(translated(line)) for line in result["notes"]]
    if result["recipes"]:
        head, rows = side_by_side.recipe_cells(result)
        parts.append(f"<h4>{html.escape(text('Where their recipes differ'))}</h4>")
        parts.append(table(head, rows))
    parts.append(f"<h4>{html.escape(text('Validation curves'))}</h4>")
    draw = partial(side_by_side.curves, histories)
    parts.append(_drawn(text("Validation curves"), draw, side_by_side.curves_parts(histories)))
    return "".join(parts)


def _drawn(name, draw, parts):
    options = [{"parts": [part]} for part in parts] or [{}]
    with _DRAWING:
        return pictures([(name, draw(**each), draw(**each, dark=True)) for each in options])


def _cells(record, text):
    """Return the cells of a run in the table, without its name and state."""
    task = record.report.get("task")
    score = "–"
    if record.score is not None:
        name = comparison.NAMES[runs.SCORES[task]]
        score = f"{sentences.number(record.score)} {text(name)}"
    epochs = f"{record.epochs or '–'}"
    if record.best_epoch and record.epochs:
        epochs = text("{epochs} (best {best})", epochs=record.epochs, best=record.best_epoch)
    interval = record.report["test"].get("interval") if record.report else None
    return [
        text(task) if task in _TASKS else "–",
        score,
        sentences.interval(interval) or "–",
        str(record.recipe.get("network") or record.recipe.get("name") or "–").removesuffix("()"),
        epochs,
        "–" if record.seconds is None else sentences.duration(record.seconds),
    ]


def _state(record, text):
    kind = record.state.replace(" ", "-")
    return f'<span class="state {kind}">{html.escape(text(record.state))}</span>'


def _lines(report):
    lines = [*report.get("sentence", "").split("\n"), *report.get("notes", [])]
    return [translated(line) for line in lines]
