"""The layers from scratch, compared with numerical gradients and with Keras."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_cnn import scratch


def draw(*shape, seed=0, dtype="float64"):
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(dtype)


def affine(dtype):
    return scratch.Affine(draw(12, 5, dtype=dtype), b=draw(5, dtype=dtype))


def convolution(size, stride, pad):
    def build(dtype):
        W = draw(4, 3, *size, dtype=dtype)
        return scratch.Convolution(W, b=draw(4, dtype=dtype), stride=stride, pad=pad)

    return build


def batch_normalization(dtype):
    return scratch.BatchNormalization(draw(3, dtype=dtype), beta=draw(3, seed=1, dtype=dtype))


def keras_batch_normalization():
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-6)


def keras_convolution(size, stride, pad):
    return keras.Sequential([layers.ZeroPadding2D(pad), layers.Conv2D(4, size, strides=stride)])


def keras_affine_of_maps():
    return keras.Sequential([layers.Permute((3, 1, 2)), layers.Flatten(), layers.Dense(5)])


CASES = {  # name -> (builder of our layer, shape of x, builder of Keras')
    "affine": (affine, (3, 12), lambda: layers.Dense(5)),
    "affine of maps": (affine, (2, 3, 2, 2), keras_affine_of_maps),
    "relu": (lambda _: scratch.ReLU(), (3, 7), layers.ReLU),
    "sigmoid": (lambda _: scratch.Sigmoid(), (3, 7), lambda: layers.Activation("sigmoid")),
    "pooling": (lambda _: scratch.Pooling(2), (2, 3, 6, 4), layers.MaxPooling2D),
    "pooling that leaves pixels over": (
        lambda _: scratch.Pooling(2),
        (2, 3, 5, 7),
        layers.MaxPooling2D,
    ),
    "overlapping pooling": (
        lambda _: scratch.Pooling(3, stride=2),
        (2, 3, 7, 8),
        lambda: layers.MaxPooling2D(3, strides=2),
    ),
    "normalisation": (batch_normalization, (6, 3), keras_batch_normalization),
    "normalisation of maps": (batch_normalization, (2, 3, 4, 5), keras_batch_normalization),
}
CONVOLUTIONS = [  # window, stride, pad
    ((3, 3), 1, 0),
    ((3, 3), 1, 1),
    ((3, 3), 1, 2),
    ((2, 3), 2, 1),
    ((3, 2), 3, 0),  # a stride that leaves pixels over
    ((1, 1), 1, 0),
    ((5, 6), 1, 0),  # one window: the whole picture
]
CASES |= {
    f"convolution {row}": (convolution(*row), (2, 3, 5, 6), lambda row=row: keras_convolution(*row))
    for row in CONVOLUTIONS
}


def forward(layer, x, *, training=True):
    if isinstance(layer, scratch.Dropout):
        layer.rng = np.random.default_rng(0)  # the same mask each time
    return layer.forward(x, training=training)


def weights(layer):
    return list(getattr(layer, "params", {}).values())


def backward(layer, dout):
    """Return the gradients of x and of the weights."""
    return [layer.backward(dout), *getattr(layer, "grads", {}).values()]


def to_keras(x):
    return x.transpose(0, 2, 3, 1) if x.ndim == 4 else x


def from_keras(x):
    x = ops.convert_to_numpy(x)
    return x.transpose(0, 3, 1, 2) if x.ndim == 4 else x


def filters_to_keras(W):
    return W.transpose(2, 3, 1, 0) if W.ndim == 4 else W


def filters_from_keras(W):
    W = ops.convert_to_numpy(W)
    return W.transpose(3, 2, 0, 1) if W.ndim == 4 else W


def automatic_gradients(loss, arrays):
    """Return the gradients that the backend computes."""
    arrays = [ops.convert_to_tensor(array) for array in arrays]
    if keras.config.backend() == "jax":
        import jax

        return jax.grad(loss)(arrays)
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(arrays)
        value = loss(arrays)
    return tape.gradient(value, arrays)


# -------------------------------------------------------------------------------------- gradients


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", [*CASES, "dropout"])
def test_the_gradient_is_the_numerical_one(name, training):
    build, shape, _ = CASES.get(name, (lambda _: scratch.Dropout(0.4), (4, 9), None))
    layer, x = build("float64"), draw(*shape, seed=3)
    # This call also moves the running averages away from 0 and 1.
    dout = draw(*forward(layer, x).shape, seed=2)

    def loss(_):
        return (forward(layer, x, training=training) * dout).sum()

    wanted = [scratch.numerical_gradient(loss, array) for array in [x, *weights(layer)]]
    loss(x)
    for ours, numerical in zip(backward(layer, dout), wanted, strict=True):
        assert ours.shape == numerical.shape
        np.testing.assert_allclose(ours, numerical, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_output_and_gradient_are_those_of_keras(name):
    build, shape, build_keras = CASES[name]
    layer, x = build("float32"), draw(*shape, seed=3, dtype="float32")
    theirs = keras.Sequential([build_keras()])
    theirs.build(to_keras(x).shape)
    statistics = [variable.value for variable in theirs.non_trainable_variables]

    def call(arrays):
        pictures, *parameters = arrays
        return theirs.stateless_call(parameters, statistics, pictures, training=True)

    y = layer.forward(x, training=True)
    dout = draw(*y.shape, seed=2, dtype="float32")
    arrays = [to_keras(x), *map(filters_to_keras, weights(layer))]
    their_y, their_state = call([ops.convert_to_tensor(array) for array in arrays])
    np.testing.assert_allclose(y, from_keras(their_y), rtol=1e-5, atol=1e-5)
    dx, *dweights = automatic_gradients(lambda a: ops.sum(call(a)[0] * to_keras(dout)), arrays)
    wanted = [from_keras(dx), *map(filters_from_keras, dweights)]
    for ours, expected in zip(backward(layer, dout), wanted, strict=True):
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5)
    state = getattr(layer, "state", {}).values()
    for ours, expected in zip(state, their_state if statistics else [], strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5)


def test_dropout_is_that_of_keras_for_the_same_mask():
    x, dout = draw(20, 30, dtype="float32"), draw(20, 30, seed=1, dtype="float32")
    theirs = layers.Dropout(0.3, seed=0)
    y = ops.convert_to_numpy(theirs(x, training=True))
    kept = y != 0

    class Replay:
        def random(self, shape, dtype):
            return kept.astype(dtype)  # 1 keeps a value, 0 is below any rate

    layer = scratch.Dropout(0.3)
    layer.rng = Replay()
    np.testing.assert_allclose(layer.forward(x, training=True), y, rtol=1e-6)
    again = layers.Dropout(0.3, seed=0)
    (dx,) = automatic_gradients(lambda a: ops.sum(again(a[0], training=True) * dout), [x])
    np.testing.assert_allclose(layer.backward(dout), ops.convert_to_numpy(dx), rtol=1e-5)


@pytest.mark.parametrize("one_hot", [False, True])
def test_loss_and_gradient_are_numerical_and_those_of_keras(one_hot):
    scores, labels = 3 * draw(6, 4), np.array([0, 3, 1, 1, 2, 0])
    if one_hot:
        labels = np.eye(4)[labels]
    layer = scratch.SoftmaxWithLoss()
    numerical = scratch.numerical_gradient(lambda s: layer.forward(s, labels), scores)
    loss = layer.forward(scores, labels)
    np.testing.assert_allclose(layer.backward(), numerical, rtol=0, atol=1e-6)
    np.testing.assert_allclose(layer.backward(2.5), 2.5 * numerical, rtol=0, atol=1e-6)
    if one_hot:
        theirs = keras.losses.CategoricalCrossentropy(from_logits=True)
    else:
        theirs = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    scores = scores.astype("float32")
    assert loss == pytest.approx(float(theirs(labels, scores)), rel=1e-5)
    (gradient,) = automatic_gradients(lambda a: theirs(labels, a[0]), [scores])
    np.testing.assert_allclose(layer.backward(), ops.convert_to_numpy(gradient), atol=1e-5)


def test_extreme_scores_cause_no_overflow():
    layer = scratch.SoftmaxWithLoss()
    loss = layer.forward(np.array([[0.0, 1e4], [-1e4, 0.0]], "float32"), np.array([0, 1]))
    assert loss == 5000
    np.testing.assert_allclose(layer.backward(), [[-0.5, 0.5], [0, 0]], atol=1e-7)
    y = scratch.Sigmoid().forward(np.array([-1e4, 1e4], "float32"))
    np.testing.assert_array_equal(y, [0, 1])


def test_softmax_is_that_of_keras():
    scores = 30 * draw(5, 4, dtype="float32")
    p = scratch.softmax(scores)
    np.testing.assert_allclose(p, ops.convert_to_numpy(ops.softmax(scores)), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)


# ------------------------------------------------------------------------------------- convolution


@pytest.mark.parametrize(("size", "stride", "pad"), CONVOLUTIONS)
def test_im2col_convolves_as_the_loops_do(size, stride, pad):
    layer, x = convolution(size, stride, pad)("float64"), draw(2, 3, 5, 6)
    W, b = layer.params.values()
    loops = scratch.convolve_by_loops(x, W, b=b, stride=stride, pad=pad)
    np.testing.assert_allclose(layer.forward(x), loops, rtol=0, atol=1e-12)


def test_a_column_is_a_window():
    x = draw(5, 2, 4, 4)
    col = scratch.im2col(x, (3, 2), stride=2)
    assert col.shape == (2 * 3 * 2, 1 * 2 * 5)
    np.testing.assert_array_equal(col[:, 1 * 5 + 3], x[3, :, 0:3, 2:4].ravel())


@pytest.mark.parametrize(("size", "stride", "pad"), CONVOLUTIONS)
def test_col2im_is_the_transpose_of_im2col(size, stride, pad):
    x = draw(2, 3, 5, 6)
    col = scratch.im2col(x, size, stride=stride, pad=pad)
    other = draw(*col.shape)
    back = scratch.col2im(other, x.shape, size, stride=stride, pad=pad)
    assert (col * other).sum() == pytest.approx((x * back).sum(), rel=1e-12)


def test_of_equal_values_only_the_first_gets_the_gradient():
    layer = scratch.Pooling(2)
    layer.forward(np.ones((1, 1, 2, 4)))
    dx = layer.backward(np.array([[[[3.0, 5.0]]]]))
    np.testing.assert_array_equal(dx, [[[[3, 0, 5, 0], [0, 0, 0, 0]]]])


# --------------------------------------------------------------------------------------- inference


def test_dropout_has_the_given_rate_and_keeps_the_mean():
    x = np.ones((200, 500), "float32")
    y = scratch.Dropout(0.3, seed=1).forward(x, training=True)
    assert y.dtype == np.float32
    assert (y == 0).mean() == pytest.approx(0.3, abs=0.01)
    assert y.mean() == pytest.approx(1, abs=0.01)
    assert scratch.Dropout(0.3).forward(x) is x


def test_batch_normalisation_in_inference_does_not_depend_on_the_batch():
    layer, x = batch_normalization("float64"), 5 + 3 * draw(50, 3)
    for _ in range(100):
        y = layer.forward(x, training=True)
    np.testing.assert_allclose(layer.forward(x[:1]), y[:1], rtol=1e-3)
    np.testing.assert_array_equal(layer.forward(x[:1]), layer.forward(x)[:1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [*CASES, "dropout"])
def test_numbers_keep_their_type(name, dtype):
    build, shape, _ = CASES.get(name, (lambda _: scratch.Dropout(0.4), (4, 9), None))
    layer = build(dtype)
    y = layer.forward(draw(*shape, dtype=dtype), training=True)
    assert {a.dtype for a in (y, *backward(layer, y))} == {np.dtype(dtype)}


# ------------------------------------------------------------------------------------- wrong input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: affine("float32").forward(np.zeros((2, 11))), r"takes \(n, 12\).*\(2, 11\)"),
        (lambda: some_convolution().forward(np.zeros((2, 1, 5, 5))), r"of 3 channels.*\(2, 1"),
        (
            lambda: some_convolution().forward(np.zeros((5, 5))),
            r"\(n, 3, height, width\).*\(5, 5\)",
        ),
        (lambda: some_convolution().forward(np.zeros((2, 3, 2, 5))), "3x3 must fit.*2x5"),
        (lambda: scratch.Pooling(4).forward(np.zeros((2, 3, 3, 5))), "4x4 must fit.*3x5"),
        (lambda: scratch.Dropout(1.0), r"in \[0, 1\); received 1.0"),
        (lambda: some_loss([0, 1, 4]), "0 to 3; received 0 to 4"),
        (lambda: some_loss([0, -1, 2]), "received -1 to 2"),
        (lambda: some_loss([0, 1]), r"3 pictures in 4 classes.*\(2,\)"),
        (lambda: some_loss([0.0, 1.0, 2.0]), "whole numbers.*float64"),
        (lambda: scratch.numerical_gradient(sum, np.arange(3)), "floats.*int64"),
    ],
)
def test_a_wrong_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def some_convolution():
    return convolution((3, 3), 1, 0)("float32")


def some_loss(labels):
    return scratch.SoftmaxWithLoss().forward(np.zeros((3, 4)), np.array(labels))
