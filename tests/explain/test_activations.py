"""Filters and feature maps."""

import keras
import numpy as np
import pytest
from keras import layers
from networks_to_explain import deep, gap_classifier, nested, pictures, randomise, values

from keras_cnn import explain


def test_all_filters_share_a_scale_on_which_zero_is_grey():
    model = gap_classifier()
    kernel = values(model.get_layer("conv").kernel)
    shown = explain.filters(model, "conv")
    assert shown.shape == (6, 3, 3, 3)
    expected = np.moveaxis(kernel, 3, 0) / np.abs(kernel).max() / 2 + 0.5
    np.testing.assert_allclose(shown, expected, rtol=1e-5)


def test_filters_of_depthwise_and_nested_convolutions_are_pictures():
    base = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.DepthwiseConv2D(3, depth_multiplier=2, name="depth"),
            layers.SeparableConv2D(5, 2, name="separable"),
            layers.Conv2DTranspose(7, 3, name="up"),
        ],
        name="base",
    )
    model = keras.Sequential([keras.Input((8, 8, 3)), base])
    kernel = values(base.get_layer("depth").kernel)
    shown = explain.filters(model, "base/depth")
    assert shown.shape == (6, 3, 3, 1)
    np.testing.assert_allclose(
        shown[3, ..., 0] - 0.5, kernel[:, :, 1, 1] / np.abs(kernel).max() / 2, rtol=1e-5, atol=1e-7
    )
    assert explain.filters(model, "separable").shape == (6, 2, 2, 1)
    assert explain.filters(model, "up").shape == (7, 3, 3, 5)
    with pytest.raises(ValueError, match="predictions of cam is Dense"):
        explain.filters(gap_classifier(), "predictions")


def test_feature_maps_are_returned_before_and_after_relu_and_pooling():
    inputs = keras.Input((8, 8, 2))
    x = layers.Conv2D(3, 3, activation="relu", name="conv")(inputs)
    model = randomise(keras.Model(inputs, layers.MaxPooling2D(2, name="pool")(x)))
    image = pictures(8, 8, 2)
    maps = explain.feature_maps(model, image, ["conv", "pool"])
    assert list(maps) == ["conv before relu", "conv", "pool"]
    convolved = values(keras.ops.conv(image[None], *model.get_weights()[:1])) + values(
        model.get_layer("conv").bias
    )
    assert convolved.min() < -0.1
    np.testing.assert_allclose(maps["conv before relu"], convolved[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(maps["conv"], np.maximum(convolved[0], 0), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(
        maps["pool"], maps["conv"].reshape(3, 2, 3, 2, 3).max(axis=(1, 3))
    )


def test_feature_maps_of_a_nested_base_equal_those_of_the_base():
    model, image = randomise(nested()), pictures(12, 12, 2)
    base = model.get_layer("base")
    expected = values(keras.Model(base.input, base.get_layer("branch").output)(image[None]))[0]
    maps = explain.feature_maps(model, image, "base/branch")
    assert list(maps) == ["base/branch before tanh", "base/branch"]
    np.testing.assert_allclose(maps["base/branch"], expected, rtol=1e-5)
    np.testing.assert_allclose(np.tanh(maps["base/branch before tanh"]), expected, rtol=1e-4)


def test_a_layer_that_runs_twice_or_is_not_unique_is_refused():
    inputs = keras.Input((8, 8, 2))
    twice = layers.Conv2D(2, 1, name="twice")
    model = keras.Model(inputs, twice(twice(inputs)))
    with pytest.raises(ValueError, match="twice of .* ran 2 times"):
        explain.feature_maps(model, pictures(8, 8, 2), "twice")
    first, second = deep("a"), deep("b")
    inputs = keras.Input((12, 12, 2))
    both = keras.Model(inputs, layers.Add()([first(inputs), second(inputs)]), name="both")
    with pytest.raises(ValueError, match=r"2 layers 'pool': name one of \['a/pool', 'b/pool'\]"):
        explain.feature_maps(both, pictures(12, 12, 2), "pool")
    assert explain.feature_maps(both, pictures(12, 12, 2), "b/pool")["b/pool"].shape == (5, 5, 4)


def test_a_mosaic_holds_every_picture_with_gaps_between():
    tiles = np.arange(1.0, 61).reshape(5, 3, 4)
    grid = explain.mosaic(tiles, columns=2)
    assert grid.shape == (11, 9)
    np.testing.assert_array_equal(grid[4:7, 5:], tiles[3])
    assert np.isnan(grid[3]).all() and np.isnan(grid[8:, 5:]).all()
    assert explain.mosaic(np.ones((9, 2, 2, 3), np.uint8), gap=0).shape == (6, 6, 3)
    with pytest.raises(ValueError, match="at least one"):
        explain.mosaic(np.ones((0, 2, 2)))
