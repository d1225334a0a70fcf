"""Groups of pictures that stay in one split: how they are named, and how they are divided."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from keras_cnn import InputError
from keras_cnn.datasets import division, groups


@pytest.fixture
def folder(tmp_path):
    """Four files of two patients in two classes."""
    for name in ("cat/p1_a.png", "cat/p2_b.png", "dog/p1_c.png", "dog/p2_d.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def _paths(folder):
    return sorted(map(str, folder.glob("*/*.png")))


def test_an_expression_names_the_group_in_a_files_name(folder):
    assert groups.names(_paths(folder), by="^(p[0-9]+)_", folder=folder) == ["p1", "p2"] * 2
    assert groups.kind("^(?P<patient>p[0-9]+)_") == "patient"
    assert groups.kind("^(p[0-9]+)_") == "group"


def test_a_table_names_the_group_of_each_file(folder, tmp_path):
    table = tmp_path / "groups.csv"
    lines = "".join(f"{name},{name[-5]}\n" for name in map(str, _paths(folder)))
    table.write_text("file,group\n" + lines.replace(f"{folder}/", ""))
    assert groups.names(_paths(folder), by=str(table), folder=folder) == list("abcd")


@pytest.mark.parametrize(
    ("by", "sentence"),
    [
        ("p[0-9]+", r"one pair of brackets.*'p\[0-9\]\+' has 0"),
        ("(p)([0-9]+)", "has 2"),
        ("(p", "must be a regular expression"),
        ("^(p1)_", "does not match 2 of 4, such as p2_b.png"),
        ("^(x?)", "does not match 4 of 4"),
        ("missing.csv", "missing.csv cannot be read"),
    ],
)
def test_what_names_no_groups_is_refused(folder, by, sentence):
    with pytest.raises(InputError, match=sentence):
        groups.names(_paths(folder), by=by, folder=folder)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("name,patient\na,b\n", "must have the columns file and group"),
        ("file,group\ncat/p1_a.png,\n", "a value in every row"),
        ("file,group\ncat/p9.png,1\n", "1 of 1 are not there, such as 'cat/p9.png'"),
        ("file,group\ncat/p1_a.png,1\n", "lacks 3 of 4, such as 'cat/p2_b.png'"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(folder, content, sentence):
    table = folder / "groups.csv"
    table.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=sentence):
        groups.names(_paths(folder), by=str(table), folder=folder)


@settings(max_examples=60, deadline=None)
@given(
    classes=st.integers(2, 4),
    sizes=st.lists(st.integers(1, 9), min_size=3, max_size=12),
    share=st.sampled_from([0.1, 0.15, 0.3, 0.5]),
    seed=st.integers(0, 9),
)
def test_no_group_is_on_both_sides_and_every_class_is(classes, sizes, share, seed):
    labels = [f"class {c}" for c in range(classes) for size in sizes for _ in range(size)]
    names = [
        f"{c} {g}" for c in range(classes) for g, size in enumerate(sizes) for _ in range(size)
    ]
    first, second = division.divide_groups(labels, names, share=share, seed=seed)
    assert sorted([*first, *second]) == list(range(len(labels)))
    labels, names = np.array(labels), np.array(names)
    assert not set(names[first]) & set(names[second])
    assert set(labels[first]) == set(labels[second]) == set(labels)


def test_the_second_side_is_as_near_to_its_share_as_groups_allow():
    labels, names = np.repeat(["a", "b"], 100), np.arange(200) // 5
    _, second = division.divide_groups(labels, names, share=0.15, seed=0)
    assert 0.1 <= len(second) / 200 <= 0.2
    few = np.arange(200) // 50  # two groups per class: half of the pictures is the least
    assert len(division.divide_groups(labels, few, share=0.15, seed=0)[1]) == 100


def test_a_class_of_one_group_is_divided_and_named():
    labels, names = ["a"] * 20 + ["b"] * 20, ["1"] * 10 + ["2"] * 10 + ["3"] * 20
    assert division.lone_groups(labels, names) == {"b": "3"}
    first, second = division.divide_groups(labels, names, share=0.25, seed=0)
    taken = np.array(names)[second]
    assert (taken == "3").sum() == 5
    assert not set(taken) & set(np.array(names)[first]) - {"3"}


def test_groups_that_no_division_can_keep_whole_are_refused():
    with pytest.raises(InputError, match="every class on both sides"):
        division.divide_groups(list("aabbcc"), list("122313"), share=0.2, seed=0)


def test_folds_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    labels, names = rng.integers(0, 3, 90), rng.integers(0, 30, 90)
    for units, kind in ((names, StratifiedGroupKFold), (None, StratifiedKFold)):
        numbers = division.folds(labels, units, number=5, seed=3)
        expected = kind(5, shuffle=True, random_state=3).split(labels, labels, units)
        for fold, (_, rows) in enumerate(expected):
            assert np.flatnonzero(numbers == fold).tolist() == rows.tolist()


def test_more_folds_than_groups_are_refused():
    labels = ["a"] * 20 + ["b"] * 20
    with pytest.raises(InputError, match="at least 3 groups of each class; 'b' has 2"):
        division.folds(labels, [*range(20), *[20, 21] * 10], number=3, seed=0)
    with pytest.raises(InputError, match="at least 5 pictures of each class; 'b' has 4"):
        division.folds(labels[:24], None, number=5, seed=0)
