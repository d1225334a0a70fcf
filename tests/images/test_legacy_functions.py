"""The functions of old scripts give the results of Keras' legacy functions."""

import keras
import numpy as np
import pytest
from keras.src.legacy.preprocessing import image as theirs

from keras_cnn import InputError
from keras_cnn import legacy as ours

pytestmark = [
    # Warnings of the legacy functions.
    pytest.mark.filterwarnings("ignore:Please import `affine_transform`:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated:DeprecationWarning"),
]
LAST = {"row_axis": 0, "col_axis": 1, "channel_axis": 2}
TURNED = {"row_axis": 1, "col_axis": 0, "channel_axis": 2}
FIRST = {"row_axis": 1, "col_axis": 2, "channel_axis": 0}


@pytest.mark.parametrize("dtype", ["float32", "uint8", "float64"])
@pytest.mark.parametrize("axes", [LAST, TURNED, FIRST], ids=["last", "turned", "first"])
@pytest.mark.parametrize(
    "name, arguments",
    [
        ("random_rotation", (30,)),
        ("random_shift", (0.2, 0.3)),
        ("random_shear", (25,)),
        ("random_zoom", ((0.6, 1.4),)),
        ("random_zoom", ((1, 1),)),
        ("apply_affine_transform", (20, 1, 2, 5, 0.9, 1.2)),
        ("apply_affine_transform", ()),
    ],
)
@pytest.mark.parametrize(
    "filling", [{}, {"fill_mode": "constant", "cval": 7.0}, {"fill_mode": "reflect"}]
)
def test_a_warp_is_that_of_the_legacy_function(name, arguments, axes, filling, dtype):
    x = np.random.default_rng(0).uniform(0, 255, (12, 9, 3)).astype(dtype)
    x = np.moveaxis(x, 2, 0) if axes is FIRST else x
    results = []
    for module in (ours, theirs):
        np.random.seed(4)
        results.append(getattr(module, name)(x, *arguments, **axes, **filling))
    np.testing.assert_allclose(*results, rtol=1e-12 if dtype == "float64" else 0)
    assert results[0].dtype == results[1].dtype == dtype


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("random_channel_shift", (40, 2)),
        ("apply_channel_shift", (40.0, 2)),
        ("random_brightness", ((0.3, 1.6),)),
        ("random_brightness", ((0.3, 1.6), False)),
        ("apply_brightness_shift", (1.3,)),
        ("apply_brightness_shift", (0.4, False)),
    ],
)
@pytest.mark.parametrize("limits", [(0, 255), (0, 1), (-1, 1), (-40, 300)])
def test_a_change_of_levels_is_that_of_the_legacy_function(name, arguments, limits):
    x = np.random.default_rng(0).uniform(*limits, (12, 9, 3)).astype("float32")
    results = []
    for module in (ours, theirs):
        np.random.seed(4)
        results.append(getattr(module, name)(x, *arguments))
    np.testing.assert_allclose(*results, rtol=1e-6, atol=1e-6)
    assert results[0].dtype == results[1].dtype


def test_files_are_read_and_written_by_the_functions_of_keras(tmp_path):
    x = np.zeros((4, 5, 3))
    ours.save_img(tmp_path / "a.png", ours.array_to_img(x))
    picture = ours.img_to_array(ours.load_img(tmp_path / "a.png", target_size=(2, 2)))
    assert picture.shape == (2, 2, 3) and ours.load_img is keras.utils.load_img
    np.testing.assert_array_equal(
        ours.flip_axis(np.arange(6).reshape(2, 3), 1), [[2, 1, 0], [5, 4, 3]]
    )


def test_wrong_axes_and_ranges_are_refused():
    with pytest.raises(InputError, match="three axes.*shape \\(4, 4\\)"):
        ours.random_rotation(np.zeros((4, 4)), 20)
    with pytest.raises(InputError, match="are 0, 1 and 2"):
        ours.apply_affine_transform(np.zeros((4, 4, 3)), 20, row_axis=1, col_axis=1)
    with pytest.raises(InputError, match="zoom_range must be two numbers"):
        ours.random_zoom(np.zeros((4, 4, 3)), 0.2)
