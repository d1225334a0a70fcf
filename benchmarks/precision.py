"""Train step of each case's own network, size and batch, in two precisions.

    python benchmarks/precision.py [birds_vgg16 dogs_mobilenet] [--precision float16]

A round runs both networks in turns, step by step, so that a busy machine slows both. Shown are the
milliseconds of float32, and how many times as long the other takes: the median of the rounds and,
in brackets, the smallest and the largest.
"""

import argparse
import functools
import importlib
import statistics
import sys
import time
from pathlib import Path

import keras_cnn  # first, as in the cases: TensorFlow looks once whether oneDNN is wanted

# isort: split
import keras
import training

from keras_cnn import environment
from keras_cnn.training import compiling

CASES = Path(__file__).parents[1] / "cases"
# The head of catsdogs_inceptionv3 learns from features: no step goes through its network.
NAMES = sorted({path.stem for path in CASES.glob("*.py")} - {"catsdogs_inceptionv3"})


def main():
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(NAMES)} (all)")
    parser.add_argument("--precision", default="bfloat16", help="bfloat16 or float16 (bfloat16)")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    compiling.keep_memory()
    sys.path.insert(0, str(CASES))
    print(environment.sentence(), flush=True)
    for name in options.cases or NAMES:
        single, ratios = measure(name, options)
        middle, *spread = (choose(ratios) for choose in (statistics.median, min, max))
        print(f"{name:20}{1000 * single:8.1f} ms{middle:7.2f} [{spread[0]:.2f}, {spread[1]:.2f}]")
        training.forget()


def measure(name, options):
    """Return the seconds of a step in float32, and each round's ratio."""
    build, splits, recipe, optimizer = parts(name)
    pictures, targets = splits.train[0]
    steps = {}
    for precision in ("float32", f"mixed_{options.precision}"):
        keras.config.set_dtype_policy(precision)
        model = build(input_shape=splits.image_shape, **splits.build_options)
        compiling.compile_model(model, optimizer(learning_rate=1e-6), loss=splits.loss(recipe))
        steps[precision] = functools.partial(model.train_on_batch, pictures, targets)
    keras.config.set_dtype_policy("float32")
    training.in_turns(steps, 1, time.perf_counter)  # traces
    slowest = max(training.in_turns(steps, 1, time.perf_counter).values())
    turns = max(training.TURNS, round(training.SPAN / slowest))
    rounds = [training.in_turns(steps, turns, time.perf_counter) for _ in range(options.rounds)]
    pairs = [tuple(seconds.values()) for seconds in rounds]
    return statistics.median(single for single, _ in pairs), [low / one for one, low in pairs]


def parts(name):
    """Return what a case hands to `keras_cnn.run`, without running it."""
    handed = []

    def run(build, splits, recipe, *, optimizer=keras.optimizers.Adam, **_):
        handed.extend((build, splits, recipe, optimizer))
        raise StopIteration

    keras_cnn.run = run
    try:
        importlib.import_module(name).main([])
    except StopIteration:
        return handed
    raise SystemExit(f"{name} did not call keras_cnn.run")


if __name__ == "__main__":
    main()
