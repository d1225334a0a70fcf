"""Models cut into feature maps and into fully convolutional networks."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_cnn.models.surgery import features, to_fully_convolutional


def randomise(model, seed=0):
    rng = np.random.default_rng(seed)
    values = []
    for weight in model.weights:
        fan = max(1, int(np.prod(weight.shape[:-1])))
        low, high = (0.5, 1.5) if "moving_variance" in weight.path else (-1, 1)
        values.append(rng.uniform(low, high, weight.shape) / (1 if high > 1 else np.sqrt(fan)))
    model.set_weights(values)
    return model


def pictures(*shape, seed=1):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")


def answer(model, images):
    return keras.ops.convert_to_numpy(model(images, training=False))


def unpadded(size=12):
    """Return a network like LeNet without padding, of total stride 2."""
    inputs = keras.Input((size, size + 2, 2))
    x = layers.Conv2D(4, 3, activation="relu", name="conv")(inputs)
    x = layers.MaxPooling2D(2, name="pool")(x)
    x = layers.Conv2D(5, 2, name="conv2")(x)
    x = layers.BatchNormalization(name="bn")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dropout(0.5)(x)
    x = layers.Dense(7, activation="relu", name="fc1")(x)
    x = layers.BatchNormalization(name="fc1_bn")(x)
    x = layers.Dense(3, activation="softmax", use_bias=False, name="predictions")(x)
    return randomise(keras.Model(inputs, x, name="unpadded"))


def pooled(keepdims=False, pooling=layers.GlobalAveragePooling2D, **options):
    """Return a network with ResNet's head, or with `keepdims` MobileNet's."""
    inputs = keras.Input((7, 9, 3))
    x = layers.Conv2D(6, 3, strides=2, **options, name="conv")(inputs)
    x = pooling(keepdims=keepdims, name="avg_pool")(x)
    if keepdims:
        x = layers.Conv2D(4, 1, name="conv_preds")(x)
        x = layers.Reshape((4,), name="reshape")(x)
        x = layers.Activation("softmax", name="predictions")(x)
    else:
        x = layers.Dense(4, activation="softmax", name="predictions")(x)
    return randomise(keras.Model(inputs, x, name="pooled"))


def test_features_are_the_outputs_of_the_named_layers_in_their_order():
    model = unpadded()
    extractor = features(model, ["pool", "conv"])
    images = pictures(2, 12, 14, 2)
    kernel, bias = model.get_layer("conv").get_weights()
    by_hand = keras.ops.relu(keras.ops.conv(images, kernel) + bias)

    pool, conv = extractor(images)

    assert tuple(pool.shape) == (2, 5, 6, 4)
    np.testing.assert_allclose(conv, by_hand, rtol=1e-5, atol=1e-6)


def test_features_share_the_weights_of_the_model():
    model = unpadded()
    extractor = features(model, ["conv2"])
    before = answer(model, images := pictures(1, 12, 14, 2))
    (first,) = extractor(images)
    randomise(model, seed=7)
    (second,) = extractor(images)
    assert not np.allclose(first, second)
    assert not np.allclose(before, answer(model, images))


def test_features_do_not_run_layers_after_the_last_named_layer():
    assert [layer.name for layer in features(unpadded(), ["pool"]).layers][1:] == ["conv", "pool"]


def test_a_single_name_can_be_a_string():
    assert len(features(unpadded(), "conv2").outputs) == 1


def test_the_error_for_an_unknown_layer_lists_close_names():
    names = [f"block{stage}_conv{i}" for stage in (3, 4, 5) for i in (1, 2, 3)]
    model = keras.Sequential(
        [keras.Input((4,)), *(layers.Activation("relu", name=name) for name in names)]
    )
    with pytest.raises(ValueError, match="no layer 'conv4_3'; close names are .*conv4?"):
        features(model, ["conv4_3"])
    with pytest.raises(ValueError, match="block4_conv3"):
        features(model, ["block4_conv_3"])
    with pytest.raises(ValueError, match="at least one"):
        features(model, [])


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(unpadded, id="flatten"),
        pytest.param(pooled, id="average"),
        pytest.param(lambda: pooled(pooling=layers.GlobalMaxPooling2D), id="max"),
        pytest.param(lambda: pooled(keepdims=True, padding="same"), id="mobilenet"),
    ],
)
def test_at_the_native_size_the_convolutional_head_answers_as_the_dense_head(model):
    model = model()
    images = pictures(3, *model.input_shape[1:])
    expected = answer(model, images)
    assert expected.max() < 0.99 and expected.std(axis=0).max() > 1e-3  # neither saturated nor flat

    slid = to_fully_convolutional(model)

    assert slid.input_shape == (None, None, None, model.input_shape[-1])
    scores = answer(slid, images)
    assert scores.shape == (3, 1, 1, expected.shape[1])
    np.testing.assert_allclose(scores[:, 0, 0], expected, rtol=1e-4, atol=1e-6)
    assert slid.count_params() == model.count_params()


@pytest.mark.parametrize("model", [unpadded, pooled], ids=["flatten", "average"])
def test_on_a_larger_picture_each_score_equals_that_of_its_window(model):
    model = model()
    _, height, width, channels = model.input_shape
    image = pictures(1, height + 5, width + 4, channels)
    scores = answer(to_fully_convolutional(model), image)

    assert min(scores.shape[1:3]) >= 3
    for row, column in np.ndindex(scores.shape[1:3]):  # the network's stride is 2
        crop = image[:, 2 * row : 2 * row + height, 2 * column : 2 * column + width]
        expected = answer(model, crop)
        np.testing.assert_allclose(scores[:, row, column], expected, rtol=1e-4, atol=1e-6)


def adaptive(size):
    """Return a network that ends like AlexNet: adaptive pooling, idle at the native size."""
    inputs = keras.Input((size, size, 1))
    x = layers.Conv2D(2, 3, name="conv")(inputs)
    x = layers.AdaptiveAveragePooling2D(6, name="avg_pool")(x)
    x = layers.Dense(3, name="fc")(layers.Flatten()(x))
    return randomise(keras.Model(inputs, x, name="adaptive"))


def test_adaptive_pooling_does_not_shrink_a_larger_picture_to_a_single_cell():
    model = adaptive(8)
    image = pictures(1, 9, 10, 1)
    scores = answer(to_fully_convolutional(model), image)
    assert scores.shape == (1, 2, 3, 3)
    expected = answer(model, image[:, 1:, 2:])
    np.testing.assert_allclose(scores[:, 1, 2], expected, rtol=1e-4, atol=1e-6)


def test_softmax_runs_over_the_classes_of_each_cell():
    scores = answer(to_fully_convolutional(unpadded()), pictures(2, 20, 21, 2))
    np.testing.assert_allclose(scores.sum(axis=-1), 1, rtol=1e-5)


def test_vgg16_becomes_the_chapters_7x7_and_1x1_convolutions():
    inputs = keras.Input((224, 224, 3))
    x = layers.MaxPooling2D(32)(inputs)
    x = layers.Flatten()(x)
    x = layers.Dense(8, name="fc1")(x)
    x = layers.Dense(6, name="fc2")(x)
    slid = to_fully_convolutional(keras.Model(inputs, x))
    kernels = [slid.get_layer(name).kernel.shape for name in ("fc1", "fc2")]
    assert kernels == [(7, 7, 3, 8), (1, 1, 8, 6)]


def test_the_fully_convolutional_model_does_not_change_the_classifier():
    model = unpadded()
    images = pictures(1, 12, 14, 2)
    before = answer(model, images)
    randomise(to_fully_convolutional(model), seed=5)
    np.testing.assert_array_equal(answer(model, images), before)
    features(model, ["conv2"])  # its layers still have one output each


def test_frozen_layers_stay_frozen_and_keep_their_weights():
    model = unpadded()
    for layer in model.layers:
        layer.trainable = False
    images = pictures(2, 12, 14, 2)
    slid = to_fully_convolutional(model)
    assert not slid.trainable_weights
    np.testing.assert_allclose(answer(slid, images)[:, 0, 0], answer(model, images), rtol=1e-4)


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (lambda: keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3)]), "include_top"),
        (
            lambda: keras.Sequential(
                [
                    keras.Input((None, None, 3)),
                    layers.Conv2D(4, 3),
                    layers.GlobalMaxPooling2D(),
                    layers.Dense(2),
                ]
            ),
            "fixed input_shape",
        ),
        (
            lambda: keras.Sequential(
                [keras.Input((4, 4, 3)), layers.Flatten(), layers.UnitNormalization()]
                + [layers.Dense(2)]
            ),
            "UnitNormalization",
        ),
        (lambda: adaptive(9), r"resizes \(7, 7\) .* to \(6, 6\)"),
        (lambda: features(unpadded(), ["conv", "fc1"]), "one answer out"),
    ],
)
def test_a_model_without_a_convertible_head_is_refused(model, sentence):
    with pytest.raises(ValueError, match=sentence):
        to_fully_convolutional(model())
