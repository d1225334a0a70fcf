"""Measure how well classifiers detect pictures of classes that they do not know.

    python benchmarks/unknown.py --weights mobilenet_2_5_224_tf_no_top.h5

The script fits logistic regression on MobileNet's features of several sets. It leaves each class
out once and prints how well its pictures are detected, also by other scores. It then trains without
each class of the first set in turn, and measures how well this class is detected. Finally a model
of cats and dogs answers pictures of other sets. Real sets are read from the folder KERAS_CNN_DATA,
the others are built-in samples.
"""

import argparse
import functools
import json
import tempfile
from pathlib import Path

import numpy as np
from scipy import special
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.metrics.pairwise import cosine_distances
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import keras_cnn
from keras_cnn import datasets, models, transfer
from keras_cnn.datasets.division import same_share
from keras_cnn.inference.unknown import Pictures, odds
from keras_cnn.models import surgery
from keras_cnn.report.unknown import METHODS
from keras_cnn.transfer import feature_cache

SIZES = {  # set -> pixels of its pictures
    "calligraphy_masters": 96,
    "cats_dogs": 160,
    "calligraphy": 128,
    "flowers17": 128,
    "dogs": 128,
    "birds": 128,
    "fashion_mnist": 96,
}
OTHER_KINDS = ("calligraphy_masters", "flowers17", "foodscore", "dogs")  # shown to cats_dogs
MOST_SHOWN = 200


def print_tables(options):
    """Print the tables of unknown pictures as Markdown."""
    print(
        "| set | classes | pictures | method | AUROC | max-softmax | false answers | max-softmax |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name in SIZES:
        entry = _fit(name, options)["unknown"]
        numbers = [
            _with_interval(entry, prefix + key)
            for key in ("auroc", "false_answers")
            for prefix in ("", "softmax_")
        ]
        _row(name, entry["classes"], entry["pictures"], METHODS[entry["method"]], *numbers)
    tried(options)
    print("\n| class left out of the training | AUROC | false answers |\n|---|---|---|")
    name = next(iter(SIZES))
    classes = sorted({path.name for path in _pictures(name, "test").values()})
    for left_out in classes:
        kept = ",".join(label for label in classes if label != left_out)
        _fit(name, options, classes=kept)
        predictor = keras_cnn.Predictor.load(options.out / f"{name}_{kept}")
        labels = _pictures(name, "test")
        answers = predictor(list(labels), unknown=True)
        is_unknown = np.array([folder.name == left_out for folder in labels.values()])
        entry = np.array([answer.unlikeness for answer in answers])
        false = 1 - np.mean(
            [a.is_unknown for a, own in zip(answers, is_unknown, strict=True) if own]
        )
        print(f"| {left_out} | {roc_auc_score(is_unknown, entry):.3f} | {false:.3f} |", flush=True)
    print("\n| shown to the model of cats_dogs | pictures | answered | max-softmax above 0.9 |")
    print("|---|---|---|---|")
    predictor = keras_cnn.Predictor.load(options.out / "cats_dogs")
    for name in ("cats_dogs", *OTHER_KINDS):
        paths = list(_pictures(name, "test"))
        chosen = np.random.default_rng(0).permutation(len(paths))[:MOST_SHOWN]
        answers = predictor([paths[row] for row in chosen], unknown=True)
        answered = 1 - np.mean([answer.is_unknown for answer in answers])
        sure = np.mean([answer.value > 0.9 for answer in answers])
        print(f"| {name} | {len(answers)} | {answered:.3f} | {sure:.3f} |", flush=True)


def tried(options):
    """Print the mean AUROC of other scores for the same left-out classes."""
    print()
    _row("set", "max-softmax", "nearest training picture", "energy", "energy, training anew")
    _row(*["---"] * 5)
    for name in ("calligraphy_masters", "flowers17", "dogs", "birds"):
        predictor = keras_cnn.Predictor.load(options.out / name)
        train, test = (_seen(predictor, name, split) for split in ("train", "test"))
        scores = {"max-softmax": [], "nearest": [], "energy": [], "anew": []}
        for label in np.unique(test.labels):
            rest, without = train.without(label), test.ignoring(label)
            anew = make_pipeline(StandardScaler(), LogisticRegression(C=10 / len(rest.labels)))
            anew.fit(rest.features, rest.labels)
            values = {
                "max-softmax": odds(without.logits),
                "nearest": cosine_distances(test.features, rest.features).min(axis=1),
                "energy": -special.logsumexp(without.logits, axis=1),
                "anew": -special.logsumexp(anew.decision_function(test.features), axis=1),
            }
            for key, of_label in values.items():
                scores[key].append(roc_auc_score(test.labels == label, of_label))
        _row(name, *(f"{np.mean(values):.3f}" for values in scores.values()))


def _seen(predictor, name, split):
    """Return at most 1,000 pictures of a split as the last layer sees them."""
    cut = surgery.penultimate(predictor.model)
    labels = _pictures(name, split)
    numbers = {label: number for number, label in enumerate(predictor.card.class_names)}
    classes = np.array([numbers[folder.name] for folder in labels.values()])
    rows = same_share(classes, 1000, seed=0)
    paths = [list(labels)[row] for row in rows]
    features = feature_cache.compute(cut.model, predictor.preparation, paths)
    return Pictures(features, cut.logits(features), classes[rows])


def _row(*cells):
    print("|", " | ".join(map(str, cells)), "|", flush=True)


def _fit(name, options, **choices):
    """Return the report of logistic regression on MobileNet's features."""
    network = functools.partial(models.MobileNet, alpha=0.25)
    base = transfer.Base.of(network, weights=options.weights)
    out = options.out / "_".join([name, *choices.values()])
    recipe = keras_cnn.Recipe(
        name=name,
        dataset=name,
        image_size=SIZES[name],
        interpolation="bilinear",
        out=out,
        **choices,
    )
    transfer.fit_features(base, recipe)
    return json.loads((out / "report.json").read_text("utf-8"))


def _pictures(name, split):
    """Return picture -> its folder, of a split or, without class folders, of the whole set."""
    folder = datasets.locate(name).path
    inside = folder / split if (folder / split).is_dir() else folder
    files = [path for path in sorted(inside.rglob("*")) if path.suffix in (".png", ".jpg")]
    return {str(path): path.parent for path in files}


def _with_interval(entry, key):
    low, high = entry[f"{key}_interval"]
    return f"{entry[key]:.3f} ({low:.2f}–{high:.2f})"


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", required=True, help="MobileNet's, alpha=0.25, without top")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "trust")
    options = parser.parse_args()
    print_tables(options)


if __name__ == "__main__":
    main()
