"""Train a network of keras_cnn.scratch on real MNIST and write a log.

    python benchmarks/scratch_mnist.py simple --log notebooks/logs/simple_conv_net.txt
    python benchmarks/scratch_mnist.py deep --log notebooks/logs/deep_conv_net.txt

The learning rate follows half a cosine. Training uses all 60,000 training pictures. The 10,000 test
pictures choose neither the number of epochs nor the weights, so the last line is the result. The
weights are saved beside the log after every epoch, and a training that was stopped continues from
there (with a new state of Adam, as the log says).
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
NETWORKS = {  # network -> builder, epochs, pictures per step, largest shift in pixels, goal
    "simple": (scratch.SimpleConvNet, 8, 100, 0, 0.985),
    "deep": (scratch.DeepConvNet, 4, 32, 1, 0.993),  # small steps, many in the few epochs
}


def main():
    """Train, write the log and return 1 if the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("--epochs", type=int, help="number of epochs (depends on the network)")
    parser.add_argument("--log", type=Path, required=True, help="text file; continued if it exists")
    options = parser.parse_args()
    build, epochs, batch, shift, goal = NETWORKS[options.network]
    epochs = options.epochs or epochs
    network = build()
    weights = options.log.with_suffix(".npz")
    finished = resume(options.log, weights, network)
    training, test = pictures()
    say = Log(options.log)
    if not finished:
        say(f"{build.__name__}: {network.count_params():,} weights, NumPy {np.__version__} alone")
        say(f"{len(training[0]):,} pictures of MNIST to learn from, {len(test[0]):,} to test with")
        say(f"Adam, {RATE} falling to 0 along half a cosine, {batch} pictures a step")
        say(
            f"each picture shifted at random, at most {shift} px each way"
            if shift
            else "not augmented"
        )
    say(
        f"{processor()}, Python {platform.python_version()}, "
        f"from epoch {finished + 1} of {epochs} on"
    )
    trainer = scratch.Trainer(
        network,
        optimizer=scratch.Adam(RATE),
        batch_size=batch,
        augment=(lambda x, rng: shifted(x, shift, rng)) if shift else None,
        seed=finished,
    )
    for epoch in range(finished, epochs):
        start = time.perf_counter()
        history = trainer.fit(
            *training,
            epochs=1,
            validation_data=test,
            schedule=lambda progress, epoch=epoch: (
                RATE * (1 + math.cos(math.pi * (epoch + progress) / epochs)) / 2
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
    """Print lines and append them to a file."""

    def __init__(self, path):
        """Open the file.

        Args:
            path: The file; made with its folder if it is missing.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file = path.open("a", encoding="utf-8", buffering=1)

    def __call__(self, line):
        """Write one line."""
        print(line, flush=True)
        print(line, file=self.file)


def resume(log, weights, network):
    """Load the weights of a stopped training; return the number of its finished epochs."""
    if not (log.exists() and weights.exists()):
        return 0
    network.load(weights)
    return sum(line.startswith("epoch") for line in log.read_text(encoding="utf-8").splitlines())


def pictures():
    """Return MNIST as ((x, labels), (x, labels)), pictures (n, 1, 28, 28) in 0 to 1."""
    location = datasets.locate("mnist")
    if location.is_sample:
        sys.exit(location.note)
    return tuple(
        ((x[:, np.newaxis] / 255).astype("float32"), labels.astype("int64"))
        for x, labels in datasets.arrays("mnist")
    )


def shifted(x, largest, rng):
    """Shift each picture by up to `largest` pixels each way and fill with zeros."""
    padded = np.pad(x, ((0, 0), (0, 0), (largest, largest), (largest, largest)))
    windows = sliding_window_view(padded, x.shape[2:], axis=(2, 3))  # (n, c, 2l+1, 2l+1, h, w)
    down, right = rng.integers(2 * largest + 1, size=(2, len(x)))
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
