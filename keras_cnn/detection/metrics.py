"""Scores of detectors: average precision after PASCAL VOC and after COCO.

All functions take, per picture, the truth as ``(boxes, labels, difficult)`` and the detections as
``(boxes, scores, labels)``: corners (n, 4), all in the same unit; class ids from 1 on (n,). A
difficult object (1) may be missed or found without a change of the score. So may a crowd (2), by
any number of detections; their overlap with it is the share of their area inside it, as in COCO.

References:
    The PASCAL Visual Object Classes Challenge, Everingham et al., 2010, section 4.2, and its
    development kit of 2012. https://cocodataset.org/#detection-eval
"""

import dataclasses
from collections.abc import Iterator

import numpy as np

from keras_cnn.detection import boxes

VOC_RECALLS = np.arange(11) / 10  # unlike linspace's, equal to recalls such as 3 / 10
COCO_THRESHOLDS = np.linspace(0.5, 0.95, 10)
COCO_RECALLS = np.linspace(0, 1, 101)
COCO_MOST = 100  # detections counted per picture and class
COCO_SIZES = {  # least and largest area of an object in pixels
    "small": (0, 32**2),
    "medium": (32**2, 96**2),
    "large": (96**2, 1e10),
}


@dataclasses.dataclass(frozen=True)
class ClassScore:
    """The score of one class.

    Attributes:
        name: The class.
        objects: Number of objects that are not difficult.
        precision: Share of right detections among the first 1, 2, ..., best first, (n,).
        recall: Share of the objects that these detections find, (n,).
    """

    name: str
    objects: int
    precision: np.ndarray
    recall: np.ndarray

    @property
    def average_precision(self) -> float:
        """Area under the curve of falling precision, as VOC since 2010; NaN without objects."""
        if not self.objects:
            return float("nan")
        recall = np.concatenate([[0], self.recall])
        return float(np.sum(np.diff(recall) * _falling(self.precision)))

    @property
    def average_precision_2007(self) -> float:
        """Mean precision at the recalls 0, 0.1, ..., 1, as VOC until 2009; NaN without objects."""
        if not self.objects:
            return float("nan")
        return float(_precision_at(VOC_RECALLS, self.precision, self.recall).mean())


def voc(truths: list, answers: list, *, class_names: list, threshold: float = 0.5) -> list:
    """Score a detector as the PASCAL VOC development kit does.

    Each detection is assigned to the object of its class with the largest IoU. Of the detections of
    an object whose IoU reaches the threshold, the highest score is right; the others are mistakes.

    Args:
        truths: Objects of each picture.
        answers: Detections of each picture.
        class_names: Names of the classes, without background.
        threshold: IoU at which an object counts as found.

    Returns:
        One `ClassScore` per class.
    """
    return [
        _class_score(truths, answers, label=label, name=name, threshold=threshold)
        for label, name in enumerate(class_names, start=1)
    ]


def coco(truths: list, answers: list, *, class_names: list) -> np.ndarray:
    """Score a detector as COCO does, on objects of all sizes; difficult objects are ignored.

    Args:
        truths: Objects of each picture.
        answers: Detections of each picture; the best 100 of each class count.
        class_names: Names of the classes, without background.

    Returns:
        Average precision at each IoU threshold 0.5, 0.55, ..., 0.95 of each class, NaN where a
        class has no objects, shape (10, classes). Its mean is COCO's "AP", its first row "AP50".
    """
    classes = range(1, len(class_names) + 1)
    return np.stack([_coco_class(truths, answers, label=label) for label in classes], axis=1)


def summary(truths: list, answers: list, *, class_names: list) -> dict:
    """Score a detector by all metrics.

    Args:
        truths: Objects of each picture.
        answers: Detections of each picture.
        class_names: Names of the classes, without background.

    Returns:
        "map" (VOC, area), "map_voc07", "map_coco", "map_coco50" and "map_coco75", each the mean
        over the classes that have objects, None where none has; "classes", the `voc` scores.
    """
    classes = voc(truths, answers, class_names=class_names)
    precisions = coco(truths, answers, class_names=class_names)
    return {
        "map": _mean([score.average_precision for score in classes]),
        "map_voc07": _mean([score.average_precision_2007 for score in classes]),
        "map_coco": _mean(precisions),
        "map_coco50": _mean(precisions[0]),
        "map_coco75": _mean(precisions[5]),
        "classes": classes,
    }


def _mean(values):
    values = np.asarray(values, float)
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else None


def _falling(precision):
    """Return the best precision at an equal or higher recall."""
    return np.maximum.accumulate(precision[::-1])[::-1]


def _precision_at(recalls, precision, recall):
    index = np.searchsorted(recall, recalls, side="left")
    return np.concatenate([_falling(precision), [0]])[index]


def _pictures(truths, answers, label, *, threshold=None):
    """Return the objects and detections of one class in each picture.

    With a threshold, a detection that reaches it with an object has no overlap with crowds.

    Yield the IoU (detections, objects), the difficult flags (objects,), and the scores
    (detections,), best first.
    """
    for (true_boxes, true_labels, difficult), answer in zip(truths, answers, strict=True):
        its_boxes, its_scores, its_labels = answer
        of_class = true_labels == label
        index = np.flatnonzero(its_labels == label)
        index = index[np.argsort(-its_scores[index], kind="stable")]
        kinds = np.asarray(difficult, int)[of_class]
        found, objects = its_boxes[index].astype(float), true_boxes[of_class].astype(float)
        overlap, is_crowd = boxes.iou(found, objects), kinds == 2
        if is_crowd.any():
            taken = (overlap[:, ~is_crowd] >= (threshold or np.inf)).any(axis=1)
            inside = boxes.share_inside(found, objects[is_crowd])
            overlap[:, is_crowd] = np.where(taken[:, None], 0, inside)
        yield overlap, kinds > 0, its_scores[index]


def matched(truths: list, answers: list, *, label: int, threshold: float = 0.5) -> Iterator:
    """Assign the detections of a class to its objects, as the PASCAL VOC development kit does.

    Args:
        truths: Objects of each picture.
        answers: Detections of each picture.
        label: Class id.
        threshold: IoU at which an object counts as found.

    Yields:
        For each picture the scores of its detections, best first, two masks of them, right and
        wrong, both False where the object is difficult; and the number of objects.
    """
    for overlap, difficult, scores in _pictures(truths, answers, label, threshold=threshold):
        objects = int((~difficult).sum())
        if not overlap.size:
            none = np.zeros(len(scores), bool)
            yield scores, none, ~none, objects
            continue
        best = overlap.argmax(axis=1)
        hit = overlap.max(axis=1) >= threshold
        ignored = hit & difficult[best]
        finders = np.flatnonzero(hit & ~ignored)
        first = np.zeros(len(scores), bool)
        first[finders[np.unique(best[finders], return_index=True)[1]]] = True
        yield scores, first, ~first & ~ignored, objects


def _class_score(truths, answers, *, label, name, threshold):
    pictures = matched(truths, answers, label=label, threshold=threshold)
    all_scores, right, wrong, objects = zip(*pictures, strict=True)
    order = np.argsort(-np.concatenate(all_scores), kind="stable")
    right, wrong = np.concatenate(right)[order], np.concatenate(wrong)[order]
    return ClassScore(name, sum(objects), *_curve(right, wrong, sum(objects)))


def _curve(right, wrong, objects):
    """Precision and recall after each detection."""
    right, wrong = np.cumsum(right, axis=-1), np.cumsum(wrong, axis=-1)
    return right / np.maximum(right + wrong, 1), right / max(objects, 1)


def _coco_class(truths, answers, *, label):
    all_scores, right, wrong, objects = [], [], [], 0
    for overlap, difficult, scores in _pictures(truths, answers, label):
        objects += int((~difficult).sum())
        all_scores.append(scores[:COCO_MOST])
        matched, ignored = _coco_match(overlap[:COCO_MOST], difficult)
        right.append(matched)
        wrong.append(~matched & ~ignored)
    return _coco_precisions(all_scores, right, wrong, objects)


def _coco_precisions(all_scores, right, wrong, objects):
    """Average precision at each threshold, from each picture's detections; NaN without objects."""
    if not objects:
        return np.full(len(COCO_THRESHOLDS), np.nan)
    order = np.argsort(-np.concatenate(all_scores), kind="stable")
    right, wrong = np.concatenate(right, 1)[:, order], np.concatenate(wrong, 1)[:, order]
    curves = zip(*_curve(right, wrong, objects), strict=True)
    return np.array([_precision_at(COCO_RECALLS, *curve).mean() for curve in curves])


def _coco_match(overlap, difficult):
    """Match as COCO at all thresholds: each detection takes the object of largest IoU still free.

    Return two masks (thresholds, detections): matches an object; matches a difficult object.
    """
    matched = np.zeros((len(COCO_THRESHOLDS), len(overlap)), bool)
    ignored = np.zeros_like(matched)
    free = np.tile(~difficult, (len(COCO_THRESHOLDS), 1))  # (thresholds, objects)
    rows = np.arange(len(COCO_THRESHOLDS))
    if not overlap.size:
        return matched, ignored
    for index, row in enumerate(overlap):
        if row.max() < COCO_THRESHOLDS[0]:
            continue
        open_overlap = np.where(free, row, -1)
        best = open_overlap.argmax(axis=1)
        matched[:, index] = open_overlap[rows, best] >= COCO_THRESHOLDS
        free[rows, best] &= ~matched[:, index]
        closest = row[difficult].max(initial=-1)
        ignored[:, index] = ~matched[:, index] & (closest >= COCO_THRESHOLDS)
    return matched, ignored


def coco_by_size(truths: list, answers: list, *, class_names: list) -> dict[str, float | None]:
    """Score a detector as COCO does on small, medium and large objects.

    Objects of other sizes are ignored, and so are detections of another size that match nothing.
    Boxes must be in pixels.

    Args:
        truths: Objects of each picture.
        answers: Detections of each picture; the best 100 of each class count.
        class_names: Names of the classes, without background.

    Returns:
        Size -> average precision, the mean over thresholds and classes; None without objects.
    """
    labels = range(1, len(class_names) + 1)
    return {
        size: _mean([_coco_of_size(truths, answers, label, areas) for label in labels])
        for size, areas in COCO_SIZES.items()
    }


def _coco_of_size(truths, answers, label, areas):
    """Average precision at each threshold of one class and size, NaN without objects."""
    all_scores, right, wrong, objects = [], [], [], 0
    pictures = _pictures(truths, answers, label)
    for truth, answer, (overlap, difficult, scores) in zip(truths, answers, pictures, strict=True):
        outside = _is_outside(truth[0][truth[1] == label], areas) & ~difficult
        index = np.flatnonzero(answer[2] == label)
        index = index[np.argsort(-answer[1][index], kind="stable")][:COCO_MOST]
        matches, ignored = _match_of_size(overlap[:COCO_MOST], difficult, outside)
        ignored |= _is_outside(answer[0][index], areas) & ~matches
        objects += int((~difficult & ~outside).sum())
        all_scores.append(scores[:COCO_MOST])
        right.append(matches)
        wrong.append(~matches & ~ignored)
    return _coco_precisions(all_scores, right, wrong, objects)


def _is_outside(corners, areas):
    area = (corners[:, 2:] - corners[:, :2]).prod(axis=1)
    return (area < areas[0]) | (area > areas[1])


def _match_of_size(overlap, difficult, outside):
    """As `_coco_match`; an object outside the size is ignored once, and only if no other fits."""
    matches = np.zeros((len(COCO_THRESHOLDS), len(overlap)), bool)
    ignored = np.zeros_like(matches)
    if not overlap.size:
        return matches, ignored
    free = np.ones((len(COCO_THRESHOLDS), overlap.shape[1]), bool)
    rows = np.arange(len(COCO_THRESHOLDS))
    for index, row in enumerate(overlap):
        if row.max() < COCO_THRESHOLDS[0]:
            continue
        for mask, allowed in ((matches, ~difficult & ~outside), (ignored, difficult | outside)):
            open_overlap = np.where(free & allowed, row, -1)
            best = open_overlap.argmax(axis=1)
            is_new = (open_overlap[rows, best] >= COCO_THRESHOLDS) & ~matches[:, index]
            mask[:, index] = is_new
            free[rows, best] &= ~is_new | difficult[best]
    return matches, ignored
