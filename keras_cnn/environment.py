"""What a training has to do with the machine it runs on."""

import contextlib
import importlib.metadata
import os
import platform
from pathlib import Path

import keras


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
