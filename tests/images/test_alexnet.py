"""AlexNet's augmentation: random crops in training, the centre in the test, and colour noise."""

import numpy as np
import pytest
from PIL import Image
from sklearn.decomposition import PCA

from keras_cnn import ImageDataGenerator, InputError, Recipe
from keras_cnn.images.alexnet import CropsAndColours, principal_components, uncropped_size
from keras_cnn.images.preparation import Preparation
from keras_cnn.splits import array_splits, classification_splits


def test_the_components_of_colours_on_a_line_are_that_line():
    t = np.random.default_rng(0).normal(size=1000)
    variances, vectors = principal_components(np.outer(t, [1, 2, 2]) + [3, 1, 4])
    np.testing.assert_allclose(variances, [9 * t.var(ddof=1), 0, 0], atol=1e-12)
    np.testing.assert_allclose(np.abs(vectors[:, 0]), [1 / 3, 2 / 3, 2 / 3])


def test_the_components_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    colours = rng.random((500, 3)) @ rng.random((3, 3))
    variances, vectors = principal_components(colours)
    peer = PCA(3).fit(colours)
    np.testing.assert_allclose(variances, peer.explained_variance_)
    np.testing.assert_allclose(np.abs(vectors.T), np.abs(peer.components_), atol=1e-9)


def test_the_noise_has_a_tenth_of_the_variance_along_each_component():
    variances, rng = np.array([0.2, 0.05, 0.01]), np.random.RandomState(0)
    vectors, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    augmentation = CropsAndColours(vectors * variances)
    drawn = [augmentation.draw(rng, size=(224, 224)) for _ in range(4000)]
    along = np.stack([params["colour"] for params in drawn]) @ vectors
    np.testing.assert_allclose(along.std(axis=0), 255 * 0.1 * variances, rtol=0.05)
    np.testing.assert_allclose(along.mean(axis=0) / along.std(axis=0), 0, atol=0.06)
    corners = np.array([params["crop"][:2] for params in drawn])
    assert corners.min() == 0 and corners.max() == 32  # of 256 pixels, 224 from the last row on


@pytest.fixture
def gradients(tmp_path):
    """Two classes of pictures of 64 pixels: red is the column and green the row, times 4."""
    rows, columns = np.mgrid[:64, :64].astype(np.uint8) * 4
    for split in ("train", "test"):
        for number, name in enumerate(("dark", "light")):
            folder = tmp_path / "set" / split / name
            folder.mkdir(parents=True)
            for index in range(12):
                blue = np.full_like(rows, 100 * number + index)
                Image.fromarray(np.stack([columns, rows, blue], -1)).save(folder / f"{index}.png")
    return tmp_path / "set"


def _splits(folder, **choices):
    recipe = Recipe(name="", dataset="", data=folder, image_size=56, **choices)
    return classification_splits(recipe, ImageDataGenerator())


def test_training_sees_random_crops_and_the_test_the_centre(gradients, monkeypatch):
    monkeypatch.setattr(CropsAndColours, "of", lambda *_, **__: CropsAndColours(np.zeros((3, 3))))
    splits = _splits(gradients, augment="alexnet")
    assert uncropped_size(56) == 64 and splits.image_shape == (56, 56, 3)
    pictures, _ = splits.train[0]
    rises = pictures[:, 0, 1, 0] - pictures[:, 0, 0, 0]
    assert set(rises) == {-4, 4}  # mirrored or not
    first = np.minimum(pictures[:, 0, 0, 0], pictures[:, 0, -1, 0]) / 4, pictures[:, 0, 0, 1] / 4
    for corner in first:
        assert len(set(corner)) > 3 and set(corner) <= set(range(9))
    tested, _ = splits.test[0]
    with Image.open(splits.test_names[0]) as picture:
        centre = np.asarray(picture)[4:60, 4:60]
    np.testing.assert_array_equal(tested[0], centre)
    card = splits.card()
    reader = Preparation.from_dict(card.preparation)
    np.testing.assert_array_equal(reader.read(splits.test_names[0]), centre)
    with Image.open(splits.test_names[0]) as picture:
        np.testing.assert_array_equal(reader.from_memory(picture), centre)


def test_colours_change_along_the_components_of_the_training_pictures(gradients):
    splits = _splits(gradients, augment="alexnet", batch_size=24)
    plain, _ = splits.test[0]
    components = splits.train.image_data_generator.alexnet.components
    assert np.linalg.norm(components[:, 0]) > np.linalg.norm(components[:, 2])
    pictures, _ = splits.train[0]
    blue = pictures[..., 2]
    assert np.ptp(blue, axis=(1, 2)).max() < 1e-3  # the same noise on all pixels of a picture
    assert len(np.unique(blue[:, 0, 0])) == len(blue)
    np.testing.assert_array_equal(splits.with_seed(0).train[0][0], splits.with_seed(0).train[0][0])
    assert not np.array_equal(splits.with_seed(0).train[0][0], splits.with_seed(1).train[0][0])


def test_a_card_with_a_crop_larger_than_its_picture_is_refused():
    fields = Preparation(size=(56, 56), crop_from=(64, 64)).to_dict()
    assert Preparation.from_dict(fields).crop_from == (64, 64)
    with pytest.raises(InputError, match="no smaller than the size"):
        Preparation.from_dict(fields | {"crop_from": [32, 64]})


def test_arrays_of_grey_pictures_are_refused(tmp_path):
    recipe = Recipe(name="", dataset="mnist", augment="alexnet", image_size=28)
    with pytest.raises(InputError, match="choose --augment move"):
        array_splits(recipe, ImageDataGenerator())
