"""Time a training step of each case in two precisions, with the case's network, size and batch.

    python benchmarks/precision.py [birds_vgg16 dogs_mobilenet] [--precision float16]

A round runs both networks in turns, step by step, so that other load on the machine slows both. The
table shows the milliseconds of float32 and the ratio of the other precision to it: the median of
the rounds and, in brackets, the smallest and the largest ratio.
"""

import argparse
import functools
import importlib
import statistics
import sys
import time
from pathlib import Path

import keras_cnn  # first, as in the cases: it sets a variable that TensorFlow reads once

# isort: split
import keras
import training

from keras_cnn import environment
from keras_cnn.images import memory
from keras_cnn.training import compiling

CASES = Path(__file__).parents[1] / "cases"
# catsdogs_inceptionv3 trains a head on features: its steps do not include the network.
NAMES = sorted({path.stem for path in CASES.glob("*.py")} - {"catsdogs_inceptionv3"})


def main():
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(NAMES)} (all)")
    parser.add_argument("--precision", default="bfloat16", help="bfloat16 or float16 (bfloat16)")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    memory.keep()
    sys.path.insert(0, str(CASES))
    print(environment.sentence(), flush=True)
    for name in options.cases or NAMES:
        seconds, ratios = measure(name, options)
        print(
            f"{name:20}{1000 * seconds:8.1f} ms{statistics.median(ratios):7.2f} "
            f"[{min(ratios):.2f}, {max(ratios):.2f}]"
        )
        training.forget()


def measure(name, options):
    """Return the seconds of a step in float32, and the ratio of each round."""
    build, splits, recipe, optimizer = arguments_of_run(name)
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
    single, half = zip(*(seconds.values() for seconds in rounds), strict=True)
    ratios = [of_half / of_single for of_single, of_half in zip(single, half, strict=True)]
    return statistics.median(single), ratios


def arguments_of_run(name):
    """Return the arguments that a case passes to `keras_cnn.run`, without training."""
    arguments = []

    def run(build, splits, recipe, *, optimizer=keras.optimizers.Adam, **_):
        arguments.extend((build, splits, recipe, optimizer))
        raise StopIteration

    keras_cnn.run = run
    try:
        importlib.import_module(name).main([])
    except StopIteration:
        return arguments
    raise SystemExit(f"{name} did not call keras_cnn.run")


if __name__ == "__main__":
    main()
