"""Several pictures at once: a table of answers, to download as CSV."""

import csv
import tempfile
from pathlib import Path

import gradio

from keras_cnn.app import inputs, markup
from keras_cnn.app.studio import MOST_PICTURES, Studio
from keras_cnn.app.texts import Text, mark
from keras_cnn.errors import InputError
from keras_cnn.inference import answers
from keras_cnn.inference.answers import UNKNOWN
from keras_cnn.report import html

_SHOWN = 50  # rows on the page
_CHUNK = 16  # pictures that are answered before others may ask
_HEAD = (mark("path"), mark("class"), mark("score"), mark("best"), mark("value"), mark("unknown"))


def add(studio: Studio, run: gradio.Dropdown, text: Text) -> None:
    """Add the input of several pictures and their table.

    Args:
        studio: What the tab shows.
        run: Choice of the network.
        text: Gives a text in the page's language.
    """
    files = gradio.File(
        label=text("Pictures, {n} at most", n=MOST_PICTURES),
        file_count="multiple",
        height=160,
        elem_id="several-files",
    )
    tables = tempfile.TemporaryDirectory(prefix="keras_cnn_studio_")
    studio.on_close(tables.cleanup)
    shown = gradio.HTML(elem_id="several-table")
    download = gradio.DownloadButton(text("Download as CSV"), visible=False, elem_id="several-csv")

    def answer(name, paths):
        """Answer the pictures: the table, and the file to download."""
        if not name or not paths:
            return "", gradio.update(visible=False)
        if len(paths) > MOST_PICTURES:
            raise InputError(
                text(
                    "{n} pictures at most; received {given}: use keras-cnn predict for more",
                    n=MOST_PICTURES,
                    given=len(paths),
                )
            )
        rows, bad = _rows(studio, name, paths)
        parts = [markup.fault(sentence) for sentence in bad]
        if not rows:
            return "".join(parts), gradio.update(visible=False)
        head = list(max(rows, key=len))
        body = [[_cell(row.get(key, ""), text) for key in head] for row in rows]
        parts.append(html.table([_heading(key, text) for key in head], body[:_SHOWN]))
        if len(body) > _SHOWN:
            parts.append(markup.note(text("{n} more rows are in the file.", n=len(body) - _SHOWN)))
        return "".join(parts), gradio.update(
            visible=True, value=_written(head, rows, folder=tables.name)
        )

    files.change(markup.reported(2)(answer), [run, files], [shown, download])


def _heading(key, text):
    """Return the name of a column: "class_2" is the second class."""
    word, _, number = key.partition("_")
    return f"{text(word)} {number}" if number.isdigit() else text(key)


def _cell(value, text):
    return text(value) if value == UNKNOWN else str(value)


def _rows(studio, name, paths):
    """Return a row for each picture or object, and a sentence for each unreadable file."""
    loaded, bad = studio.load(name), []

    def on_error(path, error):
        bad.append(str(error).replace(str(path), inputs.name(path)))

    rows = []
    for start in range(0, len(paths), _CHUNK):
        chunk = paths[start : start + _CHUNK]
        with studio.lock:
            if loaded.is_detector:
                rows += [
                    {"path": inputs.name(path)} | row
                    for path, found in loaded.use.stream(chunk, on_error=on_error)
                    for row in found.to_pandas().round(4).to_dict("records")
                ]
                continue
            stream = loaded.use.stream(chunk, on_error=on_error, unknown=loaded.knows_unknown)
            rows += [answers.cells(inputs.name(path), each, top_k=3) for path, each in stream]
    return rows, bad


def _written(head, rows, *, folder):
    path = Path(tempfile.mkdtemp(dir=folder), "answers.csv")
    with open(path, "w", encoding="utf-8-sig", newline="") as file:  # as spreadsheets expect
        writer = csv.DictWriter(file, head, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return str(path)
