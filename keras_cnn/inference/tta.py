"""Test-time augmentation: the mean answer to several crops of a picture, as in AlexNet's paper."""

import itertools

import keras
import numpy as np
from keras import ops

from keras_cnn.errors import InputError
from keras_cnn.images import files

NUMBERS = (1, 5, 10)
SHARE = 14  # AlexNet's crops of 224 from 256 lie 16 pixels off the centre: 1/14 of their side


def averaging(model: keras.Model, number: int, *, image_shape: tuple[int, int, int]) -> keras.Model:
    """Return a model whose answer is the mean of its answers to several crops of a picture.

    The picture is first enlarged on each edge by a fourteenth of its side; the new pixels repeat
    the edge, as `fill_mode="nearest"` does. Five crops are its centre and its four corners; ten are
    these and their mirror images.

    Args:
        model: A classifier or a regression; it takes pictures of `image_shape`.
        number: 1, 5 or 10 crops. For 1 the model itself is returned.
        image_shape: `(height, width, channels)`, or with the channels first.

    Returns:
        A model of the same layers, which takes the same pictures. It needs `number` times as long.

    Raises:
        InputError: `number` is not 1, 5 or 10.

    References:
        Krizhevsky, Sutskever, Hinton: ImageNet Classification with Deep Convolutional Neural
        Networks, 2012, section 4.1.
    """
    if number not in NUMBERS:
        raise InputError(f"the crops of a test must be one of {NUMBERS}; received {number!r}")
    if number == 1:
        return model
    image = keras.Input(image_shape)
    rows, columns = (1, 2) if image_shape[2] in files.CHANNELS.values() else (2, 3)
    crops = [image]
    for down, right in itertools.product((-1, 1), repeat=2):
        crops.append(_shifted(_shifted(image, rows, down), columns, right))
    if number == 10:
        crops += [ops.flip(crop, axis=columns) for crop in crops]
    answers = ops.stack([model(crop, training=False) for crop in crops])
    return keras.Model(image, ops.mean(answers, axis=0), name=model.name)


def _shifted(image, axis, sign):
    side = image.shape[axis]
    indices = np.arange(side) + sign * max(1, round(side / SHARE))
    return ops.take(image, np.clip(indices, 0, side - 1).astype("int32"), axis=axis)
