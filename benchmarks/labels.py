"""Find planted label errors, and predict accuracies whose truth is measured.

    python benchmarks/labels.py errors DATA WEIGHTS
    python benchmarks/labels.py curve DATA WEIGHTS

DATA holds the folders cats_dogs and calligraphy_masters, WEIGHTS is a file of ImageNet weights.
``errors`` swaps 5 % of the labels and counts how many of them stand among the first tenth that
``keras-cnn clean`` lists. ``curve`` predicts the accuracy with all training pictures from half of
them.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from keras_cnn.cli import networks
from keras_cnn.datasets.division import same_share
from keras_cnn.datasets.locate import locate
from keras_cnn.transfer import label_errors, labelled_features, learning_curve

SEEDS = 5
SIZES = {"calligraphy_masters": 128, "calligraphy": 128}  # pixels; of the others 224
SWAPPED = 0.05  # share of the labels


def main():
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("subject", choices=("errors", "curve"))
    parser.add_argument("data", type=Path, help="folder of the sets")
    parser.add_argument("weights", help="file of ImageNet weights")
    options = parser.parse_args()
    {"errors": errors, "curve": curve}[options.subject](options.data, options.weights)


def errors(data, weights):
    """Swap labels, and count those among the first tenth of the suspects."""
    print("| set | pictures | seed | swapped | found | seconds for 1,000 |")
    print("|---|---|---|---|---|---|")
    for name in ("cats_dogs", "calligraphy_masters"):
        started = time.perf_counter()
        pictures = _read(data / name, weights)
        reading = time.perf_counter() - started
        for seed in range(SEEDS):
            changed, wrong = with_swapped_labels(pictures, seed=seed)
            started = time.perf_counter()
            ranked = label_errors.suspects(changed)
            seconds = reading + time.perf_counter() - started
            first = set(ranked["file"].head(len(ranked) // 10))
            found = sum(file in first for file in wrong) / len(wrong)
            cells = (name, len(ranked), seed, len(wrong), f"{found:.3f}")
            seconds *= 1000 / len(ranked)
            print("", *cells, f"{seconds:.0f}", "", sep=" | ", flush=True)


def with_swapped_labels(pictures, *, seed):
    """Return the pictures with a share of wrong labels, and the files that have them."""
    rng = np.random.default_rng(seed)
    own = pictures.table["label"].to_numpy(object).copy()
    names = sorted(set(own))
    rows = rng.permutation(len(own))[: round(SWAPPED * len(own))]
    for row in rows:
        own[row] = rng.choice([name for name in names if name != own[row]])
    table = pictures.table.assign(label=own)
    return pictures.__class__(**{**vars(pictures), "table": table}), set(table["file"].iloc[rows])


def curve(data, weights):
    """Predict the accuracy with all training pictures from half of them, and measure it."""
    print("| set | half | trial | half measured | all predicted | all measured | inside |")
    print("|---|---|---|---|---|---|---|")
    places = [data / "cats_dogs", data / "calligraphy_masters", locate("calligraphy").path]
    for place in places:
        pictures = _read(place, weights)
        own = np.unique(pictures.table["label"].to_numpy(str), return_inverse=True)[1]
        train, test = learning_curve.split(pictures)
        x, y = pictures.features[train], own[train]
        others = pictures.features[test], own[test]
        inside = 0
        for trial in range(SEEDS):
            half = same_share(y, len(y) // 2, seed=100 + trial)
            numbers = learning_curve.sizes(y[half])
            measured = learning_curve.measure(x[half], y[half], *others, numbers=numbers)
            law = learning_curve.forecast(measured)
            low, high = law.low[-1], law.high[-1]
            truth = learning_curve.right(x, y, *others, number=len(y), seed=trial).mean()
            inside += low <= truth <= high
            predicted = f"{law.accuracies[-1]:.3f} ({low:.3f}–{high:.3f})"
            cells = (place.name, len(half), trial, f"{measured.accuracies[-1]:.3f}", predicted)
            print(
                "", *cells, f"{truth:.3f}", "yes" if low <= truth <= high else "no", "", sep=" | "
            )
        print(f"{place.name}: {inside} of {SEEDS} inside", flush=True)


def _read(folder, weights):
    size = SIZES.get(folder.name, 224)
    return labelled_features.read(folder, base=networks.base_of_weights(weights), image_size=size)


if __name__ == "__main__":
    main()
