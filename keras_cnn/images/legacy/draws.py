"""Functions and subclasses of old scripts that draw from NumPy's global random state.

Keras' legacy class seeded and used NumPy's global state. Code of the user that draws from it, in a
`preprocessing_function` or in a method of a subclass, was thus reproducible by `seed`, and two
flows with the same seed, such as pictures and masks, drew the same numbers. Here pictures are made
on threads, so:

- While an overridden `get_random_transform` runs, NumPy's global state is the flow's own random
  state. The method draws the same numbers as under the legacy class.
- Before other code runs, NumPy's global state is seeded for each picture. The seed depends on the
  flow's seed, the number of the batch, and the picture's place in it. Only one thread at a time
  runs code that draws; code that does not draw runs on all threads.

In both cases NumPy's global state is restored afterwards.
"""

import contextlib
import contextvars
import functools
import os
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

_random_state = contextvars.ContextVar("_random_state", default=None)
_lock = threading.RLock()  # around every use of NumPy's global state


def _renew_lock():
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):  # the thread that held the lock does not exist in the child
    os.register_at_fork(after_in_child=_renew_lock)


def current_random_state(default: np.random.RandomState) -> np.random.RandomState:
    """Return the random state to draw from where no seed is passed.

    Args:
        default: The state to use outside a flow.
    """
    return _random_state.get() or default


@contextlib.contextmanager
def drawing_from(rng: np.random.RandomState) -> Iterator[None]:
    """Let methods that receive no seed draw from a random state.

    Args:
        rng: The random state; it advances.
    """
    token = _random_state.set(rng)
    try:
        yield
    finally:
        _random_state.reset(token)


class GlobalDraws:
    """A generator that can draw from NumPy's global random state, as the legacy class does."""

    draws_globally = False


def random_parameters(
    generator: Any, image_shape: Sequence[int], rng: np.random.RandomState, *, number: int
) -> list[dict]:
    """Draw the parameters of a batch's pictures, by the user's own method if there is one.

    Args:
        generator: The `ImageDataGenerator`.
        image_shape: Shape of a picture.
        rng: The flow's random state; it advances.
        number: Number of pictures.
    """
    if is_ours(type(generator).get_random_transform):
        return [generator.get_random_transform(image_shape, rng) for _ in range(number)]
    with _lock:
        saved = np.random.get_state()
        np.random.set_state(rng.get_state())
        try:
            with drawing_from(np.random.mtrand._rand):  # the global state itself
                return [generator.get_random_transform(image_shape) for _ in range(number)]
        finally:
            rng.set_state(np.random.get_state())
            np.random.set_state(saved)


def fork(rng: np.random.RandomState) -> np.random.RandomState:
    """Return a copy of a random state.

    Args:
        rng: The random state. It does not advance.
    """
    copy = np.random.RandomState()
    copy.set_state(rng.get_state())
    return copy


def seeds(rng: np.random.RandomState, *, number: int) -> list[int]:
    """Draw seeds for the pictures of a batch.

    Args:
        rng: Copy of the flow's random state at the start of the batch; it advances.
        number: Number of pictures.
    """
    return rng.randint(2**32, size=number, dtype=np.uint64).tolist()


class SeededCode:
    """Runs code that may draw from NumPy's global random state, so that a seed decides its draws.

    Attributes:
        draws: Whether the code draws; None before its first run.
    """

    def __init__(self):
        """Begin without knowledge of the code."""
        self.draws = None

    def run(self, code: Callable[[], Any], *, seed: int) -> Any:
        """Run the code and return its result. It may be run twice.

        Args:
            code: The code.
            seed: Decides its draws.
        """
        if self.draws is False:
            before = _fingerprint()
            result = code()
            if _fingerprint() == before:
                return result
        with _lock:
            saved = np.random.get_state()
            np.random.seed(seed)
            before = _fingerprint()
            try:
                result = code()
            finally:
                drew = _fingerprint() != before
                np.random.set_state(saved)
        if drew and self.draws is False:
            warnings.warn(
                "preprocessing_function, or a method of the generator's subclass, draws from "
                "np.random for some pictures only: up to now these draws did not follow from "
                "seed=. Draw for every picture, or from a generator of your own",
                stacklevel=2,
            )
        self.draws = drew or bool(self.draws)
        return result


def has_user_code(generator: Any) -> bool:
    """Return whether code of the user changes or scales a generator's pictures.

    Args:
        generator: The `ImageDataGenerator`.
    """
    function, kind = generator.preprocessing_function, type(generator)
    return not (
        (function is None or is_ours(function))
        and is_ours(kind.apply_transform)
        and is_ours(kind.standardize)
    )


def is_ours(function: Any) -> bool:
    """Return whether a function is this package's, Keras' or a plain one of NumPy.

    Args:
        function: The function or method.
    """
    while isinstance(function, functools.partial):
        function = function.func
    if isinstance(function, np.ufunc):
        return True
    return (getattr(function, "__module__", None) or "").startswith(("keras_cnn.", "keras."))


def _fingerprint():
    """Return numbers that change with every draw from NumPy's global state."""
    _, keys, position, has_gauss, gauss = np.random.get_state()
    return int(keys[0]), position, has_gauss, gauss
