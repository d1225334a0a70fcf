"""Boxes: equal to plain loops and to the paper, and properties that hold for all boxes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from keras_cnn.detection import boxes


def some_boxes(*, most=12, least=0, smallest=1 / 64):
    """Boxes inside the unit square; `smallest` keeps float32 logarithms exact enough."""

    def corners(values):
        low = values[:, :2] * (1 - smallest)
        return np.concatenate([low, low + smallest + values[:, 2:] * (1 - smallest - low)], axis=1)

    rows = st.integers(least, most).map(lambda n: (n, 4))
    return arrays.arrays(float, rows, elements=st.floats(0, 1, width=32)).map(corners)


def seed_priors():
    """The chapter's PriorBox with its mistakes corrected, one loop per loop of its listing."""
    rows = []
    sides = (30, 60, 111, 162, 213, 264, 315)
    for index, (cells, ratios) in enumerate(
        zip((38, 19, 10, 5, 3, 1), ([2], [2, 3], [2, 3], [2, 3], [2], [2]), strict=True)
    ):
        widths, heights = [], []
        for ratio in [1.0, 1.0] + [r for long in ratios for r in (long, 1 / long)]:
            if ratio == 1 and not widths:
                side = sides[index], sides[index]
            elif ratio == 1:
                side = (np.sqrt(sides[index] * sides[index + 1]),) * 2
            else:
                side = sides[index] * np.sqrt(ratio), sides[index] / np.sqrt(ratio)
            widths.append(side[0])
            heights.append(side[1])
        step = 300 / cells
        line = np.linspace(0.5 * step, 300 - 0.5 * step, cells)
        for y in line:
            for x in line:
                for w, h in zip(widths, heights, strict=True):
                    rows.append((x - w / 2, y - h / 2, x + w / 2, y + h / 2))
    return np.clip(np.array(rows) / 300, 0, 1)


def loop_iou(box, other):
    width = max(0.0, min(box[2], other[2]) - max(box[0], other[0]))
    height = max(0.0, min(box[3], other[3]) - max(box[1], other[1]))
    union = (
        (box[2] - box[0]) * (box[3] - box[1])
        + (other[2] - other[0]) * (other[3] - other[1])
        - width * height
    )
    return width * height / union if union else 0.0


def loop_nms(corners, scores, threshold, top_k):
    kept = []
    for index in sorted(range(len(scores)), key=lambda i: -scores[i])[:top_k]:
        if all(loop_iou(corners[index], corners[other]) <= threshold for other in kept):
            kept.append(index)
    return kept


def test_the_priors_are_the_chapters():
    ours = boxes.priors()
    assert ours.shape == (8732, 4) and ours.dtype == np.float32
    np.testing.assert_allclose(ours, seed_priors(), atol=1e-6)


def test_the_shared_priors_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        boxes.priors()[0, 0] = 1


@given(some_boxes(), some_boxes())
def test_iou_equals_the_loop_and_is_symmetric_and_within_its_range(some, others):
    overlap = boxes.iou(some, others)
    expected = [[loop_iou(box, other) for other in others] for box in some]
    np.testing.assert_allclose(overlap, np.reshape(expected, overlap.shape), atol=1e-12)
    np.testing.assert_allclose(overlap, boxes.iou(others, some).T, atol=1e-15)
    assert ((overlap >= 0) & (overlap <= 1 + 1e-12)).all()


def test_boxes_without_area_overlap_nothing():
    point = np.array([[0.5, 0.5, 0.5, 0.5]])
    assert boxes.iou(point, point) == 0


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float32])
def test_integer_boxes_have_the_same_iou_as_floats(kind):
    some = np.array([[0, 0, 200, 200], [100, 0, 250, 200]], kind)
    overlap = boxes.iou(some, some.astype(float))
    np.testing.assert_allclose(overlap, [[1, 0.4], [0.4, 1]])
    np.testing.assert_allclose(boxes.iou(some, some), overlap, rtol=1e-6)
    assert boxes.nms(some, np.array([0.5, 0.9]), 0.3, 10).tolist() == [1]


@given(some_boxes(least=1), st.randoms(use_true_random=False))
def test_decode_undoes_encode(some, random):
    priors = boxes.priors()[random.sample(range(8732), len(some))]
    offsets = boxes.encode(some, priors)
    np.testing.assert_allclose(boxes.decode(offsets, priors), some, atol=1e-6)


def test_offsets_are_those_of_the_paper():
    prior, box = np.array([0.2, 0.2, 0.6, 0.4]), np.array([0.3, 0.2, 0.5, 0.6])
    # centre (0.4, 0.3) -> (0.4, 0.4) of sides (0.4, 0.2) -> (0.2, 0.4)
    expected = [0, 0.1 / 0.2 / 0.1, np.log(0.5) / 0.2, np.log(2) / 0.2]
    np.testing.assert_allclose(boxes.encode(box, prior), expected, atol=1e-6)


@settings(deadline=None)
@given(some_boxes(least=1, most=30, smallest=0.02))
def test_matching_gives_every_object_a_prior_and_every_close_prior_its_object(some):
    priors = boxes.priors()
    labels = np.arange(1, len(some) + 1)
    offsets, ids = boxes.match(some, labels, priors)
    assert set(labels) <= set(ids)
    found = np.flatnonzero(ids)
    np.testing.assert_allclose(
        boxes.decode(offsets[found], priors[found]), some[ids[found] - 1], atol=1e-5
    )
    overlap = boxes.iou(some.astype(np.float32), priors)
    assert set(np.flatnonzero(overlap.max(axis=0) > 0.5)) <= set(found)
    forced = found[overlap[:, found].max(axis=0) <= 0.5]
    assert len(forced) <= len(some)
    assert not offsets[ids == 0].any()


def test_two_objects_with_one_best_prior_both_keep_one():
    prior = boxes.priors()[5000]
    twins = np.stack([prior, prior])
    _, ids = boxes.match(twins, np.array([1, 2]), boxes.priors())
    assert {1, 2} <= set(ids)


def test_an_object_takes_its_best_prior_even_from_a_closer_object():
    priors = np.array([[0, 0, 0.5, 1], [0.9, 0.9, 1, 1]], np.float32)
    objects = np.array([[0, 0, 0.5, 1], [0, 0, 0.5, 0.2]])
    _, ids = boxes.match(objects, np.array([7, 9]), priors)
    assert list(ids) == [7, 9]  # the second has nothing better left than a prior far away


def test_a_picture_without_objects_is_all_background():
    offsets, ids = boxes.match(np.empty((0, 4)), np.empty(0, int), boxes.priors())
    assert offsets.shape == (8732, 4) and not offsets.any() and not ids.any()


@given(some_boxes(most=25), st.data())
def test_nms_equals_the_greedy_loop_and_changes_nothing_the_second_time(some, data):
    scores = np.array(data.draw(st.permutations(range(len(some)))), float)
    threshold, top_k = data.draw(st.sampled_from([0.1, 0.45, 0.7])), data.draw(st.integers(1, 30))
    kept = boxes.nms(some, scores, threshold, top_k)
    assert list(kept) == loop_nms(some, scores, threshold, top_k)
    again = boxes.nms(some[kept], scores[kept], threshold, top_k)
    assert list(again) == list(range(len(kept)))


def test_detections_are_suppressed_within_their_class_only():
    priors = boxes.priors()[[4000, 4000, 4000, 8000]]
    scores = np.array([[0.1, 0.9, 0], [0.2, 0.8, 0], [0.3, 0, 0.7], [0.995, 0.005, 0]])
    corners, kept, labels = boxes.detections(np.zeros((4, 4)), scores, priors)
    assert list(kept) == [0.9, 0.7] and list(labels) == [1, 2]
    np.testing.assert_allclose(corners, priors[[0, 2]], atol=1e-6)


def test_at_most_keep_detections_are_returned():
    priors = boxes.priors()
    scores = np.random.default_rng(0).dirichlet(np.ones(4), len(priors))
    corners, kept, labels = boxes.detections(np.zeros((len(priors), 4)), scores, priors)
    assert len(corners) == len(kept) == len(labels) == 200
    assert (np.diff(kept) <= 0).all() and labels.min() >= 1


@pytest.mark.parametrize("spread", [0.02, 0.5])
@pytest.mark.parametrize("keep, top_k", [(10, 400), (200, 400), (60, 3)])
def test_detections_equal_the_plain_loop_over_all_boxes(spread, keep, top_k):
    rng = np.random.default_rng(1)
    priors = boxes.priors()[7000:]  # large ones: many overlap, so that more must be looked at
    scores = rng.dirichlet(np.full(4, 0.5), len(priors)).astype(np.float32)
    offsets = rng.normal(size=(len(priors), 4)).astype(np.float32) * spread
    corners = boxes.decode(offsets, priors).clip(0, 1)
    expected = []
    for label in (1, 2, 3):
        chosen = np.flatnonzero(scores[:, label] > 0.1)
        chosen = chosen[loop_nms(corners[chosen], scores[chosen, label], 0.45, top_k)]
        expected += [(scores[index, label], label, *corners[index]) for index in chosen]
    expected = np.array(sorted(expected, key=lambda row: -row[0])[:keep])
    limits = {"score_threshold": 0.1, "top_k": top_k, "keep": keep}
    found, of, labels = boxes.detections(offsets, scores, priors, **limits)
    np.testing.assert_allclose(np.c_[of, labels, found], expected, rtol=1e-6)


def test_a_prediction_of_background_alone_has_no_detections():
    scores = np.tile([1.0, 0, 0], (8732, 1))
    corners, kept, labels = boxes.detections(np.zeros((8732, 4)), scores, boxes.priors())
    assert corners.shape == (0, 4) and len(kept) == len(labels) == 0


@given(st.integers(1, 5000), st.integers(1, 5000), some_boxes())
def test_the_letterbox_shows_the_whole_picture_centred_and_can_be_undone(width, height, some):
    view = boxes.letterbox(width, height)
    side, block = max(width, height), max(1, max(width, height) // 300) + 1
    assert (view[:2] <= 0).all() and (view[2:] >= (width, height)).all()
    assert view[2] - view[0] == view[3] - view[1] <= 1.01 * side + 300 / 256 + block
    middle = (view[:2] + view[2:]) / 2
    np.testing.assert_allclose(middle, (width / 2, height / 2), atol=0.51 * block)
    pixels = some * (width, height, width, height)
    np.testing.assert_allclose(
        boxes.from_view(boxes.to_view(pixels, view), view), pixels, atol=1e-9 * max(width, height)
    )
