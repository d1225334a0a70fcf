"""An undivided set of pictures with boxes gets its splits."""

from pathlib import Path

import numpy as np
import pytest
from annotated_sets import set_of_names

from keras_cnn.datasets import annotations, boxed_division
from keras_cnn.errors import InputError


def test_a_set_is_divided_by_class_and_groups_stay_together(tmp_path):
    part = annotations.read(set_of_names(tmp_path, 30 * ["cat"] + 4 * ["dog"]), split="train")
    groups = np.arange(34)
    splits = boxed_division.divide({"train": part}, groups, share=0.2, seed=0)
    for split, counts in {"train": (19, 2), "val": (5, 1), "test": (6, 1)}.items():
        labels = np.concatenate([entry.labels for entry in splits[split].pictures])
        assert np.bincount(labels, minlength=3)[1:].tolist() == list(counts), split
    options = {"share": 0.2, "seed": 0, "group_by": "^(.)"}  # 0, 1, 10 to 19, ...
    splits = boxed_division.divide({"train": part}, groups, **options)
    firsts = [{Path(entry.path).name[0] for entry in part.pictures} for part in splits.values()]
    assert sum(map(len, firsts)) == len(set.union(*firsts))
    for pattern, reason in {
        "(": "regular expression",
        "a": "one pair",
        "(x)": "must match",
    }.items():
        with pytest.raises(InputError, match=reason):
            boxed_division.joined(part.pictures, groups, pattern)
    with pytest.raises(InputError, match="--group-by divides a set without splits"):
        boxed_division.divide(splits, groups, **options)
