"""Scaling of pictures for published weights, and names of ImageNet's classes."""

import hashlib
import inspect
import json
import os
import re
from pathlib import Path

import keras
import numpy as np
import pytest
from tiny_networks import APPLICATIONS, conv_net, conv_net_of_torch

from keras_cnn import models
from keras_cnn.models import book, weights
from keras_cnn.models.weights import decode_predictions, load, preprocess_input


@pytest.mark.parametrize(
    ("builder", "module"),
    [
        ("VGG16", "vgg16"),
        ("VGG19", "vgg19"),
        ("ResNet50", "resnet"),
        ("ResNet152", "resnet"),
        ("DenseNet121", "densenet"),
        ("InceptionV3", "inception_v3"),
        ("MobileNet", "mobilenet"),
    ],
)
def test_pictures_are_scaled_as_keras_applications_does(builder, module, images):
    expected = getattr(APPLICATIONS, module).preprocess_input(images.copy())
    prepared = preprocess_input(images, getattr(models, builder))
    assert prepared.dtype == "float32"
    np.testing.assert_array_equal(prepared, expected)


@pytest.mark.peers
@pytest.mark.parametrize("builder", ["AlexNet", "VGG11", "VGG13", "ResNet18", "ResNet34"])
def test_pictures_are_scaled_as_torchvision_does(builder, images, torch, torchvision_models):
    peer = torchvision_models.get_model_weights(builder.lower()).DEFAULT.transforms()
    expected = (torch.from_numpy(images / 255) - torch.tensor(peer.mean)) / torch.tensor(peer.std)
    prepared = preprocess_input(images, getattr(models, builder))
    np.testing.assert_allclose(prepared, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.peers
def test_googlenet_replaces_torchvisions_scaling_by_that_of_tensorflow(
    images, torch, torchvision_models
):
    network = torchvision_models.googlenet(
        transform_input=True, aux_logits=False, init_weights=False
    )
    peer = torchvision_models.get_model_weights("googlenet").DEFAULT.transforms()
    scaled = (torch.from_numpy(images / 255) - torch.tensor(peer.mean)) / torch.tensor(peer.std)
    expected = network._transform_input(scaled.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    prepared = preprocess_input(images, models.InceptionV1)
    np.testing.assert_allclose(prepared, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.peers
def test_inception_v4_is_scaled_as_timm_does(images, torchvision_models):
    config = pytest.importorskip("timm").create_model("inception_v4").default_cfg
    expected = (images / 255 - np.array(config["mean"])) / np.array(config["std"])
    np.testing.assert_allclose(
        preprocess_input(images, models.InceptionV4), expected, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("builder", ["VGG16", "ResNet18", "MobileNet"])
def test_whole_numbers_single_pictures_and_tensors_are_scaled_alike(builder, images):
    builder = getattr(models, builder)
    images = images.astype("uint8")
    expected = preprocess_input(images.astype("float64"), builder)
    assert expected.dtype == "float32"
    np.testing.assert_array_equal(preprocess_input(images, builder), expected)
    np.testing.assert_array_equal(preprocess_input(images[0], builder), expected[0])
    np.testing.assert_array_equal(preprocess_input(images.tolist(), builder), expected)
    tensor = preprocess_input(keras.ops.convert_to_tensor(images), builder)
    assert keras.ops.is_tensor(tensor)
    np.testing.assert_allclose(tensor, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("builder", ["VGG16", "ResNet18", "MobileNet"])
def test_the_arguments_are_not_changed(builder, images):
    before = images.copy()
    preprocess_input(images, getattr(models, builder))
    np.testing.assert_array_equal(images, before)


def test_pictures_can_be_scaled_inside_a_model(images):
    inputs = keras.Input((6, 5, 3))
    model = keras.Model(inputs, preprocess_input(inputs, models.VGG16))
    np.testing.assert_allclose(model(images), preprocess_input(images, models.VGG16), rtol=1e-5)


def test_a_model_knows_the_rule_of_its_weights(images, tmp_path):
    expected = preprocess_input(images, models.VGG11)
    options = {"include_top": False, "input_shape": (32, 32, 3)}
    model = models.VGG11(name="mine", **options)
    np.testing.assert_array_equal(preprocess_input(images, model), expected)
    models.VGG11(**options).save(tmp_path / "a.keras")
    model = keras.saving.load_model(tmp_path / "a.keras")
    np.testing.assert_array_equal(preprocess_input(images, model), expected)


def test_weights_of_torchvision_have_their_own_rule(images, monkeypatch, torch, tmp_path):
    torch.save(conv_net_of_torch(torch), tmp_path / "a.pth")
    model = load(conv_net(), tmp_path / "a.pth", architecture="vgg16")
    torchs, caffes = (preprocess_input(images, b) for b in (models.VGG11, models.VGG16))
    np.testing.assert_array_equal(preprocess_input(images, model), torchs)
    assert abs(torchs - caffes).max() > 1


@pytest.mark.parametrize(
    "model",
    [
        models.LeNet5,
        models.LeNet5(),
        models.LeNet5(name="vgg16"),
        book.AlexNet,
        models.SoftmaxRegression,
        keras.Sequential(name="mine"),
        "vgg16",
    ],
)
def test_a_network_without_published_weights_has_no_rule(model, images):
    with pytest.raises(ValueError, match="no weights are published for .* no rule is known"):
        preprocess_input(images, model)


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 1), (2, 6, 5, 4), (1, 2, 6, 5, 3)])
def test_pictures_that_are_not_rgb_are_refused(shape):
    with pytest.raises(ValueError, match=re.escape(f"received shape {shape}")):
        preprocess_input(np.zeros(shape), models.VGG16)


@pytest.fixture
def class_index(cache, monkeypatch):
    """Put a list of classes into Keras' cache, as a download would."""
    classes = {str(i): [f"n{i:08}", f"thing_{i}"] for i in range(1000)}
    content = json.dumps(classes).encode()
    cache.mkdir(parents=True)
    (cache / "imagenet_class_index.json").write_bytes(content)
    row = weights.CLASS_INDEX._replace(hash=hashlib.md5(content).hexdigest())
    monkeypatch.setattr(weights, "CLASS_INDEX", row)
    return classes


def test_predictions_are_decoded_as_keras_does(class_index, monkeypatch):
    from keras.src.applications import imagenet_utils

    monkeypatch.setattr(imagenet_utils, "CLASS_INDEX", class_index)
    scores = np.random.default_rng(0).dirichlet(np.ones(1000), 3).astype("float32")
    for top in (1, 5, 1000):
        expected = imagenet_utils.decode_predictions(scores, top=top)
        assert decode_predictions(scores, top=top) == expected
    (best, *_), *_ = decode_predictions(keras.ops.convert_to_tensor(scores))
    assert best == (f"n{scores[0].argmax():08}", f"thing_{scores[0].argmax()}", scores[0].max())


def test_keras_and_we_read_the_same_list_of_classes():
    from keras.src.applications import imagenet_utils

    assert weights.CLASS_INDEX.address == imagenet_utils.CLASS_INDEX_PATH
    assert f'file_hash="{weights.CLASS_INDEX.hash}"' in inspect.getsource(imagenet_utils)


def test_scores_of_another_number_of_classes_are_refused(class_index):
    with pytest.raises(ValueError, match=r"\(batch, 1000\); received shape \(2, 10\)"):
        decode_predictions(np.zeros((2, 10)))


def test_the_error_without_the_list_of_classes_says_where_to_put_it(cache, monkeypatch):
    row = weights.CLASS_INDEX._replace(address="http://127.0.0.1:9/imagenet_class_index.json")
    monkeypatch.setattr(weights, "CLASS_INDEX", row)
    with pytest.raises(OSError, match=f"put it at {cache}/imagenet_class_index.json; its MD5"):
        decode_predictions(np.zeros((1, 1000)))


@pytest.mark.slow
def test_real_weights_name_dogs_and_cats_as_keras_applications_does(class_index):
    """ImageNet's classes 151 to 268 are breeds of dogs, 281 to 285 are domestic cats."""
    folder = os.environ.get("KERAS_CNN_DATA")
    if not folder:
        pytest.skip("KERAS_CNN_DATA is not set")
    path = Path(folder) / "weights" / "mobilenet_2_5_224_tf.h5"
    ours = models.MobileNet(alpha=0.25, weights=path)
    theirs = keras.applications.MobileNet(alpha=0.25, weights=None)
    theirs.load_weights(path)
    kinds = {"dog": range(151, 269), "cat": range(281, 286)}
    shares = {}
    for kind, classes in kinds.items():
        pictures = sorted((Path(folder) / "cats_dogs" / "test" / kind).glob("*.jpg"))
        pixels = [
            keras.utils.load_img(picture, target_size=(224, 224), interpolation="bilinear")
            for picture in pictures
        ]
        pixels = preprocess_input(np.stack([np.asarray(picture) for picture in pixels]), ours)
        answers = decode_predictions(ours.predict(pixels, verbose=0))
        expected = decode_predictions(theirs.predict(pixels, verbose=0))
        named = [[int(word[1:]) for word, _, _ in answer] for answer in answers]
        assert named == [[int(word[1:]) for word, _, _ in answer] for answer in expected]
        shares[kind] = np.mean([bool(set(answer) & set(classes)) for answer in named])
    assert shares["dog"] >= 0.95 and shares["cat"] >= 0.65
