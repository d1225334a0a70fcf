"""A base: its scaling, its weights, and what is refused before pictures are read."""

import functools

import keras
import numpy as np
import pytest
from small_base import pictures_of_test, small_recipe

from keras_cnn import InputError, Predictor, card, models
from keras_cnn.images import files
from keras_cnn.images.preparation import Preparation
from keras_cnn.images.scaling import Scaling
from keras_cnn.inference import export
from keras_cnn.transfer import Base, fit_features, fit_head


def test_published_weights_bring_their_scaling():
    assert Base.of(models.VGG16).scaling == Scaling("caffe")
    assert Base.of(models.InceptionV3, weights=None).scaling == Scaling("tf")
    with pytest.raises(ValueError, match="no weights are published"):
        Base.of(models.LeNet5)


def _keras_mobilenet(**options):
    return keras.applications.MobileNet(alpha=0.25, **options)


@pytest.mark.parametrize(
    "builder",
    [
        functools.partial(models.MobileNet, alpha=0.25),
        functools.partial(functools.partial(models.MobileNet, alpha=0.5), alpha=0.25),
        lambda **options: models.MobileNet(alpha=0.25, **options),
        _keras_mobilenet,
        keras.applications.MobileNet,
    ],
    ids=["partial", "partial of a partial", "lambda", "def of Keras' own", "Keras' own"],
)
def test_a_function_around_a_builder_has_the_scaling_of_its_network(builder):
    base = Base.of(builder, weights=None)
    assert base.scaling == Scaling("tf")
    assert base.build(input_shape=(64, 64, 3)).input_shape == (None, 64, 64, 3)


def test_a_network_whose_scaling_is_unknown_takes_it_as_an_argument():
    rule = Scaling(rescale=1 / 255)
    assert Base.of(models.LeNet5, weights=None, scaling=rule).scaling == rule
    assert Base.of(models.VGG16, weights=None, scaling=rule).scaling == rule
    with pytest.raises(ValueError, match="scaling of its pictures is unknown: give scaling="):
        Base.of(keras.applications.EfficientNetB0, weights=None)


@pytest.mark.parametrize("name", ["VGG16", "VGG19", "ResNet18", "InceptionV1"])
def test_the_scaling_is_that_of_the_file_not_of_the_builder(name, tmp_path):
    published = Base.of(getattr(models, name), weights=None).scaling.mode
    for ending, mode in {
        "h5": published,
        "pth": "tf" if name == "InceptionV1" else "torch",
    }.items():
        path = tmp_path / f"a.{ending}"
        path.touch()
        for builder in (getattr(models, name), functools.partial(getattr(models, name))):
            assert Base.of(builder, weights=path).scaling == Scaling(mode)


def test_weights_of_torch_for_vgg_bring_their_scaling_into_card_and_export(
    stripes, tmp_path, monkeypatch
):
    """Keras publishes VGG16 with another scaling."""
    kernels = [w for w in models.VGG16(include_top=False).get_weights() if w.ndim == 4]
    tensors = {}
    for number, kernel in enumerate(kernels):
        tensors[f"features.{number}.weight"] = kernel.transpose(3, 2, 0, 1)
        tensors[f"features.{number}.bias"] = np.zeros(kernel.shape[3])
    monkeypatch.setattr(models.weights, "read_torch", lambda path: tensors)
    (tmp_path / "vgg16.pth").touch()
    base = Base.of(models.VGG16, weights=tmp_path / "vgg16.pth")
    fit_features(base, small_recipe(stripes, tmp_path / "out", image_size=32))
    predictor = Predictor.load(tmp_path / "out")
    assert predictor.preparation.scaling.mode == "torch"
    pixels = predictor.preparation.read(pictures_of_test(stripes)[0])
    scaled = models.preprocess_input(pixels[None], models.VGG11)  # published by torchvision
    expected = predictor.model.predict_on_batch(scaled)[0]
    np.testing.assert_allclose(
        predictor(str(pictures_of_test(stripes)[0])).scores, expected, rtol=1e-4
    )
    exported = export.with_preparation(predictor.model, predictor.card)
    np.testing.assert_allclose(exported.predict_on_batch(pixels[None])[0], expected, rtol=1e-3)


def test_a_missing_file_of_weights_is_refused_at_once():
    with pytest.raises(InputError, match="there is no file /nowhere/x.h5"):
        Base.of(models.VGG16, weights="/nowhere/x.h5")
    with pytest.raises(ValueError, match="weights must be None, 'imagenet' or the path"):
        Base.of(models.VGG16, weights="imagnet")


@pytest.mark.parametrize("fit", [fit_head, fit_features])
def test_a_file_of_other_weights_is_refused_before_the_pictures_are_read(
    fit, stripes, tmp_path, monkeypatch
):
    monkeypatch.setattr(files, "find_bad", lambda *_, **__: pytest.fail("pictures were read"))
    models.ResNet18(include_top=False).save_weights(tmp_path / "other.weights.h5")
    base = Base.of(models.MobileNet, weights=tmp_path / "other.weights.h5")
    with pytest.raises(ValueError, match="holds ResNet18; the model is MobileNet"):
        fit(base, small_recipe(stripes, tmp_path / "out", image_size=32))


def test_weights_of_a_run_bring_the_scaling_of_its_card(tmp_path):
    path = tmp_path / "model.keras"
    network = models.ResNet18(input_shape=(32, 32, 3), classes=3)
    network.save(path)
    assert Base.of(models.ResNet18, weights=path).scaling == Scaling("torch")
    rule = Preparation(size=(32, 32), scaling=Scaling(rescale=0.5))
    fields = {"class_names": ("a", "b", "c"), "preparation": rule.to_dict()}
    card.write(path, card.Card(task="classification", **fields))
    base = Base.of(models.ResNet18, weights=path)
    assert base.scaling == Scaling(rescale=0.5)
    kernel = base.build(input_shape=(40, 40, 3)).get_layer("conv1_conv").kernel
    np.testing.assert_array_equal(kernel, network.get_layer("conv1_conv").kernel)


def test_a_run_serves_as_a_base(base, stripes, tmp_path):
    fit_features(base, small_recipe(stripes, tmp_path / "first"))
    again = Base.of_run(tmp_path / "first")
    assert again.scaling == base.scaling
    result = fit_features(again, small_recipe(stripes, tmp_path / "second"))
    assert result["test"]["accuracy"] >= 0.9
    with pytest.raises(InputError, match="must have the size.*set --image-size"):
        again.build(input_shape=(20, 20, 3))
