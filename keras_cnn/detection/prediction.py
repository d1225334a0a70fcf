"""From pictures through the network to objects in the pictures' own pixels."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import cv2
import keras
import numpy as np

from keras_cnn.detection import boxes
from keras_cnn.detection.batches import Batches, letterboxed
from keras_cnn.errors import InputError
from keras_cnn.images import streaming

Answer = tuple[np.ndarray, np.ndarray, np.ndarray]  # boxes (n, 4), scores (n,), class ids (n,)


class _Input(NamedTuple):
    """A picture as the network takes it, and where it lies in the picture."""

    square: np.ndarray  # uint8 (300, 300, 3)
    view: np.ndarray  # corners in pixels of the picture, (4,)
    shape: Sequence[int]  # of the picture, height and width first
    pixels: np.ndarray | None  # uint8 (height, width, 3)


def stream(
    model: keras.Model,
    pictures: Iterable,
    read: Callable[[Any], np.ndarray],
    *,
    priors: str,
    batch_size: int,
    keep_pixels: bool = False,
    on_error: Callable[[Any, InputError], None] | None = None,
    **limits,
) -> Iterator[tuple[Any, np.ndarray | None, Answer, float]]:
    """Find objects in pictures as they come, reading ahead on threads.

    Args:
        model: What `models.SSD300` builds.
        pictures: Whatever `read` takes; may be endless.
        read: Returns a picture's pixels, RGB, uint8, (height, width, 3).
        priors: Row of `boxes.TABLES`.
        batch_size: Pictures the network takes at once.
        keep_pixels: Whether to yield the pixels; large pictures take much memory.
        on_error: Called with a picture that cannot be read and the reason; None raises.
        **limits: As in `boxes.detections`.

    Yields:
        The picture as it was given; its pixels, or None; its objects, best first; and the highest
        probability of an object, which the limits do not cut.

    Raises:
        InputError: A picture cannot be read and `on_error` is None.
    """

    def prepare(picture):
        return _input(read(picture), keep_pixels=keep_pixels)

    batches = streaming.batches(pictures, prepare, batch_size=batch_size, on_error=on_error)
    for readable, inputs in batches:
        answers = _answers(model, inputs, priors=priors, **limits)
        for picture, entry, (answer, highest) in zip(readable, inputs, answers, strict=True):
            yield picture, entry.pixels, answer, highest


def single(
    model: keras.Model, pixels: np.ndarray, *, priors: str, **limits
) -> tuple[Answer, float]:
    """Find objects in one picture, on the caller's thread: no other thread is waited for.

    Args:
        model: As in `stream`.
        pixels: RGB, uint8, (height, width, 3).
        priors: As in `stream`.
        **limits: As in `boxes.detections`.

    Returns:
        Its objects, best first, and the highest probability of an object.
    """
    return next(_answers(model, [_input(pixels)], priors=priors, **limits))


def _input(pixels, *, keep_pixels=False):
    return _Input(*letterboxed(pixels), pixels.shape, pixels if keep_pixels else None)


def _answers(model, inputs, *, priors, **limits):
    """Yield the objects of each input, and the highest probability of an object in it."""
    squares = np.stack([entry.square for entry in inputs], dtype=np.float32)
    outputs = np.asarray(model.predict_on_batch(squares), np.float32)
    for entry, output in zip(inputs, outputs, strict=True):
        yield _objects(output, entry, priors=boxes.priors(priors), **limits)


def _objects(output, entry, *, priors, score_threshold=boxes.LEAST_SCORE, **limits):
    """Return the objects of a picture as `Answer`, and the highest probability of an object.

    The boxes are in pixels of the picture, within it, best first.
    """
    # (classes, boxes): sums over its rows are 5 times faster. NumPy transposes 4 times as slowly.
    logits = cv2.transpose(output[:, 4:])
    # A probability is at most that of its class against the background alone. So the exponentials
    # of few boxes are enough; a hundredth allows for rounding.
    share = np.clip(score_threshold, 0, 1)
    with np.errstate(divide="ignore"):
        least = np.log(share) - np.log1p(-share) - 0.01
    rows = np.flatnonzero(logits[1:].max(axis=0) - logits[0] >= least)
    corners, scores, labels = boxes.detections(
        output[rows, :4],
        _probabilities(logits.take(rows, axis=1)),
        priors[rows],
        score_threshold=score_threshold,
        **limits,
    )
    edges = np.tile((entry.shape[1], entry.shape[0]), 2)
    answer = boxes.from_view(corners, entry.view).clip(0, edges), scores, labels
    return answer, float(scores[0] if len(scores) else _probabilities(logits)[:, 1:].max())


def predict(model: keras.Model, batches: Batches) -> list[Answer]:
    """Find objects in annotated pictures, down to the lowest score that counts for a metric.

    Args:
        model: What `models.SSD300` builds.
        batches: The pictures, without augmentation or shuffling.

    Returns:
        The objects of each picture, best first.
    """

    def prepare(number):
        return _Input(*batches.letterboxed(number), None)

    numbers = range(batches.samples)
    inputs = streaming.batches(numbers, prepare, batch_size=batches.batch_size)
    return [
        answer
        for _, entries in inputs
        for answer, _ in _answers(model, entries, priors=batches.priors)
    ]


def _probabilities(logits):
    """Return the probabilities (boxes, classes) of logits (classes, boxes)."""
    scores = np.exp(logits - logits.max(axis=0))
    scores /= scores.sum(axis=0)
    return scores.T
