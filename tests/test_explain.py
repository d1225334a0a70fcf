import json

import cv2
import keras
import numpy as np
import pytest
from keras import layers

from keras_cnn import explain, models


def pictures(*shape, seed=1):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")


def randomise(model, seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    model.set_weights([scale * rng.normal(0, 0.5, weight.shape) for weight in model.weights])
    return model


def values(tensor):
    return keras.ops.convert_to_numpy(tensor)


def gap_classifier(activation="softmax", scale=1.0):
    """The net of the CAM paper: features, global average, one dense layer."""
    inputs = keras.Input((9, 11, 3))
    x = layers.Conv2D(6, 3, padding="same", activation="relu", name="conv")(inputs)
    x = layers.GlobalAveragePooling2D(name="gap")(x)
    x = layers.Dense(4, activation=activation, name="predictions")(x)
    return randomise(keras.Model(inputs, x, name="cam"), scale=scale)


def cam(model, image, index):
    """Class activation map, Zhou et al. 2016, equation 2, without what is below zero."""
    maps = values(keras.Model(model.input, model.get_layer("conv").output)(image[None]))[0]
    heat = np.maximum(maps @ values(model.get_layer("predictions").kernel)[:, index], 0)
    return heat / heat.max()


# --------------------------------------------------------------------------------------- Grad-CAM


@pytest.mark.parametrize("index", range(4))
def test_grad_cam_is_cam_where_global_average_and_one_dense_layer_follow(index):
    model, image = gap_classifier(), pictures(9, 11, 3)
    heat = explain.grad_cam(model, image, class_index=index)
    assert heat.shape == (9, 11) and heat.dtype == np.float32
    np.testing.assert_allclose(heat, cam(model, image, index), rtol=1e-4, atol=1e-6)


def test_by_default_the_class_is_the_networks_answer():
    model, image = gap_classifier(), pictures(9, 11, 3)
    best = int(np.argmax(values(model(image[None]))))
    np.testing.assert_array_equal(
        explain.grad_cam(model, image), explain.grad_cam(model, image, class_index=best)
    )


def last_layers(kind):
    """The same answer, its softmax in the dense layer or behind it."""
    plain = gap_classifier(None, scale=30.0)
    ends = {
        "in the dense layer": gap_classifier("softmax", scale=30.0),
        "layer": keras.Model(plain.input, layers.Softmax()(plain.output)),
        "activation": keras.Model(plain.input, layers.Activation("softmax")(plain.output)),
    }
    return ends[kind]


@pytest.mark.parametrize("kind", ["in the dense layer", "layer", "activation"])
def test_the_score_is_taken_before_softmax_so_that_a_sure_network_has_a_gradient(kind):
    model, image = last_layers(kind), pictures(9, 11, 3)
    scores = values(model(image[None]))[0]
    assert scores.max() > 1 - 1e-6  # softmax' own gradient is gone
    index = int(scores.argmin())
    heat = explain.grad_cam(model, image, class_index=index)
    np.testing.assert_allclose(heat, cam(model, image, index), rtol=1e-3, atol=1e-5)


def deep(base_name="base"):
    """A base with a branch, and a head that is not linear."""
    inputs = keras.Input((12, 12, 2))
    x = layers.Conv2D(4, 3, activation="relu", name="first")(inputs)
    y = layers.Conv2D(4, 3, padding="same", activation="tanh", name="branch")(x)
    x = layers.Add(name="joined")([x, y])
    x = layers.MaxPooling2D(2, name="pool")(x)
    return keras.Model(inputs, x, name=base_name)


def head(x, activation="softmax"):
    x = layers.Dense(5, activation="tanh", name="hidden")(layers.Flatten(name="flatten")(x))
    return layers.Dense(3, activation=activation, name="predictions")(x)


def nested():
    inputs = keras.Input((12, 12, 2))
    return keras.Model(inputs, head(layers.Rescaling(0.5)(deep()(inputs))), name="nested")


def flat(activation="softmax"):
    base = deep()
    scores = head(layers.Rescaling(0.5)(base.output), activation)
    return keras.Model(base.input, scores, name="flat")


@pytest.mark.parametrize("layer", [None, "joined", "branch", "first"])
def test_a_nested_base_is_explained_as_the_same_layers_in_a_row(layer):
    inside, outside, image = randomise(nested()), randomise(flat()), pictures(12, 12, 2)
    np.testing.assert_allclose(values(inside(image[None])), values(outside(image[None])), rtol=1e-5)
    heat = explain.grad_cam(inside, image, class_index=1, layer=layer)
    expected = explain.grad_cam(outside, image, class_index=1, layer=layer)
    assert 0 < expected.mean() < 1
    np.testing.assert_allclose(heat, expected, rtol=1e-4, atol=1e-5)


def test_maps_count_by_the_slope_of_the_score_that_finite_differences_find():
    model, image = randomise(flat(activation=None)), pictures(12, 12, 2)
    joined = model.get_layer("joined")
    maps = values(keras.Model(model.input, joined.output)(image[None]))[0]  # (10, 10, 4)
    x = below = keras.Input(maps.shape)
    for layer in model.layers[model.layers.index(joined) + 1 :]:
        x = layer(x)
    bumped = maps + 1e-2 * np.concatenate([np.eye(4), -np.eye(4)])[:, None, None, :]
    up, down = np.split(values(keras.Model(below, x)(bumped.astype("float32")))[:, 1], 2)
    heat = cv2.resize(np.maximum(maps @ (up - down), 0), (12, 12))
    found = explain.grad_cam(model, image, class_index=1, layer="joined")
    np.testing.assert_allclose(found, heat / heat.max(), atol=0.01)
    assert 0.1 < found.mean() < 0.9


def test_by_default_the_last_maps_before_pooling_and_of_more_than_a_cell_are_weighed():
    inputs = keras.Input((16, 16, 2))
    x = layers.Conv2D(3, 3, activation="relu", name="last")(layers.Conv2D(3, 3)(inputs))
    x = layers.SpatialDropout2D(0.5)(layers.MaxPooling2D(6)(x))
    x = layers.Conv2D(5, 2, name="one_cell")(x)
    x = layers.Dense(3)(layers.Flatten()(layers.Dropout(0.5)(x)))
    model, image = randomise(keras.Model(inputs, x)), pictures(16, 16, 2)
    heat = explain.grad_cam(model, image)
    np.testing.assert_array_equal(heat, explain.grad_cam(model, image, layer="last"))
    assert heat.max() == 1


def test_explaining_leaves_the_model_as_it_was():
    model, image = randomise(nested()), pictures(12, 12, 2)
    before = values(model(image[None]))
    attributes = [set(vars(layer)) for _, layer in explain.taps.operations(model)]
    weights = model.get_weights()
    explain.grad_cam(model, image)
    explain.feature_maps(model, image, ["first", "predictions"])
    explain.table(model)
    with pytest.raises(ValueError, match="answered"):
        explain.grad_cam(model, image, layer="hidden")
    assert [set(vars(layer)) for _, layer in explain.taps.operations(model)] == attributes
    np.testing.assert_array_equal(values(model(image[None])), before)
    for value, old in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(value, old)


def test_where_nothing_speaks_for_the_class_the_map_is_zero_not_nan():
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
def test_a_detectors_heat_is_that_of_its_surest_priors_logit(detector, feature_map):
    """The heads are linear, so the slope is the filter of the prior's class."""
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
    heat = explain.grad_cam(detector, image)  # of class 2, the surest
    expected = cv2.resize(expected / expected.max(), (300, 300))
    np.testing.assert_allclose(heat, expected / expected.max(), atol=1e-3)
    assert 0.001 < heat.mean() < 0.999


def test_a_detector_has_no_heat_of_the_background(detector):
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
def test_a_wrong_option_is_answered_with_a_sentence(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        explain.grad_cam(gap_classifier(), pictures(9, 11, 3), **options)


def test_a_picture_of_another_size_is_refused():
    for shape in [(9, 10, 3), (1, 9, 11, 3), (9, 11)]:
        with pytest.raises(ValueError, match=r"one picture as cam takes it, \(9, 11, 3\)"):
            explain.grad_cam(gap_classifier(), pictures(*shape))


def test_the_picture_shines_through_where_nothing_is_hot():
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


# ------------------------------------------------------------------------- filters, feature maps


def test_filters_share_one_scale_on_which_zero_is_grey():
    model = gap_classifier()
    kernel = values(model.get_layer("conv").kernel)
    shown = explain.filters(model, "conv")
    assert shown.shape == (6, 3, 3, 3)
    expected = np.moveaxis(kernel, 3, 0) / np.abs(kernel).max() / 2 + 0.5
    np.testing.assert_allclose(shown, expected, rtol=1e-5)


def test_each_filter_of_a_depthwise_or_nested_convolution_is_a_picture():
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


def test_feature_maps_are_shown_before_and_after_relu_and_pooling():
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


def test_feature_maps_of_a_nested_base_are_those_of_the_base():
    model, image = randomise(nested()), pictures(12, 12, 2)
    base = model.get_layer("base")
    expected = values(keras.Model(base.input, base.get_layer("branch").output)(image[None]))[0]
    maps = explain.feature_maps(model, image, "base/branch")
    assert list(maps) == ["base/branch before tanh", "base/branch"]
    np.testing.assert_allclose(maps["base/branch"], expected, rtol=1e-5)
    np.testing.assert_allclose(np.tanh(maps["base/branch before tanh"]), expected, rtol=1e-4)


def test_a_layer_that_runs_twice_or_is_not_unique_is_told():
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


def test_a_mosaic_holds_every_picture_and_gaps_between():
    parts = np.arange(1.0, 61).reshape(5, 3, 4)
    laid = explain.mosaic(parts, columns=2)
    assert laid.shape == (11, 9)
    np.testing.assert_array_equal(laid[4:7, 5:], parts[3])
    assert np.isnan(laid[3]).all() and np.isnan(laid[8:, 5:]).all()
    assert explain.mosaic(np.ones((9, 2, 2, 3), np.uint8), gap=0).shape == (6, 6, 3)
    with pytest.raises(ValueError, match="at least one"):
        explain.mosaic(np.ones((0, 2, 2)))


# ------------------------------------------------------------------------------------------ table


def test_lenets_connections_are_the_papers_where_the_layers_agree():
    """LeCun et al. 1998, section II-B; it counts each bias as a connection."""
    found = explain.table(models.LeNet5())
    assert found.parameters == 61_706

    def connections(name):
        return found[name].multiply_adds + np.prod(found[name].output_shape)

    assert connections("c1") == 122_304 and found["c1"].parameters == 156
    assert connections("c5") == 48_120 == found["c5"].parameters
    assert connections("f6") == 10_164 == found["f6"].parameters
    # C3 sees all six maps here, where the paper's sees 3, 4 or 6 with 151,600 connections.
    assert connections("c3") == 10 * 10 * 16 * (6 * 25 + 1)
    fields = {row.name: row.receptive_field for row in found.rows if row.receptive_field}
    assert fields == {"c1": (5, 5), "s2": (6, 6), "c3": (14, 14), "s4": (16, 16)}
    assert found["s4"].stride == (4, 4)


@pytest.mark.parametrize(
    ("build", "multiply_adds", "last", "receptive_field"),
    [
        # Receptive fields: Araujo et al., Distill 2019, table 1. Multiply-adds: convolutions and
        # dense layers without biases.
        pytest.param("VGG16", 15_470_264_320, "block5_pool", 212, marks=pytest.mark.slow),
        # Howard et al. 2017, table 4: 569 million.
        ("MobileNet", 568_740_352, "conv_pw_13_relu", 315),
        # He et al. 2016, table 1: 3.8 G; the stride lies in the first 1x1 as there. Where it lies
        # in the 3x3, as torchvision has it, there are 4.09 G.
        pytest.param("ResNet50", 3_857_973_248, "conv5_block3_out", 483, marks=pytest.mark.slow),
    ],
)
def test_published_costs_and_receptive_fields_are_found(
    build, multiply_adds, last, receptive_field
):
    model = getattr(models, build)()
    found = explain.table(model)
    assert found.multiply_adds == multiply_adds
    assert found[last].receptive_field == (receptive_field, receptive_field)
    assert found[last].stride == (32, 32)
    assert found.parameters == sum(row.parameters for row in found.rows) == model.count_params()


def test_vgg16s_convolutions_cost_what_is_published_without_the_dense_layers():
    found = explain.table(models.VGG16(include_top=False), input_shape=(224, 224, 3))
    assert found.multiply_adds + (25_088 + 4096) * 4096 + 4096 * 1000 == 15_470_264_320
    assert found["block5_pool"].receptive_field == (212, 212)


@pytest.mark.slow
def test_ssds_cost_is_torchvisions():
    """torchvision tells 34.86 G for its `ssd300_vgg16` of 91 classes."""
    assert round(explain.table(models.SSD300(classes=91)).multiply_adds / 1e9, 2) == 34.86


def counted():
    inputs = keras.Input((10, 12, 4))
    x = layers.Conv2D(8, (3, 1), strides=2, groups=2, use_bias=False, name="conv")(inputs)
    x = layers.BatchNormalization(name="bn")(x)
    x = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, name="depth")(x)
    x = layers.SeparableConv2D(5, 2, name="separable")(x)
    x = layers.Conv2DTranspose(3, 2, strides=2, name="up")(x)
    x = layers.Dense(7, name="cellwise")(x)
    x = layers.GlobalMaxPooling2D(name="pool")(x)
    return keras.Model(inputs, layers.Dense(2, name="dense")(x), name="counted")


def test_multiply_adds_are_those_counted_by_hand():
    found = explain.table(counted())
    expected = {
        "conv": 4 * 6 * 8 * 3 * 2,  # (4, 6, 8), each from 3 pixels of half of the 4 channels
        "bn": 0,
        "depth": 4 * 6 * 16 * 9,
        "separable": 3 * 5 * (16 * 4 + 16 * 5),
        "up": 3 * 5 * 5 * 4 * 3,  # each of 3 x 5 cells of 5 channels is spread on 2 x 2 of 3
        "cellwise": 6 * 10 * 3 * 7,
        "pool": 0,
        "dense": 14,
    }
    assert {row.name: row.multiply_adds for row in found.rows} == expected
    assert found.multiply_adds == sum(expected.values())
    assert found.trainable_parameters == found.parameters - 16


def windowed(kind):
    """Networks whose windows are of all kinds; their size suits an impulse at every pixel."""
    inputs = x = keras.Input((29, 27, 1))
    if kind == "chain":
        x = layers.ZeroPadding2D(((1, 2), (3, 0)))(x)
        x = layers.Conv2D(1, (3, 2), strides=(2, 1))(x)
        x = layers.MaxPooling2D((2, 3), strides=(1, 2))(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.Conv2D(1, (2, 3), dilation_rate=(3, 1))(x)
        x = layers.Cropping2D(1)(x)
    elif kind == "same":
        x = layers.Conv2D(1, 5, strides=2, padding="same")(x)
        x = layers.AveragePooling2D(3, strides=2, padding="same")(x)
        x = layers.DepthwiseConv2D(3, padding="same")(x)
    else:
        a = layers.Conv2D(1, (1, 5), padding="same")(x)
        b = layers.Conv2D(1, (5, 1), padding="same")(layers.Conv2D(1, (3, 1), padding="same")(x))
        x = layers.Concatenate()([a, b])
        shifted = layers.Cropping2D(((2, 0), (0, 2)))(x)
        x = layers.Add()([shifted, layers.Cropping2D(((0, 2), (2, 0)))(x)])
        x = layers.MaxPooling2D(2)(x)
    model = keras.Model(inputs, x)
    zero = ("bias", "beta", "moving_mean")
    model.set_weights([np.full(w.shape, float(w.name not in zero)) for w in model.weights])
    return model


@pytest.mark.parametrize("kind", ["chain", "same", "branches"])
def test_the_receptive_field_is_where_an_impulse_changes_a_cell(kind):
    model = windowed(kind)
    impulses = np.eye(29 * 27, dtype="float32").reshape(-1, 29, 27, 1)
    answers = values(model.predict(impulses, verbose=0, batch_size=261)).max(axis=-1)
    rows, columns = np.array(answers.shape[1:]) // 2

    def window(row, column):
        seen = np.argwhere(answers[:, row, column].reshape(29, 27) != 0)
        return seen.min(axis=0), seen.max(axis=0)

    first, last = window(rows, columns)
    told = explain.table(model).rows[-1]
    assert tuple(last - first + 1) == told.receptive_field
    following, _ = window(rows + 1, columns + 1)
    assert tuple(following - first) == told.stride


def test_behind_a_layer_that_sees_all_or_is_not_known_there_is_no_window():
    inputs = keras.Input((16, 16, 2))
    x = layers.Conv2D(3, 3, padding="same", name="conv")(inputs)
    y = layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(x)
    x = layers.Multiply(name="excite")([x, y])
    x = layers.LayerNormalization(name="norm")(x)
    model = keras.Model(inputs, layers.GroupQueryAttention(2, 2, 1, name="attention")(x, x))
    found = explain.table(model)
    assert found["conv"].receptive_field == (3, 3)
    assert [row.receptive_field for row in found.rows[1:]] == [None] * 4
    assert found["attention"].multiply_adds is None
    assert "those of attention, which are not known" in str(found)


def test_nested_and_shared_layers_are_told_by_path_and_counted_once():
    base = deep()
    inputs = keras.Input((12, 12, 2))
    model = keras.Model(inputs, layers.Concatenate()([base(inputs), base(inputs * 2)]))
    found = explain.table(model)
    assert [row.name for row in found.rows].count("base/first") == 2
    assert found.parameters == model.count_params() == sum(row.parameters for row in found.rows)
    assert found.multiply_adds == 2 * explain.table(base).multiply_adds
    assert found["base/joined"] == found["joined"]
    assert found["joined"].receptive_field == (5, 5)


def test_a_table_reads_as_text_and_as_json():
    found = explain.table(models.LeNet5())
    lines = str(found).splitlines()
    assert lines[0] == "lenet5 for pictures of 32x32x1" and "multiply-adds" in lines[1]
    assert lines[5].split() == ["c3", "Conv2D", "10x10x16", "2,416", "240,000", "14x14", "2x2"]
    assert lines[-1] == (
        "61,706 parameters, 61,706 of them trainable; 416,520 multiply-adds a picture"
    )
    told = json.loads(json.dumps(found.to_dict()))
    assert told["rows"][0]["receptive_field"] == [5, 5]


def test_a_size_that_is_open_can_be_given():
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, layers.Conv2D(4, 3, padding="same", name="conv")(inputs))
    assert explain.table(model, input_shape=(8, 9, 3)).multiply_adds == 8 * 9 * 4 * 27
    with pytest.raises(ValueError, match=r"input_shape=\(height, width, channels\)"):
        explain.table(model)
