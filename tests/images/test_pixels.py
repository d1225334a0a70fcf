"""Batches of 8-bit pixels: scaled, they are the flow's own batches.

The oracle is the flow, whose batches equal those of Keras' legacy class.
"""

import keras
import numpy as np
import pytest
from books_augmentation import draw_noise

from keras_cnn import ImageDataGenerator
from keras_cnn.images import memory, pixels
from keras_cnn.images.scaling import Scaling

WARPS = {"rotation_range": 30, "zoom_range": 0.2, "width_shift_range": 0.2, "shear_range": 5}
CHANGES = {
    "none": {},
    "flip": {"horizontal_flip": True},
    "warp": {**WARPS, "vertical_flip": True},
    "wrap": {**WARPS, "fill_mode": "wrap"},
    "constant": {**WARPS, "fill_mode": "constant", "cval": 7.0},
}
RULES = {
    "none": {},
    "rescale": {"rescale": 1 / 255},
    "torch": {"preprocessing_function": Scaling("torch")},
    "caffe": {"preprocessing_function": keras.applications.vgg16.preprocess_input},
    "tf": {"preprocessing_function": Scaling("tf")},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return draw_noise(tmp_path_factory.mktemp("pictures"))


def _flow(folder, **options):
    generator = ImageDataGenerator(**options)
    return generator.flow_from_directory(folder, target_size=(72, 72), batch_size=4, seed=3)


def _batches(flow):
    """Two epochs, of which the second comes from the cache."""
    for _ in range(2):
        for index in range(len(flow)):
            yield flow[index]
        flow.on_epoch_end()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("changes", CHANGES)
def test_scaled_8_bit_batches_are_the_flow_s_batches(folder, changes, rule):
    options = CHANGES[changes] | RULES[rule]
    expected = list(_batches(_flow(folder, **options)))
    batches, scaling, _ = pixels.eight_bit(_flow(folder, **options))
    for (x, y), (raw, labels) in zip(expected, _batches(batches), strict=True):
        assert raw.dtype == np.uint8 and labels.dtype == y.dtype
        np.testing.assert_array_equal(labels, y)
        scaled = keras.ops.convert_to_numpy(scaling(keras.ops.convert_to_tensor(raw)))
        rounding = 0 if rule in ("none", "rescale") else 1e-6 * abs(x).max()
        np.testing.assert_allclose(scaled, x, rtol=0, atol=rounding)


def test_8_bit_batches_of_arrays_are_the_flow_s_batches():
    x = np.random.default_rng(0).integers(0, 256, (9, 28, 28, 1), np.uint8)
    flow = ImageDataGenerator(rescale=1 / 255).flow(x, np.eye(9), batch_size=4, seed=1)
    batches, scaling, _ = pixels.eight_bit(flow)
    for (scaled, y), (raw, labels) in zip(_batches(flow), _batches(batches), strict=True):
        np.testing.assert_array_equal(scaling(raw), scaled)
        np.testing.assert_array_equal(labels, y)


@pytest.mark.parametrize(
    "options, reason",
    [
        ({"channel_shift_range": 9.0}, "fractions of grey levels"),
        ({"brightness_range": (0.5, 1)}, "fractions of grey levels"),
        ({"interpolation_order": 3, "rotation_range": 9}, "fractions of grey levels"),
        ({"fill_mode": "constant", "cval": 0.5, "rotation_range": 9}, "fractions of grey levels"),
        ({"preprocessing_function": lambda x: x * 2}, "a function of yours"),
        ({"preprocessing_function": np.sqrt}, "cannot hold their scaling"),
        ({"samplewise_center": True, "samplewise_std_normalization": True}, "cannot hold"),
        ({"samplewise_center": True}, "in another order"),
        ({"data_format": "channels_first", "rescale": 2.0}, "cannot hold their scaling"),
        ({"dtype": "float16"}, "more than 8 bits"),
    ],
)
def test_batches_stay_floats_where_bytes_would_change_a_pixel(folder, options, reason):
    assert reason in pixels.eight_bit(_flow(folder, **options))


def test_small_pictures_are_warped_without_rounding_and_stay_floats(folder):
    flow = ImageDataGenerator(rotation_range=9).flow_from_directory(folder, target_size=(64, 64))
    assert "fractions" in pixels.eight_bit(flow)


def test_other_batches_stay_floats(folder, tmp_path):
    grey = ImageDataGenerator().flow_from_directory(folder, color_mode="grayscale")
    assert "more than 8 bits" in pixels.eight_bit(grey)
    floats = ImageDataGenerator().flow(np.zeros((3, 8, 8, 1), np.float32))
    assert "more than 8 bits" in pixels.eight_bit(floats)
    same = ImageDataGenerator().flow_from_directory(folder, class_mode="input")
    assert "further inputs" in pixels.eight_bit(same)
    bare = ImageDataGenerator().flow_from_directory(folder, class_mode=None)
    assert "no targets" in pixels.eight_bit(bare)
    saved = ImageDataGenerator().flow_from_directory(folder, save_to_dir=tmp_path)
    assert "saved" in pixels.eight_bit(saved)
    assert "of your own" in pixels.eight_bit(keras.utils.PyDataset())
    own = ImageDataGenerator().flow(np.zeros((3, 8, 8, 1), np.uint8))
    own.__class__ = type("Own", (type(own),), {"__getitem__": lambda self, index: None})
    assert "of your own" in pixels.eight_bit(own)


def test_the_memory_of_a_batch_begins_where_backends_take_it_without_a_copy(folder):
    flow = _flow(folder)
    assert all(flow[index][0].ctypes.data % 64 == 0 for index in range(len(flow)))
    array = memory.aligned((3, 5), "float64")
    assert (array.shape, array.dtype, array.ctypes.data % 64) == ((3, 5), np.float64, 0)
