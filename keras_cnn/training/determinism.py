"""Identical bits from identical seeds: `--deterministic`."""

import os

import keras

from keras_cnn.errors import InputError
from keras_cnn.i18n import N_

_FLAGS = "--xla_gpu_deterministic_ops=true --xla_gpu_autotune_level=0"

STOPPED = N_("An operation without a deterministic kernel would have ended the run by an error")


def enable() -> str:
    """Make the backend use deterministic kernels only, for the rest of the process.

    Returns:
        The promise and its limits, for the report.

    Raises:
        InputError: JAX runs on a GPU without the flags that deterministic kernels need.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
        limits = STOPPED
    elif backend == "jax":
        _flag_jax()
        limits = N_("On a GPU, kernels written by hand (Pallas, cuDNN's attention) are not covered")
    else:
        import torch

        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
        limits = STOPPED
    return N_(
        "The history is bit for bit that of any other run with the same seed, options, pictures, "
        f"machine and versions on {backend}. {limits}. Not covered: durations, layers of your own "
        "that draw random numbers outside keras.random, and another number of devices or CPU "
        "cores, which add numbers in another order."
    )


def _flag_jax():
    import jax

    set_before = _FLAGS in os.environ.get("XLA_FLAGS", "")
    if jax.default_backend() == "gpu" and not set_before:  # JAX reads the flags when it starts
        raise InputError(
            f'--deterministic on a GPU needs XLA_FLAGS="{_FLAGS}" in the environment when JAX '
            "starts: set it and start again"
        )
