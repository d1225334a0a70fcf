"""The report as one HTML file: without scripts or other files, light and dark, for phones too."""

from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources

from keras_cnn.i18n import N_, _, language, ngettext, translated
from keras_cnn.report import embedded, names, sentences, unknown

ROWS = 20  # rows of the per-class table that are shown; the others are folded away
# task -> key and heading of the columns; the last two are the score by which the weakest classes
# are found, and the number of test pictures or objects.
CLASS_COLUMNS = {
    "classification": {
        "precision": N_("precision"),
        "recall": N_("recall"),
        "f1": N_("F1"),
        "support": N_("pictures"),
    },
    "detection": {
        "ap_coco": N_("AP of COCO"),
        "ap_voc07": N_("AP, 11 points"),
        "ap": N_("AP, area"),
        "objects": N_("objects"),
    },
    "segmentation": {"iou": N_("IoU"), "pixels": N_("pixels")},
}
SIZES = {  # of objects -> heading of the score, and their area
    "small": (N_("COCO AP, small"), N_("below 32² pixels")),
    "medium": (N_("COCO AP, medium"), N_("32² to 96² pixels")),
    "large": (N_("COCO AP, large"), N_("above 96² pixels")),
}
STYLE = resources.files("keras_cnn.report").joinpath("report.css").read_text(encoding="utf-8")


def render(report: dict, *, plots: list, galleries: list) -> str:
    """Return the page as HTML.

    Args:
        report: Content of `report.json`.
        plots: (heading, [(alternative text, light PNG, dark PNG), ...]) each, in order.
        galleries: (heading, [(picture, title, note), ...]) each, in order. Pictures twice as wide
            as high are shown large.
    """
    test = report["test"]
    tasks = {
        "classification": _classifier,
        "detection": _detector,
        "regression": _regression,
        "segmentation": _segmentation,
    }
    sections = [
        _verdict(report),
        tasks[report["task"]](report),
        *(section(heading, embedded.pictures(images)) for heading, images in plots),
        _calibration(report),
        _unknown(report),
        section(_("Each class"), _per_class(report)) if "classes" in test else "",
        *(section(heading, embedded.gallery(items)) for heading, items in galleries),
        _facts(report),
    ]
    return document(str(report["name"]), filter(None, sections))


def document(title: str, sections: Iterable[str]) -> str:
    """Return a page.

    Args:
        title: Its title and first line.
        sections: What `section` returned, in order.
    """
    title = escape(title)
    return (
        f'<!DOCTYPE html>\n<html lang="{language()}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{title}</h1>\n" + "\n".join(sections) + "\n</body>\n</html>\n"
    )


def section(heading: str, body: str, *, kind: str = "") -> str:
    """Return a section of a page.

    Args:
        heading: Its heading, plain text.
        body: Its content, HTML.
        kind: Class of its style.
    """
    return f'<section class="{kind}">\n<h2>{escape(heading)}</h2>\n{body}\n</section>'


def _verdict(report):
    texts = [*report["sentence"].split("\n"), *report["notes"]]
    lines = [f"<p>{escape(translated(text))}</p>" for text in texts]
    kind = report["test"].get("verdict") or "around"
    badge = ""
    if report.get("synthetic"):
        badge = f'<span class="badge">{escape(_("synthetic sample"))}</span>'
    return f'{badge}<section class="verdict {kind}">\n' + "\n".join(lines) + "\n</section>"


def _classifier(report):
    test = report["test"]
    samples = test["samples"]
    low, high = (sentences.rate(bound, samples) for bound in test["interval"])
    tiles = [
        (
            _("accuracy"),
            sentences.rate(test["accuracy"], samples),
            _("{right:,} of {all:,}").format(right=test["correct"], all=samples),
        ),
        (_("95 % interval"), f"{low}–{high}", "Wilson"),
        (
            _("baseline"),
            sentences.rate(test["baseline"], samples),
            _("always “{name}”").format(name=test["baseline_class"]),
        ),
    ]
    if "top5" in test:
        low, high = (sentences.rate(bound, samples) for bound in test["top5_interval"])
        below = _("{low}–{high}; baseline {baseline}").format(
            low=low, high=high, baseline=sentences.rate(test["top5_baseline"], samples)
        )
        tiles.append((_("top-5 accuracy"), sentences.rate(test["top5"], samples), below))
    if test["loss"] is not None:
        tiles.append((_("test loss"), f"{test['loss']:.4f}", _("cross entropy")))
    groups = {_("whole test set"): test, **test["groups"]}
    bars = "".join(_interval(name, group) for name, group in groups.items() if group["samples"])
    legend = note(
        _(
            "Line: accuracy; band: its 95 % interval; dashed: the baseline, the best accuracy "
            "without looking at the picture. Left end 0, right end 1."
        )
    )
    return section(_("Scores"), _tiles([*tiles, *_time(report)]) + bars + legend)


def note(text: str) -> str:
    """Return a paragraph in small print.

    Args:
        text: Plain text.
    """
    return f'<p class="note">{escape(text)}</p>'


def _regression(report):
    test = report["test"]
    baseline = test["baseline"]
    tiles = [
        (
            _("mean squared error"),
            sentences.number(test["mse"]),
            sentences.interval(test["interval"]),
        ),
        (_("baseline"), sentences.number(baseline["mse"]), _("always the training mean")),
        (
            _("mean absolute error"),
            sentences.number(test["mae"]),
            _("baseline {score}").format(score=sentences.number(baseline["mae"])),
        ),
        ("R²", sentences.number(test["r2"]), _("share of the variance explained")),
        (
            _("gain over baseline"),
            sentences.number(test["gain"]),
            sentences.interval(test["gain_interval"]),
        ),
    ]
    legend = note(_("Brackets: 95 % bootstrap intervals over the test pictures."))
    return section(_("Scores"), _tiles([*tiles, *_time(report)]) + legend)


def _detector(report):
    test = report["test"]
    tiles = [
        (
            "mAP",
            sentences.number(test["map"]),
            _("IoU 0.5, area under the curve (VOC) {interval}")
            .format(interval=sentences.interval(test["interval"]))
            .strip(),
        ),
        (_("baseline"), sentences.number(test["baseline"]), _("mAP of one fixed box per class")),
        (_("mAP of VOC 2007"), sentences.number(test["map_voc07"]), _("IoU 0.5, 11 points")),
        (_("mAP of COCO"), sentences.number(test["map_coco"]), _("IoU 0.5 to 0.95")),
        ("COCO AP50", sentences.number(test["map_coco50"]), "IoU 0.5"),
        ("COCO AP75", sentences.number(test["map_coco75"]), "IoU 0.75"),
        *(
            (_(heading), sentences.number(test[f"map_coco_{size}"]), _(area))
            for size, (heading, area) in SIZES.items()
        ),
    ]
    return section(_("Scores"), _tiles([*tiles, *_time(report)]))


def _segmentation(report):
    test = report["test"]
    tiles = [
        (_("mean IoU"), sentences.number(test["mean_iou"]), _("over the classes")),
        (_("95 % interval"), sentences.interval(test["interval"]), _("bootstrap over pictures")),
        (_("baseline"), sentences.number(test["baseline"]), _("every pixel background")),
        (
            _("right pixels"),
            sentences.number(test["pixel_accuracy"]),
            _("of all that are not void"),
        ),
    ]
    return section(_("Scores"), _tiles([*tiles, *_time(report)]))


def _calibration(report):
    """Return the table of what is right if the less probable answers are withheld."""
    entry = report["test"].get("calibration")
    if not entry:
        return ""
    rows = []
    for row in entry["thresholds"]:
        answered, samples = row["answered"], report["test"]["samples"]
        low, high = (sentences.rate(bound, samples) for bound in row["interval"] or (None, None))
        cells = [f"{answered:,} ({row['share']:.0%})", f"{row['right']:,}"]
        cells.append(f"{sentences.rate(row['accuracy'], samples)} ({low}–{high})")
        rows.append([f"{row['threshold']:g}", *(cells if answered else [_("none"), "–", "–"])])
    head = ["p", _("answered"), _("right"), _("accuracy of these")]
    return section(
        _("Can the probabilities be trusted?"),
        note(translated(sentences.calibration(entry)))
        + note(_("If answers with a probability below p are withheld:"))
        + table(head, rows),
    )


def _time(report):
    seconds = report.get("seconds")
    if seconds is None:
        return []
    if isinstance(seconds, dict):
        seconds = seconds.get("total", sum(seconds.values()))
    speed = report.get("images_per_second")
    below = _("training: {speed:,.0f} pictures per second").format(speed=speed) if speed else ""
    return [(_("time"), sentences.duration(seconds), below)]


def _tiles(tiles):
    cells = (
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}<small>{escape(below)}</small></dd></div>"
        for name, value, below in tiles
    )
    return f'<dl class="tiles">{"".join(cells)}</dl>\n'


def _interval(name, group):
    low, high = group["interval"]
    name, numbers = map(escape, map(translated, (name, sentences.scored(group))))
    return (
        f'<div class="interval {group["verdict"]}"><div>{name}<small>{numbers}</small></div>'
        f'<div class="track"><i style="left:{low:.2%};width:{high - low:.2%}"></i>'
        f'<u style="left:{group["baseline"]:.2%}"></u>'
        f'<b style="left:{group["accuracy"]:.2%}"></b></div></div>\n'
    )


def _per_class(report):
    classes, columns = report["test"]["classes"], CLASS_COLUMNS[report["task"]]
    head = [_("class"), *map(_, columns.values())]
    score, number = list(columns)[-2:]
    weakest_first = len(classes) > ROWS
    if weakest_first:
        classes = sorted(classes, key=lambda row: (not row[number], row[score] or 0))
    rows = [
        [
            row["name"],
            *(sentences.number(row[key]) for key in columns if key != number),
            f"{row[number]:,}",
        ]
        for row in classes
    ]
    if not weakest_first:
        return table(head, rows)
    more = len(rows) - ROWS
    summary = ngettext("{more} more class", "{more} more classes", more).format(more=more)
    return (
        f"{note(_('The weakest first.'))}{table(head, rows[:ROWS])}"
        f"<details><summary>{escape(summary)}</summary>{table(head, rows[ROWS:])}</details>"
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of numbers.

    Args:
        head: Names of the columns.
        rows: Cells of each row, as text; the first is its name.
    """
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(
        f"<tr><th>{escape(name)}</th>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for name, *cells in rows
    )
    return (
        f'<div class="wide"><table class="scores"><thead><tr>{names}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _unknown(report):
    """Return how well unknown pictures are detected, beside max-softmax."""
    measured = report.get("unknown")
    if not measured:
        return ""
    body = f"<p>{escape(translated(unknown.sentence(measured)))}</p>\n"
    if rows := unknown.rows(measured):
        head = [_("method"), "AUROC", _("false answers")]
        body += table(head, rows) + note(unknown.explanation(measured))
    return section(_("Are unknown pictures detected?"), body)


def _facts(report):
    shown_elsewhere = ("name", "task", "test", "sentence", "notes", "skipped", "synthetic")
    shown_elsewhere += ("unknown",)
    facts = {key: value for key, value in report.items() if key not in shown_elsewhere}
    nested = {key: value for key, value in facts.items() if isinstance(value, dict) and value}
    single = {key: value for key, value in facts.items() if key not in nested}
    tables = [section(_("Run"), _table(single))] if single else []
    tables += [section(names.heading(key), _table(nested[key])) for key in nested]
    if report.get("skipped"):
        tables.append(section(_("Pictures left out"), _table(report["skipped"])))
    return f'<div class="facts">{"".join(tables)}</div>'


def _table(facts):
    rows = (
        f"<tr><th>{escape(names.name(str(key)))}</th><td>{escape(sentences.plain(value))}</td></tr>"
        for key, value in facts.items()
    )
    return f'<table class="facts"><tbody>{"".join(rows)}</tbody></table>'
