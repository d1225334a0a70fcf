"""Fixtures of more than one test module."""

import dataclasses
import hashlib
import importlib
import io
import os

import numpy as np
import pytest
from download_server import running, write_picture
from PIL import Image
from report_inputs import FACTS, HISTORY

from keras_cnn import datasets, report
from keras_cnn.images import disk
from keras_cnn.report import figures, reliability

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def pytest_runtest_setup():
    """Begin each test in English, on a Chinese system and after a test of `--lang`, too."""
    os.environ["KERAS_CNN_LANG"] = "en"


@pytest.fixture
def stripes(tmp_path):
    """Return a data set that a tiny network learns in seconds: two directions of stripes, 24x24."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "条纹 stripes"
    for split, number in {"train": 20, "test": 8}.items():
        for name, axis in {"lying": 0, "upright": 1}.items():
            (folder / split / name).mkdir(parents=True)
            for index in range(number):
                picture = np.zeros((24, 24), np.uint8)
                start = rng.integers(4)
                picture[(slice(start, None, 4), slice(None))[:: 1 - 2 * axis]] = 200
                picture += rng.integers(0, 40, picture.shape, np.uint8)
                Image.fromarray(picture).save(folder / split / name / f"pen_u{index:04x}.png")
    return folder


@pytest.fixture
def run(stripes, tmp_path):
    """A run that classifies stripes by the variation of rows against that of columns."""
    import keras

    from keras_cnn import ImageDataGenerator, Recipe
    from keras_cnn.splits import classification_splits

    recipe = Recipe(name="case", dataset="stripes", data=stripes, image_size=24)
    splits = classification_splits(recipe, ImageDataGenerator(rescale=1 / 255))
    image = keras.Input((24, 24, 3))
    rows, columns = (keras.ops.std(keras.ops.mean(image, axis=(a, 3)), axis=1) for a in (2, 1))
    folder = tmp_path / "run"
    folder.mkdir()
    logits = keras.ops.stack([rows, columns], axis=1) * 20.0
    splits.save(keras.Model(image, keras.ops.softmax(logits)), folder / "model.keras")
    return folder


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return an empty data folder; the only sample of the checkout is `flowers`."""
    data = tmp_path / "data"
    data.mkdir()
    monkeypatch.setenv("KERAS_CNN_DATA", str(data))
    monkeypatch.setattr(
        importlib.import_module("keras_cnn.datasets.locate"), "_CHECKOUT", tmp_path / "checkout"
    )
    write_picture(tmp_path / "checkout/data/samples/flowers/train/rose/0.png")
    return data


@pytest.fixture
def publisher(monkeypatch):
    """Yield a local server of data sets."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with running() as server:
        yield server


@pytest.fixture
def publish(publisher, monkeypatch):
    """Return a function that publishes the files of a data set with their correct digests."""

    def offer(name, files):
        publisher.files |= files
        row = dataclasses.replace(
            datasets.CATALOGUE[name],
            sources=tuple(
                datasets.Source(
                    f"{publisher.url}/{file}", hashlib.sha256(content).hexdigest(), megabytes=1
                )
                for file, content in files.items()
            ),
        )
        monkeypatch.setitem(datasets.CATALOGUE, name, row)
        return row

    return offer


@pytest.fixture(autouse=True)
def no_mirrors(tmp_path_factory, monkeypatch):
    """Keep the mirrors of this machine's user out of the tests."""
    monkeypatch.delenv("KERAS_CNN_MIRRORS", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "no_settings"))


@pytest.fixture(autouse=True)
def no_picture_cache(tmp_path_factory, monkeypatch):
    """Keep the pictures of tests out of this machine's user's cache."""
    folder = tmp_path_factory.getbasetemp() / "picture_cache"
    monkeypatch.setattr(disk, "default_folder", lambda: folder)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Return an empty folder for published weights."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "models"


@pytest.fixture(scope="module")
def torch():
    """Return PyTorch; skip the test where it is not installed."""
    return pytest.importorskip("torch")


@pytest.fixture(scope="module")
def torchvision_models(torch):
    """Return torchvision's networks; skip the test where it is not installed."""
    try:
        return pytest.importorskip("torchvision.models")
    except RuntimeError:  # compiled for another torch; the networks need no compiled code
        library = torch.library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor boxes, Tensor scores, float threshold) -> Tensor")
        return importlib.import_module("torchvision.models")


@pytest.fixture
def images():
    """Return two pictures of random noise, values from 0 to 255."""
    return np.random.default_rng(0).uniform(0, 255, (2, 6, 5, 3)).astype("float32")


@pytest.fixture
def pictures(tmp_path):
    """Return a function that writes test pictures and returns their paths."""

    def make(samples, name="{:03d}.png"):
        folder = tmp_path / "data" / "test"
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / name.format(index) for index in range(samples)]
        for index, path in enumerate(paths):
            Image.new("RGB", (24, 16), (index * 7 % 256, 80, 160)).save(path, format="PNG")
        return paths

    return make


@pytest.fixture
def classify(tmp_path, pictures):
    """Return a function that writes a classification report to `tmp_path / name`."""

    def write(y_true, y_score, *, name="run", class_names=None, paths=None, **options):
        class_names = class_names or [f"class{k}" for k in range(y_score.shape[1])]
        options = {"history": HISTORY, "facts": FACTS} | options
        return report.classification(
            tmp_path / name,
            y_true=y_true,
            y_score=y_score,
            class_names=class_names,
            filepaths=pictures(len(y_true)) if paths is None else paths,
            **options,
        )

    return write


@pytest.fixture
def undrawn(monkeypatch):
    """Replace every figure by a 1x1 picture, which saves the time of drawing."""
    buffer = io.BytesIO()
    Image.new("RGB", (1, 1)).save(buffer, format="PNG")
    for module in (figures, reliability):
        monkeypatch.setattr(module, "png", lambda _: buffer.getvalue())


@pytest.fixture
def marks(tmp_path):
    """Return a folder with two classes of 12 and 8 pictures, each with its own grey level."""
    folder = tmp_path / "marks"
    for name, number, first in (("dark", 12, 0), ("light", 8, 120)):
        (folder / name).mkdir(parents=True)
        for index in range(number):
            grey = Image.new("RGB", (20, 24), (first + 4 * index,) * 3)
            grey.save(folder / name / f"{index:02}.png")
    return folder


@pytest.fixture
def decoded(monkeypatch):
    """The number of pictures decoded so far, in a list."""
    from keras_cnn.images import decoding

    number, decode = [], decoding.decode

    def counting(*args, **options):
        number.append(1)
        return decode(*args, **options)

    monkeypatch.setattr(decoding, "decode", counting)
    return number
