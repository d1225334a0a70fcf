"""Seconds of a short training that are neither TensorFlow's import nor steps.

    python benchmarks/start.py [--against CHECKOUT] [--repeats 5] [--case digits_lenet5]

The case trains for one epoch on its sample. "before" is the time from the command to `fit`, without
the import of Keras; "after" is that from the end of `fit` to the end of the process: test, report,
files. Another checkout of this repository is measured in turn. The script prints medians.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
RUNNER = """
import json, runpy, sys, time
started, out, case = float(sys.argv[1]), sys.argv[2], sys.argv[3]
import keras_cnn
importing = time.time()
import keras
times = {"import": time.time() - importing}
fit = keras.Model.fit
def timed(self, *args, **kwargs):
    times["before"] = time.time() - started - times["import"]
    try:
        return fit(self, *args, **kwargs)
    finally:
        times["ended"] = time.time()
        open(out + "/times.json", "w").write(json.dumps(times))
keras.Model.fit = timed
sys.argv = [case, "--epochs", "1", "--out", out]
runpy.run_path(case, run_name="__main__")
"""


def main():
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path, help="another checkout")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--case", default="digits_lenet5")
    options = parser.parse_args()
    checkouts = [HERE] + ([options.against.resolve()] if options.against else [])
    rounds = {checkout: [] for checkout in checkouts}
    for number in range(options.repeats + 1):
        for checkout in checkouts:
            seconds = run(checkout, options.case)
            if number:  # the first reads the files from disk, and may compile them
                rounds[checkout].append(seconds)
    for checkout, values in rounds.items():
        medians = {name: statistics.median(each[name] for each in values) for name in values[0]}
        print(checkout, *(f"{name} {value:.2f} s" for name, value in medians.items()), sep="  ")
    if options.against:
        pairs = zip(*rounds.values(), strict=True)
        ratios = [this["own"] / other["own"] for this, other in pairs]
        spread = f"{statistics.median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]"
        print(f"own, this : other = {spread}")


def run(checkout, case):
    """Run a case; return its seconds: before, after, own (both), whole."""
    with tempfile.TemporaryDirectory() as out:
        started = time.time()
        subprocess.run(
            [sys.executable, "-c", RUNNER, str(started), out, f"cases/{case}.py"],
            cwd=checkout,
            env=os.environ | {"PYTHONPATH": str(checkout)},
            capture_output=True,
            check=True,
        )
        ended = time.time()
        times = json.loads(Path(out, "times.json").read_text())
    before, after = times["before"], ended - times["ended"]
    return {"before": before, "after": after, "own": before + after, "whole": ended - started}


if __name__ == "__main__":
    main()
