"""Weights from files of Keras: all formats, files of other networks, damaged files."""

import re
import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import layers
from tiny_networks import APPLICATIONS, assert_same_weights, load_tiny, randomise, save, slow, tiny

from keras_cnn import models

FORMATS = ["a.by_order.h5", "a.h5", "a.weights.h5", "a.keras"]


@pytest.mark.parametrize("name", FORMATS)
def test_every_file_format_restores_the_saved_weights(name, tmp_path):
    saved = randomise(tiny(), 1)
    path = save(saved, tmp_path / name)
    model = randomise(tiny(), 2)
    assert load_tiny(model, str(path)) is model
    assert_same_weights(model, saved)


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_with_a_top_fits_a_model_without_a_top(name, tmp_path):
    saved = randomise(tiny(), 1)
    path = save(saved, tmp_path / name)
    model = load_tiny(randomise(tiny(include_top=False), 2), path, include_top=False)
    expected = keras.Model(saved.input, saved.get_layer("add").output)
    assert_same_weights(model, expected)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (
            {"channels": 1},
            r"layer conv1 has shape \(3, 3, 1, 4\), .* in the file \(3, 3, 3, 4\); "
            r"build it with input_shape=\(height, width, 3\)",
        ),
        (
            {"classes": 7},
            r"layer predictions has shape \(144, 7\), .* in the file \(144, 5\); "
            "build it with classes=5, or with include_top=False",
        ),
        (
            {"filters": 3},
            r"layer conv1 has shape \(3, 3, 3, 3\), .* in the file \(3, 3, 3, 4\); "
            "build the network with the options it was saved with",
        ),
        ({"bias": False}, r"layer conv1 .*\[\(3, 3, 3, 4\)\], .*\[\(3, 3, 3, 4\), \(4,\)\]"),
        ({"include_top": False}, "has weights of (predictions|dense), which the model lacks"),
    ],
    ids=["channels", "classes", "filters", "bias", "top"],
)
def test_the_error_for_another_shape_names_the_layer_the_shapes_and_the_way_out(
    name, wrong, sentence, tmp_path
):
    path = save(tiny(), tmp_path / name)
    model = randomise(tiny(**wrong))
    before = model.get_weights()
    with pytest.raises(
        ValueError, match=f"^{re.escape(str(path))} does not fit tiny: .*{sentence}"
    ):
        load_tiny(model, path)
    for mine, unchanged in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, unchanged)


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_without_the_top_does_not_fill_a_top(name, tmp_path):
    path = save(tiny(include_top=False), tmp_path / name)
    with pytest.raises(ValueError, match="no weights for layer predictions"):
        load_tiny(tiny(), path)


def test_a_frozen_model_can_be_loaded(tmp_path):
    saved = randomise(tiny(), 1)
    model = tiny()
    model.trainable = False
    load_tiny(model, save(saved, tmp_path / "a.by_order.h5"))
    assert_same_weights(model, saved)


def test_long_lists_of_names_in_pieces_are_read_whole(tmp_path):
    saved = randomise(tiny(), 1)
    path = save(saved, tmp_path / "a.by_order.h5")
    with h5py.File(path, "a") as file:
        names = file.attrs.pop("layer_names")
        file.attrs["layer_names0"], file.attrs["layer_names1"] = names[:4], names[4:]
    assert_same_weights(load_tiny(randomise(tiny(), 2), path), saved)


@pytest.mark.parametrize(
    "builder",
    [
        pytest.param("MobileNet", marks=slow),
        pytest.param("ResNet50", marks=slow),
        pytest.param("DenseNet121", marks=slow),
        pytest.param("VGG16", marks=slow),
        pytest.param("InceptionV3", marks=slow),  # its layers are numbered, not named
    ],
)
def test_files_of_keras_applications_fit_our_builders(builder, tmp_path):
    options = {"weights": None, "include_top": False, "input_shape": (75, 75, 3)}
    peer = randomise(getattr(APPLICATIONS, builder)(**options), 1)
    path = save(peer, tmp_path / "published.by_order.h5")
    model = getattr(models, builder)(**{**options, "weights": path})
    assert_same_weights(model, peer)


def test_lenet_can_be_read_back_from_all_formats(tmp_path):
    saved = randomise(models.LeNet5(), 1)
    for name in FORMATS:
        path = save(saved, tmp_path / name)
        assert_same_weights(models.LeNet5(weights=path), saved)
    with pytest.raises(ValueError, match="holds LeNet5, for 10 classes; .* classes=10"):
        models.LeNet5(weights=path, classes=3)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("imagnet", r"weights must be None, 'imagenet' or the path of a file .*'imagnet'"),
        (3, r"weights must be .* received weights=3"),
        ("model.onnx", r"ends in \.h5, \.hdf5, \.keras, \.pth; received"),
        ("nowhere/model.h5", r"there is no file nowhere/model\.h5"),
    ],
)
def test_a_value_that_is_no_weights_file_is_refused(value, sentence):
    with pytest.raises(ValueError, match=sentence):
        load_tiny(tiny(), value)


@pytest.mark.parametrize("name", ["a.h5", "a.weights.h5", "a.keras", "a.pth"])
def test_a_damaged_file_is_refused_and_changes_nothing(name, tmp_path):
    if name.endswith(".pth"):
        pytest.importorskip("torch")
    path = tmp_path / name
    path.write_bytes(b"<html>404: not found</html>")
    with pytest.raises(ValueError, match=r"a\..* is a web page.*not a weights file: .*again"):
        load_tiny(tiny(), path)
    path.write_bytes(b"404: not found")
    with pytest.raises(ValueError, match="a.* is not a weights file of Keras|damaged"):
        load_tiny(tiny(), path)


def test_a_truncated_file_changes_nothing(tmp_path):
    path = save(tiny(), tmp_path / "a.by_order.h5")
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ValueError, match="damaged"):
        load_tiny(tiny(), path)


def test_an_hdf5_file_without_weights_is_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["pictures"] = np.zeros(3)
    with pytest.raises(ValueError, match="is not a weights file of Keras.*layer_names"):
        load_tiny(tiny(), tmp_path / "a.h5")


def test_a_link_out_of_a_weights_file_is_not_followed(tmp_path):
    path = save(tiny(), tmp_path / "a.by_order.h5")
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["kernel"] = np.zeros((3, 3, 3, 4))
    with h5py.File(path, "a") as file:
        del file["conv1/conv1/kernel"]
        file["conv1/conv1/kernel"] = h5py.ExternalLink("secret.h5", "kernel")
    with pytest.raises(ValueError, match="is a link"):
        load_tiny(tiny(), path)


def test_code_in_a_keras_archive_is_not_run(tmp_path):
    inputs = keras.Input((8, 8, 3))
    outputs = layers.Lambda(lambda x: x * 2)(layers.Conv2D(2, 3)(inputs))
    saved = keras.Model(inputs, outputs)
    saved.save(tmp_path / "a.keras")
    with zipfile.ZipFile(tmp_path / "a.keras") as archive:
        assert "Lambda" in archive.read("config.json").decode()
    model = keras.Model(inputs, layers.Conv2D(2, 3)(inputs))
    assert_same_weights(load_tiny(model, tmp_path / "a.keras"), saved)
