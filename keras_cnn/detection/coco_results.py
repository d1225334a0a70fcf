"""Detections as COCO's file of results, which `pycocotools.COCO.loadRes` reads."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from keras_cnn.datasets.annotations import Picture
from keras_cnn.datasets.reading import class_name
from keras_cnn.errors import InputError
from keras_cnn.filesystem import write_atomically


def check(path: str | os.PathLike) -> None:
    """Refuse a file in a folder that does not exist.

    Args:
        path: The file.

    Raises:
        InputError: There is no such folder.
    """
    if not Path(path).parent.is_dir():
        raise InputError(
            f"--coco-json must be a file in a folder that exists; received {os.fspath(path)}: name "
            "another"
        )


def write(
    path: str | os.PathLike,
    pictures: Sequence[Picture],
    answers: Sequence[tuple],
    *,
    class_names: Sequence[str],
    rename: Mapping[str, str] | None = None,
) -> None:
    """Write detections as a list of ``image_id, category_id, bbox, score``.

    Ids are those of the COCO file that the pictures were read from. Pictures of another layout are
    numbered from 1 on in the order of their list, and classes from 1 on.

    Args:
        path: The file; an existing file is replaced.
        pictures: The annotated pictures.
        answers: Corners in pixels, scores and class ids of each picture's objects.
        class_names: Names of the classes, without background.
        rename: Class as the file writes it -> its name, as the pictures were read.

    Raises:
        InputError: The file cannot be written.
    """
    categories = {name: number for number, name in enumerate(class_names, start=1)}
    sources = [re.fullmatch(r"(.+\.json), image (-?\d+)", picture.source) for picture in pictures]
    images = list(range(1, len(pictures) + 1))
    if all(sources):
        images = [int(source[2]) for source in sources]
        for file in dict.fromkeys(source[1] for source in sources):
            content = json.loads(Path(file).read_text(encoding="utf-8"))
            for entry in content["categories"]:
                name = class_name(str(entry["name"]))
                categories[(rename or {}).get(name, name)] = entry["id"]
    rows = [
        {
            "image_id": image,
            "category_id": categories[class_names[label - 1]],
            "bbox": [float(x1), float(y1), float(x2 - x1), float(y2 - y1)],
            "score": float(score),
        }
        for image, answer in zip(images, answers, strict=True)
        for (x1, y1, x2, y2), score, label in zip(*answer, strict=True)
    ]
    try:
        with write_atomically(Path(path)) as beside:
            beside.write_text(json.dumps(rows), encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"--coco-json must be a file that can be written; received {os.fspath(path)} "
            f"({error.strerror or error}): name another"
        ) from error
