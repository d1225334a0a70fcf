"""Every builder: its size, its options and its errors."""

import ast
import inspect
import sys

import keras
import numpy as np
import pytest

from keras_cnn import models
from keras_cnn.models import blocks

slow = pytest.mark.slow
FAMILIES = [  # one builder of each family that takes Keras' options, with its smallest pictures
    ("LeNet5", 16),
    ("AlexNet", 67),
    ("VGG11", 32),
    ("InceptionV1", 32),
    ("InceptionV2", 75),
    ("InceptionV3", 75),
    ("InceptionV4", 75),
    ("ResNet18", 32),
    ("DenseNet121", 32),
    ("MobileNet", 32),
]

LARGE = ("InceptionV2", "InceptionV4", "DenseNet121")
BUILT = [pytest.param(*row, marks=slow if row[0] in LARGE else ()) for row in FAMILIES]


def count(weights):
    return sum(int(np.prod(weight.shape)) for weight in weights)


def values(tensor):
    return keras.ops.convert_to_numpy(tensor)


# ------------------------------------------------------------------------------------------ sizes


@pytest.mark.parametrize(
    ("name", "options", "parameters"),
    [
        ("LinearRegression", {"input_shape": (128, 128, 3)}, 49_153),
        ("SoftmaxRegression", {"input_shape": (28, 28, 1), "classes": 10}, 7_850),
        ("LeNet5", {}, 61_706),
        ("LeNet5", {"activation": "relu", "subsampling": "max"}, 61_706),
        ("AlexNet", {}, 60_965_224),
        ("AlexNet", {"groups": 1, "lrn": False}, 62_378_344),
        ("AlexNet", {"one_weird_trick": True}, 61_100_840),
        pytest.param("VGG11", {}, 132_863_336, marks=slow),
        pytest.param("VGG13", {}, 133_047_848, marks=slow),
        pytest.param("VGG11LRN", {}, 132_863_336, marks=slow),
        ("VGG16", {}, 138_357_544),
        pytest.param("VGG19", {}, 143_667_240, marks=slow),
        ("InceptionV1", {}, 6_998_552),
        ("InceptionV1", {"aux_logits": True}, 13_378_280),
        ("InceptionV3", {}, 23_851_784),
        ("ResNet50", {}, 25_636_712),
        pytest.param("ResNet101", {}, 44_707_176, marks=slow),
        pytest.param("ResNet152", {}, 60_419_944, marks=slow),
        ("DenseNet121", {}, 8_062_504),
        pytest.param("DenseNet169", {}, 14_307_880, marks=slow),
        pytest.param("DenseNet201", {}, 20_242_984, marks=slow),
        ("MobileNet", {}, 4_253_864),
    ],
)
def test_the_number_of_parameters_is_the_published_one(name, options, parameters):
    assert getattr(models, name)(**options).count_params() == parameters


@pytest.mark.parametrize(
    ("name", "options", "parameters"),
    [
        ("InceptionV1", {"batch_norm": True}, 6_624_904),
        ("InceptionV1", {"batch_norm": True, "aux_logits": True}, 13_004_888),
        ("InceptionV4", {}, 42_679_816),
        ("ResNet18", {}, 11_689_512),
        ("ResNet34", {}, 21_797_672),
    ],
)
def test_the_number_of_trainable_parameters_is_the_published_one(name, options, parameters):
    assert count(getattr(models, name)(**options).trainable_weights) == parameters


BOOK = {  # builder: (input, classes, parameters)
    "LinearRegression": ((128, 128, 3), 1, 49_153),
    "SoftmaxRegression": ((28, 28, 1), 10, 7_850),
    "LeNet5": ((28, 28, 1), 10, 58_555),
    "AlexNet": ((227, 227, 3), 2, 58_289_538),
    "VGG16": ((224, 224, 3), 200, 14_821_140),
    "InceptionV1": ((224, 224, 3), 17, 4_724_689),
    "ResNet": ((224, 224, 3), 3, 57_460_611),
    "DenseNet": ((128, 128, 3), 2, 258_094),
    "MobileNet": ((112, 112, 3), 10, 730_442),
}


@pytest.mark.parametrize("name", BOOK)
def test_the_books_listing_has_its_sizes_and_number_of_parameters(name):
    shape, classes, parameters = BOOK[name]
    model = getattr(models.book, name)()
    assert model.input_shape == (None, *shape)
    assert model.output_shape == (None, classes)
    assert model.count_params() == parameters
    assert "Errata:" in getattr(models.book, name).__doc__


@pytest.mark.parametrize("name", BOOK)
def test_the_books_listing_takes_other_pictures_and_classes(name):
    shape = (72, 80, 1)
    model = getattr(models.book, name)(input_shape=shape, classes=5)
    scores = values(model(np.ones((2, *shape), "float32")))
    assert scores.shape == (2, 5)
    if name != "LinearRegression":
        np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)


def kernels(model):
    return [weight.shape for weight in model.weights if weight.name == "kernel"]


def test_the_books_weights_come_in_the_listings_order():
    module = [(1, 1, 256, 64), (3, 3, 256, 128), (5, 5, 256, 32), (1, 1, 256, 32)]
    first = [(*kernel[:2], 192, kernel[3]) for kernel in module]
    assert kernels(models.book.InceptionV1()) == [
        (7, 7, 3, 64),
        (3, 3, 64, 192),
        *first,
        *module * 8,
        (256, 17),
    ]
    stem, transition = [(3, 3, 3, 64)], [(1, 1, 32, 32)]
    later = [(3, 3, 32, 32), (3, 3, 64, 32), (3, 3, 96, 32)]
    assert kernels(models.book.DenseNet()) == [
        *stem,
        *[(3, 3, 64, 32), (3, 3, 96, 32), (3, 3, 128, 32)],
        *(transition + later) * 3,
        (32, 2),
    ]
    weights = [weight.name for weight in models.book.VGG16().weights]
    assert weights[:6] == ["gamma", "beta", "moving_mean", "moving_variance", "kernel", "bias"]


# ---------------------------------------------------------------------------------------- options


@pytest.mark.parametrize(("name", "_"), FAMILIES)
def test_the_signature_is_that_of_keras_with_keyword_arguments_only(name, _):
    parameters = inspect.signature(getattr(models, name)).parameters
    assert list(parameters)[:8] == [
        "include_top",
        "weights",
        "input_tensor",
        "input_shape",
        "pooling",
        "classes",
        "classifier_activation",
        "name",
    ]
    assert {p.kind for p in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}
    assert parameters["weights"].default is None


def test_each_variant_is_a_function_of_its_own_name():
    for name in ("VGG13", "ResNet152", "DenseNet201"):
        builder = getattr(models, name)
        assert builder.__name__ == name
        assert inspect.signature(builder).parameters["name"].default == name.lower()


@pytest.mark.parametrize(("name", "size"), BUILT)
def test_builders_without_top_take_pictures_of_any_size_and_five_channels(name, size):
    build = getattr(models, name)
    maps = build(include_top=False, input_shape=(None, None, 5))
    assert maps.output_shape[:3] == (None, None, None)
    x = np.random.default_rng(0).random((2, size, size + 9, 5), "float32")
    outputs = values(maps(x))
    assert outputs.shape[0] == 2 and outputs.shape[3] == maps.output_shape[3]
    assert np.isfinite(outputs).all() and outputs.std() > 0
    for pooling, reduce in {"avg": np.mean, "max": np.max}.items():
        features = keras.Model(maps.input, blocks.global_pooling(maps.output, pooling))
        expected = reduce(outputs, (1, 2))
        np.testing.assert_allclose(values(features(x)), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_pooling_reduces_each_feature_map_to_one_number(pooling):
    for name in ("LeNet5", "AlexNet", "VGG11", "InceptionV1", "ResNet18", "MobileNet"):
        model = getattr(models, name)(include_top=False, pooling=pooling)
        assert len(model.output_shape) == 2
        assert model.layers[-1].name == f"{pooling}_pool"


@pytest.mark.parametrize(("name", "size"), BUILT)
def test_builders_take_grey_oblong_pictures_from_layers_of_the_user(name, size):
    image = keras.Input((size, size + 7, 1))
    scaled = keras.layers.Rescaling(1 / 255)(image)
    model = getattr(models, name)(input_tensor=scaled, classes=3, name="mine")
    assert model.name == "mine"
    assert model.input is image
    scores = values(model(np.full((2, size, size + 7, 1), 128, "float32")))
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)


def test_networks_without_dense_feature_maps_classify_pictures_of_any_size():
    for name in ("InceptionV1", "ResNet18", "MobileNet"):
        model = getattr(models, name)(input_shape=(None, None, 3), classes=4)
        assert model.output_shape == (None, 4)


def test_softmax_of_the_logits_gives_the_probabilities():
    keras.utils.set_random_seed(0)
    options = {"input_shape": (32, 32, 3), "classes": 6}
    probabilities = models.MobileNet(**options)
    logits = models.MobileNet(classifier_activation=None, **options)
    logits.set_weights(probabilities.get_weights())
    x = np.random.default_rng(0).random((2, 32, 32, 3), "float32")
    expected = values(keras.ops.softmax(logits(x)))
    np.testing.assert_allclose(values(probabilities(x)), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pooling": "sum"}, r"pooling must be None, 'avg' or 'max'; received pooling='sum'"),
        ({"pooling": "avg"}, r"replaces the top; received pooling='avg' with include_top"),
        ({"classes": 0}, r"above 0; received classes=0"),
        ({"classes": 2.5}, r"whole number above 0; received classes=2.5"),
        ({"classes": 7, "include_top": False}, r"belong to the top; received classes=7"),
        ({"input_shape": (64, 64)}, r"must be \(height, width, channels\).*\(64, 64\)"),
        ({"input_shape": (64, "64", 3)}, r"must be \(height, width, channels\).*'64'"),
        ({"input_shape": (64, 64, None)}, r"channels; received input_shape=\(64, 64, None\)"),
        ({"input_shape": (64, 31, 3)}, r"at least 32x32.*received input_shape=\(64, 31, 3\)"),
        ({"input_tensor": np.ones((1, 64, 64, 3))}, r"Keras tensor; received ndarray"),
        (
            {"input_tensor": keras.Input((64, 64, 3)), "input_shape": (32, 32, 3)},
            r"has its own shape; received input_tensor of \(64, 64, 3\) with input_shape",
        ),
        ({"weights": "imagenet", "classes": 7}, r"1,000 classes; received classes=7"),
        (
            {"weights": "imagenet", "input_shape": (64, 64, 1)},
            r"3 channels; received input_shape=\(64, 64, 1\)",
        ),
        (
            {"weights": "imagenet", "classifier_activation": "relu"},
            r"softmax; received classifier_activation='relu'",
        ),
    ],
)
def test_a_wrong_option_is_refused_with_rule_value_and_way_out(options, message):
    with pytest.raises(ValueError, match=message) as caught:
        models.ResNet18(**options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "size"), FAMILIES)
def test_every_builder_checks_its_options(name, size):
    build = getattr(models, name)
    with pytest.raises(ValueError, match="replaces the top"):
        build(pooling="max")
    with pytest.raises(ValueError, match=f"at least {size}x{size}"):
        build(input_shape=(size, size - 1, 3))


def test_options_of_one_family_are_checked_too():
    with pytest.raises(ValueError, match=r"need pictures of one size; received.*\(None, None, 3\)"):
        models.VGG11(input_shape=(None, None, 3))
    with pytest.raises(ValueError, match=r"\(224, 224, 3\); received input_shape=\(96, 96, 3\)"):
        models.VGG16(weights="imagenet", input_shape=(96, 96, 3))
    with pytest.raises(ValueError, match=r"received aux_logits=True with include_top=False"):
        models.InceptionV1(aux_logits=True, include_top=False)
    with pytest.raises(ValueError, match=r"received subsampling='min'"):
        models.LeNet5(subsampling="min")
    with pytest.raises(ValueError, match=r"received alpha=0.01"):
        models.MobileNet(alpha=0.01)
    with pytest.raises(ValueError, match=r"received alpha=0.3, depth_multiplier=1"):
        models.MobileNet(alpha=0.3, weights="imagenet")


def test_channels_first_is_refused():
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(ValueError, match="received image_data_format='channels_first'"):
            models.ResNet18()
    finally:
        keras.config.set_image_data_format("channels_last")


# ------------------------------------------------------------------------------- single networks


def test_linear_and_softmax_regression_follow_their_formulas():
    rng = np.random.default_rng(0)
    x = rng.random((4, 5, 6, 3), "float32")
    w, b = rng.normal(size=(90, 2)).astype("float32"), np.array([0.5, -1], "float32")
    regression = models.LinearRegression((5, 6, 3), outputs=2)
    regression.set_weights([w, b])
    scores = x.reshape(4, -1) @ w + b
    np.testing.assert_allclose(values(regression(x)), scores, rtol=1e-4)
    softmax = models.SoftmaxRegression((5, 6, 3), 2)
    softmax.set_weights([w, b])
    odds = np.exp(scores)
    np.testing.assert_allclose(values(softmax(x)), odds / odds.sum(1, keepdims=True), rtol=1e-4)


def test_lenet_has_the_papers_or_modern_activation_and_subsampling():
    paper, modern = models.LeNet5(), models.LeNet5(activation="relu", subsampling="max")
    assert isinstance(paper.get_layer("s2"), keras.layers.AveragePooling2D)
    assert isinstance(modern.get_layer("s4"), keras.layers.MaxPooling2D)
    assert paper.get_layer("c3").activation is keras.activations.tanh
    assert modern.get_layer("f6").activation is keras.activations.relu


def test_alexnet_splits_three_convolutions_and_normalises_two():
    model = models.AlexNet(include_top=False)
    inputs = {layer.name: layer.kernel.shape[2] for layer in model.layers if layer.weights}
    assert inputs == {"conv1": 3, "conv2": 48, "conv3": 256, "conv4": 192, "conv5": 192}
    assert {layer.name for layer in model.layers if "norm" in layer.name} == {"norm1", "norm2"}
    plain = models.AlexNet(include_top=False, lrn=False, groups=1)
    assert not [layer for layer in plain.layers if "norm" in layer.name]


def test_vgg_has_dropout_on_request_only():
    options = {"input_shape": (32, 32, 3)}
    assert "dropout1" not in [layer.name for layer in models.VGG11(**options).layers]
    assert models.VGG11(dropout=0.5, **options).get_layer("dropout2").rate == 0.5


def test_local_response_normalisation_is_the_papers_formula():
    a = np.random.default_rng(0).normal(0, 30, (2, 3, 4, 9)).astype("float32")
    n, k, alpha, beta = 5, 2, 1e-4, 0.75
    expected = np.empty_like(a)
    for i in range(9):
        near = a[..., max(0, i - n // 2) : min(9, i + n // 2 + 1)]
        expected[..., i] = a[..., i] / (k + alpha * (near**2).sum(axis=-1)) ** beta
    normalised = values(blocks.LocalResponseNormalization()(a))
    np.testing.assert_allclose(normalised, expected, rtol=1e-5)


def test_local_response_normalisation_keeps_large_activations_in_half_precision():
    layer = blocks.LocalResponseNormalization(dtype="float16")
    normalised = values(layer(np.full((1, 1, 1, 8), 1000, "float16")))
    assert normalised.dtype == np.float16
    assert (normalised > 0.5).all()  # 1000 ** 2 is infinite in half precision


def test_a_network_with_local_response_normalisation_is_saved_and_loaded(tmp_path):
    image = x = keras.Input((8, 8, 6))
    x = blocks.LocalResponseNormalization(depth=3, k=1.0, alpha=0.1, beta=0.5)(x)
    model = keras.Model(image, x)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 6)).astype("float32")
    np.testing.assert_array_equal(values(loaded(x)), values(model(x)))
    assert loaded.layers[-1].get_config() == model.layers[-1].get_config()


# --------------------------------------------------------------------------------------- style


def test_no_architecture_is_longer_than_150_lines_without_its_docstrings():
    inception = "inception_v1 inception_v2 inception_v3 inception_v4"
    for name in f"linear lenet alexnet vgg {inception} resnet densenet mobilenet".split():
        source = inspect.getsource(sys.modules[f"keras_cnn.models.{name}"])
        lines = len(source.splitlines())
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Module | ast.FunctionDef) and ast.get_docstring(node):
                lines -= node.body[0].end_lineno - node.body[0].lineno + 1
        assert lines <= 150, name


@pytest.mark.parametrize("build", [models.book.VGG16, models.book.MobileNet])
def test_batch_normalisation_of_a_listing_has_a_momentum_for_short_trainings(build):
    momenta = [
        layer.momentum
        for layer in build(input_shape=(32, 32, 3), classes=3).layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert momenta and set(momenta) == {0.9}
