"""Detection against the printed listings, and against the bare network.

    python benchmarks/detection.py [boxes] [pipeline] [inference] [--json times.json]

Each round times both sides one after the other, so that a busy machine slows both. `--cpu` counts
processor time, on which other programs have little effect. The output is the median of the rounds
and, in brackets, the smallest and the largest value.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import numpy as np

from keras_cnn import environment
from keras_cnn.detection import boxes

PICTURES = 320  # pictures in the pipeline's epoch
OBJECTS = 5  # objects in a picture


def main():
    """Measure and print; return 1 if a goal is missed."""
    works = {"boxes": time_boxes, "pipeline": time_pipeline, "inference": time_inference}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("works", nargs="*", metavar="WORK", help=f"of {', '.join(works)} (all)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cpu", action="store_true", help="processor time, not the wall clock's")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    print(environment.sentence(), flush=True)
    clock = time.process_time if options.cpu else time.perf_counter
    figures = []
    for work in options.works or works:
        for title, values, goal, at_least in works[work](clock, options.rounds):
            median = statistics.median(values)
            met = median >= goal if at_least else median <= goal
            sign = "at least" if at_least else "at most"
            print(
                f"{title}: {median:.4g} [{min(values):.4g}, {max(values):.4g}] "
                f"(goal {sign} {goal}: {'met' if met else 'MISSED'})",
                flush=True,
            )
            figures.append({"title": title, "values": values, "goal": goal, "met": met})
    if options.json:
        content = {**environment.surroundings(), "cpu": options.cpu, "figures": figures}
        options.json.write_text(json.dumps(content, indent=1))
    return int(not all(figure["met"] for figure in figures))


def time_boxes(clock, rounds):
    """Compare matching, and decoding with suppression, with the printed code."""
    rng = np.random.default_rng(0)
    priors = boxes.priors()
    low = rng.random((OBJECTS, 2)) * 0.7
    objects = np.concatenate([low, low + 0.05 + rng.random((OBJECTS, 2)) * 0.25], axis=1)
    labels = np.arange(1, OBJECTS + 1)
    truth = np.concatenate([objects, np.eye(20)[labels]], axis=1)
    ratios = [
        seconds(lambda: _listing_assign(truth, priors.astype(float)), clock, repeats=40)
        / seconds(lambda: boxes.match(objects, labels, priors), clock, repeats=40)
        for _ in range(rounds)
    ]
    yield f"match {OBJECTS} objects to 8,732 priors, times faster", ratios, 8, True
    scores = rng.dirichlet(np.full(21, 0.3), len(priors)).astype(np.float32)
    offsets = rng.normal(size=(len(priors), 4)).astype(np.float32)
    detection_out = _listing_detection_out()
    detection_out(offsets, scores, priors)
    ratios = [
        seconds(lambda: detection_out(offsets, scores, priors), clock, repeats=3)
        / seconds(lambda: boxes.detections(offsets, scores, priors), clock, repeats=3)
        for _ in range(rounds)
    ]
    yield "decode and suppress a dense prediction, times faster", ratios, 8, True


def time_pipeline(clock, rounds):
    """Measure pictures per second from files of 500x375 to batches, with all augmentation."""
    from keras_cnn.datasets.annotations import Picture
    from keras_cnn.detection.augment import Augmentation
    from keras_cnn.detection.batches import Batches

    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        pictures = []
        for number in range(PICTURES):
            coarse = rng.integers(0, 256, (24, 32, 3), np.uint8)
            path = str(Path(folder) / f"{number}.jpg")
            cv2.imwrite(path, cv2.resize(coarse, (500, 375), interpolation=cv2.INTER_CUBIC))
            low = rng.random((OBJECTS, 2)) * (350, 250)
            corners = np.concatenate([low, low + 20 + rng.random((OBJECTS, 2)) * 100], axis=1)
            labels, difficult = np.ones(OBJECTS, int), np.zeros(OBJECTS, bool)
            pictures.append(Picture(path, corners, labels, difficult, path))
        batches = Batches(pictures, batch_size=16, augmentation=Augmentation(), shuffle=True)
        with ThreadPoolExecutor(batches.workers) as pool:

            def epoch():
                list(pool.map(lambda index: len(batches[index][0]), range(len(batches))))

            epoch()
            rates = [PICTURES / seconds(epoch, clock) for _ in range(rounds)]
    per = "second" if clock is time.perf_counter else "second of one core"
    yield (
        f"pipeline, full augmentation, {batches.workers} threads, pictures per {per}",
        rates,
        *((150, True) if clock is time.perf_counter else (150 / batches.workers, True)),
    )


def time_inference(clock, rounds):
    """Compare the detector with the network's bare predictions, at a batch of 8."""
    import keras

    from keras_cnn.detection.detector import Detector
    from keras_cnn.models.ssd import SSD300

    keras.utils.set_random_seed(0)
    model = SSD300()
    pictures = list(np.random.default_rng(0).integers(0, 256, (8, 300, 300, 3), np.uint8))
    squares = np.stack(pictures).astype(np.float32)
    detector = Detector(model, [str(number) for number in range(20)])
    model.predict_on_batch(squares)
    ratios = []
    for _ in range(rounds):
        bare = seconds(lambda: model.predict_on_batch(squares), clock)
        ratios.append(seconds(lambda: detector(pictures), clock) / bare)
    yield "detector, batch of 8, times the bare predict", ratios, 1.1, False


def seconds(work, clock, *, repeats=1):
    """Return the seconds of the fastest of several calls."""
    best = float("inf")
    for _ in range(repeats):
        start = clock()
        work()
        best = min(best, clock() - start)
    return best


def _listing_assign(truth, priors):
    """assign_boxes of the chapter: one encode_box per object over all priors."""
    prior_size, prior_center = priors[:, 2:] - priors[:, :2], (priors[:, :2] + priors[:, 2:]) / 2

    def encode_box(box):
        encoded = np.zeros((len(priors), 5))
        shared = np.minimum(priors[:, 2:], box[2:]) - np.maximum(priors[:, :2], box[:2])
        shared = np.maximum(shared, 0)
        shared = shared[:, 0] * shared[:, 1]
        overlap = shared / ((box[2:] - box[:2]).prod() + prior_size.prod(axis=1) - shared)
        mask = overlap > 0.5
        if not mask.any():
            mask[overlap.argmax()] = True
        encoded[:, 4][mask] = overlap[mask]
        encoded[:, :2][mask] = (box[:2] + box[2:]) / 2 - prior_center[mask]
        encoded[:, :2][mask] /= prior_size[mask]
        encoded[:, :2][mask] /= 0.1
        encoded[:, 2:4][mask] = np.log((box[2:] - box[:2]) / prior_size[mask])
        encoded[:, 2:4][mask] /= 0.2
        return encoded.ravel()

    assignment = np.zeros((len(priors), 4 + 21 + 8))
    assignment[:, 4] = 1
    encoded = np.apply_along_axis(encode_box, 1, truth[:, :4]).reshape(-1, len(priors), 5)
    best, owner = encoded[:, :, 4].max(axis=0), encoded[:, :, 4].argmax(axis=0)
    mask = best > 0
    owner = owner[mask]
    encoded = encoded[:, mask]
    assignment[:, :4][mask] = encoded[owner, np.arange(len(owner)), :4]
    assignment[:, 4][mask] = 0
    assignment[:, 5:-8][mask] = truth[owner, 4:]
    assignment[:, -8][mask] = 1
    return assignment


def _listing_detection_out():
    """detection_out of the chapter: decode all, then suppress class by class in TensorFlow 1."""
    import tensorflow as tf

    graph = tf.Graph()
    with graph.as_default():
        boxes_in = tf.compat.v1.placeholder("float32", (None, 4))
        scores_in = tf.compat.v1.placeholder("float32", (None,))
        nms = tf.image.non_max_suppression(boxes_in, scores_in, 400, iou_threshold=0.45)
    session = tf.compat.v1.Session(graph=graph)

    def detection_out(offsets, scores, priors):
        size, center = priors[:, 2:] - priors[:, :2], (priors[:, :2] + priors[:, 2:]) / 2
        middle = offsets[:, :2] * size * 0.1 + center
        half = np.exp(offsets[:, 2:] * 0.2) * size / 2
        corners = np.clip(np.concatenate([middle - half, middle + half], axis=1), 0, 1)
        results = []
        for label in range(1, scores.shape[1]):
            mask = scores[:, label] > 0.01
            if not mask.any():
                continue
            kept, of = corners[mask], scores[mask, label]
            chosen = session.run(nms, feed_dict={boxes_in: kept, scores_in: of})
            labels = label * np.ones((len(chosen), 1))
            results.extend(np.concatenate([labels, of[chosen][:, None], kept[chosen]], axis=1))
        results = np.array(results)
        return results[np.argsort(results[:, 1])[::-1]][:200]

    return detection_out


if __name__ == "__main__":
    raise SystemExit(main())
