"""Batches are those of Keras' legacy class, the oracle."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from books_augmentation import BOOK
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from keras.src.legacy.preprocessing.image import ImageDataGenerator as Legacy
from PIL import Image

from keras_cnn import ImageDataGenerator

pytestmark = [
    # Warnings of the legacy class.
    pytest.mark.filterwarnings("ignore:Please import `affine_transform`:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated:DeprecationWarning"),
]
FLOAT_PATH, EIGHT_BIT_PATH = 0.01, 0.51  # grey levels
LARGE = (70, 66)  # pictures of this size are warped in 8 bits, with rounding


@pytest.fixture(scope="module")
def pets(tmp_path_factory):
    """Three classes of 9, 7 and 5 pictures, of different sizes and formats."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("宠物 pets")
    for name, number in {"cat": 9, "dog": 7, "狗": 5}.items():
        (folder / name).mkdir()
        for index in range(number):
            width, height = rng.integers(20, 60, 2)
            coarse = Image.fromarray(rng.integers(0, 256, (5, 6, 3), dtype=np.uint8))
            suffix = ("jpg", "png", "bmp")[index % 3]
            coarse.resize((width, height), 2).save(folder / name / f"{index}.{suffix}")
    return folder


def _pair(options):
    return Legacy(**options), ImageDataGenerator(**options)


def _assert_same(ours, theirs, tolerance):
    """Compare batches of any structure: pictures within a tolerance, other arrays exactly."""
    if isinstance(theirs, (tuple, list)):
        for mine, other in zip(ours, theirs, strict=True):
            _assert_same(mine, other, tolerance)
    else:
        assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, atol=tolerance * (ours.ndim > 2), rtol=0)


shifts = st.one_of(
    st.floats(0, 0.9), st.integers(0, 12), st.lists(st.integers(-9, 9), min_size=1, max_size=3)
)
augmentations = st.fixed_dictionaries(
    {},
    optional={
        "rotation_range": st.floats(0, 180),
        "width_shift_range": shifts,
        "height_shift_range": shifts,
        "shear_range": st.floats(0, 60),
        "zoom_range": st.one_of(
            st.floats(0, 0.8), st.just(2), st.tuples(st.floats(0.3, 1), st.floats(1, 2))
        ),
        "channel_shift_range": st.floats(0, 150),
        "fill_mode": st.sampled_from(["nearest", "constant", "reflect", "wrap"]),
        "cval": st.floats(0, 255),
        "horizontal_flip": st.booleans(),
        "vertical_flip": st.booleans(),
        "rescale": st.sampled_from([None, 1 / 255, 1 / 127.5]),
        "samplewise_center": st.booleans(),
        "data_format": st.sampled_from(["channels_last", "channels_first"]),
    },
)
flows = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**31),
        "target_size": st.sampled_from([(32, 32), (24, 40), (41, 17), LARGE]),
    },
    optional={
        "color_mode": st.sampled_from(["rgb", "grayscale", "rgba"]),
        "class_mode": st.sampled_from(["categorical", "sparse", "input", None]),
        "batch_size": st.integers(1, 25),
        "shuffle": st.booleans(),
        "interpolation": st.sampled_from(["nearest", "bilinear", "lanczos"]),
        "keep_aspect_ratio": st.booleans(),
    },
)
oracle = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@oracle
@given(
    options=augmentations, flow=flows, requests=st.lists(st.one_of(st.none(), st.integers(0, 20)))
)
@example(options=BOOK, flow={"seed": 1, "target_size": (48, 48)}, requests=[None] * 9)
def test_a_seed_gives_the_batches_of_keras_in_any_order_of_requests(pets, options, flow, requests):
    legacy, ours = (g.flow_from_directory(pets, **flow) for g in _pair(options))
    tolerance = FLOAT_PATH
    if flow["target_size"] == LARGE:  # samplewise_center subtracts a mean of rounded pixels
        tolerance = EIGHT_BIT_PATH * (2 if options.get("samplewise_center") else 1)
    tolerance *= options.get("rescale") or 1
    for number in [None, *requests]:  # None: next()
        number = number if number is None else number % len(ours)
        theirs = next(legacy) if number is None else legacy[number]
        _assert_same(next(ours) if number is None else ours[number], theirs, tolerance)


@oracle
@given(options=augmentations, seed=st.integers(0, 1000), channels=st.sampled_from([1, 3, 4]))
@example(options={"shear_range": 11.0, "fill_mode": "constant"}, seed=0, channels=1)  # on the edge
def test_arrays_have_the_batches_of_keras(options, seed, channels):
    rng = np.random.default_rng(seed)
    shape = (
        (channels, 20, 31) if options.get("data_format") == "channels_first" else (20, 31, channels)
    )
    x = rng.random((11, *shape), np.float32) * 255
    y, weights = rng.integers(0, 3, 11), rng.random(11)
    legacy, ours = (
        g.flow(x, y, batch_size=4, seed=seed, sample_weight=weights) for g in _pair(options)
    )
    for _ in range(5):
        _assert_same(next(ours), next(legacy), FLOAT_PATH * (options.get("rescale") or 1))


@pytest.mark.parametrize("shuffle", [True, False])
def test_two_epochs_have_the_order_and_augmentation_of_keras(pets, shuffle):
    flow = {"target_size": (32, 32), "batch_size": 4, "seed": 7, "shuffle": shuffle}
    legacy, ours = (g.flow_from_directory(pets, **flow) for g in _pair(BOOK))
    for _ in range(2):
        for number in range(len(legacy)):
            _assert_same(ours[number], legacy[number], FLOAT_PATH)
        for iterator in (legacy, ours):
            iterator.on_epoch_end()
        np.testing.assert_array_equal(ours.index_array, legacy.index_array)
    legacy, ours = (g.flow_from_directory(pets, **flow) for g in _pair(BOOK))
    for _ in range(2 * len(legacy)):
        _assert_same(next(ours), next(legacy), FLOAT_PATH)


@pytest.mark.parametrize("order", [0, 2, 3, 4, 5])
def test_other_interpolation_orders_are_equal(pets, order):
    options = BOOK | {"interpolation_order": order, "fill_mode": "reflect"}
    flow = {"target_size": (30, 30), "seed": 1}
    legacy, ours = (g.flow_from_directory(pets, **flow) for g in _pair(options))
    _assert_same(next(ours), next(legacy), FLOAT_PATH)


@pytest.mark.parametrize("fill_mode", ["nearest", "constant", "reflect", "wrap"])
@pytest.mark.parametrize("channel_shift_range", [0, 40])
def test_brightness_differs_in_single_pixels_by_one_level_only(
    pets, fill_mode, channel_shift_range
):
    options = BOOK | {
        "brightness_range": (0.5, 1.5),
        "fill_mode": fill_mode,
        "channel_shift_range": channel_shift_range,
    }
    flow = {"target_size": (64, 64), "seed": 1, "batch_size": 21}
    legacy, ours = (g.flow_from_directory(pets, **flow) for g in _pair(options))
    for _ in range(2):
        difference = np.abs(next(ours)[0] - next(legacy)[0])
        assert (difference > 0).mean() < 1e-4 and difference.max() <= 2


def test_brightness_alone_is_equal(pets):
    options = {"brightness_range": (0.2, 1.8), "horizontal_flip": True}
    for color_mode in ("rgb", "rgba", "grayscale"):
        flow = {"target_size": (32, 32), "seed": 1, "color_mode": color_mode}
        legacy, ours = (g.flow_from_directory(pets, **flow) for g in _pair(options))
        _assert_same(next(ours), next(legacy), 0)
    x = np.random.default_rng(0).normal(0, 300, (6, 8, 8, 3)).astype("float32")
    legacy, ours = (g.flow(x, seed=1) for g in _pair(options))
    _assert_same(next(ours), next(legacy), 0)


def test_pictures_without_augmentation_are_identical(pets):
    for options in ({}, {"rescale": 1 / 255}, {"preprocessing_function": np.negative}):
        flow = {"target_size": (32, 32), "seed": 1}
        legacy, ours = (g.flow_from_directory(pets, **flow) for g in _pair(options))
        _assert_same(next(ours), next(legacy), 0)


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_other_types_are_those_of_keras(pets, dtype):
    options = {"dtype": dtype, "rescale": 1 / 255, "rotation_range": 20}
    legacy, ours = (
        g.flow_from_directory(pets, target_size=(32, 32), seed=1) for g in _pair(options)
    )
    _assert_same(next(ours), next(legacy), 1e-3)


@pytest.mark.parametrize(
    "options",
    [
        {"featurewise_center": True, "featurewise_std_normalization": True},
        {"featurewise_center": True, "rescale": 1 / 255, "data_format": "channels_first"},
        {"featurewise_center": True, "zca_whitening": True, "zca_epsilon": 1e-3},
        {"samplewise_center": True, "samplewise_std_normalization": True},
    ],
)
def test_fitted_statistics_are_those_of_keras(options):
    rng = np.random.default_rng(0)
    shape = (3, 8, 9) if options.get("data_format") == "channels_first" else (8, 9, 3)
    x = rng.random((30, *shape), np.float32) * 255
    legacy, ours = _pair(options)
    for generator in (legacy, ours):
        generator.fit(x)
    for name in ("mean", "std", "zca_whitening_matrix"):
        if getattr(legacy, name) is not None:
            np.testing.assert_allclose(getattr(ours, name), getattr(legacy, name), rtol=1e-5)
    _assert_same(next(ours.flow(x, seed=1)), next(legacy.flow(x, seed=1)), 1e-3)


def test_statistics_of_augmented_pictures_are_those_of_keras():
    x = np.random.default_rng(0).random((10, 12, 12, 3), np.float32) * 255
    legacy, ours = _pair(BOOK | {"featurewise_center": True})
    for generator in (legacy, ours):
        generator.fit(x, augment=True, rounds=2, seed=5)
    np.testing.assert_allclose(ours.mean, legacy.mean, atol=FLOAT_PATH)


@pytest.mark.parametrize(
    "options",
    [
        {"width_shift_range": 3, "height_shift_range": 0.3},
        {"width_shift_range": [-2, 0, 5], "height_shift_range": 5.0},
        {"rotation_range": np.float32(0.1), "shear_range": 7},
        {"zoom_range": (0.7, 1.1), "channel_shift_range": 9, "brightness_range": (0.1, 1.7)},
    ],
)
def test_random_parameters_are_those_of_keras_to_the_last_bit(options):
    legacy, ours = _pair(BOOK | options)
    for seed in range(200):
        drawn = ours.get_random_transform((12, 17, 3), seed)
        assert drawn == legacy.get_random_transform((12, 17, 3), seed)


def test_a_single_picture_is_augmented_and_scaled_as_in_keras():
    x = np.random.default_rng(0).random((12, 17, 3), np.float32) * 255
    legacy, ours = _pair(BOOK)
    assert ours.get_random_transform(x.shape, 3) == legacy.get_random_transform(x.shape, 3)
    _assert_same(ours.random_transform(x, 3), legacy.random_transform(x, 3), FLOAT_PATH)
    _assert_same(ours.standardize(x.copy()), legacy.standardize(x.copy()), 0)


@pytest.mark.parametrize("subset", ["training", "validation"])
def test_subsets_are_those_of_keras(pets, subset):
    flow = {"target_size": (8, 8), "subset": subset, "shuffle": False}
    legacy, ours = (g.flow_from_directory(pets, **flow) for g in _pair({"validation_split": 0.4}))
    assert ours.filenames == legacy.filenames
    np.testing.assert_array_equal(ours.classes, legacy.classes)
    assert ours.class_indices == legacy.class_indices
    x, y = np.arange(10 * 4 * 4 * 3).reshape(10, 4, 4, 3), np.arange(10) % 2
    legacy, ours = (
        g.flow(x, y, subset=subset, shuffle=False) for g in _pair({"validation_split": 0.4})
    )
    _assert_same(next(ours), next(legacy), 0)


def _table(pets):
    names = [f"{path.parent.name}/{path.name}" for path in sorted(pets.glob("*/*"))]
    number = np.arange(len(names))
    return pd.DataFrame(
        {
            "filename": names,
            "class": [name.split("/")[0] for name in names],
            "tags": [[("a", "b", "c")[i % 3], "a"] for i in number],
            "two": np.where(number % 2, "odd", "even"),
            "score": number / 10,
            "age": number,
        }
    )


@pytest.mark.parametrize(
    "flow",
    [
        {},
        {"class_mode": "sparse", "classes": ["狗", "cat"]},
        {"class_mode": "binary", "y_col": "two"},
        {"y_col": "tags"},
        {"y_col": "tags", "classes": ["c", "b"]},
        {"class_mode": "raw", "y_col": "score"},
        {"class_mode": "raw", "y_col": ["score", "age"]},
        {"class_mode": "multi_output", "y_col": ["score", "age"]},
        {"class_mode": "input"},
        {"class_mode": None},
        {"weight_col": "score"},
        {"subset": "training"},
        {"subset": "validation", "class_mode": "raw", "y_col": "age", "shuffle": False},
        {"validate_filenames": False, "color_mode": "grayscale"},
    ],
)
def test_tables_have_the_batches_of_keras(pets, flow):
    flow = {"directory": str(pets), "target_size": (16, 16), "batch_size": 5, "seed": 2} | flow
    legacy, ours = (
        g.flow_from_dataframe(_table(pets), **flow) for g in _pair(BOOK | {"validation_split": 0.3})
    )
    assert ours.filenames == legacy.filenames and len(ours) == len(legacy)
    for _ in range(len(legacy) + 2):
        _assert_same(next(ours), next(legacy), FLOAT_PATH)


@pytest.mark.parametrize("several", [False, True])
def test_further_inputs_stay_with_their_pictures(several):
    x, extra = np.random.default_rng(0).random((7, 6, 6, 3), np.float32), np.arange(7)
    extra = [extra, extra[:, None] * 2] if several else extra
    legacy, ours = (g.flow((x, extra), np.arange(7), seed=1, batch_size=3) for g in _pair(BOOK))
    for _ in range(3):
        (inputs, y), (expected, expected_y) = next(ours), next(legacy)
        np.testing.assert_array_equal(y, expected_y)
        _assert_same(inputs, expected, FLOAT_PATH)


@pytest.mark.parametrize("kind", ["files", "arrays"])
def test_saved_pictures_have_the_names_and_pixels_of_keras(pets, tmp_path, kind):
    for name, generator in zip(("theirs", "ours"), _pair({"horizontal_flip": True}), strict=True):
        folder = tmp_path / name
        folder.mkdir()
        saving = {"save_to_dir": folder, "save_prefix": "look", "seed": 3, "batch_size": 4}
        if kind == "files":
            flow = generator.flow_from_directory(pets, target_size=(16, 16), **saving)
        else:
            x = np.random.default_rng(0).random((6, 8, 8, 3), np.float32)
            flow = generator.flow(x, **saving)
        next(flow), next(flow)
    theirs, ours = (sorted((tmp_path / name).iterdir()) for name in ("theirs", "ours"))
    assert [path.name for path in ours] == [path.name for path in theirs]
    assert [path.read_bytes() for path in ours] == [path.read_bytes() for path in theirs]


def test_reset_begins_a_new_epoch_as_in_keras(pets):
    flow = {"target_size": (8, 8), "batch_size": 4, "seed": 1}
    legacy, ours = (g.flow_from_directory(pets, **flow) for g in _pair(BOOK))
    for iterator in (legacy, ours):
        next(iterator), next(iterator)
        iterator.reset()
    for _ in range(7):
        _assert_same(next(ours), next(legacy), FLOAT_PATH)


def test_the_global_random_state_is_neither_read_nor_changed(pets):
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    generator = ImageDataGenerator(**BOOK, brightness_range=(0.5, 1.5))
    batches = []
    for _ in range(2):
        np.random.seed(1)
        flow = generator.flow_from_directory(pets, target_size=(8, 8))
        batches.append(next(flow)[0])
        flow.on_epoch_end()
        generator.random_transform(batches[0][0])
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    assert not np.array_equal(*batches)


class _Darker(ImageDataGenerator):
    def apply_transform(self, x, transform_parameters):
        return super().apply_transform(x, transform_parameters) / 2


def test_a_subclass_can_override_apply_transform(pets):
    flow = {"target_size": (8, 8), "shuffle": False}
    plain = next(ImageDataGenerator().flow_from_directory(pets, **flow))[0]
    dark = next(_Darker().flow_from_directory(pets, **flow))[0]
    np.testing.assert_array_equal(dark, plain / 2)


def test_a_copy_without_augmentation_only_scales(pets):
    generator = ImageDataGenerator(**BOOK, brightness_range=(0.1, 0.2), rescale=1 / 255)
    flow = {"target_size": (8, 8), "shuffle": False}
    plain = next(generator.without_augmentation().flow_from_directory(pets, **flow))[0]
    expected = next(Legacy(rescale=1 / 255).flow_from_directory(pets, **flow))[0]
    np.testing.assert_array_equal(plain, expected)


@pytest.mark.skipif("KERAS_CNN_DATA" not in os.environ, reason="KERAS_CNN_DATA is not set")
def test_real_photos_have_the_batches_of_keras():
    folder = Path(os.environ["KERAS_CNN_DATA"]) / "cats_dogs" / "test"
    flow = {"target_size": (150, 150), "batch_size": 25, "seed": 7}
    for options, tolerance in (({"rescale": 1 / 255}, 0), (BOOK, EIGHT_BIT_PATH)):
        legacy, ours = (g.flow_from_directory(folder, **flow) for g in _pair(options))
        for _ in range(len(legacy)):
            _assert_same(next(ours), next(legacy), tolerance)
