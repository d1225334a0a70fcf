"""The report as one HTML file: without scripts or other files, light and dark, for phones too."""

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources

from PIL import Image

from keras_cnn.report import canvas, figures, sentences, unknown

ROWS = 20  # rows of the per-class table that are shown; the others are folded away
# task -> key and heading of the columns; the last two are the score by which the weakest classes
# are found, and the number of test pictures or objects.
CLASS_COLUMNS = {
    "classification": {
        "precision": "precision",
        "recall": "recall",
        "f1": "F1",
        "support": "pictures",
    },
    "detection": {
        "ap_coco": "AP of COCO",
        "ap_voc07": "AP, 11 points",
        "ap": "AP, area",
        "objects": "objects",
    },
    "segmentation": {"iou": "IoU", "pixels": "pixels"},
}
SIZES = {"small": "below 32² pixels", "medium": "32² to 96² pixels", "large": "above 96² pixels"}
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
        *(section(heading, pictures(images)) for heading, images in plots),
        _calibration(report),
        _unknown(report),
        section("Each class", _per_class(report)) if "classes" in test else "",
        *(section(heading, gallery(items)) for heading, items in galleries),
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
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
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
    lines = [f"<p>{escape(line)}</p>" for line in report["sentence"].split("\n")]
    lines += [f"<p>{escape(note)}</p>" for note in report["notes"]]
    kind = report["test"].get("verdict") or "around"
    badge = '<span class="badge">synthetic sample</span>' if report.get("synthetic") else ""
    return f'{badge}<section class="verdict {kind}">\n' + "\n".join(lines) + "\n</section>"


def _classifier(report):
    test = report["test"]
    samples = test["samples"]
    low, high = (sentences.rate(bound, samples) for bound in test["interval"])
    tiles = [
        (
            "accuracy",
            sentences.rate(test["accuracy"], samples),
            f"{test['correct']:,} of {samples:,}",
        ),
        ("95 % interval", f"{low}–{high}", "Wilson"),
        (
            "baseline",
            sentences.rate(test["baseline"], samples),
            f"always “{test['baseline_class']}”",
        ),
    ]
    if "top5" in test:
        low, high = (sentences.rate(bound, samples) for bound in test["top5_interval"])
        below = f"{low}–{high}; baseline {sentences.rate(test['top5_baseline'], samples)}"
        tiles.append(("top-5 accuracy", sentences.rate(test["top5"], samples), below))
    if test["loss"] is not None:
        tiles.append(("test loss", f"{test['loss']:.4f}", "cross entropy"))
    groups = {"whole test set": test, **test["groups"]}
    bars = "".join(_interval(name, group) for name, group in groups.items() if group["samples"])
    legend = (
        '<p class="note">Line: accuracy; band: its 95 % interval; dashed: the baseline, '
        "the best accuracy without looking at the picture. Left end 0, right end 1.</p>"
    )
    return section("Scores", _tiles([*tiles, *_time(report)]) + bars + legend)


def _regression(report):
    test = report["test"]
    baseline = test["baseline"]
    tiles = [
        ("mean squared error", sentences.number(test["mse"]), sentences.interval(test["interval"])),
        ("baseline", sentences.number(baseline["mse"]), "always the training mean"),
        (
            "mean absolute error",
            sentences.number(test["mae"]),
            f"baseline {sentences.number(baseline['mae'])}",
        ),
        ("R²", sentences.number(test["r2"]), "share of the variance explained"),
        (
            "gain over baseline",
            sentences.number(test["gain"]),
            sentences.interval(test["gain_interval"]),
        ),
    ]
    note = '<p class="note">Brackets: 95 % bootstrap intervals over the test pictures.</p>'
    return section("Scores", _tiles([*tiles, *_time(report)]) + note)


def _detector(report):
    test = report["test"]
    tiles = [
        (
            "mAP",
            sentences.number(test["map"]),
            f"IoU 0.5, area under the curve (VOC) {sentences.interval(test['interval'])}".strip(),
        ),
        ("baseline", sentences.number(test["baseline"]), "mAP of one fixed box per class"),
        ("mAP of VOC 2007", sentences.number(test["map_voc07"]), "IoU 0.5, 11 points"),
        ("mAP of COCO", sentences.number(test["map_coco"]), "IoU 0.5 to 0.95"),
        ("COCO AP50", sentences.number(test["map_coco50"]), "IoU 0.5"),
        ("COCO AP75", sentences.number(test["map_coco75"]), "IoU 0.75"),
        *(
            (f"COCO AP, {size}", sentences.number(test[f"map_coco_{size}"]), area)
            for size, area in SIZES.items()
        ),
    ]
    return section("Scores", _tiles([*tiles, *_time(report)]))


def _segmentation(report):
    test = report["test"]
    tiles = [
        ("mean IoU", sentences.number(test["mean_iou"]), "over the classes"),
        ("95 % interval", sentences.interval(test["interval"]), "bootstrap over pictures"),
        ("baseline", sentences.number(test["baseline"]), "every pixel background"),
        ("right pixels", sentences.number(test["pixel_accuracy"]), "of all that are not void"),
    ]
    return section("Scores", _tiles([*tiles, *_time(report)]))


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
        rows.append([f"{row['threshold']:g}", *(cells if answered else ["none", "–", "–"])])
    head = ["p", "answered", "right", "accuracy of these"]
    return section(
        "Can the probabilities be trusted?",
        f'<p class="note">{escape(sentences.calibration(entry))}</p>'
        '<p class="note">If answers with a probability below p are withheld:</p>'
        + table(head, rows),
    )


def _time(report):
    seconds = report.get("seconds")
    if seconds is None:
        return []
    if isinstance(seconds, dict):
        seconds = seconds.get("total", sum(seconds.values()))
    speed = report.get("images_per_second")
    below = f"training: {speed:,.0f} pictures per second" if speed else ""
    return [("time", sentences.duration(seconds), below)]


def _tiles(tiles):
    cells = (
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}<small>{escape(below)}</small></dd></div>"
        for name, value, below in tiles
    )
    return f'<dl class="tiles">{"".join(cells)}</dl>\n'


def _interval(name, group):
    low, high = group["interval"]
    numbers = sentences.scored(group)
    return (
        f'<div class="interval {group["verdict"]}"><div>{escape(name)}<small>{escape(numbers)}'
        f'</small></div><div class="track"><i style="left:{low:.2%};width:{high - low:.2%}"></i>'
        f'<u style="left:{group["baseline"]:.2%}"></u>'
        f'<b style="left:{group["accuracy"]:.2%}"></b></div></div>\n'
    )


def pictures(images: list[tuple]) -> str:
    """Return figures for the light and the dark page, side by side where there is room.

    Args:
        images: (alternative text, light PNG, dark PNG) each.
    """
    shown = (
        f'<picture><source media="(prefers-color-scheme: dark)" srcset="{_uri(dark)}">'
        f'<img src="{_uri(light)}" alt="{escape(text)}" width="{_width(light)}" '
        f'style="min-width:{0.6 * _width(light):.0f}px"></picture>'  # narrow screens scroll
        for text, light, dark in images
    )
    return f'<div class="plots">{"".join(shown)}</div>'


def gallery(items: Sequence[tuple]) -> str:
    """Return pictures with captions in a grid.

    Args:
        items: (picture or None, title, note) each; a picture is uint8 or float (height, width,
            channels).
    """
    wide = any(picture is not None and _is_wide(picture) for picture, _, _ in items)
    cells = []
    for picture, title, note in items:
        image = '<div class="missing">cannot be opened</div>'
        if picture is not None:
            small = max(picture.shape[:2]) < 100
            source = _thumbnail(picture, wide=wide)
            image = f'<img src="{source}" alt="" class="{"small" if small else ""}">'
        caption = escape(title).replace("\n", "<br>")
        cells.append(
            f"<figure>{image}<figcaption>{caption}<small>{escape(note)}</small></figcaption></figure>"
        )
    return f'<div class="gallery{" large" if wide else ""}">{"".join(cells)}</div>'


def _is_wide(picture):
    height, width = picture.shape[:2]
    return width >= 2 * height


def _per_class(report):
    classes, columns = report["test"]["classes"], CLASS_COLUMNS[report["task"]]
    head = ["class", *columns.values()]
    *_, score, number = columns
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
    return (
        f'<p class="note">The weakest first.</p>{table(head, rows[:ROWS])}'
        f"<details><summary>{len(rows) - ROWS} more classes</summary>"
        f"{table(head, rows[ROWS:])}</details>"
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
    body = f"<p>{escape(measured['sentence'])}</p>\n"
    if rows := unknown.rows(measured):
        note = f'<p class="note">{escape(unknown.explanation(measured))}</p>'
        body += table(["method", "AUROC", "false answers"], rows) + note
    return section("Are unknown pictures detected?", body)


def _facts(report):
    shown_elsewhere = ("name", "task", "test", "sentence", "notes", "skipped", "synthetic")
    shown_elsewhere += ("unknown",)
    facts = {key: value for key, value in report.items() if key not in shown_elsewhere}
    nested = {key: value for key, value in facts.items() if isinstance(value, dict) and value}
    single = {key: value for key, value in facts.items() if key not in nested}
    tables = [section("Run", _table(single))] if single else []
    tables += [section(key.replace("_", " ").capitalize(), _table(nested[key])) for key in nested]
    if report.get("skipped"):
        tables.append(section("Pictures left out", _table(report["skipped"])))
    return f'<div class="facts">{"".join(tables)}</div>'


def _table(facts):
    rows = (
        f"<tr><th>{escape(str(key).replace('_', ' '))}</th>"
        f"<td>{escape(sentences.plain(value))}</td></tr>"
        for key, value in facts.items()
    )
    return f'<table class="facts"><tbody>{"".join(rows)}</tbody></table>'


def _thumbnail(picture, *, wide):
    image = Image.fromarray(figures.pixels(picture))
    if max(image.size) < 100:
        return _uri(_encode(image, format="PNG"))
    image.thumbnail((960, 960) if wide else (320, 320))
    return _uri(_encode(image, format="JPEG", quality=85), kind="jpeg")


def _encode(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


def _width(png):
    return round(Image.open(io.BytesIO(png)).width * 96 / canvas.DPI)


def _uri(content, kind="png"):
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
