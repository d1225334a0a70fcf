"""Tests as the paper of AlexNet does: the mean answer to several crops of each picture."""

import itertools

import keras
import numpy as np
from keras import ops

from keras_cnn.errors import InputError
from keras_cnn.images import files

NUMBERS = (1, 5, 10)
SHARE = 14  # crops of 224 from 256 lie 16 pixels off the centre: a fourteenth of their side


def averaging(model: keras.Model, number: int, *, image_shape: tuple[int, int, int]) -> keras.Model:
    """Return a model whose answer is the mean of those to several crops of a picture.

    Five are the centre and the four corners of the picture with its edge repeated around it by a
    fourteenth of its side, as `fill_mode="nearest"` does; ten are these and their mirror images.

    Args:
        model: A classifier or a regression; it takes pictures of `image_shape`.
        number: 1, 5 or 10. One is the picture itself, and the model is returned as it is.
        image_shape: `(height, width, channels)`, or with the channels first.

    Returns:
        A model of the same layers. It takes the same pictures, in as many times the time.

    Raises:
        InputError: There is no such number of crops.

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
    places = np.arange(side) + sign * max(1, round(side / SHARE))
    return ops.take(image, np.clip(places, 0, side - 1).astype("int32"), axis=axis)
