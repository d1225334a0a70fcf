"""Layers that know no pictures: affine, activations, normalisation, dropout and the loss.

A layer turns `x` into its output by `forward(x, *, training=False)` and remembers what it needs to
turn `dout`, the gradient of the loss with respect to that output, into the gradient with respect to
`x` by `backward(dout)`. Weights are in `params` by name and, after `backward`, their gradients in
`grads` by the same names; `state` holds what is measured, not learnt. Arrays of `params` are
changed in place, so that whoever holds one sees each update.
"""

import numpy as np


class Affine:
    """Each output is a weighted sum of all inputs and a bias: `y = x W + b`."""

    def __init__(self, W: np.ndarray, *, b: np.ndarray):
        """Take the weights.

        Args:
            W: Weights `(inputs, outputs)`.
            b: Bias `(outputs,)`.
        """
        self.params = {"W": W, "b": b}
        self.grads = {}

    def forward(self, x, *, training=False):
        """Return `(n, outputs)` for `(n, inputs)`, or for feature maps, which are flattened."""
        W, b = self.params.values()
        self.shape = x.shape
        self.x = x.reshape(len(x), -1)  # (n, inputs)
        if self.x.shape[1] != len(W):
            raise ValueError(
                f"an affine layer of {len(W)} inputs takes (n, {len(W)}), or feature maps of as "
                f"many values; received {x.shape}"
            )
        return self.x @ W + b  # (n, outputs)

    def backward(self, dout):
        """Return the gradient of `x`, in the shape of `x`."""
        self.grads = {"W": self.x.T @ dout, "b": dout.sum(axis=0)}
        return (dout @ self.params["W"].T).reshape(self.shape)


class ReLU:
    """`max(x, 0)`: the gradient passes where the input was positive."""

    def forward(self, x, *, training=False):
        """Return an array of the shape of `x`."""
        self.positive = x > 0
        return np.maximum(x, 0)

    def backward(self, dout):
        """Return the gradient of `x`."""
        return dout * self.positive


class Sigmoid:
    """`1 / (1 + exp(-x))`, by way of tanh, which does not overflow."""

    def forward(self, x, *, training=False):
        """Return an array of the shape of `x`, its values in (0, 1)."""
        self.y = 0.5 * (np.tanh(0.5 * x) + 1)
        return self.y

    def backward(self, dout):
        """Return the gradient of `x`."""
        return dout * self.y * (1 - self.y)


class BatchNormalization:
    """Give each channel mean 0 and variance 1 over the batch, then the scale and shift it learns.

    A channel is what axis 1 counts: a neuron's values `(n, channels)`, or a feature map's
    `(n, channels, height, width)`, whose pixels share the statistics. When not training, running
    averages of the batches' statistics take their place, as in Keras. With epsilon as small as
    here, the layer helps even where initial weights are tiny (Keras' default is 1e-3).

    References:
        Ioffe & Szegedy, 2015. https://arxiv.org/abs/1502.03167
    """

    def __init__(
        self,
        gamma: np.ndarray,
        *,
        beta: np.ndarray,
        momentum: float = 0.9,
        epsilon: float = 1e-6,
    ):
        """Take the weights.

        Args:
            gamma: Scale `(channels,)`, 1 to begin with.
            beta: Shift `(channels,)`, 0 to begin with.
            momentum: How much of the running averages a batch leaves.
            epsilon: Added to the variance, against division by 0.
        """
        self.params = {"gamma": gamma, "beta": beta}
        self.grads = {}
        self.state = {"mean": np.zeros_like(gamma), "variance": np.ones_like(gamma)}
        self.momentum = momentum
        self.epsilon = epsilon

    def forward(self, x, *, training=False):
        """Return an array of the shape of `x`."""
        channel = (1, -1) + (1,) * (x.ndim - 2)  # so that (channels,) meets axis 1
        self.axes = (0, *range(2, x.ndim))
        self.training = training
        mean, variance = self.state.values()
        if training:
            batch_mean, batch_variance = x.mean(axis=self.axes), x.var(axis=self.axes)
            mean += (1 - self.momentum) * (batch_mean - mean)
            variance += (1 - self.momentum) * (batch_variance - variance)
            mean, variance = batch_mean, batch_variance
        gamma, beta = (value.reshape(channel) for value in self.params.values())
        self.std = np.sqrt(variance + self.epsilon).reshape(channel)
        self.normalized = (x - mean.reshape(channel)) / self.std
        return gamma * self.normalized + beta

    def backward(self, dout):
        """Return the gradient of `x`, whose mean and variance depend on each of its values."""
        xn, axes = self.normalized, self.axes
        self.grads = {"gamma": (dout * xn).sum(axis=axes), "beta": dout.sum(axis=axes)}
        dxn = dout * self.params["gamma"].reshape(self.std.shape)
        if self.training:
            through_mean = dxn.mean(axis=axes, keepdims=True)
            through_variance = xn * (dxn * xn).mean(axis=axes, keepdims=True)
            dxn = dxn - through_mean - through_variance
        return dxn / self.std


class Dropout:
    """While training, silence each value with a probability and scale the others up for it.

    The book's listing scales down when predicting instead: the same expectation, but every
    prediction pays for it. This is how Keras does it.

    References:
        Srivastava et al., 2014. https://jmlr.org/papers/v15/srivastava14a.html
    """

    def __init__(self, rate: float = 0.5, *, seed: int | np.random.Generator = 0):
        """Set the probability.

        Args:
            rate: Probability of silence, in [0, 1).
            seed: Seed, or the generator to draw from.

        Raises:
            ValueError: If `rate` is no such probability.
        """
        if not 0 <= rate < 1:
            raise ValueError(f"a dropout rate must lie in [0, 1); received {rate}")
        self.rate = rate
        self.rng = np.random.default_rng(seed)

    def forward(self, x, *, training=False):
        """Return an array of the shape of `x`; `x` itself when not training."""
        self.mask = None
        if not training:
            return x
        kept = self.rng.random(x.shape, dtype="float32") >= self.rate
        self.mask = kept * x.dtype.type(1 / (1 - self.rate))
        return x * self.mask

    def backward(self, dout):
        """Return the gradient of `x`."""
        return dout if self.mask is None else dout * self.mask


class SoftmaxWithLoss:
    """Cross entropy of softmax(scores) and the true classes: the mean of `-log p[true class]`."""

    def forward(self, scores, labels):
        """Return the loss of scores `(n, classes)`: labels `(n,)` of numbers, or one-hot."""
        n, classes = scores.shape
        self.targets = _one_hot(labels, n, classes).astype(scores.dtype)  # (n, classes)
        scores = scores - scores.max(axis=1, keepdims=True)  # no power is above 1: no overflow
        log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        self.p = np.exp(log_p)
        return float(-(self.targets * log_p).sum() / n)

    def backward(self, dout=1.0):
        """Return the gradient of the scores, `(p - target) / n`."""
        return (self.p - self.targets) * (dout / len(self.p))


def softmax(scores: np.ndarray) -> np.ndarray:
    """Turn scores into probabilities.

    Args:
        scores: `(n, classes)`, any numbers.

    Returns:
        `(n, classes)`: positive, the sum of each row is 1.
    """
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))  # the largest is 1: no overflow
    return powers / powers.sum(axis=1, keepdims=True)


def _one_hot(labels, n, classes):
    labels = np.asarray(labels)
    if labels.shape == (n, classes):
        return labels
    if labels.shape != (n,) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"labels of {n} pictures in {classes} classes must be whole numbers ({n},) or one-hot "
            f"({n}, {classes}); received {labels.dtype} {labels.shape}"
        )
    if n and not 0 <= labels.min() <= labels.max() < classes:
        raise ValueError(
            f"labels of {classes} classes must lie in 0 to {classes - 1}; received "
            f"{labels.min()} to {labels.max()}"
        )
    return np.eye(classes)[labels]
