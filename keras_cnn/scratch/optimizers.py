"""Optimizers: how a gradient becomes a step (section 6.1).

Each formula, epsilon included, is the one of Keras' optimizer of that name, so that both walk the
same way; where the book's listing differs, the docstring says how. `update(params, grads)` takes
two dicts of arrays by the same names and changes those of `params` in place. `learning_rate` may be
changed between updates.
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
    """A ball that rolls, with friction: `v = α v - η g`, `W += v` (Polyak, 1964)."""

    def __init__(self, learning_rate: float = 0.01, *, momentum: float = 0.9):
        """Set the step's size and the friction.

        Args:
            learning_rate: η.
            momentum: α, what is left of the velocity after a step.
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
    """Momentum whose gradient is that of the place it rolls to: `v = α v - η g`, `W += α v - η g`.

    What is kept as W is already the place ahead, so that the gradient is always taken at W (Bengio
    et al., 2013, https://arxiv.org/abs/1212.0901, equation 7).
    """

    def __init__(self, learning_rate: float = 0.01, *, momentum: float = 0.9):
        """Set the step's size and the friction.

        Args:
            learning_rate: η.
            momentum: α, what is left of the velocity after a step.
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
    """Smaller steps for weights that moved much: `h += g²`, `W -= η g / sqrt(h + ε)`.

    The book's listing begins with h = 0 and adds its epsilon behind the root: its first step is η
    for every weight, however small the gradient. Keras begins with 0.1, whose first steps are
    gentler; `initial_accumulator_value=0` comes to the book's but for the place of epsilon.

    References:
        Duchi et al., 2011. https://jmlr.org/papers/v12/duchi11a.html
    """

    def __init__(
        self,
        learning_rate: float = 0.01,
        *,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
    ):
        """Set the step's size.

        Args:
            learning_rate: η.
            initial_accumulator_value: h to begin with.
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
            params[name] -= self.learning_rate * g / np.sqrt(h + self.epsilon)


class RMSprop:
    """AdaGrad that forgets: `h = ρ h + (1 - ρ) g²`, `W -= η g / sqrt(h + ε)`.

    The seed names it and lists none; epsilon stands under the root, as in Keras.

    References:
        Tieleman & Hinton, 2012. Lecture 6.5 of Neural Networks for Machine Learning.
    """

    def __init__(self, learning_rate: float = 0.01, *, rho: float = 0.9, epsilon: float = 1e-7):
        """Set the step's size and the memory.

        Args:
            learning_rate: η.
            rho: ρ, how much of the average of squares a step leaves.
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
    """Momentum and RMSprop together, without bias towards their beginning at 0.

    `m += (1 - β₁)(g - m)`, `v += (1 - β₂)(g² - v)`, `W -= η_t m / (sqrt(v) + ε)`, where
    `η_t = η sqrt(1 - β₂ᵗ) / (1 - β₁ᵗ)` at the t-th step. Keras and the book agree. The paper's
    algorithm 1 adds its epsilon after correcting v; theirs is the form of its section 2.

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
        """Set the step's size and the memories.

        Args:
            learning_rate: η.
            beta_1: β₁, how much of the average of gradients a step leaves.
            beta_2: β₂, the same for their squares.
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
        Zeros of the same names, shapes and types.
    """
    return {name: np.zeros_like(g) for name, g in grads.items()}
