"""Fixtures that more than one test module uses."""

import dataclasses
import hashlib
import os
import threading

import numpy as np
import pytest
from PIL import Image
from publisher import Publisher, write_picture

from keras_cnn import datasets

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
    monkeypatch.setattr(datasets.places, "_CHECKOUT", tmp_path / "checkout")
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
