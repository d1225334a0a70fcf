"""Fixtures that more than one test module uses."""

import dataclasses
import hashlib
import importlib
import io
import os
import threading

import numpy as np
import pytest
from download_server import Publisher, write_picture
from PIL import Image
from report_inputs import FACTS, HISTORY

from keras_cnn import datasets, report
from keras_cnn.report import figures

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


@pytest.fixture
def stripes(tmp_path):
    """A set a tiny network learns at once: upright against lying stripes, 24x24 pixels."""
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
def place(tmp_path, monkeypatch):
    """An empty data folder, and a checkout whose samples hold `flowers` only."""
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
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Publisher() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.closing.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def publish(publisher, monkeypatch):
    """Offer files under a set's name, with their right digests; return the catalogue's row."""

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


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty folder of published weights."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "models"


@pytest.fixture(scope="module")
def torch():
    """PyTorch, where it is installed."""
    return pytest.importorskip("torch")


@pytest.fixture(scope="module")
def torchvision_models(torch):
    """The networks of torchvision, where it is installed."""
    try:
        return pytest.importorskip("torchvision.models")
    except RuntimeError:  # compiled for another torch; its networks are plain Python all the same
        library = torch.library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor boxes, Tensor scores, float threshold) -> Tensor")
        return importlib.import_module("torchvision.models")


@pytest.fixture
def images():
    """Two pictures of noise, values from 0 to 255."""
    return np.random.default_rng(0).uniform(0, 255, (2, 6, 5, 3)).astype("float32")


@pytest.fixture
def pictures(tmp_path):
    """Return a function that makes test pictures and gives their paths."""

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
    """Return a function that writes a classification report into `tmp_path / name`."""

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
    """Spare a test that looks at no figure the time of drawing them."""
    buffer = io.BytesIO()
    Image.new("RGB", (1, 1)).save(buffer, format="PNG")
    monkeypatch.setattr(figures, "png", lambda _: buffer.getvalue())


@pytest.fixture
def marks(tmp_path):
    """Two classes of 12 and 8 pictures; every picture has a grey level of its own."""
    folder = tmp_path / "marks"
    for name, number, first in (("dark", 12, 0), ("light", 8, 120)):
        (folder / name).mkdir(parents=True)
        for index in range(number):
            grey = Image.new("RGB", (20, 24), (first + 4 * index,) * 3)
            grey.save(folder / name / f"{index:02}.png")
    return folder
