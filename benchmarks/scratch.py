"""Compare the speed of keras_cnn.scratch with loops and with Keras: convolution and training step.

    OPENBLAS_NUM_THREADS=1 python benchmarks/scratch.py [--batch 20] [--rounds 7]

Loops, im2col and Keras convolve the same pictures with the same filters; the script first checks
that the results agree. Every round times all of them in turn; the fastest round counts. The loops
visit one window at a time, NumPy sums inside it. One BLAS thread is faster than two if another
program is busy; the time of Keras depends on its own threads.
"""

import argparse
import functools
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers

from keras_cnn import scratch

CONVOLUTIONS = (  # channels, height and width, filters, size, pad: SimpleConvNet's, DeepConvNet's
    (1, 28, 30, 5, 0),
    (1, 28, 16, 3, 1),
    (16, 28, 16, 3, 1),
    (16, 14, 32, 3, 1),
    (32, 14, 32, 3, 2),
    (32, 8, 64, 3, 1),
    (64, 8, 64, 3, 1),
)
GOAL = 50  # im2col must be this many times faster than loops, for every convolution


def main():
    """Measure, print the tables and return 1 if the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=20, help="pictures (20)")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    print(
        f"{options.batch} pictures, float32, {os.cpu_count()} cores, NumPy {np.__version__}, ",
        end="",
    )
    print(f"Keras {keras.__version__} on {keras.config.backend()}; milliseconds")
    print(f"{'convolution':28}{'loops':>9}{'im2col':>9}{'times faster':>14}{'Keras':>9}")
    slowest = min(convolution(row, options) for row in CONVOLUTIONS)
    print(f"{'training step':28}{'':9}{'scratch':>9}{'':14}{'Keras':>9}")
    for build, build_keras in ((scratch.SimpleConvNet, simple), (scratch.DeepConvNet, deep)):
        training_step(build, build_keras, options)
    print(f"im2col is at least {slowest:.0f} times faster than loops, goal {GOAL}")
    return slowest < GOAL


def convolution(row, options):
    """Print one line; return how many times faster im2col is than loops."""
    channels, side, filters, size, pad = row
    rng = np.random.default_rng(0)
    x = rng.standard_normal((options.batch, channels, side, side)).astype("float32")
    W = rng.standard_normal((filters, channels, size, size)).astype("float32")
    b = rng.standard_normal(filters).astype("float32")
    layer = scratch.Convolution(W, b=b, pad=pad)
    theirs = layers.Conv2D(filters, size)
    x_keras = np.pad(x.transpose(0, 2, 3, 1), ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    x_keras = keras.ops.convert_to_tensor(x_keras)
    theirs.build(x_keras.shape)
    theirs.set_weights([W.transpose(2, 3, 1, 0), b])
    works = {
        "im2col": lambda: layer.forward(x),
        "keras": lambda: keras.ops.convert_to_numpy(theirs(x_keras)),
    }
    loops = functools.partial(scratch.convolve_by_loops, x, W, b=b, pad=pad)
    start = time.perf_counter()
    wanted = loops()  # once: it takes about a second, so a single measurement is precise enough
    times = {"loops": time.perf_counter() - start}
    np.testing.assert_allclose(works["im2col"](), wanted, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(works["keras"]().transpose(0, 3, 1, 2), wanted, rtol=1e-3, atol=1e-3)
    times |= fastest(works, options.rounds)
    faster = times["loops"] / times["im2col"]
    name = f"{channels}x{side}x{side} by {filters} of {size}x{size}"
    loops, im2col, theirs = (1000 * seconds for seconds in times.values())
    print(f"{name:28}{loops:9.1f}{im2col:9.2f}{faster:14.0f}{theirs:9.2f}", flush=True)
    return faster


def training_step(build, build_keras, options):
    """Print one line: loss, gradient and Adam's step of a whole network."""
    rng = np.random.default_rng(0)
    x = rng.random((options.batch, 1, 28, 28), dtype="float32")
    labels = rng.integers(10, size=options.batch)
    trainer = scratch.Trainer(build(), optimizer=scratch.Adam())
    model = build_keras()
    assert model.count_params() == trainer.network.count_params()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(), loss=loss)
    x_keras = x.transpose(0, 2, 3, 1)
    times = fastest(
        {
            "scratch": lambda: trainer.step(x, labels),
            "keras": lambda: model.train_on_batch(x_keras, labels),
        },
        options.rounds,
    )
    ours, theirs = (1000 * seconds for seconds in times.values())
    print(f"{build.__name__:28}{'':9}{ours:9.1f}{'':14}{theirs:9.1f}", flush=True)


def fastest(works, rounds):
    """Return {name: seconds of its fastest round}; the first round is a warm-up."""
    times = {name: [] for name in works}
    for _ in range(rounds + 1):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - start)
    return {name: min(measured[1:]) for name, measured in times.items()}


def simple():
    """Build SimpleConvNet from Keras' layers."""
    return keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(30, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(100, activation="relu"),
            layers.Dense(10),
        ]
    )


def deep():
    """Build DeepConvNet from Keras' layers."""
    model = keras.Sequential([layers.Input((28, 28, 1))])
    for stage in scratch.networks.STAGES:
        for filters, pad in stage:
            model.add(layers.ZeroPadding2D(pad))
            model.add(layers.Conv2D(filters, 3, activation="relu"))
        model.add(layers.MaxPooling2D())
    model.add(layers.Flatten())
    model.add(layers.Dense(50, activation="relu"))
    model.add(layers.Dropout(0.5))
    model.add(layers.Dense(10))
    return model


if __name__ == "__main__":
    raise SystemExit(main())
