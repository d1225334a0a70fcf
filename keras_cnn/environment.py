"""What a training has to do with the machine it runs on."""

import contextlib
import ctypes
import importlib.metadata
import os
import platform
import signal
import threading
from pathlib import Path

import keras

from keras_cnn.errors import InputError


@contextlib.contextmanager
def ended_by_sigterm():
    """Let SIGTERM do what Ctrl-C does, and end the process with its code once that is done."""
    ended = threading.Event()

    def end(*_):
        ended.set()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a second one ends at once
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # no signals come here
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except KeyboardInterrupt:
        if not ended.is_set():
            raise
    finally:
        signal.signal(signal.SIGTERM, before)
    if ended.is_set():
        raise SystemExit(128 + signal.SIGTERM)


@contextlib.contextmanager
def ended_between_steps():
    """Let a first Ctrl-C or SIGTERM wait until a step is done; a second one is heard at once.

    TensorFlow calls Python in the middle of its own work, and an exception that comes up there may
    leave its memory spoilt: 2 of 100 trainings that were told to end while an epoch began ended in
    an abort. NumPy loses one altogether while it reads an array of JAX.

    Yields:
        Callback of Keras that raises what has waited, before a step of training or validation.
    """
    waiting = []

    def wait(number, frame):
        signal.signal(number, before[number])
        waiting.append(number)
        with contextlib.suppress(RuntimeError):  # came in the middle of another line
            print("\nEnding after this step; a second time, and it ends at once.", flush=True)

    def end(*_, **__):
        if waiting:
            number = max(waiting)  # SIGTERM, where both have come: the exit code is its
            waiting.clear()
            before[number](number, None)

    before = {}
    if threading.current_thread() is threading.main_thread():  # signals come nowhere else
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        before = {number: handler for number, handler in handlers.items() if callable(handler)}
    for number in before:
        signal.signal(number, wait)
    try:
        yield keras.callbacks.LambdaCallback(on_train_batch_begin=end, on_test_batch_begin=end)
        end()
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is wait:
                signal.signal(number, handler)


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


def surroundings() -> dict:
    """Return what a training ran on: "versions" of packages, and "hardware"."""
    return {"versions": _versions(), "hardware": _hardware()}


def devices() -> list[str]:
    """Name the processors and accelerators that the backend sees, such as "gpu:0"."""
    if keras.backend.backend() != "torch":
        return keras.distribution.list_devices()
    import torch  # Keras 3.15 has no list of its devices

    return [f"gpu:{number}" for number in range(torch.cuda.device_count())] or ["cpu:0"]


def sentence() -> str:
    """Tell on what and with what something was measured, in a line."""
    found = surroundings()
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    return f"{found['hardware']['processor']}, {found['hardware']['cores']} cores; {versions}"


def writable(folder: Path) -> Path:
    """Make a folder of results and return it.

    Args:
        folder: The folder.

    Raises:
        InputError: It cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".write_probe"
        probe.touch()
        probe.unlink(missing_ok=True)  # another process may probe too
    except OSError as error:
        raise InputError(
            f"--out must be a folder that can be written; received {folder} ({error.strerror}): "
            "name another"
        ) from None
    return folder


def _versions():
    packages = ("keras-cnn", "keras", keras.backend.backend(), "numpy", "opencv-python-headless")
    found = {"python": platform.python_version()}
    for package in packages:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def _hardware():
    return {
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "devices": devices(),
    }


def _processor():
    with contextlib.suppress(OSError):  # Linux tells its name here only
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
