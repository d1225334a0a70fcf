"""A comparison of runs as a table, Markdown, CSV and a page, with their curves in one figure."""

import csv
import math
from pathlib import Path

import numpy as np
from matplotlib.ticker import MaxNLocator

from keras_cnn.i18n import N_, _, ngettext, translated
from keras_cnn.report import canvas, embedded, figures, fonts, html, names, sentences, writer

HEAD = {  # key of a row -> heading of its column
    "name": N_("run"),
    "score": N_("score"),
    "interval": N_("95 % interval"),
    "against_first": N_("difference"),
    "parameters": N_("parameters"),
    "multiply_adds": N_("multiply-adds"),
    "seconds": N_("training time"),
    "milliseconds": N_("ms"),
}
VERDICTS = {  # of `comparison.paired_test` -> in a cell
    "better": N_("better"),
    "worse": N_("worse"),
    "no difference shown": N_("not shown"),
}
_MORE_COLOURS = ("#cc79a7", "#e69f00", "#8c8cff")  # readable on light and dark paper


def cells(result: dict) -> tuple[list[str], list[list[str]]]:
    """Return the table of runs as text: the names of its columns, and the cells of each row.

    Columns without a value are left out.

    Args:
        result: What `inference.runs.compare_runs` returns.
    """
    table = [_cells(row) for row in result["runs"]]
    kept = [key for key in HEAD if any(row[key] for row in table)]
    head = HEAD | {"score": names.name(result["score"])}
    return [_(head[key]) for key in kept], [[row[key] or "–" for key in kept] for row in table]


def recipe_cells(result: dict) -> tuple[list[str], list[list[str]]]:
    """Return the table of options that differ: the names of its columns, and the cells of each row.

    Args:
        result: What `inference.runs.compare_runs` returns.
    """
    head = [_("option"), *(row["name"] for row in result["runs"])]
    rows = [
        [names.name(name), *map(sentences.plain, values)]
        for name, values in result["recipes"].items()
    ]
    return head, rows


def markdown(result: dict) -> str:
    """Return the tables of runs and of recipes, and the notes, as Markdown.

    Args:
        result: What `inference.runs.compare_runs` returns.
    """
    parts = [_markdown_table(*cells(result))]
    if result["recipes"]:
        parts.append(_markdown_table(*recipe_cells(result)))
    return "\n\n".join([*parts, *map(translated, result["notes"])]) + "\n"


def records(result: dict) -> list[dict]:
    """Return a flat row of numbers for each run, as a CSV file holds them.

    Args:
        result: What `inference.runs.compare_runs` returns.
    """
    rows = []
    for row in result["runs"]:
        low, high = row["interval"] or (None, None)
        test = row["test"] or {}
        below, above = test.get("difference_interval") or (None, None)
        rows.append(
            {"name": row["name"], result["score"]: row["score"], "low": low, "high": high}
            | {"difference": test.get("difference")}
            | {"difference_low": below, "difference_high": above}
            | {key: test.get(key) for key in ("p_value", "verdict")}
            | {key: row[key] for key in ("parameters", "multiply_adds", "seconds", "milliseconds")}
        )
    return rows


def write(folder: Path, result: dict, runs: list[Path]) -> None:
    """Write the comparison as a page, Markdown and CSV, and the figure of the curves.

    Args:
        folder: Folder for the files; made if it is missing.
        result: What `inference.runs.compare_runs` returns.
        runs: Folders of the runs.

    Raises:
        InputError: The folder cannot be written.
    """
    histories = {row["name"]: history(run) for row, run in zip(result["runs"], runs, strict=True)}
    options = [{"parts": [part]} for part in curves_parts(histories)] or [{}]
    heading = _("Validation curves")
    images = [
        (heading, curves(histories, **each), curves(histories, **each, dark=True))
        for each in options
    ]
    notes = "".join(html.note(translated(note)) for note in result["notes"])
    sections = [html.section(_("Runs"), html.table(*cells(result)) + notes)]
    if result["recipes"]:
        table = html.table(*recipe_cells(result))
        sections.append(html.section(_("Where their recipes differ"), table))
    sections.append(html.section(heading, embedded.pictures(images)))
    rows = records(result)
    title = ngettext("{runs} run", "{runs} runs compared", len(rows)).format(runs=len(rows))
    writer.put(
        folder,
        {
            "curves.png": canvas.beside([light for _, light, _ in images]),
            "comparison.md": markdown(result),
            "comparison.csv": writer.table(list(rows[0]), [row.values() for row in rows]),
            "comparison.html": html.document(title, sections),
        },
    )


def curves(histories: dict[str, dict[str, list]], *, parts=None, dark=False) -> bytes:
    """Draw the validation curves of runs over each other.

    Args:
        histories: Name of a run -> its history, one list per quantity.
        parts: Quantities to draw, one panel each; by default `curves_parts(histories)`.
        dark: Whether the paper is dark.

    Returns:
        The figure as PNG bytes.
    """
    parts = curves_parts(histories) if parts is None else parts
    if not parts:
        return figures.sentence(_("No run has a validation curve."), dark=dark)
    with canvas.paper((5.2 * len(parts), 4.2), dark) as (figure, ink):
        colours = [ink["train"], ink["validation"], ink["best"], *_MORE_COLOURS]
        handles = {}
        for ax, part in zip(figure.subplots(1, len(parts), squeeze=False)[0], parts, strict=True):
            for number, (name, history) in enumerate(histories.items()):
                values = np.array(history.get(part, []), float)
                if not np.isfinite(values).any():
                    continue
                repeat, place = divmod(number, len(colours))
                style = {"color": colours[place], "linestyle": ("-", "--", ":")[repeat % 3]}
                style |= {"marker": "o", "markersize": 3.5 if len(values) <= 40 else 0}
                label = fonts.shorten(fonts.printable(name), width=40)
                epochs = np.arange(1, len(values) + 1)
                handles[number] = ax.plot(epochs, values, label=label, **style)[0]
            ax.set_title(fonts.printable(names.name(part)), loc="left")
            ax.set_xlabel(_("epoch"))
            ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
            ax.grid(True, axis="y")
        figure.legend(handles=list(handles.values()), loc="outside lower center", ncols=2)
        return figures.png(figure)


def curves_parts(histories: dict[str, dict[str, list]]) -> list[str]:
    """Return the validation curves to draw: the loss, and the first metric of the first run.

    Args:
        histories: As in `curves`.
    """
    names = [
        f"val_{name}"
        for history in histories.values()
        for name in figures.curves_parts(history)
        if np.isfinite(np.array(history.get(f"val_{name}", []), float)).any()
    ]
    metrics = [name for name in names if name != "val_loss"]
    return ["val_loss"] * ("val_loss" in names) + metrics[:1]


def _cells(row):
    """Return the cells of a run as text, "" where there is no value."""
    test, seconds, milliseconds = row["test"], row["seconds"], row["milliseconds"]
    against = ""
    verdict = test and _(VERDICTS[test["verdict"]])
    if test and test["p_value"] is not None:
        against = _("{verdict}, p = {p:.2g}").format(verdict=verdict, p=test["p_value"])
    elif test:
        bounds = sentences.interval(test["difference_interval"])
        against = f"{verdict}, {bounds}"
    counts = {key: sentences.count(row[key]) for key in ("parameters", "multiply_adds")}
    return {
        "name": row["name"],
        "score": "" if row["score"] is None else f"{row['score']:.4f}",
        "interval": sentences.interval(row["interval"]),
        "against_first": against,
        **counts,
        "seconds": "" if seconds is None else sentences.duration(seconds),
        "milliseconds": "" if milliseconds is None else f"{milliseconds:.3g}",
    }


def _markdown_table(head, rows):
    def line(cells):
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    return "\n".join([line(head), line(["---"] * len(head)), *map(line, rows)])


def history(run: Path) -> dict[str, list[float]]:
    """Return the history of a finished run, {} without `history.csv`.

    Args:
        run: Folder of the run.

    Returns:
        Quantity -> its value after each epoch, NaN where there is none.
    """
    try:
        with (run / "history.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error):  # none, or no text
        return {}
    names = [name for name in (rows[0] if rows else ()) if name and name != "epoch"]
    return {name: [_number(row[name]) for row in rows] for name in names}


def _number(text):
    try:
        return float(text)
    except (TypeError, ValueError):
        return math.nan
