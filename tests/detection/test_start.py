"""The weights a detector starts from: its base equals keras.applications; all files are told."""

import json
import os
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_cnn import InputError, card, models
from keras_cnn.card import Card
from keras_cnn.detection import DetectionRecipe, Detector, network, settled
from keras_cnn.models import mobilenet, published, ssd, vgg, weights

REAL = os.environ.get("KERAS_CNN_DATA")


def recipe(**changes):
    return DetectionRecipe(name="x", dataset="x", **changes)


def randomised(model, *, seed=0):
    """Give a model weights that keep the scale of the activations, and statistics of its own."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        values = []
        for weight in layer.weights:
            shape = tuple(weight.shape)
            if len(shape) > 1:
                inputs = np.prod(shape[:2] if "depthwise" in layer.name else shape[:-1])
                values.append(rng.normal(size=shape, scale=(2 / inputs) ** 0.5))
            else:
                values.append(rng.uniform(0.5, 1.5, shape))
        layer.set_weights(values)
    return model


def assert_base_equals_keras(model, peer):
    """Compare where the base's maps, of 38x38 cells in place of 37x37, have no part in the edge."""
    pictures = np.random.default_rng(1).uniform(0, 255, (1, 300, 300, 3)).astype("float32")
    scaled = keras.applications.mobilenet.preprocess_input(pictures.copy())
    cells = {"conv1_relu": 150, "conv_pw_3_relu": 75, "conv_pw_5_relu": 30, "conv_pw_11_relu": 8}
    both = []
    for net, picture in ((model, pictures), (peer, scaled)):
        outputs = [net.get_layer(name).output for name in cells]
        maps = keras.Model(net.input, outputs)(picture)
        both.append(list(map(keras.ops.convert_to_numpy, maps)))
    for ours, theirs, size in zip(*both, cells.values(), strict=True):
        ours, theirs = (maps[:, :size, :size] for maps in (ours, theirs))
        assert theirs.std() > 0.05
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3)


@pytest.fixture(scope="module")
def base_file(tmp_path_factory):
    """Return a file of MobileNet as keras.applications saves it, and that network."""
    peer = keras.applications.MobileNet(
        input_shape=(300, 300, 3), include_top=False, weights=None, alpha=0.25
    )
    path = tmp_path_factory.mktemp("base") / "mobilenet.weights.h5"
    randomised(peer).save_weights(path)
    return path, peer


def test_the_light_base_of_a_file_equals_that_of_keras_applications(base_file):
    path, peer = base_file
    model = ssd.SSD300(base="mobilenet", classes=3, alpha=0.25, weights=path)
    assert_base_equals_keras(model, peer)


@pytest.mark.skipif(not REAL, reason="KERAS_CNN_DATA names no folder of real weights")
@pytest.mark.parametrize(("alpha", "name"), [(0.25, "2_5"), (1.0, "1_0")])
def test_the_light_base_of_the_published_file_equals_that_of_keras_applications(alpha, name):
    path = Path(REAL) / "weights" / f"mobilenet_{name}_224_tf_no_top.h5"
    if not path.is_file():
        pytest.skip(f"{path} is missing")
    peer = keras.applications.MobileNet(
        input_shape=(300, 300, 3), include_top=False, weights=str(path), alpha=alpha
    )
    model = network(recipe(weights=str(path)), input_shape=(300, 300, 3), classes=3)
    assert_base_equals_keras(model, peer)


def test_imagenet_loads_the_file_of_the_networks_alpha(cache, monkeypatch, capsys):
    small = mobilenet.MobileNet(include_top=False, input_shape=(224, 224, 3), alpha=0.25)
    cache.mkdir(parents=True)
    path = cache / "mobilenet_2_5_224_tf_no_top.h5"
    small.save_weights(cache / "a.weights.h5")
    (cache / "a.weights.h5").rename(path)
    key = ("mobilenet_2_5_224", False)
    row = published.File(f"http://127.0.0.1:9/{path.name}", None, "tf")
    monkeypatch.setitem(weights.FILES, key, row)
    choices = settled(recipe(alpha=0.25))
    assert choices.weights == "imagenet" and "MobileNet with alpha=0.25" in capsys.readouterr().out
    model = network(choices, input_shape=(300, 300, 3), classes=3)
    for ours, theirs in zip(
        model.get_layer("conv_pw_11").get_weights(),
        small.get_layer("conv_pw_11").get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_without_published_weights_the_start_is_random_and_says_so(cache, monkeypatch, capsys):
    row = published.File("http://127.0.0.1:9/a.h5", "0" * 32, "tf")
    monkeypatch.setitem(weights.FILES, ("mobilenet_5_0_224", False), row)
    for alpha in (0.5, 0.3):  # nothing is published for 0.3
        assert settled(recipe(alpha=alpha)).weights is None
        assert "Random weights instead of ImageNet's: " in capsys.readouterr().out
    with pytest.raises(InputError, match="--freeze keeps trained weights"):
        settled(recipe(alpha=0.3, freeze=True))
    capsys.readouterr()
    assert settled(recipe(base="vgg16")).weights is None  # its file has half a gigabyte
    assert settled(recipe(weights="none")).weights is None and capsys.readouterr().out == ""


def test_the_folder_of_a_run_stands_for_its_model_and_brings_its_alpha(tmp_path, capsys):
    model = ssd.SSD300(base="mobilenet", classes=3, alpha=0.25)
    path = tmp_path / "run" / "model.keras"
    path.parent.mkdir()
    Detector(model, ("cat", "dog")).save(path)
    card.write(path, Card(task="detection", class_names=("cat", "dog"), recipe={"alpha": 0.25}))
    choices = settled(recipe(weights=str(tmp_path / "run"), alpha=0.5))
    assert choices.weights == str(path) and choices.alpha == 0.25 and settled(choices) == choices
    assert capsys.readouterr().out == f"alpha is 0.25, that of {path}, in place of 0.5.\n"
    again = network(choices, input_shape=(300, 300, 3), classes=6)
    assert "keep their random weights" in capsys.readouterr().out  # the heads, for other classes
    for name in ("conv_pw_11", "conv9_2", "fc7_mbox_loc"):
        layer = [net.get_layer(name).get_weights()[0] for net in (again, model)]
        np.testing.assert_array_equal(*layer)
    with pytest.raises(InputError, match="there is no model"):
        settled(recipe(weights=str(tmp_path)))


def test_a_classifier_of_train_is_a_base_if_its_pictures_were_scaled_alike(tmp_path, capsys):
    classifier = models.MobileNet(input_shape=(32, 32, 3), classes=2, alpha=0.25)
    path = tmp_path / "model.keras"
    classifier.save(path)
    preparation = {"size": [32, 32], "scaling": {"mode": "tf"}}
    card.write(path, Card(task="classification", preparation=_preparation(preparation)))
    choices = settled(recipe(weights=str(path)))
    assert choices.alpha == 0.25
    model = network(choices, input_shape=(300, 300, 3), classes=3)
    theirs = classifier.get_layer("conv_dw_11_bn").get_weights()
    for ours, value in zip(model.get_layer("conv_dw_11_bn").get_weights(), theirs, strict=True):
        np.testing.assert_array_equal(ours, value)
    preparation["scaling"] = {"rescale": 1 / 255}
    card.write(path, Card(task="classification", preparation=_preparation(preparation)))
    with pytest.raises(InputError, match="pictures scaled by .*'tf'.* were scaled by"):
        settled(recipe(weights=str(path)))


def _preparation(changes):
    """Return a card's entry as JSON holds it."""
    from keras_cnn.images.preparation import Preparation
    from keras_cnn.images.scaling import Scaling

    size, scaling = tuple(changes["size"]), Scaling(**changes["scaling"])
    return json.loads(json.dumps(Preparation(size=size, scaling=scaling).to_dict()))


def test_a_file_of_another_base_is_refused_and_changes_nothing(base_file, tmp_path):
    path, _ = base_file
    model = ssd.SSD300(base="mobilenet", classes=3, alpha=0.5)
    before = model.get_layer("conv1").get_weights()[0]
    with pytest.raises(ValueError, match="MobileNet with alpha=0.25: .* classifier's alpha, 0.25"):
        models.ssd_weights.load(model, path)
    np.testing.assert_array_equal(model.get_layer("conv1").get_weights()[0], before)
    headless = vgg.VGG16(include_top=False, input_shape=(32, 32, 3))
    headless.save_weights(tmp_path / "vgg16.weights.h5")
    for base in ("vgg16", "mobilenet"):
        with pytest.raises(InputError, match="holds VGG16: .*dense layers"):
            network(
                recipe(base=base, weights=str(tmp_path / "vgg16.weights.h5")),
                input_shape=(300, 300, 3),
                classes=3,
            )
