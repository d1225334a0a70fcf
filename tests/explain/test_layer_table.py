"""Cost and receptive field of layers, against the papers and torchvision."""

import json

import keras
import numpy as np
import pytest
from keras import layers
from networks_to_explain import deep, values

from keras_cnn import explain, models
from keras_cnn.i18n import using


def test_lenet_has_the_papers_connections_in_the_layers_that_agree():
    """LeCun et al. 1998, section II-B; it counts each bias as a connection."""
    table = explain.table(models.LeNet5())
    assert table.parameters == 61_706

    def connections(name):
        return table[name].multiply_adds + np.prod(table[name].output_shape)

    assert connections("c1") == 122_304 and table["c1"].parameters == 156
    assert connections("c5") == 48_120 == table["c5"].parameters
    assert connections("f6") == 10_164 == table["f6"].parameters
    # C3 sees all six maps here, where the paper's sees 3, 4 or 6 with 151,600 connections.
    assert connections("c3") == 10 * 10 * 16 * (6 * 25 + 1)
    fields = {row.name: row.receptive_field for row in table.rows if row.receptive_field}
    assert fields == {"c1": (5, 5), "s2": (6, 6), "c3": (14, 14), "s4": (16, 16)}
    assert table["s4"].stride == (4, 4)


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
def test_costs_and_receptive_fields_are_as_published(build, multiply_adds, last, receptive_field):
    model = getattr(models, build)()
    table = explain.table(model)
    assert table.multiply_adds == multiply_adds
    assert table[last].receptive_field == (receptive_field, receptive_field)
    assert table[last].stride == (32, 32)
    assert table.parameters == sum(row.parameters for row in table.rows) == model.count_params()


def test_vgg16s_convolutions_cost_the_published_total_minus_the_dense_layers():
    table = explain.table(models.VGG16(include_top=False), input_shape=(224, 224, 3))
    assert table.multiply_adds + (25_088 + 4096) * 4096 + 4096 * 1000 == 15_470_264_320
    assert table["block5_pool"].receptive_field == (212, 212)


@pytest.mark.slow
def test_ssd300_costs_as_much_as_torchvision_says():
    """torchvision gives 34.86 G for its `ssd300_vgg16` of 91 classes."""
    assert round(explain.table(models.SSD300(classes=91)).multiply_adds / 1e9, 2) == 34.86


def one_of_each_kind():
    inputs = keras.Input((10, 12, 4))
    x = layers.Conv2D(8, (3, 1), strides=2, groups=2, use_bias=False, name="conv")(inputs)
    x = layers.BatchNormalization(name="bn")(x)
    x = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, name="depth")(x)
    x = layers.SeparableConv2D(5, 2, name="separable")(x)
    x = layers.Conv2DTranspose(3, 2, strides=2, name="up")(x)
    x = layers.Dense(7, name="cellwise")(x)
    x = layers.GlobalMaxPooling2D(name="pool")(x)
    return keras.Model(inputs, layers.Dense(2, name="dense")(x), name="each_kind")


def test_multiply_adds_equal_a_count_by_hand():
    table = explain.table(one_of_each_kind())
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
    assert {row.name: row.multiply_adds for row in table.rows} == expected
    assert table.multiply_adds == sum(expected.values())
    assert table.trainable_parameters == table.parameters - 16


def windowed(kind):
    """Return a network with windows of all kinds, small enough for an impulse at every pixel."""
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
def test_the_receptive_field_covers_the_impulses_that_change_a_cell(kind):
    model = windowed(kind)
    impulses = np.eye(29 * 27, dtype="float32").reshape(-1, 29, 27, 1)
    answers = values(model.predict(impulses, verbose=0, batch_size=261)).max(axis=-1)
    rows, columns = np.array(answers.shape[1:]) // 2

    def window(row, column):
        seen = np.argwhere(answers[:, row, column].reshape(29, 27) != 0)
        return seen.min(axis=0), seen.max(axis=0)

    first, last = window(rows, columns)
    row = explain.table(model).rows[-1]
    assert tuple(last - first + 1) == row.receptive_field
    following, _ = window(rows + 1, columns + 1)
    assert tuple(following - first) == row.stride


def test_after_global_pooling_or_an_unknown_layer_there_is_no_receptive_field():
    inputs = keras.Input((16, 16, 2))
    x = layers.Conv2D(3, 3, padding="same", name="conv")(inputs)
    y = layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(x)
    x = layers.Multiply(name="excite")([x, y])
    x = layers.LayerNormalization(name="norm")(x)
    model = keras.Model(inputs, layers.GroupQueryAttention(2, 2, 1, name="attention")(x, x))
    table = explain.table(model)
    assert table["conv"].receptive_field == (3, 3)
    assert [row.receptive_field for row in table.rows[1:]] == [None] * 4
    assert table["attention"].multiply_adds is None
    assert "those of attention, which are unknown" in str(table)


def test_nested_and_shared_layers_have_their_path_and_count_once():
    base = deep()
    inputs = keras.Input((12, 12, 2))
    model = keras.Model(inputs, layers.Concatenate()([base(inputs), base(inputs * 2)]))
    table = explain.table(model)
    assert [row.name for row in table.rows].count("base/first") == 2
    assert table.parameters == model.count_params() == sum(row.parameters for row in table.rows)
    assert table.multiply_adds == 2 * explain.table(base).multiply_adds
    assert table["base/joined"] == table["joined"]
    assert table["joined"].receptive_field == (5, 5)


def test_a_table_can_be_printed_and_written_as_json():
    table = explain.table(models.LeNet5())
    lines = str(table).splitlines()
    assert lines[0] == "lenet5 for pictures of 32x32x1" and "multiply-adds" in lines[1]
    assert lines[5].split() == ["c3", "Conv2D", "10x10x16", "2,416", "240,000", "14x14", "2x2"]
    assert lines[-1] == (
        "61,706 parameters, 61,706 of them trainable; 416,520 multiply-adds per picture"
    )
    with using("zh"):
        chinese = str(table).splitlines()
    assert chinese[0] == "lenet5，图片大小 32x32x1" and "感受野" in chinese[1]
    assert chinese[-1].startswith("参数 61,706 个")
    assert [line.split() for line in chinese[3:-1]] == [line.split() for line in lines[3:-1]]
    content = json.loads(json.dumps(table.to_dict()))
    assert content["rows"][0]["receptive_field"] == [5, 5]


def test_an_open_input_size_can_be_given():
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, layers.Conv2D(4, 3, padding="same", name="conv")(inputs))
    assert explain.table(model, input_shape=(8, 9, 3)).multiply_adds == 8 * 9 * 4 * 27
    with pytest.raises(ValueError, match=r"input_shape=\(height, width, channels\)"):
        explain.table(model)
