"""Compare training step, prediction and build time of each builder with keras.applications.

    KERAS_BACKEND=jax python benchmarks/training.py [--models VGG16 MobileNet] [--json times.json]

A round runs both networks in turns, step by step, so that other load on the machine slows both;
`--cpu` measures processor time, on which other programs have little influence. A ratio is our time
divided by that of the peer: below 1 our network is faster. The table shows the median of the
ratios and, in brackets, the smallest and the largest.
"""

import argparse
import functools
import gc
import json
import os
import statistics
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from keras_cnn import environment, models

PEERS = (
    *("VGG16", "VGG19", "InceptionV3", "ResNet50", "ResNet101", "ResNet152"),
    *("DenseNet121", "DenseNet169", "DenseNet201", "MobileNet"),
)
WORKS = ("train", "predict", "build")
GOAL = 1.03  # largest allowed median ratio
SPAN = 2  # seconds per round and network
TURNS = 2  # smallest number of steps per round


def main():
    """Measure, print the table and return 1 if a ratio misses the goal."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=PEERS, default=PEERS, metavar="MODEL")
    parser.add_argument("--batch", type=int, default=4, help="pictures per step (4)")
    parser.add_argument("--size", type=int, default=96, help="height and width in pixels (96)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--precision", default="float32", help="float32, mixed_bfloat16, ...")
    parser.add_argument(
        "--compile", action="store_true", help="compile with XLA, as JAX always does"
    )
    parser.add_argument("--cpu", action="store_true", help="measure processor time, not wall time")
    parser.add_argument("--json", type=Path, help="write the times, in seconds, to this file")
    options = parser.parse_args()
    keras.config.set_dtype_policy(options.precision)
    print(environment.sentence(), flush=True)
    print(
        f"batch {options.batch}, {options.size}x{options.size}, {options.precision}, "
        f"{options.rounds} rounds"
    )
    print(f"{'':12}" + "".join(f"{work + ', ms':>11}{'ratio':>7}{'':14}" for work in WORKS))
    times = {}
    for name in options.models:
        times[name] = measure(name, options)
        print(f"{name:12}" + "".join(map(row, times[name].values())), flush=True)
    if options.json:
        chosen = {key: value for key, value in vars(options).items() if key != "json"}
        options.json.write_text(
            json.dumps({**environment.surroundings(), **chosen, "seconds": times}, indent=1)
        )
    missed = [
        f"{name} {work} {ratio:.3f}"
        for name, works in times.items()
        for work, pair in works.items()
        if (ratio := statistics.median(ratios(pair))) > GOAL
    ]
    print(f"worse than {GOAL}: {', '.join(missed) or 'none'}")
    return bool(missed)


def measure(name, options):
    """Return {work: {"ours": seconds of each round, "peer": ...}}."""
    shape = (options.size, options.size, 3)
    contenders = {
        "ours": functools.partial(getattr(models, name), weights=None, input_shape=shape),
        "peer": functools.partial(
            getattr(keras.applications, name), weights=None, input_shape=shape
        ),
    }
    times = {work: {who: [] for who in contenders} for work in WORKS}
    clock = time.process_time if options.cpu else time.perf_counter
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (options.batch, *shape)).astype("float32")
    labels = rng.integers(0, 1000, options.batch)
    steps = {}
    for who, build in contenders.items():
        model = build()
        model.compile(
            keras.optimizers.SGD(1e-6),
            loss="sparse_categorical_crossentropy",
            jit_compile=options.compile or keras.config.backend() == "jax",
        )
        steps["train", who] = functools.partial(model.train_on_batch, images, labels)
        steps["predict", who] = functools.partial(model.predict_on_batch, images)
        steps["build", who] = build
    for work in WORKS:
        pair = {who: steps[work, who] for who in contenders}
        before = forget if work == "build" else None
        in_turns(pair, 1, clock)  # traces
        slowest = max(in_turns(pair, 1, time.perf_counter, before=before).values())
        for _ in range(options.rounds):
            turns = max(TURNS, round(SPAN / slowest))
            for who, seconds in in_turns(pair, turns, clock, before=before).items():
                times[work][who].append(seconds)
    return times


def in_turns(contenders, turns, clock, *, before=None):
    """Return the mean seconds of each contender; every turn reverses their order."""
    total = dict.fromkeys(contenders, 0.0)
    for turn in range(turns):
        for who, work in list(contenders.items())[:: 1 if turn % 2 else -1]:
            if before:
                before()
            start = clock()
            work()  # returns when its result is on the host
            total[who] += clock() - start
    return {who: seconds / turns for who, seconds in total.items()}


def forget():
    """Free the models built before, so that they do not slow the next one."""
    keras.utils.clear_session()
    gc.collect()


def ratios(pair):
    """Return our time divided by that of the peer, for each round."""
    return [ours / peer for ours, peer in zip(pair["ours"], pair["peer"], strict=True)]


def row(pair):
    """Return the columns of the table for training step, prediction or build."""
    milliseconds = 1000 * statistics.median(pair["ours"])
    values = ratios(pair)
    bracket = f" ({min(values):.2f}-{max(values):.2f})"
    return f"{milliseconds:11.1f}{statistics.median(values):7.3f}{bracket:14}"


if __name__ == "__main__":
    raise SystemExit(main())
