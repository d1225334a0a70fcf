"""Several pictures at once: a table of answers, to download as CSV."""

import csv
import tempfile
from pathlib import Path

import gradio

from keras_cnn.app import inputs, markup
from keras_cnn.app.studio import MOST_PICTURES, Studio
from keras_cnn.app.texts import Text
from keras_cnn.errors import InputError
from keras_cnn.inference import answers
from keras_cnn.report import html

_SHOWN = 50  # rows on the page


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
        body = [[str(row.get(key, "")) for key in head] for row in rows]
        parts.append(html.table(head, body[:_SHOWN]))
        if len(body) > _SHOWN:
            parts.append(markup.note(text("{n} more rows are in the file.", n=len(body) - _SHOWN)))
        return "".join(parts), gradio.update(
            visible=True, value=_written(head, rows, folder=tables.name)
        )

    files.change(markup.reported(2)(answer), [run, files], [shown, download])


def _rows(studio, name, paths):
    """Return a row for each picture or object, and a sentence for each unreadable file."""
    loaded, bad = studio.load(name), []

    def on_error(path, error):
        bad.append(answers.reason(error).replace(str(path), inputs.name(path)))

    with studio.lock:
        if loaded.is_detector:
            rows = [
                {"path": inputs.name(path)} | row
                for path, found in loaded.use.stream(paths, on_error=on_error)
                for row in found.to_pandas().round(4).to_dict("records")
            ]
            return rows, bad
        stream = loaded.use.stream(paths, on_error=on_error, unknown=loaded.knows_unknown)
        return [answers.cells(inputs.name(path), each, top_k=3) for path, each in stream], bad


def _written(head, rows, *, folder):
    path = Path(tempfile.mkdtemp(dir=folder), "answers.csv")
    with open(path, "w", encoding="utf-8-sig", newline="") as file:  # as spreadsheets expect
        writer = csv.DictWriter(file, head, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return str(path)
