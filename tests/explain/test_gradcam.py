"""Grad-CAM against closed forms and finite differences."""

import cv2
import keras
import numpy as np
import pytest
from keras import layers
from networks_to_explain import deep, gap_classifier, head, nested, pictures, randomise, values

from keras_cnn import explain, models


def cam(model, image, index):
    """Return the class activation map, Zhou et al. 2016, equation 2, without negative values."""
    maps = values(keras.Model(model.input, model.get_layer("conv").output)(image[None]))[0]
    heat = np.maximum(maps @ values(model.get_layer("predictions").kernel)[:, index], 0)
    return heat / heat.max()


@pytest.mark.parametrize("index", range(4))
def test_grad_cam_equals_cam_before_global_average_and_a_dense_layer(index):
    model, image = gap_classifier(), pictures(9, 11, 3)
    heat = explain.grad_cam(model, image, class_index=index)
    assert heat.shape == (9, 11) and heat.dtype == np.float32
    np.testing.assert_allclose(heat, cam(model, image, index), rtol=1e-4, atol=1e-6)


def test_the_default_class_is_the_most_likely():
    model, image = gap_classifier(), pictures(9, 11, 3)
    best = int(np.argmax(values(model(image[None]))))
    np.testing.assert_array_equal(
        explain.grad_cam(model, image), explain.grad_cam(model, image, class_index=best)
    )


def last_layers(kind):
    """Return a model with the same answer, its softmax in the dense layer or after it."""
    plain = gap_classifier(None, scale=30.0)
    ends = {
        "in the dense layer": gap_classifier("softmax", scale=30.0),
        "layer": keras.Model(plain.input, layers.Softmax()(plain.output)),
        "activation": keras.Model(plain.input, layers.Activation("softmax")(plain.output)),
    }
    return ends[kind]


@pytest.mark.parametrize("kind", ["in the dense layer", "layer", "activation"])
def test_the_score_is_the_logit_so_a_saturated_network_has_a_gradient(kind):
    model, image = last_layers(kind), pictures(9, 11, 3)
    scores = values(model(image[None]))[0]
    assert scores.max() > 1 - 1e-6  # softmax' own gradient is gone
    index = int(scores.argmin())
    heat = explain.grad_cam(model, image, class_index=index)
    np.testing.assert_allclose(heat, cam(model, image, index), rtol=1e-3, atol=1e-5)


def flat(activation="softmax"):
    base = deep()
    scores = head(layers.Rescaling(0.5)(base.output), activation)
    return keras.Model(base.input, scores, name="flat")


@pytest.mark.parametrize("layer", [None, "joined", "branch", "first"])
def test_a_nested_base_is_explained_like_the_same_layers_without_nesting(layer):
    inside, outside, image = randomise(nested()), randomise(flat()), pictures(12, 12, 2)
    np.testing.assert_allclose(values(inside(image[None])), values(outside(image[None])), rtol=1e-5)
    heat = explain.grad_cam(inside, image, class_index=1, layer=layer)
    expected = explain.grad_cam(outside, image, class_index=1, layer=layer)
    assert 0 < expected.mean() < 1
    np.testing.assert_allclose(heat, expected, rtol=1e-4, atol=1e-5)


def test_the_weights_of_maps_equal_finite_differences():
    model, image = randomise(flat(activation=None)), pictures(12, 12, 2)
    joined = model.get_layer("joined")
    maps = values(keras.Model(model.input, joined.output)(image[None]))[0]  # (10, 10, 4)
    x = below = keras.Input(maps.shape)
    for layer in model.layers[model.layers.index(joined) + 1 :]:
        x = layer(x)
    bumped = maps + 1e-2 * np.concatenate([np.eye(4), -np.eye(4)])[:, None, None, :]
    up, down = np.split(values(keras.Model(below, x)(bumped.astype("float32")))[:, 1], 2)
    heat = cv2.resize(np.maximum(maps @ (up - down), 0), (12, 12))
    grad_cam = explain.grad_cam(model, image, class_index=1, layer="joined")
    np.testing.assert_allclose(grad_cam, heat / heat.max(), atol=0.01)
    assert 0.1 < grad_cam.mean() < 0.9


def test_the_default_layer_is_the_last_before_pooling_with_more_than_a_cell():
    inputs = keras.Input((16, 16, 2))
    x = layers.Conv2D(3, 3, activation="relu", name="last")(layers.Conv2D(3, 3)(inputs))
    x = layers.SpatialDropout2D(0.5)(layers.MaxPooling2D(6)(x))
    x = layers.Conv2D(5, 2, name="one_cell")(x)
    x = layers.Dense(3)(layers.Flatten()(layers.Dropout(0.5)(x)))
    model, image = randomise(keras.Model(inputs, x)), pictures(16, 16, 2)
    heat = explain.grad_cam(model, image)
    np.testing.assert_array_equal(heat, explain.grad_cam(model, image, layer="last"))
    assert heat.max() == 1


def test_explaining_does_not_change_the_model():
    model, image = randomise(nested()), pictures(12, 12, 2)
    before = values(model(image[None]))
    attributes = [set(vars(layer)) for _, layer in explain.hooks.operations(model)]
    weights = model.get_weights()
    explain.grad_cam(model, image)
    explain.feature_maps(model, image, ["first", "predictions"])
    explain.table(model)
    with pytest.raises(ValueError, match="returned"):
        explain.grad_cam(model, image, layer="hidden")
    assert [set(vars(layer)) for _, layer in explain.hooks.operations(model)] == attributes
    np.testing.assert_array_equal(values(model(image[None])), before)
    for value, old in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(value, old)


def test_without_positive_evidence_the_map_is_zero_not_nan():
    model = gap_classifier()
    model.get_layer("predictions").set_weights([-np.ones((6, 4)), np.zeros(4)])
    heat = explain.grad_cam(model, pictures(9, 11, 3), class_index=0)
    np.testing.assert_array_equal(heat, np.zeros((9, 11)))


def test_a_regression_is_explained_by_its_value():
    inputs = keras.Input((9, 11, 3))
    x = layers.Conv2D(6, 3, padding="same", activation="relu", name="conv")(inputs)
    x = layers.Dense(1, name="predictions")(layers.GlobalAveragePooling2D()(x))
    model, image = randomise(keras.Model(inputs, x)), pictures(9, 11, 3)
    np.testing.assert_allclose(
        explain.grad_cam(model, image), cam(model, image, 0), rtol=1e-4, atol=1e-6
    )


@pytest.fixture(scope="module")
def detector():
    return models.SSD300(base="mobilenet", alpha=0.125, classes=4)


@pytest.mark.parametrize("feature_map", ["conv4_3_norm", "fc7"])
def test_a_detector_is_explained_by_the_logit_of_its_most_likely_prior(detector, feature_map):
    """The heads are linear, so the gradient is the filter of the prior's class."""
    rng = np.random.default_rng(0)
    for layer in detector.layers:
        if layer.name.endswith("_mbox_conf"):
            kernel = np.zeros(layer.kernel.shape)
            bias = np.zeros(layer.bias.shape).reshape(-1, 4)  # (priors, classes)
            bias[:, 0] = 6  # background
            if layer.name.startswith(feature_map):
                kernel[1, 1] = 1e-3 * rng.uniform(size=kernel.shape[2:])  # above 0: some heat
                bias[1, 2] = 9
            layer.set_weights([kernel, bias.ravel()])
    image = 127 + 120 * pictures(300, 300, 3)
    conf = detector.get_layer(f"{feature_map}_mbox_conf")
    maps = values(keras.Model(detector.input, conf.input)(image[None]))[0]
    expected = np.maximum(maps @ values(conf.kernel)[1, 1, :, 4 * 1 + 2], 0)
    heat = explain.grad_cam(detector, image)  # of class 2, the most likely
    expected = cv2.resize(expected / expected.max(), (300, 300))
    np.testing.assert_allclose(heat, expected / expected.max(), atol=1e-3)
    assert 0.001 < heat.mean() < 0.999


def test_the_background_of_a_detector_cannot_be_explained(detector):
    with pytest.raises(ValueError, match=r"in \[1, 4\) .* class_index=0"):
        explain.grad_cam(detector, np.zeros((300, 300, 3), "float32"), class_index=0)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"class_index": 4}, r"in \[0, 4\).*class_index=4"),
        ({"class_index": -1}, "class_index=-1"),
        ({"layer": "convv"}, "no layer 'convv'; close names are conv"),
        ({"layer": "gap"}, "name a convolution by layer="),
    ],
)
def test_a_wrong_option_is_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        explain.grad_cam(gap_classifier(), pictures(9, 11, 3), **options)


def test_a_picture_of_another_size_is_refused():
    for shape in [(9, 10, 3), (1, 9, 11, 3), (9, 11)]:
        with pytest.raises(ValueError, match=r"one picture as cam takes it, \(9, 11, 3\)"):
            explain.grad_cam(gap_classifier(), pictures(*shape))


def test_the_overlay_shows_the_picture_where_the_heat_is_zero():
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    heat = np.zeros((4, 6), "float32")
    np.testing.assert_array_equal(explain.overlay(image, heat), image)
    heat[2, 3] = 1
    laid = explain.overlay(image, heat, opacity=1)
    assert laid.shape == (20, 30, 3) and laid.dtype == np.uint8
    np.testing.assert_array_equal(laid[:, :10], image[:, :10])
    assert laid[12, 17].astype(int).sum() > 600  # the hottest colour is nearly white
    assert explain.overlay(image[..., :1], heat).shape == (20, 30, 3)
    with pytest.raises(ValueError, match="uint8"):
        explain.overlay(image / 255, heat)
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        explain.overlay(image, heat * 2)
