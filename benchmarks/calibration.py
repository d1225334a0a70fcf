"""Measure the calibration error of classifiers, before and after the temperature.

    python benchmarks/calibration.py DATA WEIGHTS

DATA holds the folders cats_dogs and calligraphy_masters, WEIGHTS is a file of ImageNet weights of
MobileNet with a quarter of its filters. Linear classifiers are fitted on its features.
"""

import argparse
import contextlib
import os
import tempfile
from functools import partial
from pathlib import Path

from keras_cnn import Recipe, models, transfer


def main():
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of the sets")
    parser.add_argument("weights", help="file of ImageNet weights")
    options = parser.parse_args()
    print_table(options.data, options.weights)


def print_table(data, weights):
    """Print the expected calibration error and the cross entropy before and after."""
    head = "set | classifier | test | accuracy | temperature | error before | error after"
    print(f"| {head} | loss before | loss after |")
    print("|---" * 9 + "|")
    base = transfer.Base.of(partial(models.MobileNet, alpha=0.25), weights=weights)
    with tempfile.TemporaryDirectory() as out:
        for name in ("cats_dogs", "calligraphy_masters"):
            for classifier in ("logistic", "softmax"):
                choices = {"image_size": 128, "epochs": 200, "learning_rate": 1e-2}
                places = {"data": data / name, "out": Path(out, name, classifier)}
                recipe = Recipe(name=name, dataset=name, **places, **choices)
                with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
                    report = transfer.fit_features(base, recipe, classifier=classifier)
                print(_row(report["test"], name, classifier), flush=True)


def _row(test, *cells):
    entry = test["calibration"]
    before, after = entry["before"], entry["after"]
    cells = [*cells, test["samples"], f"{test['accuracy']:.3f}", f"{entry['temperature']:.2f}"]
    cells += [_with_interval(before), _with_interval(after)]
    cells += [f"{before['loss']:.3f}", f"{after['loss']:.3f}"]
    return f"| {' | '.join(map(str, cells))} |"


def _with_interval(part):
    low, high = part["ece_interval"]
    return f"{part['ece']:.3f} ({low:.3f}–{high:.3f})"


if __name__ == "__main__":
    main()
