"""Mixup and CutMix: labels, weights and seeds."""

import numpy as np
import pytest

from keras_cnn import ImageDataGenerator
from keras_cnn.training.mixup import Mixed


def _mixed(how, *, seed=0, class_weight=None):
    """Mix eight pictures, each filled with the number of its class."""
    pictures = np.zeros((8, 64, 64, 1), np.float32) + np.arange(8)[:, None, None, None]
    batches = ImageDataGenerator().flow(pictures, np.eye(8, dtype="float32"), shuffle=False)
    return Mixed(batches, how, seed=seed, class_weight=class_weight)


@pytest.mark.parametrize("how", ["mixup", "cutmix"])
def test_labels_are_mixed_as_their_pictures_are(how):
    images, labels = _mixed(how)[0]
    np.testing.assert_allclose(labels.sum(axis=1), 1, rtol=1e-5)
    tolerance = {"mixup": 1e-4, "cutmix": 0.25}[how]  # pasted edges fall between pixels
    means = labels @ np.arange(8)  # of pictures mixed like the labels
    np.testing.assert_allclose(images.mean(axis=(1, 2, 3)), means, atol=tolerance)
    assert np.abs(means - np.arange(8)).max() > 1  # far beyond the tolerance
    assert (labels.max(axis=1) < 0.999).any()


def test_mixup_blends_and_cutmix_pastes():
    blended, pasted = _mixed("mixup")[0][0], _mixed("cutmix")[0][0]
    assert all(len(np.unique(image)) == 1 for image in blended.round(4))
    np.testing.assert_allclose(pasted, pasted.round(), atol=1e-5)


@pytest.mark.parametrize("how", ["mixup", "cutmix"])
def test_the_same_seed_mixes_the_same_way(how):
    first, same, other = (_mixed(how, seed=seed)[0][1] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("how", ["mixup", "cutmix"])
def test_a_mixed_picture_has_the_weights_of_its_classes(how):
    weights = {number: 1.0 + number for number in range(8)}
    _, labels, weight = _mixed(how, class_weight=weights)[0]
    np.testing.assert_allclose(weight, labels @ np.arange(1, 9), rtol=1e-5)
