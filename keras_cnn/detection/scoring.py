"""The scores of a test: every metric, an interval over the pictures, and a verdict."""

import numpy as np

from keras_cnn.detection import metrics
from keras_cnn.report import scores as report_scores

RESAMPLES = 500


def score(
    truths: list, answers: list, *, class_names: list, baseline: list | None = None
) -> tuple[dict, list]:
    """Score a detector by all metrics, beside a baseline.

    Args:
        truths: Objects of each picture, as `metrics` takes them, in pixels.
        answers: Detections of each picture.
        class_names: Names of the classes, without background.
        baseline: Detections of `baseline.ConstantBoxes` in each picture, or None.

    Returns:
        The entry "test" of report.json, and the `metrics.voc` scores. "interval" is that of "map";
        "baseline" the mAP of the constant boxes, and "verdict" where the interval lies: "above",
        "around" or "below" the baseline. All three are None where they are not known.
    """
    summary = metrics.summary(truths, answers, class_names=class_names)
    classes = summary.pop("classes")
    sizes = metrics.coco_by_size(truths, answers, class_names=class_names)
    test = summary | {f"map_coco_{size}": value for size, value in sizes.items()}
    test["interval"] = interval(truths, answers, classes=len(class_names))
    test["baseline"] = test["verdict"] = None
    if baseline is not None:
        test["baseline"] = metrics.summary(truths, baseline, class_names=class_names)["map"]
        if None not in (test["interval"], test["baseline"]):
            test["verdict"] = report_scores.verdict(test["interval"], test["baseline"])
    precisions = metrics.coco(truths, answers, class_names=class_names)
    test["classes"] = [
        {
            "name": entry.name,
            "ap": entry.average_precision,
            "ap_voc07": entry.average_precision_2007,
            "ap_coco": float(precisions[:, column].mean()),
            "objects": entry.objects,
        }
        for column, entry in enumerate(classes)
    ]
    return test, classes


def interval(
    truths: list, answers: list, *, classes: int, resamples: int = RESAMPLES
) -> list[float] | None:
    """Return the 95 % bootstrap interval of the mAP at IoU 0.5 over the pictures.

    The pictures are drawn with replacement; the seed is fixed, so the same answers always give the
    same interval.

    Args:
        truths: Objects of each picture.
        answers: Detections of each picture.
        classes: Number of classes, without background.
        resamples: Number of draws.

    Returns:
        [low, high]; None for fewer than 2 pictures, or without objects.
    """
    pictures = len(truths)
    if pictures < 2:
        return None
    rng = np.random.default_rng(0)
    times = rng.multinomial(pictures, np.full(pictures, 1 / pictures), size=resamples)
    of_classes = [
        _resampled(list(metrics.matched(truths, answers, label=label)), times)
        for label in range(1, classes + 1)
    ]
    values = np.ma.masked_invalid(of_classes).mean(axis=0).compressed()
    return np.percentile(values, [2.5, 97.5]).tolist() if len(values) else None


def _resampled(pictures, times):
    """Average precision of a class in each resample, NaN without objects, shape (resamples,).

    Args:
        pictures: What `metrics.matched` yields.
        times: How often each resample has each picture, (resamples, pictures).
    """
    scores, right, wrong, objects = zip(*pictures, strict=True)
    owner = np.repeat(np.arange(len(pictures)), [len(its) for its in scores])
    order = np.argsort(-np.concatenate(scores), kind="stable")
    owner, right, wrong = owner[order], np.concatenate(right)[order], np.concatenate(wrong)[order]
    values = np.full(len(times), np.nan)
    for number, weights in enumerate(times):
        total = weights @ np.array(objects)
        if not total:
            continue
        hits = weights[owner] * right
        found = np.cumsum(hits)
        precision = found / np.maximum(found + np.cumsum(weights[owner] * wrong), 1)
        falling = np.maximum.accumulate(precision[::-1])[::-1]
        values[number] = (hits * falling).sum() / total
    return values
