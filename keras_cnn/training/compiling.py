"""Build and compile, for speed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras


def build_apart(build: Callable[..., keras.Model], **options: Any) -> keras.Model:
    """Build a model that will not be trained itself, to see whether it can be built.

    Keras numbers the layers' names per thread. This model is built on a thread of its own, so that
    the model that is trained later has the names of a fresh process ("conv2d", not "conv2d_94").

    Args:
        build: The builder.
        **options: Its arguments.
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(build, **options).result()


def jit_compile() -> bool | str:
    """Return whether to compile with XLA, which trains 2 to 7 times slower on TensorFlow's CPU."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_physical_devices("GPU"))
    return "auto"


def compile_model(model: keras.Model, optimizer, *, loss, metrics=()) -> None:
    """Compile for a training and create all variables, so that TensorFlow traces its step once.

    If a step creates variables, TensorFlow traces it a second time: about 20 seconds for ResNet-50
    on two cores.

    Args:
        model: A built model.
        optimizer: Keras optimizer, without variables yet.
        loss: As in `keras.Model.compile`.
        metrics: Instances of `keras.metrics.Metric`; a name would create variables too late.
    """
    model.compile(optimizer, loss=loss, metrics=list(metrics), jit_compile=jit_compile())
    model.optimizer.build(model.trainable_variables)  # float16 wraps the optimizer
