"""Splits by groups, and the splits of a cross-validation."""

from pathlib import Path

import numpy as np
import pytest

from keras_cnn import ImageDataGenerator, InputError, Recipe
from keras_cnn.splits import array_splits, classification_splits
from keras_cnn.splits.classification import FoldedSplits


def _splits(folder, *, group_pattern=None, **choices):
    recipe = Recipe(name="case", dataset="stripes", data=folder, image_size=24, **choices)
    generator = ImageDataGenerator(rescale=1 / 255)
    return classification_splits(recipe, generator, group_pattern=group_pattern)


@pytest.fixture
def grouped(stripes):
    """The stripes, whose pictures are of five pens, each in one class."""
    for path in sorted(stripes.glob("*/*/*.png")):
        pen = int(path.stem[-4:], 16) % 5
        path.rename(path.with_name(f"{path.parent.name}{pen}_{path.name}"))
    return stripes


def _pens(flow):
    return {path.rpartition("/")[2].partition("_")[0] for path in flow.filepaths}


def test_no_group_trains_and_validates(grouped):
    splits = _splits(grouped, group_by="^(?P<pen>[a-z]+[0-9])_", validation_split=0.2)
    assert not _pens(splits.train) & _pens(splits.validation)
    assert splits.sizes == {"train": 32, "validation": 8, "test": 16}
    assert set(splits.groups) == {"seen pens"}


def test_no_group_is_in_two_splits_of_class_folders(grouped):
    splits = _splits(grouped / "train", group_by="^([a-z]+[0-9])_", validation_split=0.2)
    pens = [_pens(flow) for flow in (splits.train, splits.validation, splits.test)]
    assert not pens[0] & pens[1] and not pens[0] & pens[2] and not pens[1] & pens[2]
    assert set(splits.groups) == {"unseen groups"}


def test_a_class_of_one_group_is_told(grouped, capsys):
    for path in grouped.glob("train/lying/*"):
        path.rename(path.with_name("lying0" + path.name[6:]))
    splits = _splits(grouped, group_by="^([a-z]+[0-9])_")
    (note,) = [note for note in splits.facts["notes"] if "one group" in note]
    assert note in capsys.readouterr().out
    assert "lying are of one group, lying0" in note


def test_groups_of_one_picture_each_have_no_scores_of_their_own(stripes):
    assert _splits(stripes, group_by="(.+)$").groups  # the names of train and test are the same
    for path in stripes.glob("*/*/*.png"):
        path.rename(path.with_name(f"{path.parts[-3]}{path.parts[-2]}{path.name}"))
    assert _splits(stripes, group_by="(.+)").groups == {}


@pytest.mark.parametrize("by", [None, "near-copies", "^([a-z]+[0-9])_"])
def test_folds_test_every_picture_once(grouped, by):
    splits = _splits(grouped, folds=3, group_by=by)
    assert isinstance(splits, FoldedSplits)
    every = splits.train.filepaths
    assert len(every) == 56 and splits.test_names == every
    folds = list(splits.folds)
    tested = [path for fold in folds for path in fold.test.filepaths]
    assert sorted(tested) == sorted(every)
    for number, (fold, rows) in enumerate(zip(folds, splits.rows, strict=True), start=1):
        assert fold.test.filepaths == [every[row] for row in rows]
        parts = [set(flow.filepaths) for flow in (fold.train, fold.validation, fold.test)]
        assert sum(map(len, parts)) == len(set.union(*parts)) == len(every)
        assert np.flatnonzero(splits.groups[f"fold {number}"]).tolist() == rows.tolist()
        if by and by != "near-copies":
            assert not _pens(fold.test) & (_pens(fold.train) | _pens(fold.validation))
            assert not _pens(fold.train) & _pens(fold.validation)


def test_copies_are_in_one_fold(stripes):
    for path in list(stripes.glob("train/*/*.png"))[:6]:
        path.with_name(f"copy_{path.name}").write_bytes(path.read_bytes())
    splits = _splits(stripes, folds=4)
    contents = [{Path(name).read_bytes() for name in fold.test.filepaths} for fold in splits.folds]
    assert sum(map(len, contents)) == len(set.union(*contents))


def test_more_folds_than_groups_are_refused(grouped):
    with pytest.raises(InputError, match="at least 6 groups of each class; 'lying' has 5"):
        _splits(grouped, folds=6, group_by="^([a-z]+[0-9])_")


def test_choices_that_exclude_each_other_are_refused(stripes):
    with pytest.raises(InputError, match="--folds 3 trains once per fold"):
        Recipe(name="", dataset="", folds=3, runs=2)
    with pytest.raises(InputError, match="--listing validates on the test pictures"):
        _splits(stripes, folds=3, validate_on_test=True)
    with pytest.raises(InputError, match="these are arrays"):
        array_splits(Recipe(name="", dataset="mnist", folds=3), None)


def test_the_old_argument_still_groups(grouped):
    with pytest.warns(FutureWarning, match="group_by"):
        splits = _splits(grouped, group_pattern="^(?P<pen>[a-z]+[0-9])_")
    assert set(splits.groups) == {"seen pens"}
