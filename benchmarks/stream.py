"""Answer thousands of files: the time against the bare network's, and the memory.

    python benchmarks/stream.py [predict] [detect] [--pictures 10000] [--repeats 5] [--quick]

Each round times in turns the network on ready arrays, a fifth of the files at a time, and
`Predictor.stream` or `Detector.stream` of the same number of files. The files are links to a few
JPEGs of 500x375, so the system has them in memory. The networks have random weights; the detector
finds about ten objects in a picture. The script prints medians; of the ratios also the smallest and
the largest, in brackets. The memory is that of one further stream of all files. `--cpu` counts
processor time, on which other programs have little effect. `--quick` takes 64 files, to try the
script.
"""

import argparse
import functools
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras_cnn  # noqa: F401, I001  # before keras: it turns oneDNN on
import images
import keras
import numpy as np

from keras_cnn import environment, models
from keras_cnn.card import Card
from keras_cnn.detection.detector import Detector
from keras_cnn.images.preparation import Preparation
from keras_cnn.images.scaling import Scaling
from keras_cnn.inference.predictor import Predictor

GOAL = 1.1  # times the bare network
GROWTH = 8  # megabytes at most, after the first tenth of the files
NAMES = [str(number) for number in range(20)]


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("works", nargs="*", metavar="WORK", help=f"of {', '.join(WORKS)} (all)")
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="64 files, one round")
    parser.add_argument("--cpu", action="store_true", help="processor time, not the wall clock's")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    if options.quick:
        options.pictures, options.repeats = 64, 1
    print(environment.sentence(), flush=True)
    clock = time.process_time if options.cpu else time.perf_counter
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        files = make_files(Path(folder), options.pictures)
        for work in options.works or WORKS:
            figures[work] = measure(work, files, repeats=options.repeats, clock=clock)
    if options.json:
        options.json.write_text(json.dumps(environment.surroundings() | figures, indent=1))


def make_files(folder, number):
    """Return the names of links to 50 pictures."""
    (folder / "made").mkdir()
    made = sorted(images.make_pictures(folder / "made", min(50, number)).glob("*/*"))
    names = [folder / f"{index:05}.jpg" for index in range(number)]
    for index, name in enumerate(names):
        os.link(made[index % len(made)], name)
    return [str(name) for name in names]


def predict(file):
    """Return MobileNet's stream of answers, its network, and a batch that is ready for it."""
    card = Card(task="classification", class_names=tuple(NAMES))
    preparation = Preparation(size=(224, 224), scaling=Scaling("tf"))
    predictor = Predictor(models.MobileNet(weights=None, classes=len(NAMES)), card, preparation)
    return predictor.stream, predictor.tested_model, np.zeros((32, 224, 224, 3), np.float32)


def detect(file):
    """Return the light SSD300's stream of answers, its network, and a batch ready for it."""
    model = models.SSD300(base="mobilenet", alpha=0.5, classes=1 + len(NAMES))
    for layer in model.layers:
        if layer.name.endswith("_mbox_conf"):
            # Nearly all boxes are background, as after a training.
            background = np.arange(layer.bias.shape[0]) % (1 + len(NAMES)) == 0
            layer.bias.assign(8.0 * background)
    detector = Detector(model, NAMES)
    tenth = float(detector(file, score_threshold=0).scores[9])
    stream = functools.partial(detector.stream, score_threshold=tenth)
    return stream, detector.model, np.zeros((8, 300, 300, 3), np.float32)


WORKS = {"predict": predict, "detect": detect}


def measure(work, files, *, repeats, clock):
    """Return the figures of a work."""
    keras.utils.set_random_seed(0)
    stream, network, batch = WORKS[work](files[0])
    part = max(len(batch), len(files) // 5 // len(batch) * len(batch))
    bare, streamed = [], []
    for round in range(repeats + 1):
        first = round * part % (len(files) - part + 1)
        bare.append(seconds(clock, run, network, batch, part))
        streamed.append(seconds(clock, exhaust, stream(files[first : first + part])))
    bare, streamed = bare[1:], streamed[1:]  # the first round traces the network
    ratios = [ours / theirs for ours, theirs in zip(streamed, bare, strict=True)]
    tenth = max(1, len(files) // 10)
    early, late = peaks(stream(files), tenth)
    print(
        f"{work}: {part / statistics.median(bare):.1f} pictures/s bare, "
        f"{part / statistics.median(streamed):.1f} streamed; the stream takes "
        f"{statistics.median(ratios):.3f} [{min(ratios):.3f}, {max(ratios):.3f}] times as long "
        f"(goal {GOAL})\n{work}: peak memory {early:.1f} MB after {tenth} files, {late:.1f} MB "
        f"after {len(files)} (goal: grows by at most {GROWTH} MB)",
        flush=True,
    )
    peak = {"early_mb": early, "late_mb": late}
    return {"pictures": part, "bare": bare, "streamed": streamed, "ratios": ratios} | peak


def run(network, batch, number):
    """Run a network on ready arrays."""
    for _ in range(number // len(batch)):
        network.predict_on_batch(batch)


def exhaust(answers):
    """Take all answers."""
    for _ in answers:
        pass


def seconds(clock, work, *arguments):
    """Return the seconds that a work takes."""
    start = clock()
    work(*arguments)
    return clock() - start


def peaks(answers, tenth):
    """Return the peak memory in MB after a tenth of the answers, and after all."""
    for number, _ in enumerate(answers, start=1):
        if number == tenth:
            early = images.memory("VmHWM") / 1e6
    return early, images.memory("VmHWM") / 1e6


if __name__ == "__main__":
    main()
