"""Habits of old scripts that work with Keras' legacy class work here too."""

import numpy as np
import pandas as pd
import pytest
from grey_pictures import SMALL
from keras.src.legacy.preprocessing.image import ImageDataGenerator as Legacy

from keras_cnn import ImageDataGenerator, InputError

pytestmark = [
    # Warnings of the legacy class.
    pytest.mark.filterwarnings("ignore:Please import `affine_transform`:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated:DeprecationWarning"),
]


def _assert_same_batches(ours, theirs, number=3):
    for _ in range(number):
        for mine, other in zip(next(ours), next(theirs), strict=True):
            mine, other = (x if isinstance(x, list) else [x] for x in (mine, other))
            for array, expected in zip(mine, other, strict=True):
                np.testing.assert_array_equal(array, expected)


def _table(marks):
    names = sorted(path.relative_to(marks).as_posix() for path in marks.glob("*/*.png"))
    numbers = np.arange(len(names)) / 10
    return pd.DataFrame(
        [[name, name.split("/")[0], i, 1 - i] for name, i in zip(names, numbers, strict=True)]
    )


@pytest.mark.parametrize(
    "flow",
    [
        {"y_col": 1},
        {"y_col": 1, "weight_col": 2},
        {"y_col": 1, "classes": ["light", "dark"], "class_mode": "sparse"},
        {"y_col": 2, "class_mode": "raw"},
        {"y_col": [2, 3], "class_mode": "multi_output"},
        {"class_mode": "input"},
    ],
)
def test_a_table_without_header_names_its_columns_by_number(marks, flow):
    table = _table(marks)
    options = {"directory": str(marks), "x_col": 0, "seed": 1} | SMALL | flow
    before = table.copy()
    ours, theirs = (
        kind().flow_from_dataframe(table, **options) for kind in (ImageDataGenerator, Legacy)
    )
    _assert_same_batches(ours, theirs)
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize("kind", [pd.Index, pd.Series, np.array, list, tuple])
@pytest.mark.parametrize("class_mode", ["raw", "multi_output"])
def test_columns_of_targets_may_be_an_index_or_an_array(marks, kind, class_mode):
    table = _table(marks).rename(columns=str)
    options = {"directory": str(marks), "x_col": "0", "class_mode": class_mode, "seed": 1} | SMALL
    ours = ImageDataGenerator().flow_from_dataframe(table, y_col=kind(["2", "3"]), **options)
    theirs = Legacy().flow_from_dataframe(table, y_col=["2", "3"], **options)
    _assert_same_batches(ours, theirs)


@pytest.mark.parametrize("classes", [None, ["light", "empty", "dark"]])
def test_an_empty_class_folder_keeps_its_index(marks, classes):
    (marks / "empty").mkdir()
    options = {"classes": classes, "seed": 1} | SMALL
    with pytest.warns(UserWarning, match="without pictures: empty"):
        ours = ImageDataGenerator().flow_from_directory(marks, **options)
    theirs = Legacy().flow_from_directory(marks, **options)
    assert ours.class_indices == theirs.class_indices and ours.num_classes == 3
    np.testing.assert_array_equal(ours.classes, theirs.classes)
    _assert_same_batches(ours, theirs)


def test_a_missing_class_folder_and_folders_without_any_picture_are_refused(marks, tmp_path):
    with pytest.raises(InputError, match="typo' is missing"):
        ImageDataGenerator().flow_from_directory(marks, classes=["dark", "typo"])
    (tmp_path / "none" / "a").mkdir(parents=True)
    with pytest.raises(InputError, match="have no pictures"):
        ImageDataGenerator().flow_from_directory(tmp_path / "none")


@pytest.mark.parametrize("prefetch", [0, 3])
@pytest.mark.parametrize(
    "changes",
    [
        {2: ("flow", "batch_size", 7)},
        {2: ("flow", "batch_size", 13), 5: ("flow", "batch_size", 3)},
        {4: ("flow", "batch_size", 20), 6: ("flow", "batch_size", 30)},
        {3: ("generator", "rescale", 1 / 255), 5: ("generator", "rescale", 1 / 127.5)},
        {1: ("flow", "shuffle", False)},
        {1: ("flow", "shuffle", False), 7: ("flow", "shuffle", True)},
        {2: ("generator", "horizontal_flip", True), 3: ("flow", "seed", 9)},
        {2: ("generator", "preprocessing_function", np.negative)},
    ],
)
@pytest.mark.parametrize("shuffle", [True, False])
def test_a_change_of_a_living_flow_takes_effect_at_the_next_batch(
    marks, changes, prefetch, shuffle
):
    options = {"prefetch": prefetch}
    ours, theirs = (
        kind(rotation_range=20, **how).flow_from_directory(
            marks, **SMALL, seed=1, shuffle=shuffle, class_mode="sparse"
        )
        for kind, how in ((ImageDataGenerator, options), (Legacy, {}))
    )
    for number in range(12):
        if number in changes:
            owner, name, value = changes[number]
            for flow in (ours, theirs):
                setattr(flow if owner == "flow" else flow.image_data_generator, name, value)
        (x, y), (expected, expected_y) = next(ours), next(theirs)
        np.testing.assert_array_equal(y, expected_y)
        np.testing.assert_allclose(x, expected, atol=0.01)


def test_a_changed_batch_size_serves_numbered_requests_too(marks):
    ours, theirs = (
        kind().flow_from_directory(marks, **SMALL, seed=1) for kind in (ImageDataGenerator, Legacy)
    )
    for size in (4, 9, 2, 25):
        ours.batch_size = theirs.batch_size = size
        assert len(ours) == len(theirs)
        for number in range(len(ours)):
            np.testing.assert_array_equal(ours[number][0], theirs[number][0])


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
@pytest.mark.parametrize("shape", [(20, 24, 3), (90, 80, 3)])
@pytest.mark.parametrize(
    "options",
    [
        {"rotation_range": 40, "zoom_range": 0.3, "horizontal_flip": True},
        {"vertical_flip": True},
        {"rotation_range": 40, "interpolation_order": 3, "fill_mode": "constant"},
        {},
    ],
)
def test_random_transform_keeps_the_type_of_a_picture(dtype, shape, options):
    x = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    ours, theirs = ImageDataGenerator(**options), Legacy(**options)
    for seed in range(4):
        mine, other = ours.random_transform(x, seed), theirs.random_transform(x, seed)
        assert mine.dtype == other.dtype == dtype
        atol = 1 if np.issubdtype(dtype, np.integer) else 0.01
        difference = np.abs(mine.astype("float64") - other.astype("float64"))
        assert difference.max() <= atol and (difference > 0.01).mean() < 0.01
