"""Optimizers from scratch take the steps of Keras'; initial weights have the right scale."""

import keras
import numpy as np
import pytest

from keras_cnn import scratch

own = keras.optimizers
PAIRS = [
    (scratch.SGD(0.1), own.SGD(0.1)),
    (scratch.Momentum(0.02), own.SGD(0.02, momentum=0.9)),
    (scratch.Momentum(0.05, momentum=0.5), own.SGD(0.05, momentum=0.5)),
    (scratch.Nesterov(0.02), own.SGD(0.02, momentum=0.9, nesterov=True)),
    (scratch.Nesterov(0.05, momentum=0.5), own.SGD(0.05, momentum=0.5, nesterov=True)),
    (scratch.AdaGrad(0.1, initial_accumulator_value=0.1), own.Adagrad(0.1)),
    (
        scratch.AdaGrad(0.1, initial_accumulator_value=0.5),
        own.Adagrad(0.1, initial_accumulator_value=0.5),
    ),
    (scratch.RMSprop(0.01), own.RMSprop(0.01)),
    (scratch.RMSprop(0.01, rho=0.5, epsilon=1e-3), own.RMSprop(0.01, rho=0.5, epsilon=1e-3)),
    (scratch.Adam(0.05), own.Adam(0.05)),
    (
        scratch.Adam(0.05, beta_1=0.5, beta_2=0.9, epsilon=1e-3),
        own.Adam(0.05, beta_1=0.5, beta_2=0.9, epsilon=1e-3),
    ),
]

# In float32 Keras' rounding is visible: 1 - 0.999 ** t, by which Adam divides, loses four digits.
# JAX has float64 only if it is enabled before its start.
DTYPE, TOLERANCE = ("float64", 1e-5) if keras.config.backend() != "jax" else ("float32", 1e-4)

# A valley whose sides are a million times steeper than its floor. Along the floor, gradients are as
# small as epsilon, so that the place of epsilon in the formula matters. One direction is flat.
STEEPNESS = {"W1": np.array([[1, 1e-2], [1e-4, 1e-6]], DTYPE), "b1": np.array([0, 1], DTYPE)}


def gradients(params):
    return {name: STEEPNESS[name] * value for name, value in params.items()}


def beginning():
    return {"W1": np.array([[1, -2], [3, -4]], DTYPE), "b1": np.array([5, -6], DTYPE)}


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_fifty_steps_are_those_of_keras(ours, theirs):
    params = beginning()
    variables = {name: keras.Variable(value.copy(), dtype=DTYPE) for name, value in params.items()}
    for step in range(50):
        if step == 25:
            ours.learning_rate /= 2
            theirs.learning_rate = ours.learning_rate
        ours.update(params, gradients(params))
        values = {name: keras.ops.convert_to_numpy(v) for name, v in variables.items()}
        tensors = [keras.ops.convert_to_tensor(g) for g in gradients(values).values()]
        theirs.apply(tensors, list(variables.values()))
        for name, variable in variables.items():
            wanted = keras.ops.convert_to_numpy(variable)
            np.testing.assert_allclose(
                params[name], wanted, rtol=TOLERANCE, atol=TOLERANCE, err_msg=f"step {step}"
            )
    assert abs(params["W1"][0, 0]) < 1  # the steps were not zero


def test_adagrad_begins_at_zero_as_the_textbook_prints_it():
    optimizer = scratch.AdaGrad(0.1)
    params = {"W": np.zeros(3)}
    for step in range(1, 5):  # a constant gradient: h = t g², so the t-th step is η / sqrt(t)
        optimizer.update(params, {"W": np.array([2.0, -1e-3, 0.0])})
        moved = 0.1 * sum(t**-0.5 for t in range(1, step + 1))
        np.testing.assert_allclose(params["W"], [-moved, moved, 0], rtol=2e-4)


def test_parameters_change_in_place_and_gradients_do_not_change():
    for optimizer, _ in PAIRS:
        params = {name: value.astype("float32") for name, value in beginning().items()}
        arrays, grads = dict(params), gradients(params)
        before = {name: g.copy() for name, g in grads.items()}
        optimizer.update(params, grads)
        optimizer.update(params, grads)
        for name, array in arrays.items():
            assert params[name] is array and array.dtype == np.float32
            assert not np.array_equal(array, beginning()[name])
            np.testing.assert_array_equal(grads[name], before[name])


@pytest.mark.parametrize(
    ("shape", "std", "wanted"),
    [
        ((400, 300), 0.01, 0.01),
        ((400, 300), scratch.xavier, 400**-0.5),
        ((400, 300), scratch.he, (2 / 400) ** 0.5),
        ((500, 10, 5, 4), scratch.he, (2 / 200) ** 0.5),
    ],
)
def test_initial_weights_have_the_given_standard_deviation(shape, std, wanted):
    W = scratch.normal(shape, std=std)
    assert W.shape == shape and W.dtype == np.float32
    assert W.std() == pytest.approx(wanted, rel=0.02)
    assert abs(W.mean()) < wanted / 50


def test_the_same_seed_draws_the_same_weights():
    weights = [scratch.normal((3, 4), std=1.0, seed=seed) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])
    rng = np.random.default_rng(1)
    both = [scratch.normal((3, 4), std=1.0, seed=rng) for _ in range(2)]
    np.testing.assert_array_equal(both[0], weights[0])
    assert not np.array_equal(both[0], both[1])


def test_he_keeps_the_scale_of_activations_through_relu_and_xavier_does_not():
    energy = {}
    for std in (scratch.he, scratch.xavier):
        x = np.random.default_rng(0).standard_normal((500, 100)).astype("float32")
        for layer in range(12):
            x = np.maximum(x @ scratch.normal((100, 100), std=std, seed=layer), 0)
        energy[std] = (x**2).mean()
    assert 0.2 < energy[scratch.he] < 5
    assert energy[scratch.xavier] == pytest.approx(energy[scratch.he] / 2**12, rel=0.01)
