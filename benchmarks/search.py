"""Time the search for similar pictures among random features: ours and NumPy alone.

    python benchmarks/search.py [--pictures 10000] [--features 2048]

It does not time the network, which computes the features of a picture once.
"""

import argparse
import statistics
import time

import numpy as np

from keras_cnn import environment
from keras_cnn.transfer.search import closest


def main():
    """Measure in turns, and print the milliseconds of a search and the ratio of both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--features", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args()
    features = np.random.default_rng(0).random((options.pictures, options.features), np.float32)
    times = {closest: [], _with_numpy: []}
    for round_number in range(options.rounds):
        for search, seconds in times.items():
            started = time.perf_counter()
            search(features[round_number], features, top_k=10)
            seconds.append(time.perf_counter() - started)
    ratios = [ours / numpy for ours, numpy in zip(*times.values(), strict=True)]
    ours, numpy = (1000 * statistics.median(seconds) for seconds in times.values())
    print(
        environment.cores(), "cores;", options.pictures, "pictures,", options.features, "features"
    )
    print(f"ours {ours:.0f} ms, NumPy {numpy:.0f} ms a search")
    print(f"ratio {statistics.median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]")


def _with_numpy(feature, features, *, top_k):
    norms = np.linalg.norm(features, axis=1) * np.linalg.norm(feature)
    similarities = features @ feature / norms
    rows = np.argsort(-similarities)[:top_k]
    return rows, similarities[rows]


if __name__ == "__main__":
    main()
