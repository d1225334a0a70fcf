"""The learning rate at every step, for each schedule."""

import numpy as np
import pytest

from keras_cnn import Recipe
from keras_cnn.training import schedules


def _rates(*, steps_per_epoch=10, **choices):
    """Return the rate at each step of a training."""
    recipe = Recipe(name="case", dataset="set", learning_rate=0.1, epochs=8, **choices)
    rate = schedules.learning_rate(recipe, steps_per_epoch=steps_per_epoch)
    return [float(rate(step)) if callable(rate) else rate for step in range(8 * steps_per_epoch)]


def test_a_constant_rate_is_a_number():
    assert set(_rates(schedule="constant")) == {0.1}


def test_the_step_schedule_divides_by_ten_after_half_and_three_quarters():
    rates = _rates(schedule="step")
    np.testing.assert_allclose([rates[5], rates[45], rates[75]], [0.1, 0.01, 0.001], rtol=1e-5)
    assert [rates.count(rate) for rate in sorted(set(rates), reverse=True)] == [41, 20, 19]


def test_a_cosine_falls_to_zero():
    rates = np.array(_rates(schedule="cosine"))
    np.testing.assert_allclose(rates, 0.05 * (1 + np.cos(np.pi * np.arange(80) / 80)), atol=1e-7)


def test_a_cycle_rises_and_falls_linearly():
    rates = np.array(_rates(schedule="cyclical"))
    corners = [(0, 0.01), (10, 0.055), (20, 0.1), (30, 0.055), (40, 0.01), (60, 0.1)]
    for step, rate in corners:
        assert rates[step] == pytest.approx(rate, rel=1e-5), step
    np.testing.assert_allclose(np.abs(np.diff(rates)), 0.09 / 20, rtol=1e-3)


def test_triangular2_halves_its_height_after_each_cycle():
    schedule = schedules.Triangular(0.1, 0.9, half_cycle=10, decay=0.5)
    rates = [float(schedule(step)) for step in (0, 5, 10, 15, 20, 30, 40, 50, 60)]
    np.testing.assert_allclose(rates, [0.1, 0.5, 0.9, 0.5, 0.1, 0.5, 0.1, 0.3, 0.1], rtol=1e-5)


@pytest.mark.parametrize("schedule", ["constant", "step", "cosine", "cyclical"])
def test_every_schedule_warms_up(schedule):
    cold, warm = _rates(schedule=schedule), _rates(schedule=schedule, warmup=0.5)
    np.testing.assert_allclose(warm[:5], np.array(cold[:5]) * [0.2, 0.4, 0.6, 0.8, 1], rtol=1e-5)
    np.testing.assert_allclose(warm[5:], cold[5:], rtol=1e-5)


@pytest.mark.parametrize("schedule", ["step", "cosine", "cyclical"])
def test_a_training_of_one_step_has_a_rate(schedule):
    recipe = Recipe(name="case", dataset="set", epochs=1, schedule=schedule, warmup=0.1)
    assert float(schedules.learning_rate(recipe, steps_per_epoch=1)(0)) > 0
