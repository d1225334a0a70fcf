"""Convert a set of pictures with boxes to another layout."""

import os
import shutil
import tempfile
from pathlib import Path

from keras_cnn.datasets import annotations
from keras_cnn.datasets.formats.rows import Row
from keras_cnn.datasets.formats.writing import WRITERS
from keras_cnn.errors import InputError
from keras_cnn.i18n import N_


def convert(
    folder: str | os.PathLike,
    out: str | os.PathLike,
    *,
    to: str,
    reading: annotations.Reading | None = None,
    fix_boxes: bool = False,
    skip_bad_boxes: bool = False,
) -> list[str]:
    """Write a set in another layout; the pictures are copied.

    Args:
        folder: The set's folder, in a layout of `formats.FORMATS`.
        out: The new folder.
        to: A key of `formats.writing.WRITERS`.
        reading: How the set is read.
        fix_boxes: As in `annotations.check`.
        skip_bad_boxes: As in `annotations.check`.

    Returns:
        Sentences on the set and on what the new layout cannot hold.

    Raises:
        InputError: `out` exists, or the set has faults.
    """
    out = Path(out)
    if os.path.lexists(out):
        raise InputError(f"--out must name a new folder; {str(out)!r} exists: name another one")
    annotated = annotations.read_set(folder, reading=reading)
    if not annotated.splits:
        raise annotations.no_layout(folder)
    splits, skipped, flags = {}, 0, 0
    for split, part in annotated.splits.items():
        good, bad = annotations.check(part, skip_bad_boxes=skip_bad_boxes, fix_boxes=fix_boxes)
        splits[split] = [_row(picture, part.class_names) for picture in good.pictures]
        skipped += len(bad)
        flags += sum(int(picture.difficult.sum()) for picture in good.pictures)
    out.parent.mkdir(parents=True, exist_ok=True)
    half = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
    try:
        WRITERS[to](half / "set", splits, class_names=annotated.class_names)
        os.replace(half / "set", out)
    finally:
        shutil.rmtree(half)
    sentences = [annotated.sentence]
    if skipped:
        sentences.append(N_(f"Boxes left out because they cannot be used: {skipped:d}."))
    if flags and to == "yolo":
        sentences.append(
            N_(
                f"YOLO's layout has no place for the marks 'difficult' and 'crowd' of {flags} "
                "objects; they are lost."
            )
        )
    return sentences


def _row(picture, class_names):
    return Row(
        picture.path,
        picture.boxes,
        [class_names[label - 1] for label in picture.labels],
        picture.difficult,
        picture.crowds,
        picture.source,
        annotations.size(picture.path),
    )
