"""A whole detector as one graph of TensorFlow: a picture of any size in, objects out.

Exported models consist of graphs, so the letterbox, the decoding of priors and the suppression are
here once more, as operations of TensorFlow that ONNX and LiteRT have too. `prediction` and
`augment.render` do the same work with NumPy and OpenCV, and faster.
"""

import keras
import numpy as np
import tensorflow as tf  # Keras has no suppression, and no pictures of any size on other backends

from keras_cnn.detection import boxes
from keras_cnn.detection.augment import FILL


def whole(
    model: keras.Model,
    *,
    priors: str = "voc",
    dtype: str = "uint8",
    score_threshold: float = 0.5,
    iou_threshold: float = 0.45,
    nms: str = "class",
    top_k: int = 200,
) -> keras.Model:
    """Return a model that finds objects as `Detector` does.

    Args:
        model: What `models.SSD300` builds.
        priors: Row of `boxes.TABLES`.
        dtype: Type of the pixels.
        score_threshold: As in a call of `Detector`, like the other limits.
        iou_threshold: As in a call of `Detector`.
        nms: As in a call of `Detector`.
        top_k: As in a call of `Detector`.

    Returns:
        A model from one RGB picture, 0 to 255, (height, width, 3), to a dictionary: "boxes",
        corners in pixels of the picture, float32, (n, 4); "scores", float32, (n,); "classes",
        int32, (n,), from 0 on. Best first.

    Raises:
        InputError: `nms` is no choice.
    """
    pixels = keras.Input(batch_shape=(None, None, 3), dtype=dtype, name="pixels")
    square, view, limit = _Letterbox(name="letterbox", dtype="float32")(pixels)
    outputs = model(square, training=False)
    objects = _Objects(
        priors=priors,
        score_threshold=score_threshold,
        iou_threshold=iou_threshold,
        across_classes=boxes.across_classes(nms),
        keep=top_k,
        name="objects",
        dtype="float32",
    )
    return keras.Model(pixels, objects([outputs, view, limit]), name=model.name)


class _Letterbox(keras.layers.Layer):
    """The letterbox of a picture (1, 300, 300, 3); its view (4,); the picture's corners (4,).

    All positions and sums are multiples of a power of 2 that float32 holds exactly: see
    `boxes.letterbox`.
    """

    def call(self, pixels):
        shape = tf.shape(pixels)[:2]  # height, width
        block = tf.maximum(1, tf.reduce_max(shape) // boxes.INPUT)
        step = _ceil(boxes.GRID * tf.reduce_max(_ceil(shape, block)), boxes.INPUT)
        is_larger = step * block >= boxes.GRID * (block + 1)
        block = tf.where(is_larger, block + 1, block)
        step = tf.cast(tf.where(is_larger, boxes.GRID, step), "float32") / boxes.GRID
        cells = _ceil(shape, block)
        first = (tf.cast(cells, "float32") - (boxes.INPUT - 1) * step - 1) / 2
        first = tf.floor(first * boxes.GRID) / boxes.GRID

        # Less the fill, so that bars are 0.
        x = tf.cast(pixels, "float32") - np.array(FILL, "float32")
        missing = cells * block - shape
        x = tf.pad(x, [[0, missing[0]], [0, missing[1]], [0, 0]])
        x = tf.reshape(x, tf.stack([cells[0], block, cells[1], block, 3]))
        area = tf.cast(block * block, "float32")
        mean = (tf.reduce_sum(x, axis=[1, 3]) + area * np.array(FILL, "float32")) * (1.0 / area)
        # OpenCV rounds halves up where it averages four pixels, and else to even numbers.
        small = tf.where(tf.equal(block, 2), tf.floor(mean + 0.5), tf.round(mean))
        small = tf.pad(small - np.array(FILL, "float32"), [[1, 1], [1, 1], [0, 0]])

        for axis in (0, 1):
            at = first[axis] + step * np.arange(boxes.INPUT, dtype=np.float32)
            low = tf.floor(at)
            cell = tf.cast(low, "int32") + 1  # the bar that was just added is cell 0
            last = cells[axis] + 1
            before = tf.gather(small, tf.clip_by_value(cell, 0, last), axis=axis)
            after = tf.gather(small, tf.clip_by_value(cell + 1, 0, last), axis=axis)
            share = tf.reshape(at - low, (-1, 1, 1) if axis == 0 else (1, -1, 1))
            small = before + (after - before) * share
        square = tf.round(small + np.array(FILL, "float32"))
        low = (first - step / 2 + 0.5) * tf.cast(block, "float32")  # y, x
        high = low + boxes.INPUT * step * tf.cast(block, "float32")
        view = tf.stack([low[1], low[0], high[1], high[0]])
        size = tf.cast(shape, "float32")
        limit = tf.stack([size[1], size[0], size[1], size[0]])
        return tf.reshape(square, (1, boxes.INPUT, boxes.INPUT, 3)), view, limit


class _Objects(keras.layers.Layer):
    """The objects in the network's outputs: see `boxes.detections`."""

    def __init__(self, *, priors, score_threshold, iou_threshold, across_classes, keep, **options):
        super().__init__(**options)
        self._priors = boxes.priors(priors)
        self._score_threshold, self._iou_threshold = score_threshold, iou_threshold
        self._across_classes, self._keep = across_classes, keep

    def call(self, inputs):
        outputs, view, limit = inputs
        corners = self._decode(outputs[0, :, :4])
        scores = tf.transpose(tf.nn.softmax(outputs[0, :, 4:])[:, 1:])  # (classes, priors)
        classes, priors = scores.shape
        if self._across_classes:
            scores = tf.reshape(scores, (1, classes * priors))
        best, indices = tf.math.top_k(scores, min(boxes.CONSIDERED, scores.shape[1]))
        survivors = [
            self._suppress(tf.gather(corners, index % priors), score, index // priors + number)
            for number, (score, index) in enumerate(
                zip(tf.unstack(best), tf.unstack(indices), strict=True)
            )
        ]
        corners, scores, labels = (tf.concat(part, axis=0) for part in zip(*survivors, strict=True))
        scores, order = tf.math.top_k(scores, min(self._keep, scores.shape[0]))
        order = order[: tf.math.count_nonzero(scores >= 0, dtype="int32")]
        corners = tf.gather(corners, order)
        low, side = tf.tile(view[:2], [2]), tf.tile(view[2:] - view[:2], [2])
        corners = tf.minimum(tf.maximum(corners * side + low, 0.0), limit)
        return {
            "boxes": corners,
            "scores": scores[: tf.shape(order)[0]],
            "classes": tf.gather(labels, order),
        }

    def _decode(self, offsets):
        """Move the priors by offsets, as `boxes.decode` does, and clip them to the square."""
        size = self._priors[:, 2:] - self._priors[:, :2]
        offsets = offsets * boxes.VARIANCES
        center = (self._priors[:, :2] + self._priors[:, 2:]) / 2 + offsets[:, :2] * size
        half = size * tf.exp(offsets[:, 2:]) / 2
        return tf.clip_by_value(tf.concat([center - half, center + half], axis=1), 0, 1)

    def _suppress(self, corners, scores, labels):
        """Drop boxes that overlap a better box; in place of a dropped box is a score of -1."""
        # LiteRT has only the operation that pads its answer.
        most = min(self._keep, scores.shape[0])
        kept, count = tf.raw_ops.NonMaxSuppressionV4(
            boxes=corners,
            scores=scores,
            max_output_size=most,
            iou_threshold=self._iou_threshold,
            score_threshold=self._score_threshold,
            pad_to_max_output_size=True,
        )
        scores = tf.where(tf.range(most) < count, tf.gather(scores, kept), -1.0)
        return tf.gather(corners, kept), scores, tf.gather(labels, kept)


def _ceil(numbers, divisor):
    return (numbers + divisor - 1) // divisor
