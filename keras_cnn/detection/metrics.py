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

import numpy as np

from keras_cnn.detection import boxes

VOC_RECALLS = np.arange(11) / 10  # unlike linspace's, equal to recalls such as 3 / 10
COCO_THRESHOLDS = np.linspace(0.5, 0.95, 10)
COCO_RECALLS = np.linspace(0, 1, 101)
COCO_MOST = 100  # detections counted per picture and class


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
    """The best precision at an equal or higher recall."""
    return np.maximum.accumulate(precision[::-1])[::-1]


def _precision_at(recalls, precision, recall):
    index = np.searchsorted(recall, recalls, side="left")
    return np.concatenate([_falling(precision), [0]])[index]


def _pictures(truths, answers, label, *, threshold=None):
    """The objects and detections of one class in each picture.

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


def _class_score(truths, answers, *, label, name, threshold):
    all_scores, right, wrong, objects = [], [], [], 0
    for overlap, difficult, scores in _pictures(truths, answers, label, threshold=threshold):
        objects += int((~difficult).sum())
        all_scores.append(scores)
        if not overlap.size:
            right.append(np.zeros(len(scores), bool))
            wrong.append(np.ones(len(scores), bool))
            continue
        best = overlap.argmax(axis=1)
        hit = overlap.max(axis=1) >= threshold
        ignored = hit & difficult[best]
        finders = np.flatnonzero(hit & ~ignored)
        first = np.zeros(len(scores), bool)
        first[finders[np.unique(best[finders], return_index=True)[1]]] = True
        right.append(first)
        wrong.append(~first & ~ignored)
    order = np.argsort(-np.concatenate(all_scores), kind="stable")
    right, wrong = np.concatenate(right)[order], np.concatenate(wrong)[order]
    return ClassScore(name, objects, *_curve(right, wrong, objects))


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
