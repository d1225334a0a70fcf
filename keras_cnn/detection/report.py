"""A detector's report: scores, curves and drawings of its test pictures as files in a folder."""

import base64
import csv
import io
import json
import math
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image

from keras_cnn.detection import draw
from keras_cnn.errors import InputError

SCORES = {  # key -> what the page calls it
    "map": "mAP at IoU 0.5 (VOC, area)",
    "map_voc07": "mAP at IoU 0.5 (VOC 2007, 11 points)",
    "map_coco": "mAP at IoU 0.5 to 0.95 (COCO)",
    "map_coco50": "COCO AP50",
    "map_coco75": "COCO AP75",
}


def write(
    folder: Path, *, result: dict, rows: list, history: dict[str, list], figures: dict[str, bytes]
) -> dict:
    """Writes report.json, report.html, detections.csv, history.csv and the figures.

    Args:
        folder: Folder of the run; made if it is missing.
        result: What report.json holds: "name", "sentence", "notes", "test" and whatever else.
        rows: (file, class, score, x1, y1, x2, y2) of each detection.
        history: One list per quantity and epoch.
        figures: File names to PNG bytes, in the order of the page.

    Returns:
        `result`, numbers that are not finite as None.

    Raises:
        InputError: The folder cannot be written.
    """
    folder, result = Path(folder), _plain(result)
    epochs = max(map(len, history.values()), default=0)
    epoch_rows = [
        [epoch + 1, *(values[epoch] if epoch < len(values) else "" for values in history.values())]
        for epoch in range(epochs)
    ]
    head = ("file", "class", "score", "x1", "y1", "x2", "y2")
    contents = {
        **figures,
        "detections.csv": _table([head, *rows]),
        "history.csv": _table([("epoch", *history), *epoch_rows]),
        "report.html": _page(result, figures).encode(),
        "report.json": (json.dumps(result, indent=2, ensure_ascii=False) + "\n").encode(),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            beside = folder / f".{name}"
            beside.write_bytes(content)
            beside.replace(folder / name)
    except OSError as error:
        raise InputError(
            f"cannot write the report into {folder} ({error.strerror}): name another with --out"
        ) from None
    return result


def png(picture: np.ndarray) -> bytes:
    """Returns a picture as PNG bytes.

    Args:
        picture: RGB, uint8, (height, width, 3).
    """
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="png")
    return buffer.getvalue()


def figures(*, classes: list, gallery: list, samples: list, steps: list) -> dict[str, bytes]:
    """Draws all figures of a report.

    Args:
        classes: `metrics.ClassScore` of each class.
        gallery: (truth beside prediction, title) of test pictures.
        samples: (picture, title) of training pictures as the model receives them.
        steps: (picture, step) of the augmentation, five steps a picture.

    Returns:
        File names to PNG bytes.
    """
    return {
        "precision_recall.png": draw.precision_recall(classes),
        "detections.png": png(draw.sheet(gallery, columns=2, width=720)),
        "augment.png": png(draw.sheet(steps, columns=5, width=240)),
        "samples.png": png(draw.sheet(samples, columns=5, width=240)),
    }


def _page(result, figures):
    test = result["test"]
    scores = [(title, _number(test[key])) for key, title in SCORES.items()]
    head = ("class", "objects", "AP (area)", "AP (VOC 2007)")
    classes = [
        (name, entry["objects"], _number(entry["ap"]), _number(entry["ap_voc07"]))
        for name, entry in test["classes"].items()
    ]
    images = [
        f'<h2>{escape(name.removesuffix(".png").replace("_", " "))}</h2><img alt="{escape(name)}" '
        f'src="data:image/png;base64,{base64.b64encode(content).decode()}">'
        for name, content in figures.items()
    ]
    notes = "".join(f"<p>{escape(note)}</p>" for note in result["notes"])
    title = escape(str(result["name"]))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>body{{font:16px sans-serif;max-width:60rem;margin:2rem auto;"
        "padding:0 1rem}img{max-width:100%}td,th{padding:.2rem 1rem .2rem 0;text-align:left}"
        f"</style></head><body><h1>{title}</h1><p><b>{escape(result['sentence'])}</b></p>{notes}"
        f"<h2>Scores</h2>{_html_table(scores)}<h2>Each class</h2>{_html_table([head, *classes])}"
        + "".join(images)
        + "</body></html>\n"
    )


def _html_table(rows):
    cells = ("".join(f"<td>{escape(str(cell))}</td>" for cell in row) for row in rows)
    return "<table>" + "".join(f"<tr>{row}</tr>" for row in cells) + "</table>"


def _number(value):
    return "none" if value is None else f"{value:.3f}"


def _table(rows):
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue().encode("utf-8", "backslashreplace")


def _plain(value):
    """What JSON can hold."""
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(part) for part in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)
