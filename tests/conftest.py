"""Fixtures that more than one test module uses."""

import os

import numpy as np
import pytest
from PIL import Image

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
