"""Ways in which 8-bit batches reach a training step, against what a step takes without reading.

    python benchmarks/feeds.py [--pictures 600] [--repeats 5]
    KERAS_BACKEND=jax python benchmarks/feeds.py    # needs Grain for its row: pip install grain

A flow has resized pictures in its cache, and the network costs nothing: see `images.network`. Each
round times every way once, in turns. The script prints medians, the slowest and the fastest round.
"""

import argparse
import functools
import itertools
import os
import queue
import statistics
import tempfile
import threading
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras_cnn  # noqa: F401, I001  # before keras: it turns oneDNN on
import images
import keras

from keras_cnn import environment
from keras_cnn.images import memory, pixels

STEPS = 60


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=600)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    print(environment.sentence(), flush=True)
    memory.keep()
    with tempfile.TemporaryDirectory() as folder:
        flow = images.ours(images.make_pictures(Path(folder), options.pictures), "rescale")
        batches = pixels.eight_bit(flow).batches
        whole = len(flow.filepaths) // images.BATCH  # the last batch may be smaller
        ready = [tuple(batches[index]) for index in range(whole)]  # fills the cache
        ways = WAYS[keras.backend.backend()](
            Repeated(lambda index: tuple(batches[index % whole])),
            Repeated(lambda index: ready[index % whole]),
        )
        rates = {name: [] for name in ways}
        for _ in range(options.repeats + 1):
            for name, way in ways.items():
                start = time.perf_counter()
                way()
                rates[name].append(STEPS * images.BATCH / (time.perf_counter() - start))
    for name, values in rates.items():
        values = values[1:]  # the first round traces
        print(f"{name:60}{statistics.median(values):7.0f} [{min(values):.0f}, {max(values):.0f}]")


class Repeated(keras.utils.PyDataset):
    """The batches that a function returns."""

    def __init__(self, get):
        """Take a function from a batch's number to a batch."""
        super().__init__()
        self.get = get

    def __len__(self):
        """Return the number of batches."""
        return STEPS

    def __getitem__(self, index):
        """Return a batch."""
        return self.get(index)


@functools.cache
def network(*, scaled="whole"):
    """Return a network of 8-bit pictures that sees 16 pixels; `scaled`: whole pictures or these."""
    inputs = keras.Input((*images.SIZE, 3), dtype="uint8")
    x = inputs if scaled == "whole" else inputs[:, ::56, ::56]
    x = keras.layers.Rescaling(1 / 255)(keras.ops.cast(x, "float32"))
    x = keras.layers.Flatten()(x[:, ::56, ::56] if scaled == "whole" else x)
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))
    model.compile("sgd", "categorical_crossentropy")
    return model


def fit(data, **options):
    """Train by Keras."""
    network(**options).fit(data, steps_per_epoch=STEPS, verbose=0, shuffle=False)


def common(flow, ready):
    """Return the ways that every backend has."""
    floats = images.Ready(steps=STEPS)
    return {
        "Keras' adapter, ready float arrays": lambda: images.network().fit(floats, verbose=0),
        "Keras' adapter, the flow": lambda: fit(flow),
        "Keras' adapter, ready arrays": lambda: fit(ready),
    }


def with_tensorflow(flow, ready):
    """Return the ways of TensorFlow."""
    import tensorflow as tf

    types = (
        tf.TensorSpec((None, *images.SIZE, 3), "uint8"),
        tf.TensorSpec((None, 2), "float32"),
    )

    def generated(batches):
        def epochs():
            return (batches[index % STEPS] for index in itertools.count())

        return tf.data.Dataset.from_generator(epochs, output_signature=types).prefetch(1)

    def queued(batches):
        fifo = tf.queue.FIFOQueue(3, ["uint8", "float32"])

        def take(_):
            pairs = zip(fifo.dequeue(), types, strict=True)
            return tuple(tf.ensure_shape(array, spec.shape) for array, spec in pairs)

        def fill():
            for index in range(STEPS + 2):
                fifo.enqueue(batches[index % STEPS])

        threading.Thread(target=fill, daemon=True).start()
        fit(tf.data.Dataset.range(STEPS + 2).map(take).prefetch(1))

    step = tf.function(lambda *batch: network().train_step(batch), reduce_retracing=True)

    def by_hand(batches, convert):
        buffer = queue.Queue(2)

        def fill():
            for index in range(STEPS):
                x, y = batches[index]
                buffer.put((convert(x), tf.constant(y)))

        threading.Thread(target=fill, daemon=True).start()
        for _ in range(STEPS):
            step(*buffer.get())

    def from_dlpack(array):  # TensorFlow aborts on memory that is not aligned, such as labels
        return tf.experimental.dlpack.from_dlpack(array.__dlpack__())

    one = tf.data.Dataset.from_tensors(tuple(map(tf.constant, ready[0]))).repeat()
    return common(flow, ready) | {
        "tf.data from a generator, the flow (as keras_cnn.run)": lambda: fit(generated(flow)),
        "tf.data from a generator, ready arrays": lambda: fit(generated(ready)),
        "tf.data from a queue, the flow": lambda: queued(flow),
        "dlpack, the flow, steps without fit": lambda: by_hand(flow, from_dlpack),
        "copied to tensors, the flow, steps without fit": lambda: by_hand(flow, tf.constant),
        "one tensor again and again": lambda: fit(one),
        "the same, scaling 16 pixels of each picture": lambda: fit(one, scaled="seen"),
    }


def with_jax(flow, ready):
    """Return the ways of JAX."""
    try:
        import grain
    except ImportError:
        return common(flow, ready)

    def read(threads):
        reading = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=2)
        return fit(grain.MapDataset.source(flow).to_iter_dataset(reading))

    return common(flow, ready) | {
        f"Grain, the flow, {threads} threads": functools.partial(read, threads)
        for threads in (1, 2)
    }


WAYS = {"tensorflow": with_tensorflow, "jax": with_jax, "torch": common}


if __name__ == "__main__":
    main()
