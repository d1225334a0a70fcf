"""Which network a weights file holds; the table of networks against the networks."""

import inspect
import os
from pathlib import Path

import keras
import network_facts
import numpy as np
import pytest
from tiny_networks import save, slow, tiny

from keras_cnn import models
from keras_cnn.errors import InputError
from keras_cnn.models import identify as identification
from keras_cnn.models.identify import Network, identify, identify_model

FORMATS = ["a.by_order.h5", "a.h5", "a.weights.h5", "a.keras"]
DATA = Path(os.environ.get("KERAS_CNN_DATA", "nowhere"), "weights")
SMALL = {"builder": "MobileNet", "options": {"alpha": 0.25}, "channels": 3, "size": None}


@pytest.mark.skipif(not DATA.is_dir(), reason="needs KERAS_CNN_DATA/weights")
@pytest.mark.parametrize(
    ("name", "alpha", "classes"),
    [
        ("mobilenet_2_5_224_tf.h5", 0.25, 1000),
        ("mobilenet_2_5_224_tf_no_top.h5", 0.25, None),
        ("mobilenet_1_0_224_tf_no_top.h5", 1.0, None),
    ],
)
def test_published_files_are_known_with_their_alpha_and_top(name, alpha, classes):
    network = identify(DATA / name)
    assert network == Network("MobileNet", {"alpha": alpha}, 3, classes, None)
    assert network.include_top == (classes is not None)


@pytest.mark.parametrize("name", FORMATS)
def test_files_of_all_formats_are_known(name, tmp_path, monkeypatch):
    with_top = save(models.MobileNet(alpha=0.25, classes=7), tmp_path / name)
    without = save(
        models.MobileNet(alpha=0.25, include_top=False, input_shape=(32, 32, 1)),
        tmp_path / f"b{name}",
    )
    lenet = save(models.LeNet5(classes=4), tmp_path / f"c{name}")
    other = save(tiny(), tmp_path / f"d{name}")
    monkeypatch.setattr(keras.Layer, "__init__", lambda *_, **__: pytest.fail("a layer was built"))
    assert identify(with_top) == Network(**SMALL, classes=7)
    assert identify(without) == Network(**SMALL | {"channels": 1}, classes=None)
    assert identify(lenet) == Network("LeNet5", {}, 1, 4, 32)
    assert identify(other) is None


@pytest.mark.parametrize("name", ["a.h5", "a.weights.h5", "a.keras"])
def test_a_base_with_a_new_head_is_known(name, tmp_path):
    base = models.MobileNet(alpha=0.25, include_top=False, input_shape=(32, 32, 3), pooling="avg")
    x = keras.layers.Dropout(0.5)(base.output)
    flat = keras.Model(base.input, keras.layers.Dense(2, name="head")(x))
    image = keras.Input((32, 32, 3))
    nested = keras.Model(image, keras.layers.Dense(2, name="head")(base(image)))
    assert identify(save(flat, tmp_path / name)) == Network(**SMALL, classes=2)
    if name != "a.h5":  # that format lists the weights of a nested network as those of one layer
        assert identify(save(nested, tmp_path / name)) == Network(**SMALL, classes=2)


@pytest.mark.parametrize("alpha", [0.1, 0.3, 0.33, 0.35, 1 / 3, 1.3])
def test_any_alpha_of_keras_applications_is_found_from_the_shapes(alpha, tmp_path):
    peer = keras.applications.MobileNet(alpha=alpha, weights=None, include_top=False)
    network = identify(save(peer, tmp_path / "a.by_order.h5"))
    assert network.builder == "MobileNet" and network.channels == 3
    again = models.MobileNet(alpha=network.options["alpha"], include_top=False)
    assert [w.shape for w in again.weights] == [w.shape for w in peer.weights]
    assert len(str(network.options["alpha"])) <= 6


def test_the_depth_multiplier_of_mobilenet_is_found():
    model = models.MobileNet(alpha=0.25, depth_multiplier=2, input_shape=(32, 32, 3))
    assert identify_model(model).options == {"alpha": 0.25, "depth_multiplier": 2}


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("ResNet18", {"include_top": False}, Network("ResNet18", {}, 3, None, None)),
        ("ResNet34", {"classes": 3}, Network("ResNet34", {}, 3, 3, None)),
        ("VGG16", {"input_shape": (32, 32, 3), "classes": 5}, Network("VGG16", {}, 3, 5, 32)),
        (
            "InceptionV1",
            {"batch_norm": True, "include_top": False},
            Network("InceptionV1", {"batch_norm": True}, 3, None, None),
        ),
        (
            "AlexNet",
            {"one_weird_trick": True, "include_top": False, "input_shape": (63, 63, 1)},
            Network("AlexNet", {"one_weird_trick": True}, 1, None, None),
        ),
    ],
)
def test_a_model_tells_its_builder_options_top_and_size(name, options, expected):
    assert identify_model(getattr(models, name)(**options)) == expected


def test_networks_of_others_are_not_taken_for_ours(tmp_path):
    peer = keras.applications.MobileNetV2(alpha=0.35, weights=None, input_shape=(32, 32, 3))
    assert identify(save(peer, tmp_path / "a.by_order.h5")) is None
    # Its kernels are those of ResNet50; its biases and normalisations are not.
    peer = keras.applications.ResNet50V2(weights=None, include_top=False)
    assert identify_model(peer) is None


def test_a_file_of_pytorch_is_known(tmp_path):
    torch = pytest.importorskip("torch")
    model = models.ResNet18(classes=3)
    tensors = {}
    for layer in model.layers:
        for weight in layer.weights:
            value = np.asarray(weight)
            value = value.transpose(3, 2, 0, 1) if value.ndim == 4 else value.T
            tensors[f"{layer.name}.{weight.name}"] = torch.from_numpy(value.copy())
    torch.save(tensors, tmp_path / "a.pth")
    assert identify(tmp_path / "a.pth") == Network("ResNet18", {}, 3, 3, None)


def test_a_damaged_and_a_missing_file_get_a_sentence(tmp_path):
    with pytest.raises(InputError, match="there is no file"):
        identify(tmp_path / "a.h5")
    (tmp_path / "a.h5").write_text("<html>sign in</html>")
    with pytest.raises(ValueError, match="is a web page"):
        identify(tmp_path / "a.h5")


# ----------------------------------------------------------------------------- the table of facts

LARGE = (
    "VGG",
    "DenseNet",
    "InceptionV3",
    "InceptionV4",
    "ResNet",
    "AlexNet",
    "book",
    "InceptionV1",
)
ROWS = [
    pytest.param(row, id=f"{row['builder']}{row['options']}", marks=slow if is_large else ())
    for row in identification.facts()
    for is_large in [row["builder"].startswith(LARGE) and row["builder"] != "book.FashionCNN"]
]


@pytest.mark.parametrize("row", ROWS)
def test_the_table_of_networks_holds_what_the_networks_are(row):
    measured = network_facts.measure(row)
    assert {key: row[key] for key in measured} == measured
    build, _ = network_facts.builder(row)
    assert set(row["options"]) <= set(inspect.signature(build).parameters)


def test_no_two_networks_of_the_table_share_their_shapes():
    rows = {}
    for row in identification.facts():
        rows.setdefault(row["digest"], []).append((row["builder"], row["options"]))
    assert [row for row in rows.values() if len(row) > 1] == [
        [("AlexNet", {"groups": 1}), ("book.AlexNet", {})],
        [("SoftmaxRegression", {}), ("book.SoftmaxRegression", {})],
        [("VGG11", {}), ("VGG11LRN", {})],  # local response normalisation has no weights
    ]


# -------------------------------------------------------------------- files of another network


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Files of MobileNet with alpha=0.25: with its top of 7 classes, and without its top."""
    folder = tmp_path_factory.mktemp("small")
    model = models.MobileNet(alpha=0.25, classes=7)
    body = models.MobileNet(alpha=0.25, include_top=False)
    return save(model, folder / "top.weights.h5"), save(body, folder / "body.by_order.h5")


@pytest.mark.parametrize(
    ("name", "options", "sentence", "on_command_line"),
    [
        (
            "MobileNet",
            {"include_top": False},
            "holds MobileNet with alpha=0.25; the model is MobileNet with alpha=1.0: build it with "
            "alpha=0.25",
            "add --alpha 0.25, or name another file",
        ),
        (
            "MobileNet",
            {"alpha": 0.25, "depth_multiplier": 2, "include_top": False},
            "holds MobileNet with alpha=0.25; the model is MobileNet with alpha=0.25, "
            "depth_multiplier=2: build it without depth_multiplier",
            "leave out the option depth_multiplier, or name another file",
        ),
        (
            "ResNet18",
            {"include_top": False},
            "holds MobileNet with alpha=0.25; the model is ResNet18: build MobileNet(alpha=0.25), "
            "or pass a file of ResNet18",
            "use --model mobilenet --alpha 0.25, or name another file",
        ),
        (
            "MobileNet",
            {"alpha": 0.25, "classes": 3},
            "holds MobileNet with alpha=0.25, for 7 classes; the model is MobileNet with "
            "alpha=0.25, for 3 classes: build it with classes=7, or with include_top=False",
            "name another file",
        ),
        (
            "MobileNet",
            {"alpha": 0.25, "input_shape": (32, 32, 1), "include_top": False},
            "holds MobileNet with alpha=0.25, for pictures of 3 channels; the model is MobileNet "
            "with alpha=0.25, for pictures of 1 channel: build it with input_shape=(height, width, "
            "3)",
            "name another file",
        ),
    ],
)
def test_a_file_of_another_network_is_named_with_the_way_out(
    name, options, sentence, on_command_line, small
):
    with pytest.raises(identification.UnfitWeights) as error:
        getattr(models, name)(weights=small[0], **options)
    assert str(error.value) == f"{small[0]} {sentence}"
    start = str(error.value).partition(": ")[0]
    assert error.value.for_command_line() == f"{start}: {on_command_line}"


def test_a_file_without_the_top_is_named_if_the_top_is_asked(small):
    with pytest.raises(
        ValueError, match=r"without its top; .*, with its top: build it with include_top=False$"
    ):
        models.MobileNet(alpha=0.25, weights=small[1])
    models.MobileNet(alpha=0.25, weights=small[0], include_top=False)  # a top is ignored


def test_a_file_for_pictures_of_another_size_is_named(tmp_path):
    path = save(models.LeNet5(), tmp_path / "a.keras")
    with pytest.raises(
        ValueError,
        match="holds LeNet5, for pictures of 32x32; the model is LeNet5, for pictures of 28x28: "
        r"build it with input_shape=\(32, 32, 1\)$",
    ):
        models.LeNet5(weights=path, input_shape=(28, 28, 1))


def test_options_that_are_switches_are_spelled_for_code_and_for_the_command_line(tmp_path):
    path = tmp_path / "a.weights.h5"
    models.InceptionV1(include_top=False, batch_norm=True).save_weights(path)
    with pytest.raises(identification.UnfitWeights) as error:
        models.InceptionV1(include_top=False, weights=path)
    assert str(error.value).endswith("the model is InceptionV1: build it with batch_norm=True")
    assert "add --model-option batch_norm=true" in error.value.for_command_line()
