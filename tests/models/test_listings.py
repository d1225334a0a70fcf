"""Every listing of the textbook, layer by layer: the tables below are what is printed.

A layer is one row, an activation inside a layer a row of its own. Rows are numbered together with
the rows that they read, so two networks are equal if their outputs have the same number.
"""

from functools import partial

import keras
import numpy as np
import pytest

from keras_cnn import models
from keras_cnn.detection import boxes
from keras_cnn.models import ssd_weights

LINEAR = """
flatten
dense 1
"""
SOFTMAX = """
flatten
dense 10
softmax
"""
LENET5 = """
conv 6 5x5 stride 1 same
relu
maxpool 2x2 stride 2 valid
conv 15 5x5 stride 1 valid
relu
maxpool 2x2 stride 2 valid
flatten
dense 120
relu
dense 84
relu
dense 10
softmax
"""
ALEXNET = """
conv 96 11x11 stride 4 valid
relu
maxpool 3x3 stride 2 valid
conv 256 5x5 stride 1 same
relu
maxpool 3x3 stride 2 valid
conv 384 3x3 stride 1 same
relu
conv 384 3x3 stride 1 same
relu
conv 256 3x3 stride 1 same
relu
maxpool 3x3 stride 2 valid
flatten
dense 4096
relu
dropout 0.5
dense 4096
relu
dropout 0.5
dense 2
softmax
"""
FASHION = """
conv 10 3x3 stride 1 valid
relu
maxpool 2x2 stride 2 valid
conv 20 3x3 stride 1 valid
relu
maxpool 2x2 stride 2 valid
flatten
"""
FASHION_PLAIN = FASHION + "dense 10\nrelu\nsoftmax"
FASHION_DROPOUT = FASHION + "dense 50\nrelu\ndropout 0.4\ndense 10\nsoftmax"
BN = "norm momentum 0.99 epsilon 0.001"


class Rows:
    """Numbers of rows: (text, numbers of the rows that it reads) -> number."""

    def __init__(self):
        self.numbers = {}

    def __call__(self, text, *inputs):
        return self.numbers.setdefault((text, inputs), len(self.numbers))

    def chain(self, x, text):
        for line in text.strip().splitlines():
            x = self(line, x)
        return x


def number(model, rows):
    """Return the number of a model's output."""
    known = {}

    def visit(tensor):
        if id(tensor) not in known:
            layer, node, _ = tensor._keras_history
            inputs = [visit(x) for x in layer._inbound_nodes[node].input_tensors]
            known[id(tensor)] = rows("input") if not inputs else _rows_of(layer, inputs, rows)
        return known[id(tensor)]

    return visit(model.output)


def _rows_of(layer, inputs, rows):
    kind = type(layer).__name__
    options = layer.get_config()
    size = "x".join(map(str, options.get("kernel_size") or options.get("pool_size") or ()))
    step = f"stride {layer.strides[0]} {layer.padding}" if hasattr(layer, "strides") else ""
    bias = "" if options.get("use_bias", True) else " without bias"
    texts = {
        "Conv2D": lambda: f"conv {layer.filters} {size} {step}{_dilated(layer)}{bias}",
        "DepthwiseConv2D": lambda: f"depthwise {size} {step}{bias}",
        "MaxPooling2D": lambda: f"maxpool {size} {step}",
        "AveragePooling2D": lambda: f"meanpool {size} {step}",
        "GlobalAveragePooling2D": lambda: "mean",
        "ZeroPadding2D": lambda: f"pad {layer.padding}",
        "BatchNormalization": lambda: f"norm momentum {layer.momentum} epsilon {layer.epsilon}",
        "Dense": lambda: f"dense {layer.units}",
        "Dropout": lambda: f"dropout {layer.rate}",
        "Flatten": lambda: "flatten",
        "Add": lambda: "add",
        "Concatenate": lambda: f"concatenate {layer.axis}",
        "Softmax": lambda: "softmax",
        "Activation": lambda: layer.activation.__name__,
        "ReLU": lambda: f"relu {layer.max_value:g}",
        "Reshape": lambda: f"reshape {layer.target_shape}",
        "Rescaling": lambda: "mean of ImageNet",
        "UnitNormalization": lambda: "unit length",
    }
    x = rows(texts[kind](), *inputs)
    activation = getattr(layer, "activation", keras.activations.linear).__name__
    return x if kind == "Activation" or activation == "linear" else rows(activation, x)


def _dilated(layer):
    return "" if layer.dilation_rate == (1, 1) else f" dilation {layer.dilation_rate[0]}"


def _check(model, listing, rows):
    """Fail with the rows that only one of them has."""
    printed = set(rows.numbers)
    if number(model, rows) != listing:
        built = {(text, len(inputs)) for text, inputs in rows.numbers}
        pytest.fail(f"differs: {sorted(built - {(t, len(i)) for t, i in printed}) or 'the order'}")


@pytest.mark.parametrize(
    ("build", "options", "listing"),
    [
        (models.book.LinearRegression, {}, LINEAR),
        (models.book.SoftmaxRegression, {}, SOFTMAX),
        (models.book.LeNet5, {}, LENET5),
        (models.book.AlexNet, {}, ALEXNET),
        (models.book.FashionCNN, {"as_printed": True}, FASHION_PLAIN),
        (models.book.FashionCNN, {"dropout": 0.4}, FASHION_DROPOUT),
    ],
)
def test_a_chain_of_layers_is_the_printed_one(build, options, listing):
    rows = Rows()
    _check(build(**options), rows.chain(rows("input"), listing), rows)


def _conv(filters, size, stride=1, padding="same", activation="relu"):
    text = f"conv {filters} {size}x{size} stride {stride} {padding}"
    return text if activation is None else f"{text}\n{activation}"


def test_vgg16_is_the_printed_one():
    rows = Rows()
    x = rows("input")
    for filters, number_of in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        x = rows(BN, x)
        for _ in range(number_of):
            x = rows.chain(x, _conv(filters, 3))
        x = rows("maxpool 2x2 stride 2 valid", x)
    _check(models.book.VGG16(as_printed=True), rows.chain(x, "mean\ndense 200"), rows)


def test_inception_v1_is_the_printed_one_without_the_reductions_that_nothing_reads():
    rows = Rows()
    x = rows("input")
    for filters, size in ((64, 7), (192, 3)):
        x = rows.chain(x, f"{_conv(filters, size)}\n{BN}\nmaxpool 3x3 stride 2 same")
    for _ in range(9):
        pooled = rows("maxpool 3x3 stride 1 same", x)
        branches = ((x, 64, 1), (x, 128, 3), (x, 32, 5), (pooled, 32, 1))
        parts = [rows.chain(y, f"{_conv(filters, size)}\n{BN}") for y, filters, size in branches]
        x = rows("maxpool 3x3 stride 2 same", rows("concatenate -1", *parts))
    x = rows.chain(x, "dropout 0.4\nflatten\ndense 17\nsoftmax")
    _check(models.book.InceptionV1(as_printed=True), x, rows)


def test_resnet_is_the_printed_one():
    rows = Rows()
    x = rows.chain(rows("input"), f"{_conv(64, 7, 2)}\n{BN}\nmaxpool 3x3 stride 2 same")
    for filters, number_of, middle in (
        (64, 3, None),
        (128, 4, "relu"),
        (256, 6, "relu"),
        (512, 3, "relu"),
    ):
        for _ in range(number_of):
            first, second = _conv(filters, 1), _conv(filters, 3, activation=middle)
            third = _conv(4 * filters, 1, activation=None)
            y = rows.chain(x, f"{first}\n{BN}\n{second}\n{BN}\n{third}\n{BN}")
            shortcut = rows.chain(x, f"{_conv(4 * filters, 1)}\n{BN}")
            x = rows("relu", rows("add", y, shortcut))
    model = models.book.ResNet(as_printed=True)
    _check(model, rows.chain(x, "flatten\ndense 3\nsoftmax"), rows)


def test_densenet_is_the_printed_one():
    rows = Rows()
    x = rows.chain(rows("input"), f"{BN}\n{_conv(64, 3)}")
    for block in range(4):
        features = [x]
        for layer in range(3):
            x = rows.chain(x, f"{BN}\n{_conv(32, 3)}")
            features.append(x)
            if layer < 2:
                x = rows("concatenate -1", *features)
        if block < 3:
            x = rows.chain(x, f"{BN}\n{_conv(32, 1)}\nmeanpool 2x2 stride 2 valid")
    model = models.book.DenseNet(as_printed=True)
    _check(model, rows.chain(x, "mean\ndense 2\nsoftmax"), rows)


def test_mobilenet_is_the_printed_one():
    rows = Rows()
    pad = "pad ((0, 1), (0, 1))"
    end = f"{BN}\nrelu 6"
    x = rows.chain(rows("input"), f"{pad}\nconv 32 3x3 stride 2 valid without bias\n{end}")
    for filters, stride in ((64, 1), (128, 2), (256, 2), (512, 2), (1024, 2)):
        if stride == 1:
            x = rows("depthwise 3x3 stride 1 same without bias", x)
        else:
            x = rows.chain(x, f"{pad}\ndepthwise 3x3 stride 2 valid without bias")
        x = rows.chain(x, end)
        # A 1x1 convolution at stride 1 is the same with either padding; the listing says "same".
        x = rows.chain(x, f"conv {filters} 1x1 stride 1 valid without bias\n{end}")
    model = models.book.MobileNet(as_printed=True)
    _check(model, rows.chain(x, "mean\ndense 10\nsoftmax"), rows)


def test_the_ssd300_of_the_section_on_detection_is_the_printed_one():
    rows = Rows()
    x, maps = rows("mean of ImageNet", rows("input")), {}
    for stage, (number_of, filters) in enumerate(
        ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)), start=1
    ):
        for _ in range(number_of):
            x = rows.chain(x, _conv(filters, 3))
        if stage == 4:  # the factor of each channel is a depthwise 1x1 convolution
            maps["conv4_3"] = rows.chain(
                x, "unit length\ndepthwise 1x1 stride 1 valid without bias"
            )
        x = rows("maxpool 3x3 stride 1 same" if stage == 5 else "maxpool 2x2 stride 2 same", x)
    x = rows.chain(x, "conv 1024 3x3 stride 1 same dilation 6\nrelu")
    one = "conv {} 1x1 stride 1 valid\nrelu"
    maps["fc7"] = rows.chain(x, one.format(1024))
    x = rows.chain(maps["fc7"], f"{one.format(256)}\npad ((1, 1), (1, 1))")
    maps["conv6_2"] = rows.chain(x, _conv(512, 3, 2, "valid"))
    conv7_1 = rows.chain(maps["conv6_2"], one.format(128))
    maps["conv7_2"] = rows.chain(conv7_1, f"pad ((1, 1), (1, 1))\n{_conv(256, 3, 2, 'valid')}")
    maps["conv8_2"] = rows.chain(conv7_1, f"{one.format(128)}\n{_conv(256, 3, 1, 'valid')}")
    maps["conv9_2"] = rows.chain(maps["conv8_2"], f"{one.format(128)}\n{_conv(256, 3, 1, 'valid')}")
    heads = []
    for size in (4, 21):
        parts = []
        for x, priors in zip(maps.values(), (4, 6, 6, 6, 4, 4), strict=True):
            y = rows(_conv(priors * size, 3, activation=None), x)
            parts.append(rows(f"reshape (-1, {size})", y))
        heads.append(rows("concatenate 1", *parts))
    model = models.book.SSD300()
    _check(model, rows("concatenate -1", *heads), rows)
    assert model.output_shape == (None, 9092, 25) and model.count_params() == 26_269_102
    assert len(boxes.priors("listing")) == 9092
    cells = [model.get_layer(f"{name}_mbox_loc").output.shape[1] for name in models.ssd.MAPS]
    assert cells == list(boxes.TABLES["listing"].cells)


def test_the_listings_priors_differ_only_where_its_maps_do():
    ours, theirs = boxes.priors(), boxes.priors("listing")
    same = sum(4 * c * c if c == 38 else 6 * c * c for c in (38, 19, 10, 5))
    np.testing.assert_array_equal(ours[:same], theirs[:same])
    inner = theirs[same + 4 * (3 * 8 + 3)]  # the small square of row 4, column 4 of the 8x8 map
    center, side = 3.5 / 8, 213 / 300
    np.testing.assert_allclose(inner, [center - side / 2] * 2 + [center + side / 2] * 2, rtol=1e-6)


@pytest.mark.parametrize("name", ["VGG16", "InceptionV1", "ResNet", "DenseNet", "MobileNet"])
def test_what_learns_differs_from_what_is_printed_in_momentum_softmax_and_padding_only(name):
    build = getattr(models.book, name)
    printed, ours = (
        build(as_printed=printed, input_shape=(32, 32, 3)) for printed in (True, False)
    )
    assert ours.count_params() == printed.count_params()
    momenta = {
        kind: {
            layer.momentum
            for layer in model.layers
            if isinstance(layer, keras.layers.BatchNormalization)
        }
        for kind, model in {"printed": printed, "ours": ours}.items()
    }
    assert momenta == {"printed": {0.99}, "ours": {0.9}}
    activation = printed.layers[-1].activation.__name__
    assert activation == ("linear" if name == "VGG16" else "softmax")
    assert ours.layers[-1].activation.__name__ == "softmax"


def test_the_listings_ssd300_skips_the_weights_that_do_not_fit(capsys):
    model = models.book.SSD300(classes=3)
    named = {layer.name: layer.get_weights() for layer in model.layers if layer.weights}
    of_paper = [np.zeros((1, 1, 256, 128), "float32"), np.zeros(128, "float32")]
    named |= {"conv8_1": of_paper, "fc7": [np.ones_like(value) for value in named["fc7"]]}
    assign = partial(ssd_weights.assign, model, named, source="ssd.h5")
    with pytest.raises(ValueError, match="layer 'conv8_1' has shapes"):
        assign()
    assign(may_differ=("conv8_1",))
    assert "keep their random weights: conv8_1" in capsys.readouterr().out
    assert model.get_layer("fc7").get_weights()[0].all()
    with pytest.raises(ValueError, match="received input_shape=\\(512, 512, 3\\)"):
        models.book.SSD300(input_shape=(512, 512, 3))
