"""Batches as TensorFlow reads them: the one place that needs `tf.data`."""

from collections.abc import Callable, Generator
from typing import Any

import keras
import numpy as np


def untuned(batches: keras.utils.PyDataset) -> Any:
    """Return a dataset in the form that Keras should read: under TensorFlow a `tf.data.Dataset`.

    Keras would make one, too, but lets it tune itself, unless the dataset has several workers:
    see `tf_dataset` for the cost.

    Args:
        batches: The dataset.

    Returns:
        `batches` itself, or a `tf.data.Dataset` that yields its batches in order, but does not
        call its `on_epoch_begin` and `on_epoch_end`.
    """
    if keras.backend.backend() != "tensorflow" or batches.workers > 1:
        return batches

    def epoch():
        for index in range(len(batches)):
            yield batches[index]

    return tf_dataset(epoch, example=batches[0], length=len(batches))


def tf_dataset(epoch: Callable[[], Generator], *, example: Any, length: int):
    """Return a `tf.data.Dataset` of batches, prefetched, that does not tune itself.

    There is nothing to tune. At an epoch's end TensorFlow 2.21 waits for the tuner's thread, which
    may miss the call to stop: all cores then stand idle until the thread next wakes up by itself,
    at intervals that grow to a minute. Of 60 epochs of 45 s, 21 took 80 s.

    Args:
        epoch: Begins an epoch and yields its batches, structures of arrays.
        example: A batch of any number of pictures.
        length: Batches per epoch.
    """
    import tensorflow as tf

    def in_tuples(structure):  # TensorFlow would stack the arrays of a list
        return structure if isinstance(structure, np.ndarray) else tuple(map(in_tuples, structure))

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
