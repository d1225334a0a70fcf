"""Scores: equal to pycocotools, to the VOC development kit's loop, and to sums by hand."""

import contextlib
import io

import numpy as np
import pytest

from keras_cnn.detection import metrics

NAMES = ["cell", "plate", "dust"]


def random_scene(*, pictures=12, seed=0, apart=False):
    """Objects, and detections of some of them: with duplicates, wrong ones and misses."""
    rng = np.random.default_rng(seed)
    truths, found = [], []
    for _ in range(pictures):
        number = rng.integers(0, 9)
        low = rng.random((number, 2)) * 80
        if apart:
            low = rng.permutation(25)[:number, None] // [[5, 1]] % 5 * 40.0
        truth = np.concatenate([low, low + 8 + rng.random((number, 2)) * 20], axis=1)
        labels = rng.integers(1, 4, number)
        truths.append((truth, labels, np.zeros(number, bool)))
        source = rng.integers(0, number, 2 * number) if number else np.empty(0, int)
        near = truth[source] + rng.normal(size=(2 * number, 4)) * rng.choice([0.6, 2.5])
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
        strays = rng.random((4, 4)) * 40
        strays[:, 2:] += strays[:, :2] + 1
        guess = np.concatenate([near, strays])
        guesses = np.concatenate([labels[source], rng.integers(1, 4, 4)])
        guesses = np.where(rng.random(len(guesses)) < 0.1, rng.integers(1, 4), guesses)
        found.append((guess, rng.random(len(guess)), guesses))
    return truths, found


def pycocotools_precision(truths, found, *, thresholds, recalls):
    """Mean precision at each threshold of each class, by the reference implementation."""
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    data = {
        "images": [{"id": index + 1} for index in range(len(truths))],
        "categories": [{"id": label + 1, "name": name} for label, name in enumerate(NAMES)],
        "annotations": [],
    }
    results = []

    def as_coco(box):
        return [*map(float, box[:2]), float(box[2] - box[0]), float(box[3] - box[1])]

    for index, (truth, labels, kinds) in enumerate(truths):
        for box, label, kind in zip(truth, labels, kinds, strict=True):
            area, crowd = float((box[2:] - box[:2]).prod()), int(kind == 2)
            entry = {"bbox": as_coco(box), "area": area, "iscrowd": crowd}
            entry["category_id"] = int(label)
            entry |= {"id": len(data["annotations"]) + 1, "image_id": index + 1}
            data["annotations"].append(entry)
        for box, score, label in zip(*found[index], strict=True):
            results.append({"bbox": as_coco(box), "score": score, "category_id": int(label)})
            results[-1]["image_id"] = index + 1
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco.COCO()
        truth.dataset = data
        truth.createIndex()
        judge = cocoeval.COCOeval(truth, truth.loadRes(results), "bbox")
        judge.params.iouThrs, judge.params.recThrs = np.array(thresholds), np.array(recalls)
        judge.evaluate()
        judge.accumulate()
    return judge.eval["precision"][:, :, :, 0, -1].mean(axis=1)  # (thresholds, classes)


def devkit_average_precision(truths, found, label, threshold=0.5):
    """The development kit's loop over detections, best first."""
    rows = [
        (score, index, box)
        for index, (its_boxes, scores, labels) in enumerate(found)
        for box, score, its in zip(its_boxes, scores, labels, strict=True)
        if its == label
    ]
    taken, hits, objects = set(), [], 0
    for truth in truths:
        objects += int(((truth[1] == label) & ~truth[2]).sum())
    for _, index, box in sorted(rows, key=lambda row: -row[0]):
        truth, labels, difficult = truths[index]
        best, which = -1.0, None
        for number in np.flatnonzero(labels == label):
            other = truth[number]
            width = min(box[2], other[2]) - max(box[0], other[0])
            height = min(box[3], other[3]) - max(box[1], other[1])
            if width > 0 and height > 0:
                areas = (box[2:] - box[:2]).prod() + (other[2:] - other[:2]).prod()
                overlap = width * height / (areas - width * height)
                if overlap > best:
                    best, which = overlap, (index, number)
        if best >= threshold and difficult[which[1]]:
            continue
        hits.append(best >= threshold and which not in taken)
        taken.add(which if best >= threshold else None)
    right = np.cumsum(hits)
    precision, recall = right / np.arange(1, len(hits) + 1), right / objects
    area = sum(
        (recall[k] - (recall[k - 1] if k else 0)) * precision[k:].max() for k in range(len(hits))
    )
    eleven = [max(precision[recall >= tenth / 10], default=0) for tenth in range(11)]
    return area, np.mean(eleven)


@pytest.mark.parametrize("seed", range(4))
def test_coco_precision_is_pycocotools(seed):
    truths, found = random_scene(seed=seed)
    expected = pycocotools_precision(
        truths, found, thresholds=metrics.COCO_THRESHOLDS, recalls=metrics.COCO_RECALLS
    )
    ours = metrics.coco(truths, found, class_names=NAMES)
    assert 0.05 < ours.mean() < 0.95  # neither all right nor all wrong, which would hide mistakes
    np.testing.assert_allclose(ours, expected, atol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_coco_precision_with_crowds_is_pycocotools(seed):
    truths, found = random_scene(seed=seed)
    rng = np.random.default_rng(seed)
    planted = []
    for box, labels, _ in truths:
        crowds = rng.random(len(labels)) < 0.3
        wider = box.astype(float)
        wider[crowds, 2:] += (box[crowds, 2:] - box[crowds, :2]) * rng.uniform(0, 3)
        planted.append((wider, labels, 2 * crowds))
    expected = pycocotools_precision(
        planted, found, thresholds=metrics.COCO_THRESHOLDS, recalls=metrics.COCO_RECALLS
    )
    ours = metrics.coco(planted, found, class_names=NAMES)
    np.testing.assert_allclose(ours, expected, atol=1e-12)
    as_difficult = [(box, labels, kinds > 0) for box, labels, kinds in planted]
    assert abs(metrics.coco(as_difficult, found, class_names=NAMES) - expected).max() > 1e-3


def test_many_detections_in_a_crowd_are_neither_right_nor_wrong_and_hide_no_object():
    boxes = np.array([(0, 0, 100, 100), (10, 10, 20, 20)], float)
    truths = [(boxes, np.array([1, 1]), np.array([2, 0]))]
    found = np.array([(50, 50, 60, 60), (70, 70, 80, 80), (10, 10, 20, 20)], float)
    answers = [(found, np.array([0.9, 0.8, 0.7]), np.array([1, 1, 1]))]
    (score,) = metrics.voc(truths, answers, class_names=["cat"])
    assert score.objects == 1 and score.average_precision == 1
    assert metrics.coco(truths, answers, class_names=["cat"]).min() == 1


@pytest.mark.parametrize("seed", range(4))
def test_voc_precision_is_the_development_kits(seed):
    truths, found = random_scene(seed=seed)
    rng = np.random.default_rng(seed)
    truths = [(box, labels, rng.random(len(labels)) < 0.3) for box, labels, _ in truths]
    for label, score in enumerate(metrics.voc(truths, found, class_names=NAMES), start=1):
        ours = score.average_precision, score.average_precision_2007
        np.testing.assert_allclose(ours, devkit_average_precision(truths, found, label))


def test_voc07_is_pycocotools_with_eleven_recalls_where_objects_lie_apart():
    truths, found = random_scene(apart=True, seed=3)
    expected = pycocotools_precision(truths, found, thresholds=[0.5], recalls=np.linspace(0, 1, 11))
    ours = [s.average_precision_2007 for s in metrics.voc(truths, found, class_names=NAMES)]
    np.testing.assert_allclose(ours, expected[0], atol=1e-12)


def test_a_class_without_objects_does_not_count():
    box = np.array([[0.0, 0, 10, 10]])
    truths = [(box, np.array([1]), np.array([False]))]
    found = [(box, np.array([0.9]), np.array([1]))]
    scores = metrics.summary(truths, found, class_names=NAMES)
    assert [scores[key] for key in ("map", "map_voc07", "map_coco")] == [1, 1, 1]
    assert np.isnan(scores["classes"][1].average_precision)


def test_nothing_found_scores_zero_and_nothing_to_find_scores_none():
    box = np.array([[0.0, 0, 10, 10]])
    nothing = np.empty((0, 4)), np.empty(0), np.empty(0, int)
    truths = [(box, np.array([1]), np.array([False]))]
    assert metrics.summary(truths, [nothing], class_names=NAMES)["map"] == 0
    difficult = [(box, np.array([1]), np.array([True]))]
    assert metrics.summary(difficult, [nothing], class_names=NAMES)["map"] is None


def test_a_difficult_object_may_be_found_or_missed():
    box = np.array([[0.0, 0, 10, 10], [20, 20, 40, 40]])
    truths = [(box, np.array([1, 1]), np.array([False, True]))]
    for kept in ([0], [0, 1], [1, 0]):
        found = [(box[kept], np.linspace(0.9, 0.8, len(kept)), np.ones(len(kept), int))]
        scores = metrics.summary(truths, found, class_names=NAMES)
        assert scores["map"] == scores["map_coco"] == 1


def test_a_second_detection_of_an_object_is_a_mistake():
    box = np.array([[0.0, 0, 10, 10]])
    other = np.array([[50.0, 50, 60, 60]])
    truths = [(np.concatenate([box, other]), np.array([1, 1]), np.zeros(2, bool))]
    found = [(np.concatenate([box, box, other]), np.array([0.9, 0.8, 0.7]), np.ones(3, int))]
    (score,) = metrics.voc(truths, found, class_names=["cell"])
    np.testing.assert_allclose(score.precision, [1, 1 / 2, 2 / 3])
    np.testing.assert_allclose(score.recall, [0.5, 0.5, 1])
    assert score.average_precision == pytest.approx(0.5 + 0.5 * 2 / 3)
