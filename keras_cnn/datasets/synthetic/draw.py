"""Built-in samples: small data sets drawn by code, which stand in for real ones.

A class is named after its drawing and differs from the others in one trait, while position, size,
angle, palette, light and background vary. Colour helps, but does not suffice. The same versions of
NumPy, OpenCV and Pillow draw the same bytes in every run: each picture has its own random
generator, seeded by set, split, class and number. Train and test share no picture.
"""

import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from keras_cnn.datasets.synthetic import animals, plants, shapes, things
from keras_cnn.errors import InputError

SIDE = 160  # pixels of a picture in colour


@dataclass(frozen=True)
class _Sample:
    """The classes, sizes and drawing functions of a sample.

    Attributes:
        classes: Name -> function that draws a picture of it from (rng, side).
        train: Training pictures per class.
        test: Test pictures per class.
        side: Height and width of a picture in pixels.
        suffix: Extension of the files; pictures in colour are JPEG, like photographs.
    """

    classes: dict[str, Callable[[np.random.Generator, int], np.ndarray]]
    train: int
    test: int
    side: int = SIDE
    suffix: str = ".jpg"


def _flowers(*names):
    """Yield (name, drawing function); a name is `<colour>_<number of petals>_<shape of petals>`."""
    numbers = {"three": 3, "four": 4, "five": 5, "six": 6, "eight": 8, "thirteen": 13}
    for name in names:
        color, number, shape = name.split("_")
        yield name, partial(plants.flower, petals=numbers[number], shape=shape, color=color)


_FOOD = "foodscore"
_BOXES = "voc2007"
_MASKS = "shapes"
_DISHES = 196
_SAMPLES = {
    "birds": _Sample(
        {mark: partial(animals.bird, mark=mark) for mark in animals.FIELD_MARKS}, train=40, test=16
    ),
    "cats_dogs": _Sample(
        {ears: partial(animals.sitting, ears=ears) for ears in animals.EARS}, train=80, test=40
    ),
    "dogs": _Sample(
        {
            f"{coat}_{ears}": partial(animals.portrait, ears=ears, coat=coat)
            for coat in animals.COATS
            for ears in animals.EARS
        },
        train=50,
        test=12,
    ),
    "fashion_mnist": _Sample(
        {kind: partial(things.garment, kind=kind) for kind in things.GARMENTS},
        train=100,
        test=30,
        side=28,
        suffix=".png",
    ),
    "flowers": _Sample(
        {
            name: partial(plants.flower, petals=n, shape=shape, color=color, constancy=0.7)
            for name, n, shape, color in (
                ("five_round_petals", 5, "round", "pink"),
                ("six_pointed_petals", 6, "pointed", "purple"),
                ("thirteen_narrow_petals", 13, "narrow", "yellow"),
            )
        },
        train=60,
        test=30,
    ),
    "flowers17": _Sample(
        dict(
            _flowers(
                *("white_three_round", "white_five_notched", "white_thirteen_narrow"),
                *("yellow_four_round", "yellow_five_pointed", "yellow_thirteen_narrow"),
                *("pink_five_round", "pink_six_pointed", "pink_eight_narrow"),
                *("purple_three_pointed", "purple_five_notched", "purple_eight_narrow"),
                *("blue_five_round", "blue_four_notched", "blue_six_narrow"),
                *("red_four_notched", "red_eight_pointed"),
            )
        ),
        train=24,
        test=6,
    ),
    "faces": _Sample(
        {
            "lobed_leaf": partial(plants.leaf, lobed=True, color="orange", constancy=0.55),
            "smooth_leaf": partial(plants.leaf, lobed=False, color="green", constancy=0.55),
        },
        train=100,
        test=40,
    ),
}
NAMES = tuple(sorted([*_SAMPLES, _FOOD, _BOXES, _MASKS]))


def draw(name: str, folder: str | os.PathLike) -> Path:
    """Draw a sample, unless its folder exists.

    Pictures are drawn into a hidden folder beside `folder`, which is renamed after the last one: a
    folder of that name is always complete. A folder that is not empty is not changed. If two
    programs draw the same sample at once, both use the folder that is finished first.

    Args:
        name: One of `NAMES`.
        folder: The sample's folder. It will hold `{train,test}/<class>/*`; for "foodscore"
            `FoodScore.csv` with the columns ID and score, and `data_foodscore/<ID>.jpg`; for
            "voc2007" the layout of PASCAL VOC; for "shapes" that of
            `datasets.masked_folders`.

    Returns:
        The folder.

    Raises:
        InputError: There is no such sample, or the folder cannot be written.
    """
    if name not in NAMES:
        raise InputError(f"a drawn sample must be one of {list(NAMES)}; received {name!r}")
    folder = Path(folder)
    try:
        if folder.is_dir() and any(folder.iterdir()):
            return folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder.parent) as hidden:
            drawn = Path(hidden, name)
            if name == _FOOD:
                _draw_dishes(drawn)
            elif name == _BOXES:
                shapes.write(drawn)
            elif name == _MASKS:
                shapes.write_masked(drawn)
            else:
                _draw_classes(name, drawn)
            try:
                drawn.rename(folder)
            except OSError:
                if not (folder.is_dir() and any(folder.iterdir())):  # another program was faster
                    raise
    except OSError as error:
        raise InputError(
            f"the sample {name!r} could not be drawn into {folder} ({error.strerror or error}): "
            "make room there, or let KERAS_CNN_DATA name a folder that can be written"
        ) from error
    return folder


def _draw_classes(name, folder):
    sample = _SAMPLES[name]

    def draw_one(job):
        split, label, index = job
        picture = sample.classes[label](_stream(name, split, label, index), sample.side)
        _save(picture, folder / split / label / f"{index:04d}{sample.suffix}")

    jobs = []
    for split, count in (("train", sample.train), ("test", sample.test)):
        for label in sample.classes:
            (folder / split / label).mkdir(parents=True)
            jobs += [(split, label, index) for index in range(count)]
    _on_threads(draw_one, jobs)


def _draw_dishes(folder):
    (folder / "data_foodscore").mkdir(parents=True)

    def draw_one(identifier):
        picture, score = things.dish(_stream(_FOOD, identifier), 240, 320)
        _save(picture, folder / "data_foodscore" / f"{identifier}.jpg")
        return f"{identifier},{score:.4f}\n"

    lines = _on_threads(draw_one, [f"pic{number}" for number in range(1, _DISHES + 1)])
    (folder / "FoodScore.csv").write_text("ID,score\n" + "".join(lines), encoding="ascii")


def _stream(*words):
    """Return a random generator seeded by these words only."""
    return np.random.default_rng(list("/".join(map(str, words)).encode()))


def _save(picture, path):
    Image.fromarray(picture).save(path, quality=92)


def _on_threads(work, jobs):
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return list(threads.map(work, jobs))
