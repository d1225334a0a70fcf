"""6,700 damaged files: each is read or refused with a sentence, in little time and memory."""

import io
import json
import os
import time
import zipfile
from pathlib import Path

import annotated_sets
import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from keras_cnn import InputError, card
from keras_cnn.datasets import annotations
from keras_cnn.images import files

pytestmark = pytest.mark.slow  # half a minute
SECONDS, BYTES = 5, 1 << 30  # limits for one file
fuzz = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
TOKENS = (
    *(b"\0", b"\xff" * 4, b"\xff\xff\xff\x7f", b"-1", b"nan", b"inf", b"1e999", b"9" * 30),
    *(
        b"{}",
        b"[]",
        b"null",
        b'""',
        b"[" * 5000,
        b"<",
        b"</object>",
        b"&a;",
        b"../",
        b"\xed\xa0\x80",
    ),
)
edits = st.lists(
    st.tuples(
        st.sampled_from(("flip", "cut", "drop", "twice", "insert", "number")),
        st.floats(0, 1, exclude_max=True),  # where
        st.integers(1, 64),  # how much
        st.sampled_from(TOKENS),
    ),
    min_size=1,
    max_size=4,
)


def spoil(data, changes):
    """Apply edits to bytes, one after another."""
    for kind, place, length, token in changes:
        at = int(place * len(data))
        head, part, tail = data[:at], data[at : at + length], data[at + length :]
        if kind == "number":  # put the token in place of the next run of digits
            while tail and not tail[:1].isdigit():
                head, part, tail = head + part, tail[:1], tail[1:]
            part, tail = token, tail.lstrip(b"0123456789.")
        else:
            part = {
                "flip": bytes(byte ^ (1 + length) for byte in part[:4]) + part[4:],
                "drop": b"",
                "twice": part * 2,
                "insert": token + part,
                "cut": part,
            }[kind]
            tail = b"" if kind == "cut" else tail
        data = head + part + tail
    return data


def _memory(key):
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) << 10
    return 0


def within_bounds(read):
    """Call `read`; allow an InputError and no other error, and measure time and memory."""
    watched = os.path.exists("/proc/self/clear_refs")
    if watched:
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak
        before = _memory("VmRSS")
    start = time.process_time()
    try:
        return read()
    except InputError as error:
        assert str(error)
    finally:
        assert time.process_time() - start < SECONDS
        assert not watched or _memory("VmHWM") - before < BYTES


def _saved(image, form, **options):
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def _pictures():
    rng = np.random.default_rng(0)
    rgb = Image.fromarray(rng.integers(0, 255, (24, 20, 3)).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    return [
        _saved(rgb, "PNG"),
        _saved(rgb, "JPEG"),
        _saved(rgb, "JPEG", progressive=True, exif=exif),
        _saved(rgb.convert("CMYK"), "JPEG"),
        _saved(rgb.convert("L"), "PNG"),
        _saved(rgb.convert("P"), "PNG", transparency=0),
        _saved(rgb.convert("P"), "GIF"),
        _saved(rgb.convert("RGBA"), "TIFF"),
        _saved(rgb, "TIFF", compression="tiff_lzw"),
        _saved(Image.fromarray(rng.integers(0, 65535, (9, 9)).astype(np.uint16)), "PNG"),
        _saved(rgb, "BMP"),
        _saved(rgb, "PPM"),
        _saved(rgb, "WEBP"),
    ]


PICTURES = _pictures()


@settings(fuzz, max_examples=1200)
@given(st.sampled_from(PICTURES), edits, st.sampled_from(sorted(files.CHANNELS)))
@pytest.mark.filterwarnings("ignore")  # of decoders that repair a file
def test_a_spoilt_picture_is_read_or_refused(tmp_path, data, changes, color_mode):
    path = tmp_path / "picture.png"
    path.write_bytes(spoil(data, changes))
    pixels = within_bounds(lambda: files.read(path, color_mode=color_mode))
    if pixels is not None:
        assert pixels.dtype == np.uint8 and pixels.shape[2] == files.CHANNELS[color_mode]


XML = b"""<?xml version="1.0"?><!DOCTYPE annotation [<!ENTITY a "aaaaaaaaaa">]>
<annotation><object><name>cat</name><difficult>1</difficult><bndbox><xmin>1</xmin><ymin>2</ymin>
<xmax>15</xmax><ymax>12</ymax></bndbox></object><object><name>dog</name><bndbox><xmin>3.5</xmin>
<ymin>2</ymin><xmax>9</xmax><ymax>12</ymax></bndbox></object></annotation>"""
COCO = json.dumps(
    {
        "images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "a.png"}],
        "annotations": [
            {"image_id": 1, "category_id": 3, "bbox": [1, 2, 10, 9], "iscrowd": 1},
            {"image_id": 2, "category_id": 4, "bbox": [0.5, 2, 4, 9]},
        ],
        "categories": [{"id": 3, "name": "cat"}, {"id": 4, "name": "dog"}],
    }
).encode()
LAYOUTS = {  # file to spoil -> the files of its set
    "Annotations/a.xml": {"Annotations/a.xml": XML, "ImageSets/Main/train.txt": b"a\na\n"},
    "ImageSets/Main/train.txt": {"Annotations/a.xml": XML, "ImageSets/Main/train.txt": b"a\na\n"},
    "train.json": {"train.json": COCO},
    "train.txt": {
        "train.txt": b"a.png 1,2,9,12,1 3,4,5,6,0\na.png\n",
        "classes.txt": b"cat\ndog\n",
    },
    "classes.txt": {"train.txt": b"a.png 1,2,9,12,1 3,4,5,6,0\n", "classes.txt": b"cat\ndog\n"},
}


# A file to spoil of each further layout, in the sets of `annotated_sets.LAYOUTS`.
SPOILT = {
    "labelimg": "train/a.xml",
    "roboflow": "train/_annotations.coco.json",
    "yolo": "labels/train/a.txt",
    "yolo_roboflow": "data.yaml",
    "darknet": "obj.data",
    "csv": "train_labels.csv",
    "retinanet": "train.csv",
    "labelme": "train/a.json",
    "cvat": "annotations.xml",
}


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """Folder of each set, and its file to spoil with what it holds."""
    places = {}
    for name, path in SPOILT.items():
        folder = tmp_path_factory.mktemp(name)
        annotated_sets.LAYOUTS[name](folder)
        places[name] = folder, folder / path, (folder / path).read_bytes()
    return places


@pytest.mark.parametrize("name", SPOILT)
@settings(fuzz, max_examples=500)
@given(changes=edits)
def test_a_spoilt_file_of_another_layout_is_read_or_refused(sets, name, changes):
    folder, path, content = sets[name]
    path.write_bytes(spoil(content, changes))
    try:
        annotated = within_bounds(lambda: annotations.read_set(folder))
        for part in annotated.splits.values() if annotated else ():
            checked, _ = annotations.check(part, skip_bad_boxes=True)
            for picture in checked.pictures:
                assert picture.boxes.shape == (len(picture.labels), 4)
                assert np.isfinite(picture.boxes).all()
    finally:
        path.write_bytes(content)


@pytest.fixture
def layouts(tmp_path):
    for number, content in enumerate(LAYOUTS.values()):
        for name, data in content.items():
            (tmp_path / str(number) / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / str(number) / name).write_bytes(data)
        for folder in (".", "JPEGImages"):
            (tmp_path / str(number) / folder).mkdir(exist_ok=True)
            (tmp_path / str(number) / folder / "a.png").write_bytes(PICTURES[0])
    return [tmp_path / str(number) for number in range(len(LAYOUTS))]


@settings(fuzz, max_examples=600)
@given(st.sampled_from(list(enumerate(LAYOUTS.items()))), edits)
def test_spoilt_annotations_are_read_or_refused(layouts, layout, changes):
    number, (name, content) = layout
    path = layouts[number] / name
    path.write_bytes(spoil(content[name], changes))
    try:
        part = within_bounds(
            lambda: annotations.check(
                annotations.read(layouts[number], split="train"), skip_bad_boxes=True
            )[0]
        )
    finally:
        path.write_bytes(content[name])
    for picture in part.pictures if part else ():
        assert picture.boxes.shape == (len(picture.labels), 4)
        assert np.isfinite(picture.boxes).all()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The file of a saved model with its card."""
    path = tmp_path_factory.mktemp("model") / "model.keras"
    inputs = keras.Input((4, 4, 1))
    keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs))).save(path)
    card.write(path, card.Card(task="classification", class_names=("行书", "楷书")))
    return path


def _respoiled(path, changes, entry):
    """The bytes of the model with one damaged entry, or damaged as a whole."""
    if entry is None:
        return spoil(path.read_bytes(), changes)
    buffer = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(buffer, "w") as new:
        for info in old.infolist():
            data = old.read(info)
            new.writestr(info.filename, spoil(data, changes) if info.filename == entry else data)
    return buffer.getvalue()


@settings(fuzz, max_examples=400)
@given(
    edits,
    st.sampled_from((None, "config.json", "metadata.json", "model.weights.h5", card.ENTRY)),
)
@pytest.mark.filterwarnings("ignore")  # of Keras about entries that it skipped
def test_a_spoilt_model_is_loaded_or_refused(model, tmp_path, changes, entry):
    path = tmp_path / "spoilt.keras"
    path.write_bytes(_respoiled(model, changes, entry))
    within_bounds(lambda: card.read(path))
    within_bounds(lambda: card.load_model(path))
