"""Augmentation in the graph: the pictures are those of Keras' legacy class for the same seed."""

import keras
import numpy as np
import pytest
from books_augmentation import BOOK, draw_noise
from hypothesis import example, given, settings
from hypothesis import strategies as st
from keras.src.legacy.preprocessing.image import ImageDataGenerator as Legacy

from keras_cnn import ImageDataGenerator
from keras_cnn.images import device, pixels

pytestmark = [
    # Warnings of the legacy class.
    pytest.mark.filterwarnings("ignore:Please import `affine_transform`:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated:DeprecationWarning"),
]
ERROR = 0.02  # grey levels
ALL = BOOK | {"vertical_flip": True, "channel_shift_range": 40.0, "brightness_range": (0.5, 1.5)}
MODES = ("nearest", "constant", "reflect", "wrap")
shifts = st.sampled_from([0.0, 0.3, 4, [-2, 5], [0.25]])
augmentations = st.fixed_dictionaries(
    {},
    optional={
        "rotation_range": st.integers(1, 180),
        "width_shift_range": shifts,
        "height_shift_range": shifts,
        "shear_range": st.integers(1, 60),
        "zoom_range": st.sampled_from([0.2, (0.3, 2.5), (0.6, 0.6)]),
        "channel_shift_range": st.integers(1, 150),
        "brightness_range": st.sampled_from([(0.2, 0.9), (0.5, 3)]),
        "fill_mode": st.sampled_from(MODES),
        "cval": st.sampled_from([0.0, 99.5, 255.0]),
        "horizontal_flip": st.booleans(),
        "vertical_flip": st.booleans(),
        "rescale": st.sampled_from([None, 1 / 255]),
    },
)


def _augmented(read, batch):
    """Return the pictures of a batch, augmented and scaled."""
    x = [keras.ops.convert_to_tensor(array) for array in batch[0]]
    return keras.ops.convert_to_numpy(read.scaling(read.augmentation(*x)))


def _assert_close(ours, theirs, options):
    """Compare two batches but for a few values: at an edge, or near a whole level."""
    unit, jumps = options.get("rescale") or 1, options.get("fill_mode") in ("constant", "wrap")
    difference = np.abs(ours - theirs) / unit
    bright = max(options.get("brightness_range", [0]))
    share = 0.001 * jumps + 0.05 * (bright > 0)
    assert np.sum(difference > ERROR) <= share * ours.size + 3 * (share > 0)  # 3: a pixel
    assert jumps or difference.max() <= max(ERROR, np.ceil(bright) + ERROR)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    options=augmentations,
    seed=st.integers(0, 1000),
    shape=st.sampled_from([(20, 31, 1), (41, 17, 3), (33, 33, 4), (70, 66, 3)]),
)
@example(options=ALL, seed=0, shape=(70, 66, 3))
@example(options={"shear_range": 1, "brightness_range": (0.2, 0.9)}, seed=1, shape=(41, 17, 3))
@example(options=ALL | {"fill_mode": "wrap"}, seed=0, shape=(1, 9, 3))
@example(options=ALL | {"fill_mode": "constant", "cval": -40.0}, seed=1, shape=(40, 41, 3))
def test_a_seed_gives_the_pictures_of_keras(options, seed, shape):
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 256, (7, *shape), np.uint8), np.arange(7)
    legacy, ours = (kind(**options) for kind in (Legacy, ImageDataGenerator))
    legacy, ours = (one.flow(x, y, batch_size=4, seed=seed) for one in (legacy, ours))
    read = pixels.eight_bit(ours, on_device=True)
    for _ in range(2):
        for number in range(len(legacy)):
            pictures, targets = legacy[number]
            batch = read.batches[number]
            np.testing.assert_array_equal(batch[1], targets)
            if read.augmentation is None:  # no option with an effect was drawn
                np.testing.assert_allclose(read.scaling(batch[0]), pictures, atol=ERROR)
            else:
                assert batch[0][0].dtype == np.uint8
                _assert_close(_augmented(read, batch), pictures, options)
        for flow in (legacy, read.batches):
            flow.on_epoch_end()


@pytest.mark.parametrize("fill_mode", MODES)
def test_large_noise_of_black_and_white_pixels_is_that_of_keras(fill_mode):
    options = BOOK | {"fill_mode": fill_mode, "channel_shift_range": 30.0}
    x = np.random.default_rng(0).integers(0, 2, (2, 300, 400, 3), np.uint8) * 255
    legacy, ours = (kind(**options) for kind in (Legacy, ImageDataGenerator))
    drawn = [ours.get_random_transform(x.shape[1:], seed) for seed in range(2)]
    augmentation = device.DeviceAugmentation.of(ours)
    parameters = augmentation.parameters(drawn, size=x.shape[1:3])
    arrays = map(keras.ops.convert_to_tensor, (x, parameters))
    result = keras.ops.convert_to_numpy(device.fused(augmentation)(*arrays))
    pairs = zip(x.astype("float32"), drawn, strict=True)
    expected = np.stack([legacy.apply_transform(picture, params) for picture, params in pairs])
    _assert_close(result, expected, options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return draw_noise(tmp_path_factory.mktemp("pictures"))


def _flow(folder, *, target_size=(72, 72), **options):
    generator = ImageDataGenerator(rescale=1 / 255, **options)
    return generator.flow_from_directory(folder, target_size=target_size, batch_size=4, seed=3)


def test_device_and_host_read_the_same_epochs_in_any_order_and_by_several_processes(folder):
    host, read = _flow(folder, **BOOK), pixels.eight_bit(_flow(folder, **BOOK), on_device=True)
    share = read.batches.with_rows(lambda size: np.arange(1, size, 2))
    for epoch, order in ((2, [2, 0, 1]), (0, [0, 1, 2])):
        for flow in (host, read.batches, share):
            flow.seek(epoch, order=order)
        for number in order:
            x, y = host[number]
            batch = read.batches[number]
            np.testing.assert_array_equal(batch[1], y)
            np.testing.assert_allclose(_augmented(read, batch), x, atol=0.52 / 255)
            for part, whole in zip(share[number][0], batch[0], strict=True):
                np.testing.assert_array_equal(part, whole[1::2])


@pytest.mark.parametrize(
    "options", [{"brightness_range": (0.5, 1)}, {"channel_shift_range": 9.0}, {"zoom_range": 0.2}]
)
def test_changes_that_make_fractions_of_levels_leave_8_bit_pixels_to_the_device(folder, options):
    size = {"target_size": (24, 24)}
    assert "fractions" in pixels.eight_bit(_flow(folder, **size, **options))
    read = pixels.eight_bit(_flow(folder, **size, **options), on_device=True)
    assert read.batches[0][0][0].dtype == np.uint8 and read.augmentation


@pytest.mark.parametrize(
    "options, reason",
    [
        ({"interpolation_order": 3, "rotation_range": 9}, "interpolation_order=1"),
        ({"preprocessing_function": lambda x: x * 2, "rotation_range": 9}, "a function of yours"),
        ({"dtype": "float16", "rotation_range": 9}, "more than 8 bits"),
    ],
)
def test_what_the_device_cannot_do_has_a_reason(folder, options, reason):
    assert reason in pixels.eight_bit(_flow(folder, **options), on_device=True)


def test_alexnet_s_colours_and_pictures_without_targets_stay_on_the_host(folder):
    flow = _flow(folder, horizontal_flip=True)
    flow.image_data_generator.alexnet = object()
    assert "AlexNet" in pixels.eight_bit(flow, on_device=True)
    bare = ImageDataGenerator(rotation_range=9).flow(np.zeros((3, 8, 8, 1), np.uint8))
    assert "no targets" in pixels.eight_bit(bare, on_device=True)


def test_pictures_without_random_changes_come_without_parameters(folder):
    read = pixels.eight_bit(_flow(folder), on_device=True)
    assert read.augmentation is None and read.batches[0][0].shape == (4, 72, 72, 3)
