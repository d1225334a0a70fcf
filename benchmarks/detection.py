"""Detection against the chapter's listings: ratios of times measured in one run.

    python benchmarks/detection.py [boxes] [pipeline] [inference]

Each ratio interleaves both sides and takes the best of several repeats, so that a busy machine
slows both.
"""

import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

from keras_cnn.detection import boxes


def main(names):
    """Runs the benchmarks named, or all."""
    for name in names or ("boxes", "pipeline", "inference"):
        {"boxes": _boxes, "pipeline": _pipeline, "inference": _inference}[name]()


def _boxes():
    rng = np.random.default_rng(0)
    priors = boxes.priors()
    low = rng.random((5, 2)) * 0.7
    objects, labels = (
        np.concatenate([low, low + 0.05 + rng.random((5, 2)) * 0.25], 1),
        np.arange(1, 6),
    )
    truth = np.concatenate([objects, np.eye(20)[labels]], axis=1)
    _compare(
        "match 5 objects to 8,732 priors",
        lambda: boxes.match(objects, labels, priors),
        lambda: _seed_assign(truth, priors.astype(float)),
        repeats=60,
        goal=8,
    )
    scores = rng.dirichlet(np.full(21, 0.3), len(priors)).astype(np.float32)
    offsets = rng.normal(size=(len(priors), 4)).astype(np.float32)
    _compare(
        "decode and suppress a dense prediction",
        lambda: boxes.detections(offsets, scores, priors),
        lambda: _seed_detection_out(offsets, scores, priors),
        repeats=2,
        goal=8,
    )


def _pipeline():
    import cv2

    from keras_cnn.detection.augment import Augmentation
    from keras_cnn.detection.batches import Batches
    from keras_cnn.detection.voc import Picture

    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        pictures = []
        for number in range(320):
            coarse = rng.integers(0, 256, (24, 32, 3), np.uint8)
            path = str(Path(folder) / f"{number}.jpg")
            cv2.imwrite(path, cv2.resize(coarse, (500, 375), interpolation=cv2.INTER_CUBIC))
            low = rng.random((5, 2)) * (350, 250)
            corners = np.concatenate([low, low + 20 + rng.random((5, 2)) * 100], axis=1)
            pictures.append(Picture(path, corners, np.ones(5, int), np.zeros(5, bool), path))
        batches = Batches(pictures, batch_size=16, augmentation=Augmentation(), shuffle=True)
        fastest = np.inf
        with ThreadPoolExecutor(batches.workers) as pool:
            for _ in range(4):
                start = time.perf_counter()
                for _ in pool.map(batches.__getitem__, range(len(batches))):
                    pass
                fastest = min(fastest, time.perf_counter() - start)
    print(
        f"pipeline, 500x375 JPEG, full augmentation, {batches.workers} threads: "
        f"{len(pictures) / fastest:.0f} pictures/s (goal 150)"
    )


def _inference():
    import keras

    from keras_cnn.detection.detector import Detector
    from keras_cnn.models.ssd import SSD300

    keras.utils.set_random_seed(0)
    model = SSD300()
    pictures = list(np.random.default_rng(0).integers(0, 256, (8, 300, 300, 3), np.uint8))
    squares = np.stack(pictures).astype(np.float32)
    detector = Detector(model, [str(number) for number in range(20)])
    ratios = []
    for _ in range(5):
        start = time.perf_counter()
        model.predict_on_batch(squares)
        middle = time.perf_counter()
        detector(pictures, score_threshold=0.3, batch_size=8)
        ratios.append((time.perf_counter() - middle) / (middle - start))
    print(f"inference, batch of 8, to the bare predict: {min(ratios):.3f} (goal at most 1.1)")


def _compare(title, ours, theirs, *, repeats, goal):
    best = [np.inf, np.inf]
    for _ in range(repeats):
        for index, run in enumerate((ours, theirs)):
            start = time.perf_counter()
            run()
            best[index] = min(best[index], time.perf_counter() - start)
    mine, other = best
    print(
        f"{title}: {mine * 1e3:.2f} ms, the chapter's way {other * 1e3:.2f} ms: "
        f"{other / mine:.1f} times faster (goal {goal})"
    )


def _seed_assign(truth, priors):
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


def _seed_detection_out(offsets, scores, priors):
    """detection_out of the chapter: decode all, then suppress class by class, box by box."""
    size, center = priors[:, 2:] - priors[:, :2], (priors[:, :2] + priors[:, 2:]) / 2
    middle = offsets[:, :2] * size * 0.1 + center
    half = np.exp(offsets[:, 2:] * 0.2) * size / 2
    corners = np.clip(np.concatenate([middle - half, middle + half], axis=1), 0, 1)
    results = []
    for label in range(1, scores.shape[1]):
        mask = scores[:, label] > 0.01
        kept, of = corners[mask], scores[mask, label]
        rest = np.argsort(-of)
        chosen = []
        while len(rest) and len(chosen) < 400:
            index, rest = rest[0], rest[1:]
            chosen.append(index)
            box = kept[index]
            shared = np.minimum(kept[rest, 2:], box[2:]) - np.maximum(kept[rest, :2], box[:2])
            shared = np.maximum(shared, 0).prod(axis=1)
            areas = (kept[rest, 2:] - kept[rest, :2]).prod(axis=1)
            rest = rest[shared / ((box[2:] - box[:2]).prod() + areas - shared) <= 0.45]
        rows = np.stack([np.full(len(chosen), label), of[chosen], *kept[chosen].T], axis=1)
        results.extend(rows)
    results = np.array(results)
    return results[np.argsort(-results[:, 1])][:200]


if __name__ == "__main__":
    main(sys.argv[1:])
