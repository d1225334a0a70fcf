"""A detector's report: scores, curves and drawings of its test pictures as files in a folder."""

import io
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from keras_cnn.detection import draw
from keras_cnn.report import figures, fonts, writer

HEAD = ("file", "class", "score", "x1", "y1", "x2", "y2")
COLUMNS = {"detections": 2, "augment": 5, "samples": 5}  # of the sheets of pictures
WIDTHS = {"detections": 720, "augment": 240, "samples": 240}  # of their pictures, in pixels


def write(
    folder: Path,
    *,
    scores: dict,
    rows: list,
    history: dict[str, list],
    gallery: list,
    samples: list,
    steps: list,
    facts: dict,
) -> dict:
    """Writes report.json, report.html, detections.csv, history.csv and the figures.

    Args:
        folder: Folder of the run; made if it is missing.
        scores: As `metrics.summary` returns them.
        rows: Cells of `HEAD` of each detection.
        history: One list per quantity and epoch.
        gallery: (truth beside prediction, title, note) of test pictures.
        samples: (picture, title) of training pictures as the model receives them.
        steps: (picture, step) of the augmentation, five steps a picture.
        facts: As in `keras_cnn.report.classification`.

    Returns:
        What report.json holds.

    Raises:
        InputError: The folder cannot be written.
    """
    classes = scores["classes"]
    test = {key: value for key, value in scores.items() if key.startswith("map")}
    test["classes"] = [
        {
            "name": entry.name,
            "ap": entry.average_precision,
            "ap_voc07": entry.average_precision_2007,
            "objects": entry.objects,
        }
        for entry in classes
    ]
    told = "undefined: no class has objects"
    if scores["map"] is not None:
        told = f"{scores['map']:.3f} (mean average precision at IoU 0.5, VOC)"
    notes = []
    if facts.get("skipped_boxes"):
        notes.append(f"Boxes left out because they cannot be used: {len(facts['skipped_boxes'])}.")
    result = writer.contents(
        folder,
        facts,
        "detection",
        test,
        sentence=f"mAP {told} on {facts['samples']['test']} test pictures.",
        notes=notes,
    )
    curved = {key: values for key, values in history.items() if "map" not in key}
    curved |= {"mAP (VOC)": [], "val_mAP (VOC)": history.get("val_map", [])}
    plots = {
        "curves.png": (
            partial(figures.curves, curved, best_epoch=facts.get("best_epoch")),
            figures.curves_parts(curved),
        ),
        "precision_recall.png": (partial(precision_recall, classes), []),
    }
    sheets = {"detections": gallery, "augment": steps, "samples": samples}
    return writer.write(
        folder,
        result,
        history=history,
        others={"detections.csv": writer.table(HEAD, rows)}
        | {f"{name}.png": _sheet(name, pictures) for name, pictures in sheets.items()},
        plots=plots,
        galleries=[
            ("Most mistakes first: truth beside prediction", gallery),
            ("Training pictures", [(*item, "") for item in samples]),
            ("Augmentation, step by step", [(*item, "") for item in steps]),
        ],
    )


def precision_recall(classes: list, *, dark: bool = False) -> bytes:
    """Draws how precision falls as more of the objects are found.

    Args:
        classes: `metrics.ClassScore` of each class.
        dark: Whether the paper is dark.

    Returns:
        The figure as PNG bytes.
    """
    with figures.paper((7.2, 4.2), dark) as (figure, _):
        ax = figure.subplots()
        for label, entry in enumerate(classes, start=1):
            if not entry.objects:
                continue
            name = fonts.shorten(fonts.printable(entry.name), width=24)
            ax.step(
                np.r_[0, entry.recall],
                np.r_[1, entry.precision],
                where="post",
                color=[value / 255 for value in draw.colour(label, dark=dark)],
                label=f"{name}  {entry.average_precision:.3f}",
            )
        ax.set(xlim=(0, 1.005), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
        ax.grid(True)
        figure.legend(
            title="average precision", loc="outside right upper", ncols=1 + len(classes) // 22
        )
        return figures.png(figure)


def _sheet(name, pictures):
    sheet = draw.sheet([item[:2] for item in pictures], columns=COLUMNS[name], width=WIDTHS[name])
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, format="png")
    return buffer.getvalue()
