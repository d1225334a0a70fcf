"""Scores by size equal pycocotools, the interval a bootstrap by hand; the baseline is told."""

import contextlib
import io

import numpy as np
import pytest
from PIL import Image

from keras_cnn.datasets.annotations import Picture
from keras_cnn.detection import metrics, scoring
from keras_cnn.detection.baseline import ConstantBoxes
from keras_cnn.report import sentences

NAMES = ["cell", "plate"]


def scene(*, seed, pictures=10):
    """Objects of all sizes, and detections of some of them, with duplicates and strays."""
    rng = np.random.default_rng(seed)
    truths, found = [], []
    for _ in range(pictures):
        number = rng.integers(1, 9)
        low = rng.random((number, 2)) * 300
        truth = np.concatenate([low, low + rng.choice([24, 60, 140], (number, 1))], axis=1)
        labels = rng.integers(1, 3, number)
        truths.append((truth, labels, np.zeros(number, bool)))
        source = rng.integers(0, number, 2 * number)
        near = truth[source] + rng.normal(size=(2 * number, 4)) * rng.choice([1, 4])
        strays = rng.random((4, 2)) * 300
        strays = np.concatenate([strays, strays + rng.choice([20, 50, 120], (4, 1))], axis=1)
        guess = np.concatenate([near, strays])
        guesses = np.concatenate([labels[source], rng.integers(1, 3, 4)])
        found.append((guess, rng.random(len(guess)), guesses))
    return truths, found


def as_coco(truths):
    """The truth as pycocotools takes it."""
    data = {
        "images": [{"id": index} for index in range(len(truths))],
        "categories": [{"id": label, "name": name} for label, name in enumerate(NAMES, start=1)],
        "annotations": [],
    }
    for index, (corners, labels, _) in enumerate(truths):
        for (x1, y1, x2, y2), label in zip(corners, labels, strict=True):
            box = {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1), "iscrowd": 0}
            box |= {"id": len(data["annotations"]) + 1, "image_id": index}
            data["annotations"].append(box | {"category_id": int(label)})
    return data


@pytest.mark.parametrize("seed", range(3))
def test_precision_by_size_is_pycocotools(seed):
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    truths, found = scene(seed=seed)
    results = [
        {"image_id": index, "category_id": int(label), "score": score}
        | {"bbox": [x1, y1, x2 - x1, y2 - y1]}
        for index, answer in enumerate(found)
        for (x1, y1, x2, y2), score, label in zip(*answer, strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco.COCO()
        truth.dataset = as_coco(truths)
        truth.createIndex()
        judge = cocoeval.COCOeval(truth, truth.loadRes(results), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    ours = metrics.coco_by_size(truths, found, class_names=NAMES)
    assert 0.05 < min(ours.values()) and max(ours.values()) < 0.95
    np.testing.assert_allclose(list(ours.values()), judge.stats[3:6], atol=1e-12)


def test_the_interval_is_that_of_pictures_drawn_by_hand():
    truths, found = scene(seed=0)
    rng = np.random.default_rng(0)
    times = rng.multinomial(10, np.full(10, 0.1), size=40)
    values = []
    for weights in times:
        rows = np.repeat(np.arange(10), weights)
        drawn = [truths[k] for k in rows], [found[k] for k in rows]
        values.append(metrics.summary(*drawn, class_names=NAMES)["map"])
    low, high = scoring.interval(truths, found, classes=2, resamples=40)
    # The order of equal scores differs between the two.
    np.testing.assert_allclose([low, high], np.percentile(values, [2.5, 97.5]), atol=0.02)
    assert low < metrics.summary(truths, found, class_names=NAMES)["map"] < high
    assert scoring.interval(truths[:1], found[:1], classes=2) is None


@pytest.fixture
def pictures(tmp_path):
    """Cells at the same place of pictures of two sizes, a plate in one of the four."""
    made = []
    for number, (width, height) in enumerate([(100, 50), (200, 100), (100, 50), (100, 50)]):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (width, height)).save(path)
        corners = np.array([[0.1, 0.2, 0.5, 0.8], [0.6, 0.1, 0.9, 0.3]]) * ([width, height] * 2)
        rows = 2 if number == 3 else 1
        labels, difficult = np.array([1, 2])[:rows], np.zeros(rows, bool)
        made.append(Picture(str(path), corners[:rows], labels, difficult, ""))
    return made


def test_the_baseline_answers_the_box_that_finds_most_and_the_frequency_of_its_class(pictures):
    constant = ConstantBoxes.fit(pictures, classes=3)
    np.testing.assert_allclose(constant.corners[0], [0.1, 0.2, 0.5, 0.8])
    np.testing.assert_allclose(constant.scores, [1, 0.25, 0])
    again = ConstantBoxes.from_dict(constant.to_dict())
    corners, scores, labels = again.answers(pictures)[1]
    np.testing.assert_allclose(corners[0], [20, 20, 100, 80])
    assert labels.tolist() == [1, 2] and scores.tolist() == [1, 0.25]


def test_a_detector_that_answers_the_baseline_has_not_learned_and_a_right_one_has(pictures):
    truths = [picture.truth for picture in pictures]
    constant = ConstantBoxes.fit(pictures, classes=2).answers(pictures)
    test, _ = scoring.score(truths, constant, class_names=NAMES, baseline=constant)
    assert test["verdict"] == "around" and test["map"] == test["baseline"] == (1 + 0.25) / 2
    assert sentences.detection(test, where="4 test pictures").startswith(
        "Not shown to have learned"
    )
    right = [(box, np.ones(len(box)), labels) for box, labels, _ in truths]
    test, _ = scoring.score(truths, right, class_names=NAMES, baseline=constant)
    sentence = sentences.detection(test, where="4 test pictures")
    assert test["verdict"] == "above" and sentence == (
        "It has learned: mAP 1.000 at IoU 0.5 on 4 test pictures; the 95 % interval 1.000–1.000 "
        "lies above the 0.625 of one fixed box per class."
    )
