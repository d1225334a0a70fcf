"""Train a network of keras_cnn.scratch on real MNIST and write a log.

    python benchmarks/scratch_mnist.py simple --log notebooks/logs/simple_conv_net.txt
    python benchmarks/scratch_mnist.py deep --log notebooks/logs/deep_conv_net.txt

The learning rate falls along half a cosine. All 60,000 training pictures are learnt from; the
10,000 test pictures decide nothing: neither when to stop nor which weights to keep, so the last
line is the result. Weights are kept beside the log after every epoch, and a training that was
stopped goes on from there (Adam begins anew, the log says so).
"""

import argparse
import math
import platform
import sys
import time
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from keras_cnn import datasets, scratch

RATE = 1e-3  # Adam's learning rate at the first step
NETWORKS = {  # network -> builder, epochs, pictures of a step, pixels to shift by, goal
    "simple": (scratch.SimpleConvNet, 8, 100, 0, 0.985),
    "deep": (scratch.DeepConvNet, 4, 32, 1, 0.993),  # small steps, many in the few epochs
}


def main():
    """Train, write the log and return 1 if the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("--epochs", type=int, help="other than the network's own number")
    parser.add_argument("--log", type=Path, required=True, help="text file, gone on with if there")
    options = parser.parse_args()
    build, epochs, batch, shift, goal = NETWORKS[options.network]
    epochs = options.epochs or epochs
    network = build()
    weights = options.log.with_suffix(".npz")
    done = resume(options.log, weights, network)
    training, test = pictures()
    say = Log(options.log)
    if not done:
        say(f"{build.__name__}: {network.count_params():,} weights, NumPy {np.__version__} alone")
        say(f"{len(training[0]):,} pictures of MNIST to learn from, {len(test[0]):,} to test with")
        say(f"Adam, {RATE} falling to 0 along half a cosine, {batch} pictures a step")
        say(
            f"each picture shifted at random, at most {shift} px each way"
            if shift
            else "not augmented"
        )
    say(f"{processor()}, Python {platform.python_version()}, from epoch {done + 1} of {epochs} on")
    trainer = scratch.Trainer(
        network,
        optimizer=scratch.Adam(RATE),
        batch_size=batch,
        augment=(lambda x, rng: shifted(x, shift, rng)) if shift else None,
        seed=done,
    )
    for epoch in range(done, epochs):
        start = time.perf_counter()
        history = trainer.fit(
            *training,
            epochs=1,
            validation_data=test,
            schedule=lambda part, epoch=epoch: (
                RATE * (1 + math.cos(math.pi * (epoch + part) / epochs)) / 2
            ),
            verbose=False,
        )
        network.save(weights)
        steps = -(-len(training[0]) // batch)
        say(
            f"epoch {epoch + 1:2}: loss {np.mean(history['loss'][-steps:]):.4f}, "
            f"test accuracy {history['val_accuracy'][-1]:.4f}, "
            f"{time.perf_counter() - start:.0f} s"
        )
    reached = network.accuracy(*test)
    say(f"test accuracy {reached:.4f}, goal {goal}: {'reached' if reached >= goal else 'missed'}")
    return reached < goal


class Log:
    """Print lines and add them to a file."""

    def __init__(self, path):
        """Open the file.

        Args:
            path: The file, made with its folder where it is missing.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file = path.open("a", encoding="utf-8", buffering=1)

    def __call__(self, line):
        """Write one line."""
        print(line, flush=True)
        print(line, file=self.file)


def resume(log, weights, network):
    """Load the weights of a training that was stopped; return how many epochs it had done."""
    if not (log.exists() and weights.exists()):
        return 0
    network.load(weights)
    return sum(line.startswith("epoch") for line in log.read_text(encoding="utf-8").splitlines())


def pictures():
    """Return MNIST as ((x, labels), (x, labels)), pictures (n, 1, 28, 28) in 0 to 1."""
    place = datasets.locate("mnist")
    if place.is_sample:
        sys.exit(place.note)
    return tuple(
        ((x[:, np.newaxis] / 255).astype("float32"), labels.astype("int64"))
        for x, labels in datasets.arrays("mnist")
    )


def shifted(x, most, rng):
    """Move each picture by up to `most` pixels each way, zeros moving in."""
    padded = np.pad(x, ((0, 0), (0, 0), (most, most), (most, most)))
    windows = sliding_window_view(padded, x.shape[2:], axis=(2, 3))  # (n, c, 2m+1, 2m+1, h, w)
    down, right = rng.integers(2 * most + 1, size=(2, len(x)))
    return windows[np.arange(len(x)), :, down, right]


def processor():
    """Return the processor's name."""
    if Path("/proc/cpuinfo").exists():
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    raise SystemExit(main())
