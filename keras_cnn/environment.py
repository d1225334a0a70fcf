"""The machine and the packages that a training runs on.

Importing this module loads neither Keras nor TensorFlow.
"""

import contextlib
import importlib.metadata
import os
import platform
from pathlib import Path


def surroundings() -> dict:
    """Return the "versions" of the packages and the "hardware"."""
    return {"versions": _versions(), "hardware": _hardware()}


def cores() -> int:
    """Return the number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def devices() -> list[str]:
    """Return the names of the processors and accelerators of the backend, such as "gpu:0"."""
    import keras

    if keras.backend.backend() != "torch":
        return keras.distribution.list_devices()
    import torch  # Keras 3.15 has no list of its devices

    return [f"gpu:{number}" for number in range(torch.cuda.device_count())] or ["cpu:0"]


def sentence() -> str:
    """Return processor, cores and versions in one line, for a table of measurements."""
    hardware = _hardware()
    versions = ", ".join(f"{name} {version}" for name, version in _versions().items())
    return f"{hardware['processor']}, {hardware['cores']} cores; {versions}"


def _versions():
    import keras

    packages = ("keras-cnn", "keras", keras.backend.backend(), "numpy", "opencv-python-headless")
    versions = {"python": platform.python_version()}
    for package in packages:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return versions


def _hardware():
    return {
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "devices": devices(),
    }


def _processor():
    with contextlib.suppress(OSError):  # on Linux `platform` does not know the model
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
