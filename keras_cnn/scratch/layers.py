"""Layers without a convolution: affine, activations, normalisation, dropout and the loss.

`forward(x, *, training=False)` returns the output of a layer and stores the values that `backward`
needs. `backward(dout)` takes the gradient of the loss with respect to the output and returns the
gradient with respect to `x`. Weights are in `params` by name and, after `backward`, their gradients
in `grads` by the same names; `state` holds running statistics, which are not trained. Arrays of
`params` are changed in place, so that every reference to one sees each update.
"""

import numpy as np


class Affine:
    """Affine (dense) layer: `y = x W + b`."""

    def __init__(self, W: np.ndarray, *, b: np.ndarray):
        """Set the weights.

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
    """`max(x, 0)`: the gradient is passed on where the input is positive."""

    def forward(self, x, *, training=False):
        """Return an array of the shape of `x`."""
        self.positive = x > 0
        return np.maximum(x, 0)

    def backward(self, dout):
        """Return the gradient of `x`."""
        return dout * self.positive


class Sigmoid:
    """`1 / (1 + exp(-x))`, computed by tanh, which does not overflow."""

    def forward(self, x, *, training=False):
        """Return an array of the shape of `x`, its values in (0, 1)."""
        self.y = 0.5 * (np.tanh(0.5 * x) + 1)
        return self.y

    def backward(self, dout):
        """Return the gradient of `x`."""
        return dout * self.y * (1 - self.y)


class BatchNormalization:
    """Normalise each channel to mean 0 and variance 1, then apply a trained scale and shift.

    Channels are axis 1, of `(n, channels)` or of `(n, channels, height, width)`, where the pixels
    of a map share the statistics. In training the statistics are those of the batch; otherwise they
    are running averages of them, as in Keras. The small epsilon lets the layer work with tiny
    initial weights too (Keras' default is 1e-3).

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
        """Set the weights.

        Args:
            gamma: Scale `(channels,)`, initially 1.
            beta: Shift `(channels,)`, initially 0.
            momentum: Share of the running averages that each batch keeps.
            epsilon: Added to the variance, against division by 0.
        """
        self.params = {"gamma": gamma, "beta": beta}
        self.grads = {}
        self.state = {"mean": np.zeros_like(gamma), "variance": np.ones_like(gamma)}
        self.momentum = momentum
        self.epsilon = epsilon

    def forward(self, x, *, training=False):
        """Return an array of the shape of `x`."""
        channel = (1, -1) + (1,) * (x.ndim - 2)  # broadcasts (channels,) along axis 1
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
        """Return the gradient of `x`; in training, mean and variance depend on `x` too."""
        xn, axes = self.normalized, self.axes
        self.grads = {"gamma": (dout * xn).sum(axis=axes), "beta": dout.sum(axis=axes)}
        dxn = dout * self.params["gamma"].reshape(self.std.shape)
        if self.training:
            through_mean = dxn.mean(axis=axes, keepdims=True)
            through_variance = xn * (dxn * xn).mean(axis=axes, keepdims=True)
            dxn = dxn - through_mean - through_variance
        return dxn / self.std


class Dropout:
    """In training, set values to 0 at random and scale the others up, as Keras does.

    斋藤康毅's listing scales down in inference instead. The expectation is the same, but each
    prediction costs more.

    References:
        Srivastava et al., 2014. https://jmlr.org/papers/v15/srivastava14a.html
    """

    def __init__(self, rate: float = 0.5, *, seed: int | np.random.Generator = 0):
        """Set the probability.

        Args:
            rate: Probability with which a value is set to 0, in [0, 1).
            seed: Seed, or the generator to draw from.

        Raises:
            ValueError: If `rate` is not in [0, 1).
        """
        if not 0 <= rate < 1:
            raise ValueError(f"a dropout rate must lie in [0, 1); received {rate}")
        self.rate = rate
        self.rng = np.random.default_rng(seed)

    def forward(self, x, *, training=False):
        """Return an array of the shape of `x`; in inference `x` itself."""
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
        scores = scores - scores.max(axis=1, keepdims=True)  # powers are at most 1: no overflow
        log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        self.p = np.exp(log_p)
        return float(-(self.targets * log_p).sum() / n)

    def backward(self, dout=1.0):
        """Return the gradient of the scores, `(p - target) / n`."""
        return (self.p - self.targets) * (dout / len(self.p))


def softmax(scores: np.ndarray) -> np.ndarray:
    """Turn scores into probabilities.

    Args:
        scores: Any numbers, `(n, classes)`.

    Returns:
        Probabilities `(n, classes)`: the sum of each row is 1.
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
