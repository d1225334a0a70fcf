"""How a training compiles its model and keeps its memory, for speed."""

import ctypes
import os

import keras


def jit_compile() -> bool | str:
    """Whether to compile with XLA: on TensorFlow's CPU that trains 2 to 7 times slower."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_physical_devices("GPU"))
    return "auto"


def compile_model(model: keras.Model, optimizer, *, loss, metrics=()) -> None:
    """Compile for a training, with all its variables made: TensorFlow traces its step only once.

    Where a step makes variables, TensorFlow traces it a second time: about 20 seconds for ResNet-50
    on two cores.

    Args:
        model: A built model.
        optimizer: Keras optimizer, without variables yet.
        loss: As Keras takes it.
        metrics: Metrics; a name instead of a `keras.metrics.Metric` would make variables late.
    """
    model.compile(optimizer, loss=loss, metrics=list(metrics), jit_compile=jit_compile())
    model.optimizer.build(model.trainable_variables)  # in float16 another, wrapped around the given


def keep_memory() -> bool:
    """Keep what the process frees for its next step, instead of giving it back to the system.

    On the CPU a step's arrays are freed after it and asked for again by the next. glibc returns the
    large ones at once, and the system then hands out page after page, each cleared anew: more than
    half of a step's time on some virtual machines. From here on the process keeps the memory of its
    peak. Nothing happens where there is no glibc, or its own variables (``MALLOC_…``) are set.

    Returns:
        Whether it does.
    """
    if any(name.startswith("MALLOC_") for name in os.environ):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    trim_threshold, mmap_max = -1, -4  # numbers of malloc.h
    return bool(mallopt(mmap_max, 0) and mallopt(trim_threshold, -1))
