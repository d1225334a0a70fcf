"""Letterboxed pictures on disk: the second run of a detector reads its training pictures only."""

import dataclasses

import numpy as np
import pytest
from oracle_detector import SCENES, Oracle, bright
from PIL import Image

from keras_cnn.cli import main
from keras_cnn.datasets.annotations import Picture
from keras_cnn.datasets.synthetic import draw as synthetic
from keras_cnn.detection import DetectionRecipe, detection_splits, prediction
from keras_cnn.detection.augment import Augmentation
from keras_cnn.detection.batches import Batches
from keras_cnn.images import files
from keras_cnn.images.disk import Disk


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A wide, a high and a large picture; a camera turned the first."""
    folder, made = tmp_path_factory.mktemp("pictures"), []
    for number, (width, height, box) in enumerate(SCENES):
        image, exif = Image.fromarray(bright(width, height, box)), Image.Exif()
        if not number:
            exif[0x0112] = 6
            image = image.transpose(Image.Transpose.ROTATE_90)
        image.save(folder / f"{number}.png", exif=exif)
        truth = np.array([box], float), np.array([2]), np.array([False])
        made.append(Picture(str(folder / f"{number}.png"), *truth, f"{number}.xml"))
    return made


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("set") / "shapes"
    synthetic.shapes.write(folder, split_sizes={"train": 2, "val": 1, "test": 2})
    return folder


def test_pictures_of_an_earlier_run_give_the_same_batches_and_answers(pictures, tmp_path, decoded):
    def run(**options):
        batches = Batches(pictures, batch_size=2, **options)
        return [*batches[0], *batches[1]], prediction.predict(Oracle(), batches)

    (expected, answers), number = run(), len(decoded)
    assert number == 6  # once for a batch, and once for an answer
    for left in (3, 0):
        decoded.clear()
        arrays, found = run(cache=Disk(tmp_path / "kept"))
        assert len(decoded) == left
        for array, other in zip(arrays, expected, strict=True):
            np.testing.assert_array_equal(array, other)
        for answer, other, (width, height, box) in zip(found, answers, SCENES, strict=True):
            np.testing.assert_array_equal(answer[0], other[0])
            np.testing.assert_allclose(answer[0][0], box, atol=1.5 * max(width, height) / 300)


def test_views_of_an_augmentation_are_cut_from_the_whole_picture(pictures, tmp_path):
    kept, change = Disk(tmp_path / "kept"), Augmentation()
    Batches(pictures, cache=kept)[0]
    batches = Batches(pictures, cache=kept, augmentation=change, seed=3)
    for number, picture in enumerate(pictures):
        rng = np.random.default_rng((3, 0, number))
        whole = files.read(picture.path)
        expected, *_ = change(whole, picture.boxes, picture.labels, size=300, rng=rng)
        np.testing.assert_array_equal(batches.sample(number)[0], expected)


def test_the_second_run_decodes_training_pictures_only(shapes, tmp_path, decoded, capsys):
    recipe = DetectionRecipe(name="x", dataset="x", data=shapes, weights=None, batch_size=2)
    recipe = dataclasses.replace(recipe, cache=str(tmp_path / "kept"))
    lines = []
    for left in (5 + 3, 0):  # each is examined, and those of validation and test are read
        decoded.clear()
        splits = detection_splits(recipe)
        for batches in (splits.validation, splits.test.eight_bit().batches):
            batches[0]
        assert len(decoded) == left
        splits.train[0]
        assert len(decoded) == left + 2
        lines += [line for line in capsys.readouterr().out.splitlines() if "Resized" in line]
    assert ": 3 (" in lines[0] and ", 3 new)" in lines[0] and ", 0 new)" in lines[1]
    assert main(["cache", recipe.cache]) == 0
    listed = capsys.readouterr().out
    assert "300x300x3" in listed and ": 3 entries" in listed and "examined" in listed
