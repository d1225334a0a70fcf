"""Scores of detectors: average precision after PASCAL VOC and after COCO.

All functions take, per picture, the truth as ``(boxes, labels, difficult)`` and what was found as
``(boxes, scores, labels)``: corners in any one unit (n, 4), class ids from 1 on (n,). A difficult
object need not be found, and finding it is no mistake.

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
COCO_MOST = 100  # detections per picture and class that count


@dataclasses.dataclass(frozen=True)
class ClassScore:
    """How well one class is found.

    Attributes:
        name: The class.
        objects: Number of objects that are not difficult.
        precision: Share of the detections that are right, after each detection, best first, (n,).
        recall: Share of the objects that are found, likewise, (n,).
    """

    name: str
    objects: int
    precision: np.ndarray
    recall: np.ndarray

    @property
    def average_precision(self) -> float:
        """Area under the curve, precision made to fall only: VOC since 2010. NaN: no objects."""
        if not self.objects:
            return float("nan")
        recall = np.concatenate([[0], self.recall])
        return float(np.sum(np.diff(recall) * _falling(self.precision)))

    @property
    def average_precision_2007(self) -> float:
        """Mean of the precision at the recalls 0, 0.1, ..., 1: VOC until 2009. NaN: no objects."""
        if not self.objects:
            return float("nan")
        return float(_precision_at(VOC_RECALLS, self.precision, self.recall).mean())


def voc(truths: list, found: list, *, class_names: list, threshold: float = 0.5) -> list:
    """Scores a detector as the PASCAL VOC development kit does.

    Each detection goes to the object of its class it overlaps most, whether that is already found
    or not; the best of those that reach the threshold finds the object, the others are mistakes.

    Args:
        truths: What is to be found, one entry per picture.
        found: What was found, one entry per picture.
        class_names: Names of the classes, without background.
        threshold: IoU at which an object counts as found.

    Returns:
        One `ClassScore` per class.
    """
    return [
        _class_score(truths, found, label=label, name=name, threshold=threshold)
        for label, name in enumerate(class_names, start=1)
    ]


def coco(truths: list, found: list, *, class_names: list) -> np.ndarray:
    """Scores a detector as COCO does, objects of all sizes, difficult ones ignored.

    Args:
        truths: What is to be found, one entry per picture.
        found: What was found, one entry per picture; the best 100 of each class count.
        class_names: Names of the classes, without background.

    Returns:
        Average precision at each IoU threshold 0.5, 0.55, ..., 0.95 of each class, NaN where a
        class has no objects, shape (10, classes). Its mean is COCO's "AP", its first row "AP50".
    """
    classes = range(1, len(class_names) + 1)
    return np.stack([_coco_class(truths, found, label=label) for label in classes], axis=1)


def summary(truths: list, found: list, *, class_names: list) -> dict:
    """Scores a detector in every way.

    Args:
        truths: What is to be found, one entry per picture.
        found: What was found, one entry per picture.
        class_names: Names of the classes, without background.

    Returns:
        "map" (VOC, area), "map_voc07", "map_coco", "map_coco50" and "map_coco75", each the mean
        over the classes that have objects, None where none has; "classes", the `voc` scores.
    """
    classes = voc(truths, found, class_names=class_names)
    precisions = coco(truths, found, class_names=class_names)
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
    """Each precision raised to the best at an equal or higher recall."""
    return np.maximum.accumulate(precision[::-1])[::-1]


def _precision_at(recalls, precision, recall):
    index = np.searchsorted(recall, recalls, side="left")
    return np.concatenate([_falling(precision), [0]])[index]


def _class_score(truths, found, *, label, name, threshold):
    scores, right, wrong, objects = [], [], [], 0
    for (true_boxes, true_labels, difficult), (its_boxes, its_scores, its_labels) in zip(
        truths, found, strict=True
    ):
        wanted, mine = true_labels == label, its_labels == label
        difficult = np.asarray(difficult, bool)[wanted]
        objects += int((~difficult).sum())
        order = np.argsort(-its_scores[mine], kind="stable")
        scores.append(its_scores[mine][order])
        overlap = boxes.iou(its_boxes[mine][order].astype(float), true_boxes[wanted].astype(float))
        if not overlap.size:
            right.append(np.zeros(len(order), bool))
            wrong.append(np.ones(len(order), bool))
            continue
        best = overlap.argmax(axis=1)
        hit = overlap.max(axis=1) >= threshold
        ignored = hit & difficult[best]
        finders = np.flatnonzero(hit & ~ignored)
        first = np.zeros(len(order), bool)
        first[finders[np.unique(best[finders], return_index=True)[1]]] = True
        right.append(first)
        wrong.append(~first & ~ignored)
    order = np.argsort(-np.concatenate(scores), kind="stable")
    return ClassScore(
        name, objects, *_curve(np.concatenate(right)[order], np.concatenate(wrong)[order], objects)
    )


def _curve(right, wrong, objects):
    """Precision and recall after each detection."""
    right, wrong = np.cumsum(right, axis=-1), np.cumsum(wrong, axis=-1)
    return right / np.maximum(right + wrong, 1), right / max(objects, 1)


def _coco_class(truths, found, *, label):
    scores, right, wrong, objects = [], [], [], 0
    for (true_boxes, true_labels, difficult), (its_boxes, its_scores, its_labels) in zip(
        truths, found, strict=True
    ):
        wanted, mine = true_labels == label, its_labels == label
        difficult = np.asarray(difficult, bool)[wanted]
        objects += int((~difficult).sum())
        order = np.argsort(-its_scores[mine], kind="stable")[:COCO_MOST]
        scores.append(its_scores[mine][order])
        overlap = boxes.iou(its_boxes[mine][order].astype(float), true_boxes[wanted].astype(float))
        matched, ignored = _coco_match(overlap, difficult)
        right.append(matched)
        wrong.append(~matched & ~ignored)
    if not objects:
        return np.full(len(COCO_THRESHOLDS), np.nan)
    order = np.argsort(-np.concatenate(scores), kind="stable")
    right, wrong = np.concatenate(right, 1)[:, order], np.concatenate(wrong, 1)[:, order]
    curves = zip(*_curve(right, wrong, objects), strict=True)
    return np.array([_precision_at(COCO_RECALLS, *curve).mean() for curve in curves])


def _coco_match(overlap, difficult):
    """COCO's greedy match at all thresholds: each detection takes the best object still free.

    Returns masks (thresholds, detections): found an object, found a difficult one.
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
        easiest = row[difficult].max(initial=-1)
        ignored[:, index] = ~matched[:, index] & (easiest >= COCO_THRESHOLDS)
    return matched, ignored
