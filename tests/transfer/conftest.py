"""Fixtures of the tests of transfer learning."""

import numpy as np
import pytest
from small_base import body

from keras_cnn.images.scaling import Scaling
from keras_cnn.report import scores
from keras_cnn.splits import ClassificationSplits
from keras_cnn.transfer import Base


@pytest.fixture
def base():
    """A base whose every build has the same weights, statistics of normalisation included."""
    rng = np.random.default_rng(0)
    values = [
        rng.normal(0, 1, w.shape) if w.ndim == 4 else rng.uniform(0.1, 0.9, w.shape)
        for w in body(input_shape=(24, 24, 3)).weights
    ]

    def build(*, input_shape):
        model = body(input_shape=input_shape)
        model.set_weights(values)
        return model

    return Base(build, Scaling(rescale=1 / 255))


@pytest.fixture(autouse=True)
def without_figures(request, monkeypatch):
    """Replace the report, which has its own tests and takes longer than the code tested here."""

    def scored(splits, folder, *, answers, history, samples, facts):
        test = scores.classification(splits.targets["test"], answers, splits.class_names)
        return facts | {"task": "classification", "sentence": "", "notes": [], "test": test}

    if "slow" not in request.keywords:
        monkeypatch.setattr(ClassificationSplits, "report", scored)
