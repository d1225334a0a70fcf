"""Batches as TensorFlow reads them: the one place that needs `tf.data`."""

import random
from collections.abc import Callable, Generator
from typing import Any

import keras
import numpy as np


def untuned(batches: keras.utils.PyDataset, *, shuffle: bool = False) -> Any:
    """Return what Keras is to read a dataset by: under TensorFlow a `tf.data.Dataset`, else itself.

    Keras makes one, too, but lets it tune itself, unless the dataset has several workers: see
    `tf_dataset` for what that costs.

    Args:
        batches: The dataset.
        shuffle: Whether batches come in the random order in which `fit` reads a dataset.

    Returns:
        `batches`, or what reads it but does not call its `on_epoch_begin` and `on_epoch_end`.
    """
    if keras.backend.backend() != "tensorflow" or batches.workers > 1:
        return batches

    def epoch():
        order = list(range(len(batches)))
        if shuffle:
            random.shuffle(order)
        for index in order:
            yield batches[index]

    return tf_dataset(epoch, example=batches[0], length=len(batches))


def tf_dataset(epoch: Callable[[], Generator], *, example: Any, length: int):
    """Return a `tf.data.Dataset` of batches, prefetched, that does not tune itself.

    There is nothing to tune, and at an epoch's end TensorFlow 2.21 waits for the tuner's thread,
    which may miss the call to stop: all cores then stand idle until it looks again by itself, which
    it does ever more seldom, at last once a minute. Of 60 epochs of 45 s, 21 took 80.

    Args:
        epoch: Begins an epoch and yields its batches, structures of arrays.
        example: A batch, however many pictures it has.
        length: Batches per epoch.
    """
    import tensorflow as tf

    def in_tuples(part):  # TensorFlow would stack the arrays of a list
        return part if isinstance(part, np.ndarray) else tuple(map(in_tuples, part))

    signature = keras.tree.map_structure(
        lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype), in_tuples(example)
    )
    dataset = tf.data.Dataset.from_generator(
        lambda: map(in_tuples, epoch()), output_signature=signature
    )
    options = tf.data.Options()
    options.autotune.enabled = False
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(length))
    return dataset.prefetch(1).with_options(options)
