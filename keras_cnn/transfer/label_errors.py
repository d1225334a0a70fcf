"""Find the pictures whose label may be wrong.

A classifier that has not seen a picture judges its label: five classifiers are each fitted on four
fifths of the pictures and answer the rest.

References:
    Northcutt et al., 2021. Confident learning: estimating uncertainty in dataset labels.
    https://arxiv.org/abs/1911.00068
"""

import os
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.preprocessing import StandardScaler

from keras_cnn import filesystem
from keras_cnn.errors import InputError
from keras_cnn.i18n import _
from keras_cnn.report import figures, sentences, writer
from keras_cnn.transfer.labelled_features import LabelledFeatures
from keras_cnn.transfer.linear import PENALTIES

FOLDS = 5
SHARE = 0.1  # of the pictures, which are listed
DRAWN = 50  # suspects on the contact sheet


def suspects(pictures: LabelledFeatures, *, seed: int = 0) -> pd.DataFrame:
    """Rank all pictures, the most suspicious label first.

    Args:
        pictures: The pictures of a set.
        seed: Seed of the folds.

    Returns:
        A row per picture with the columns `rank` (from 1), `file`, `label`, `likely` (the most
        probable other class), `probability` (of `likely`), `label_probability` and `path`.

    Raises:
        InputError: A class has fewer than two pictures that are no copies of one another.
    """
    names, labels = np.unique(pictures.table["label"].to_numpy(str), return_inverse=True)
    _check(names, labels, pictures.groups)
    probabilities = out_of_fold(pictures.features, labels, pictures.groups, seed=seed)
    rows = np.arange(len(labels))
    others = probabilities.copy()
    others[rows, labels] = -1
    likely = others.argmax(axis=1)
    order = np.argsort(margin(probabilities, labels), kind="stable")
    ranked = pd.DataFrame(
        {
            "file": pictures.table["file"],
            "label": pictures.table["label"],
            "likely": names[likely],
            "probability": probabilities[rows, likely],
            "label_probability": probabilities[rows, labels],
            "path": pictures.table["path"],
        }
    ).iloc[order]
    ranked.insert(0, "rank", rows + 1)
    return ranked.reset_index(drop=True)


def most_suspicious(ranked: pd.DataFrame, *, share: float | None = None) -> pd.DataFrame:
    """Return the first rows of `suspects`, at least one.

    Args:
        ranked: The table of `suspects`.
        share: Share of the pictures, from 0 to 1; None takes `SHARE`.
    """
    return ranked.head(max(1, round((SHARE if share is None else share) * len(ranked))))


def margin(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the probability of each label minus that of the most probable other class.

    Args:
        probabilities: (pictures, classes).
        labels: int (pictures,).

    Returns:
        (pictures,), from -1 to 1; the lowest are the most suspicious.
    """
    rows = np.arange(len(labels))
    others = probabilities.copy()
    others[rows, labels] = -np.inf
    return probabilities[rows, labels] - others.max(axis=1)


def out_of_fold(
    features: np.ndarray, labels: np.ndarray, groups: np.ndarray, *, seed: int = 0
) -> np.ndarray:
    """Return the probabilities of each picture by a classifier that has not seen it or its copies.

    A copy with the same wrong label would confirm it. The penalty of the logistic regression is
    that of the lowest cross entropy.

    Args:
        features: (pictures, features).
        labels: int (pictures,), from 0; every class has at least two groups.
        groups: int (pictures,), equal for copies.
        seed: Seed of the folds.

    Returns:
        (pictures, classes). A picture whose class the classifier never saw keeps its label.
    """
    classes = labels.max() + 1
    x = StandardScaler().fit_transform(features)
    number = min(FOLDS, *_groups_per_class(labels, groups))
    folds = StratifiedGroupKFold(number, shuffle=True, random_state=seed)
    folds = list(folds.split(x, labels, groups))

    def answers(penalty):
        probabilities = np.eye(classes)[labels]
        for train, test in folds:
            known = np.unique(labels[train])
            judged = test[np.isin(labels[test], known)]
            if len(known) > 1 and len(judged):
                model = LogisticRegression(C=penalty / len(train), max_iter=2000)
                with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
                    model.fit(x[train], labels[train])  # as in `linear.fit_linear`
                answer = model.predict_proba(x[judged])
                probabilities[judged] = 0
                probabilities[np.ix_(judged, known)] = answer
        return probabilities

    rows = np.arange(len(labels))

    def cross_entropy(probabilities):
        return -np.log(np.maximum(probabilities[rows, labels], 1e-12)).mean()

    best = answers(PENALTIES[0])
    for penalty in PENALTIES[1:]:  # the weaker, the slower: stop at the first that is worse
        answer = answers(penalty)
        if cross_entropy(answer) > cross_entropy(best):
            break
        best = answer
    return best


def _groups_per_class(labels, groups):
    return [len(np.unique(groups[labels == label])) for label in range(labels.max() + 1)]


def _check(names, labels, groups):
    if len(names) < 2:
        raise InputError(
            f"a label is judged against other classes; there is only {str(names[0])!r}: add a class"
        )
    numbers = _groups_per_class(labels, groups)
    if min(numbers) < 2:
        name = str(names[np.argmin(numbers)])
        raise InputError(
            "a label is judged by other pictures of its class, so every class needs at least 2 "
            f"that are no copies of one another; {name!r} has {min(numbers)}: add pictures, or "
            "move its folder away"
        )


def write(listed: pd.DataFrame, folder: Path, *, most: int = DRAWN) -> None:
    """Write `suspects.csv`, which `datasets.corrections` reads when it is edited, and a drawing.

    Args:
        listed: The first rows of `suspects`.
        folder: An existing folder; an earlier table there becomes `suspects_before.csv`.
        most: Largest number of pictures on the drawing `suspects.png`.

    Raises:
        OSError: The files cannot be written.
    """
    items = []
    for number, row in enumerate(listed.head(most).itertuples()):
        picture = writer.picture_or_none(partial(writer.open_picture, list(listed["path"])), number)
        title = f"{row.rank}. {row.label} → {row.likely}"
        items.append((picture, title, f"{sentences.probability(row.probability)}  {row.file}"))
    drawing = figures.pictures(
        items,
        title=_("Suspicious labels: label → likely class, the most suspicious first"),
        most=most,
    )
    # The mark at the beginning tells Excel that the file is UTF-8.
    text = "\ufeff" + listed.drop(columns="path").to_csv(
        index=False, float_format="%.6f", lineterminator="\n"
    )
    files = {
        "suspects.png": drawing,
        "suspects.csv": text.encode("utf-8", "surrogateescape"),
    }
    if (folder / "suspects.csv").exists():  # the user may have edited it
        os.replace(folder / "suspects.csv", folder / "suspects_before.csv")
    for name, content in files.items():
        with filesystem.write_atomically(folder / name) as beside:
            beside.write_bytes(content)
