"""The drawn shapes: a valid VOC folder, varied, and the same in every run."""

import numpy as np

from keras_cnn.datasets import annotations
from keras_cnn.datasets.synthetic import shapes
from keras_cnn.detection import boxes

SIZES = {"train": 12, "val": 3, "test": 3}


def test_the_sample_is_a_voc_folder_without_bad_boxes(tmp_path):
    folder = tmp_path / "形 shapes"
    shapes.write(folder, split_sizes=SIZES)
    for split, number in SIZES.items():
        read = annotations.read(folder, split=split, class_names=shapes.CLASSES)
        checked, bad = annotations.check(read)
        assert len(checked.pictures) == number and not bad


def test_objects_differ_in_size_overlap_and_all_classes_occur():
    drawn = [shapes.picture(np.random.default_rng(k))[1] for k in range(40)]
    assert {name for objects in drawn for name, _, _ in objects} == set(shapes.CLASSES)
    corners = [np.array([box for _, box, _ in objects], float) for objects in drawn if objects]
    sides = np.concatenate([box[:, 2] - box[:, 0] for box in corners])
    assert sides.max() > 3 * sides.min()
    overlaps = [np.triu(boxes.iou(box, box), k=1).max() for box in corners]
    assert np.mean(np.array(overlaps) > 0.05) > 0.2


def test_the_same_seed_draws_the_same_picture():
    first, second = (shapes.picture(np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first[0], second[0])
    assert first[1] == second[1]
