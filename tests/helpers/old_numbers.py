"""What Keras 2 and Keras 3 compute differently from the same script, measured."""

import keras
import numpy as np
import tensorflow as tf


def adam_share(epsilon):
    """Return the first step of Adam for a gradient of 1e-6, as a share of the learning rate."""
    variable = keras.Variable(np.zeros(1, "float32"))
    optimizer = keras.optimizers.Adam(1.0, epsilon=epsilon)
    optimizer.apply([keras.ops.convert_to_tensor([1e-6])], [variable])
    return -float(variable[0])


def adam_difference(steps=50):
    """Return the largest difference from Keras 2's Adam, written out, over some steps."""
    gradients = np.random.default_rng(0).normal(size=(steps, 8)).astype("float32")
    variable = keras.Variable(np.ones(8, "float32"))
    optimizer = keras.optimizers.Adam(0.01, epsilon=1e-7)
    weights, first, second, largest = np.ones(8), np.zeros(8), np.zeros(8), 0.0
    for step, gradient in enumerate(gradients, 1):
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        rate = 0.01 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        weights = weights - rate * first / (np.sqrt(second) + 1e-7)
        largest = max(largest, np.abs(weights - variable.numpy()).max())
    return largest


def glorot():
    """Return the kernels 784x10 of both Keras' `glorot_uniform(seed=0)`, and the limit."""
    tf.random.set_seed(0)
    old = tf.compat.v1.glorot_uniform_initializer(seed=0)((784, 10)).numpy()
    new = np.asarray(keras.initializers.GlorotUniform(seed=0)((784, 10)))
    return old, new, np.sqrt(6 / (784 + 10))


def moving_variances(number):
    """Return the batch's variance that enters the moving one: TensorFlow's fused kernel, Keras 3.

    Args:
        number: Values of a channel in the batch.
    """
    values = np.random.default_rng(0).normal(size=(number, 1, 1, 1)).astype("float32")
    _, _, fused = tf.compat.v1.nn.fused_batch_norm(values, np.ones(1, "f4"), np.zeros(1, "f4"))
    layer = keras.layers.BatchNormalization(momentum=0.0)
    layer(values, training=True)
    return float(fused[0]), float(layer.moving_variance[0])


def decay_difference(steps=1000):
    """Return the largest relative difference of InverseTimeDecay from Keras 2's ``decay=``."""
    schedule = keras.optimizers.schedules.InverseTimeDecay(0.1, decay_steps=1, decay_rate=1e-3)
    rates = [float(schedule(step)) for step in range(0, steps + 1, 100)]
    closed = 0.1 / (1 + 1e-3 * np.arange(0, steps + 1, 100))
    return rates[-1], np.abs(rates / closed - 1).max()
