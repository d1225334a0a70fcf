"""Batches as TensorFlow reads them: the one place that needs `tf.data`."""

import contextlib
import itertools
import threading
from collections.abc import Callable, Generator, Iterator
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


@contextlib.contextmanager
def endless(
    batches: keras.utils.PyDataset, begin: Callable[[int], None], *, first: int = 0
) -> Iterator[Any]:
    """Yield a `tf.data.Dataset` of one epoch after the other, to be read with `steps_per_epoch`.

    A new iterator of TensorFlow takes some 60 ms at the start of an epoch, and has no batch ready.
    This one is made once, and its next epoch begins while Keras ends the last.

    Args:
        batches: The dataset. When the context ends, nothing is read from it any more.
        begin: Goes to the start of the epoch whose number it gets.
        first: Number of the first epoch.
    """
    reading, reader = threading.Lock(), None

    def epochs():
        nonlocal reader
        # `fit` may begin anew after a first batch. TensorFlow then still reads ahead for the old
        # iterator, which would draw random numbers in between.
        reader = this = object()
        for epoch in itertools.count(first):
            for index in range(len(batches)):
                with reading:
                    if reader is not this:
                        return
                    if not index:
                        begin(epoch)
                    batch = batches[index]
                yield batch

    try:
        yield tf_dataset(epochs, example=batches[0], length=None)
    finally:
        with reading:
            reader = None


def tf_dataset(epoch: Callable[[], Generator], *, example: Any, length: int | None):
    """Return a `tf.data.Dataset` of batches, prefetched, that does not tune itself.

    There is nothing to tune. At an epoch's end TensorFlow 2.21 waits for the tuner's thread, which
    may miss the call to stop: all cores then stand idle until the thread next wakes up by itself,
    at intervals that grow to a minute. Of 60 epochs of 45 s, 21 took 80 s.

    Args:
        epoch: Begins an epoch and yields its batches, structures of arrays.
        example: A batch of any number of pictures.
        length: Batches per epoch; None if they do not end.
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
    if length is not None:
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(length))
    return dataset.prefetch(1).with_options(options)
