"""Optimizers: they compute a step from a gradient (section 6.1).

The formulas are those of Keras' optimizers of the same names, so that both take the same steps; the
exception is AdaGrad's start. The docstrings say where 斋藤康毅's listing differs.
`update(params, grads)` takes two dicts of arrays with the same names and changes those of `params`
in place. `learning_rate` may be changed between updates.
"""

import numpy as np


class SGD:
    """Stochastic gradient descent: `W -= η g`."""

    def __init__(self, learning_rate: float = 0.01):
        """Set the step's size.

        Args:
            learning_rate: η.
        """
        self.learning_rate = learning_rate

    def update(self, params, grads):
        """Change `params` in place."""
        for name, g in grads.items():
            params[name] -= self.learning_rate * g


class Momentum:
    """Momentum: `v = α v - η g`, `W += v` (Polyak, 1964)."""

    def __init__(self, learning_rate: float = 0.01, *, momentum: float = 0.9):
        """Set the step's size and the momentum.

        Args:
            learning_rate: η.
            momentum: α, share of the velocity that each step keeps.
        """
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.v = {}

    def update(self, params, grads):
        """Change `params` in place."""
        self.v = self.v or zeros_like(grads)
        for name, g in grads.items():
            v = self.v[name]
            v *= self.momentum
            v -= self.learning_rate * g
            params[name] += v


class Nesterov:
    """Nesterov momentum: `v = α v - η g`, `W += α v - η g`.

    The gradient is that of the point to which momentum leads. W is that point already, so the
    gradient is always taken at W.

    References:
        Bengio et al., 2013, equation 7. https://arxiv.org/abs/1212.0901
    """

    def __init__(self, learning_rate: float = 0.01, *, momentum: float = 0.9):
        """Set the step's size and the momentum.

        Args:
            learning_rate: η.
            momentum: α, share of the velocity that each step keeps.
        """
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.v = {}

    def update(self, params, grads):
        """Change `params` in place."""
        self.v = self.v or zeros_like(grads)
        for name, g in grads.items():
            v, step = self.v[name], self.learning_rate * g
            v *= self.momentum
            v -= step
            params[name] += self.momentum * v - step


class AdaGrad:
    """Smaller steps for weights with large past gradients: `h += g²`, `W -= η g / (sqrt(h) + ε)`.

    As in 斋藤康毅's listing, h begins at 0: the first step is η for every weight, however small its
    gradient. `initial_accumulator_value=0.1` is Keras' default, with which the first steps are
    smaller and follow the gradient. Keras adds ε inside the root, which matters at h = 0 only.

    References:
        Duchi et al., 2011. https://jmlr.org/papers/v12/duchi11a.html
    """

    def __init__(
        self,
        learning_rate: float = 0.01,
        *,
        initial_accumulator_value: float = 0.0,
        epsilon: float = 1e-7,
    ):
        """Set the step's size.

        Args:
            learning_rate: η.
            initial_accumulator_value: Initial h.
            epsilon: ε, against division by 0.
        """
        self.learning_rate = learning_rate
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon
        self.h = {}

    def update(self, params, grads):
        """Change `params` in place."""
        if not self.h:
            value = self.initial_accumulator_value
            self.h = {name: np.full_like(g, value) for name, g in grads.items()}
        for name, g in grads.items():
            h = self.h[name]
            h += g * g
            params[name] -= self.learning_rate * g / (np.sqrt(h) + self.epsilon)


class RMSprop:
    """AdaGrad with a running average: `h = ρ h + (1 - ρ) g²`, `W -= η g / sqrt(h + ε)`.

    斋藤康毅 mentions it without a listing. Epsilon is inside the root, as in Keras.

    References:
        Tieleman & Hinton, 2012. Lecture 6.5 of Neural Networks for Machine Learning.
    """

    def __init__(self, learning_rate: float = 0.01, *, rho: float = 0.9, epsilon: float = 1e-7):
        """Set the step's size and the decay of the average.

        Args:
            learning_rate: η.
            rho: ρ, share of the average of squares that each step keeps.
            epsilon: ε, against division by 0.
        """
        self.learning_rate = learning_rate
        self.rho = rho
        self.epsilon = epsilon
        self.h = {}

    def update(self, params, grads):
        """Change `params` in place."""
        self.h = self.h or zeros_like(grads)
        for name, g in grads.items():
            h = self.h[name]
            h += (1 - self.rho) * (g * g - h)
            params[name] -= self.learning_rate * g / np.sqrt(h + self.epsilon)


class Adam:
    """Momentum and RMSprop combined, corrected for the bias of their initial 0.

    `m += (1 - β₁)(g - m)`, `v += (1 - β₂)(g² - v)`, `W -= η_t m / (sqrt(v) + ε)`, where
    `η_t = η sqrt(1 - β₂ᵗ) / (1 - β₁ᵗ)` at the t-th step. Keras and 斋藤康毅 have this formula,
    that of section 2 of the paper; the paper's algorithm 1 adds epsilon after the correction of v.

    References:
        Kingma & Ba, 2015. https://arxiv.org/abs/1412.6980
    """

    def __init__(
        self,
        learning_rate: float = 0.001,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
    ):
        """Set the step's size and the decay of the averages.

        Args:
            learning_rate: η.
            beta_1: β₁, share of the average of gradients that each step keeps.
            beta_2: β₂, share of the average of their squares that each step keeps.
            epsilon: ε, against division by 0.
        """
        self.learning_rate = learning_rate
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.t = 0
        self.m, self.v = {}, {}

    def update(self, params, grads):
        """Change `params` in place."""
        if not self.t:
            self.m, self.v = zeros_like(grads), zeros_like(grads)
        self.t += 1
        rate = self.learning_rate * (1 - self.beta_2**self.t) ** 0.5 / (1 - self.beta_1**self.t)
        for name, g in grads.items():
            m, v = self.m[name], self.v[name]
            m += (1 - self.beta_1) * (g - m)
            v += (1 - self.beta_2) * (g * g - v)
            params[name] -= rate * m / (np.sqrt(v) + self.epsilon)


def zeros_like(grads: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return arrays of zeros.

    Args:
        grads: Arrays by name.

    Returns:
        Zeros with the same names, shapes and types.
    """
    return {name: np.zeros_like(g) for name, g in grads.items()}
