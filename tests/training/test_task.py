"""What a training asks of its data, and that it leaves them as they were."""

import dataclasses
import inspect

import numpy as np
import pytest
import tiny_training as tiny

from keras_cnn import ImageDataGenerator, models
from keras_cnn.detection.task import DetectionSplits
from keras_cnn.splits import (
    ClassificationSplits,
    RegressionSplits,
    SegmentationSplits,
    classification_splits,
)
from keras_cnn.training import run as training
from keras_cnn.training import seeding
from keras_cnn.training.task import Task

KINDS = [ClassificationSplits, RegressionSplits, SegmentationSplits, DetectionSplits]


def _members(kind):
    fields = {field.name for field in dataclasses.fields(kind)}
    return fields | {name for name in dir(kind) if not name.startswith("_")}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_splits_is_a_task(kind):
    wanted = {name for name in dir(Task) if not name.startswith("_")} | set(Task.__annotations__)
    assert {"train", "facts", "with_seed", "build_options", "sizes"} <= wanted
    assert wanted <= _members(kind)
    for name, method in vars(Task).items():
        if inspect.isfunction(method) and not name.startswith("_"):
            expected = list(inspect.signature(method).parameters)
            assert list(inspect.signature(getattr(kind, name)).parameters) == expected


def _regression(values, pictures):
    splits = {"train": slice(0, 8), "validation": slice(8, 10), "test": slice(10, 12)}
    flows = {
        name: ImageDataGenerator().flow(pictures[rows], values[rows])
        for name, rows in splits.items()
    }
    targets = {name: values[rows] for name, rows in splits.items()}
    return RegressionSplits(**flows, targets=targets, test_names=["a", "b"])


def test_a_builder_receives_classes_only_where_there_are_classes(tmp_path):
    recipe = tiny.recipe(tiny.draw(tmp_path / "set"), tmp_path / "out")
    values = np.arange(12.0)
    regression = _regression(values, np.zeros((12, 8, 8, 1), np.uint8))
    classification = classification_splits(recipe, ImageDataGenerator())
    assert isinstance(regression, Task) and isinstance(classification, Task)
    assert (regression.build_options, classification.build_options) == ({}, {"classes": 2})
    assert regression.sizes == {"train": 8, "validation": 2, "test": 2}
    assert regression.class_weights(recipe) is None is classification.class_weights(recipe)


def _state(flow):
    """All that a training could change of a dataset."""
    values = dict(vars(flow))
    position = values.pop("_position")
    random_state = [np.asarray(value).tolist() for value in position.random_state]
    return values, random_state, position.batches_seen, position.index_array


def test_a_training_changes_nothing_of_the_datasets_it_is_given(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "conclude", tiny.conclude)
    recipe = tiny.recipe(tiny.draw(tmp_path / "set"), tmp_path / "out", epochs=2, seed=5)
    splits = classification_splits(
        dataclasses.replace(recipe, seed=1), ImageDataGenerator(rotation_range=30)
    )
    before = _state(splits.train)
    training.run(tiny.build, splits, recipe)
    assert _state(splits.train) == before
    assert splits.train.seed == 1 and splits.train.total_batches_seen == 0


def test_several_runs_draw_their_samples_from_their_own_seeds(tmp_path, monkeypatch):
    samples = []

    def conclude(outcome, splits, recipe, **facts):
        samples.append(outcome.samples)
        return tiny.conclude(outcome, splits, recipe, **facts)

    monkeypatch.setattr(training, "conclude", conclude)
    monkeypatch.setattr(training.report, "summarize_runs", lambda results: {})
    recipe = tiny.recipe(tiny.draw(tmp_path / "set"), tmp_path / "out", epochs=1, runs=2)
    splits = classification_splits(recipe, ImageDataGenerator(rotation_range=30))
    training.run(tiny.build, splits, recipe)
    training.run(tiny.build, splits, dataclasses.replace(recipe, runs=1, seed=1))
    first, second, first_again, second_alone = (
        np.stack([picture for picture, _ in pictures]) for pictures in samples
    )
    np.testing.assert_array_equal(first, first_again)
    np.testing.assert_array_equal(second, second_alone)
    assert not np.array_equal(first, second)


def test_a_learning_rate_is_sought_for_scores_too():
    from keras_cnn.training import lr_finder

    rng = np.random.default_rng(0)
    values = rng.normal(size=12).astype("float32")
    splits = _regression(values, rng.integers(0, 255, (12, 8, 8, 1), np.uint8))
    before = splits.train.total_batches_seen
    curve = lr_finder.find_learning_rate(
        models.book.LinearRegression, splits, tiny.recipe(None, None), steps=20
    )
    assert len(curve.rates) and splits.train.total_batches_seen == before


def test_the_order_of_batches_is_that_of_older_versions():
    """Scores of README and checkpoints that are resumed depend on it."""
    assert seeding.batch_order(8, seed=0, epoch=0) == [0, 6, 4, 3, 1, 7, 2, 5]
    assert seeding.batch_order(8, seed=3, epoch=12) == [6, 7, 3, 1, 2, 0, 5, 4]
