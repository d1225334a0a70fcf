"""Fully convolutional networks: sizes, interpolation, skips, and the weights of a classifier."""

import keras
import numpy as np
import pytest
import scipy.ndimage

from keras_cnn import models
from keras_cnn.models import fcn
from keras_cnn.models.surgery import to_fully_convolutional

layers = keras.layers
BUILDERS = {32: models.FCN32s, 16: models.FCN16s, 8: models.FCN8s}
VGG = 14_714_688 + (7 * 7 * 512 + 1) * 4096 + (4096 + 1) * 4096  # convolutions, fc1, fc2
HEADS = {  # stride -> parameters of scores and enlargements for 21 classes
    32: 4097 * 21 + 64 * 64 * 21 * 21,
    16: (4097 + 513) * 21 + (4 * 4 + 32 * 32) * 21 * 21,
    8: (4097 + 513 + 257) * 21 + (2 * 4 * 4 + 16 * 16) * 21 * 21,
}


def values(tensor):
    return keras.ops.convert_to_numpy(tensor)


def enlarge(maps, factor):
    layer = layers.Conv2DTranspose(
        maps.shape[-1],
        2 * factor,
        factor,
        "same",
        use_bias=False,
        kernel_initializer=fcn.Bilinear(),
    )
    return values(layer(maps))


@pytest.mark.parametrize("factor", [2, 8, 16, 32])
def test_bilinear_filters_continue_a_ramp_and_interpolate_as_scipy_does(factor):
    rows, columns = np.mgrid[:5, :4].astype("float32")
    noise = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    maps = np.stack([rows, columns, noise], axis=-1)
    enlarged = enlarge(maps[None], factor)[0]
    assert enlarged.shape == (5 * factor, 4 * factor, 3)
    # The middle of pixel i lies at i + 0.5; beyond the outer middles zeros are interpolated.
    inner = slice(factor // 2, -(factor // 2))
    y, x = ((np.mgrid[: 5 * factor, : 4 * factor] + 0.5) / factor - 0.5)[:, inner, inner]
    enlarged = enlarged[inner, inner]
    np.testing.assert_allclose(enlarged[..., 0], y, atol=1e-5)
    np.testing.assert_allclose(enlarged[..., 1], x, atol=1e-5)
    peer = scipy.ndimage.map_coordinates(noise, [y, x], order=1)
    np.testing.assert_allclose(enlarged[..., 2], peer, atol=1e-5)


@pytest.mark.parametrize(
    "stride", [8, *(pytest.param(stride, marks=pytest.mark.slow) for stride in (16, 32))]
)
def test_the_parameters_are_those_of_vgg16_its_scores_and_its_enlargements(stride):
    model = BUILDERS[stride](input_shape=(64, 96, 3))
    assert model.count_params() == VGG + HEADS[stride]
    assert model.output_shape == (None, 64, 96, 21)
    frozen = sum(np.prod(weight.shape) for weight in model.non_trainable_weights)
    assert frozen == (2 * stride) ** 2 * 21 * 21


@pytest.mark.parametrize("stride", BUILDERS)
def test_every_pixel_gets_a_distribution_and_the_last_enlargement_is_not_trained(stride):
    model = BUILDERS[stride](base="light", input_shape=(64, 96, 3), classes=4)
    scores = values(model(np.random.default_rng(0).random((2, 64, 96, 3), "float32")))
    assert scores.shape == (2, 64, 96, 4)
    np.testing.assert_allclose(scores, 0.25, rtol=1e-5)  # all scores begin at zero
    last = model.get_layer("enlarged")
    assert last.strides == (stride, stride) and not last.trainable_weights
    enlarging = [layer for layer in model.layers if isinstance(layer, layers.Conv2DTranspose)]
    assert len(enlarging) == {32: 1, 16: 2, 8: 3}[stride]
    assert all(layer.trainable_weights for layer in enlarging if layer is not last)


def test_a_skip_changes_nothing_until_it_is_trained():
    keras.utils.set_random_seed(0)
    options = {"base": "light", "input_shape": (64, 64, 3), "classes": 3}
    options["classifier_activation"] = None
    fine, coarse = models.FCN8s(**options), models.FCN32s(**options)
    assert fine.get_layer("score_pool4").input.shape[1:3] == (4, 4)
    assert fine.get_layer("score_pool3").input.shape[1:3] == (8, 8)
    score = fine.get_layer("score")
    score.set_weights([np.random.default_rng(1).normal(size=w.shape) for w in score.weights])
    x = np.random.default_rng(0).random((1, 64, 64, 3), "float32")
    for layer in coarse.layers:
        if layer.weights and layer.name != "enlarged":
            layer.set_weights(fine.get_layer(layer.name).get_weights())
    coarse_scores = values(keras.Model(coarse.input, coarse.get_layer("score").output)(x))
    expected = enlarge(enlarge(enlarge(coarse_scores, 2), 2), 8)
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(values(fine(x)), expected, atol=1e-4)
    np.testing.assert_allclose(values(coarse(x)), enlarge(coarse_scores, 32), atol=1e-4)
    for stage in (3, 4):
        skip = fine.get_layer(f"score_pool{stage}")
        skip.set_weights([np.ones(w.shape) for w in skip.weights])
        assert np.abs(values(fine(x)) - expected).max() > 0.1
        skip.set_weights([np.zeros(w.shape) for w in skip.weights])


def test_pictures_of_any_size_are_taken_and_sides_that_do_not_halve_are_refused():
    assert models.FCN8s(base="light", classes=2).output_shape == (None, None, None, 2)
    with pytest.raises(ValueError, match=r"multiples of 32.*\(64, 100, 3\)"):
        models.FCN8s(input_shape=(64, 100, 3))
    with pytest.raises(ValueError, match="received base='vgg19'"):
        models.FCN32s(base="vgg19")
    with pytest.raises(ValueError, match="those of the base 'vgg16'"):
        models.FCN32s(base="light", weights="imagenet")


def test_a_saved_network_is_loaded_with_its_interpolation(tmp_path):
    model = models.FCN16s(base="light", input_shape=(32, 32, 3), classes=2)
    model.get_layer("score").bias.assign([1.0, -2.0])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.get_layer("enlarged").kernel_initializer, fcn.Bilinear)
    x = np.random.default_rng(0).random((1, 32, 32, 3), "float32")
    np.testing.assert_array_equal(values(loaded(x)), values(model(x)))


def _narrow(builder, monkeypatch, **options):
    """Build a network of VGG16's layers with a hundredth of its weights."""
    real = layers.Dense, layers.Conv2D

    def dense(units, *args, **kwargs):
        return real[0](64 if units == 4096 else units, *args, **kwargs)

    def conv(filters, *args, **kwargs):
        return real[1](64 if filters == 4096 else filters, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(layers, "Dense", dense)
        patch.setattr(layers, "Conv2D", conv)
        return builder(**options)


@pytest.mark.parametrize(
    "narrow", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["64 units", "4096 units"]
)
def test_a_classifier_gives_its_weights_and_its_scores_at_the_centre(narrow, tmp_path, monkeypatch):
    """The middle cell of the padded convolution sees the whole picture, as the classifier does."""
    keras.utils.set_random_seed(0)
    build = _narrow if narrow else lambda builder, _, **options: builder(**options)
    options = {"classes": 5, "classifier_activation": None}
    build(models.VGG16, monkeypatch, **options).save_weights(tmp_path / "vgg16.weights.h5")
    keras.utils.set_random_seed(1)
    classifier = build(models.VGG16, monkeypatch, weights=tmp_path / "vgg16.weights.h5", **options)
    model = build(models.FCN32s, monkeypatch, input_shape=(224, 224, 3), **options)
    assert fcn.from_classifier(model, classifier) is model
    x = np.random.default_rng(0).uniform(-100, 100, (1, 224, 224, 3)).astype("float32")
    coarse = values(keras.Model(model.input, model.get_layer("score").output)(x))
    expected = values(classifier(x))[0]
    assert np.ptp(expected) > 0 and coarse.shape == (1, 7, 7, 5)
    np.testing.assert_allclose(coarse[0, 3, 3], expected, rtol=1e-3, atol=1e-5)
    slid = values(to_fully_convolutional(classifier)(x))
    np.testing.assert_allclose(coarse[0, 3, 3], slid[0, 0, 0], rtol=1e-3, atol=1e-5)
    other = build(models.FCN8s, monkeypatch, input_shape=(32, 32, 3), classes=2)
    fcn.from_classifier(other, classifier)
    assert not np.any(other.get_layer("score").get_weights()[0])  # other classes: not copied
    np.testing.assert_array_equal(
        other.get_layer("block5_conv3").get_weights()[0],
        classifier.get_layer("block5_conv3").get_weights()[0],
    )


def test_the_light_network_has_no_layers_for_a_classifiers_weights(monkeypatch):
    classifier = _narrow(models.VGG16, monkeypatch, input_shape=(32, 32, 3), classes=2)
    with pytest.raises(ValueError, match="block1_conv1"):
        fcn.from_classifier(models.FCN32s(base="light", classes=2), classifier)
