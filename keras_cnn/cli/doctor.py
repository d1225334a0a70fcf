"""``doctor``: what the machine offers, and what is missing."""

import argparse
import contextlib
import importlib.metadata
import os
import platform
import sys
import tempfile
from pathlib import Path

from keras_cnn import __version__
from keras_cnn.cli import arguments, output

_PACKAGES = (
    "keras tensorflow jax torch numpy opencv-python-headless pillow scikit-learn matplotlib "
    "tf2onnx onnxruntime ai-edge-litert openvino"
).split()


def add(commands) -> None:
    """Add the command.

    Args:
        commands: What `add_subparsers` returned.
    """
    parser = arguments.command(commands, "doctor", doctor, help="tell what this machine offers")
    arguments.add_json(parser)


def doctor(options: argparse.Namespace) -> int:
    """Tell versions, backend, GPU, fonts and folders, and what to do about what is missing.

    The exit code is 1 where something that is needed is missing.
    """
    with output.telling(options):
        told = examine()
    if options.json:
        output.print_json(told)
    else:
        for key, value in told.items():
            lines = value if isinstance(value, list) else [value]
            if isinstance(value, dict):
                lines = [f"{name} {part}" for name, part in value.items()]
            print(f"{key}: " + ("\n" + " " * (len(key) + 2)).join(map(str, lines or ["none"])))
    return 1 if told["faults"] else 0


def examine() -> dict:
    """Return what `doctor` tells: name -> text, list or table; "faults" lists what is missing."""
    faults = []
    told = {
        "keras-cnn": __version__,
        "python": f"{platform.python_version()} on {platform.platform()}",
        "packages": _versions(),
    }
    try:
        import keras

        from keras_cnn import environment

        told["backend"] = keras.backend.backend()
        told["devices"] = environment.devices()
        told["gpu"] = _gpu(told["backend"], told["devices"])
    except Exception as error:  # a broken installation raises anything; to tell is the purpose
        told["backend"] = f"Keras cannot be imported: {error}"
        faults.append("Keras cannot be imported: reinstall with pip install -U keras-cnn")
    told["cores"] = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    told["font"] = _font()
    told["folders"] = {}
    from keras_cnn import datasets

    home = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
    for name, folder in {"runs": Path("runs"), "data": datasets.root(), "cache": home}.items():
        reason = _why_not_writable(folder)
        told["folders"][name] = f"{folder}: {reason or 'can be written'}"
        if reason and name == "runs":
            faults.append(f"results cannot be written to {folder} ({reason}): name --out FOLDER")
    told["faults"] = faults
    return told


def _versions():
    found = {}
    for package in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def _gpu(backend, devices):
    """Name the GPUs, or say why there is none."""
    if found := [name for name in devices if not name.startswith("cpu")]:
        return f"{len(found)}: {', '.join(found)}"
    driver = Path("/proc/driver/nvidia/version").exists()
    if sys.platform == "win32" and backend == "tensorflow":
        return "none: TensorFlow has no GPU on native Windows; use WSL 2, or KERAS_BACKEND=torch"
    if sys.platform == "darwin":
        return "none: on a Mac use KERAS_BACKEND=torch, whose GPU it finds"
    if not driver:
        return "none: no NVIDIA driver is loaded on this machine"
    if backend == "tensorflow":
        import tensorflow as tf

        if not tf.test.is_built_with_cuda():
            return "none: this TensorFlow is built without CUDA; pip install 'tensorflow[and-cuda]'"
        return (
            "none: the driver is loaded, but TensorFlow finds no CUDA libraries; "
            "pip install 'keras-cnn[gpu]'"
        )
    return f"none: the driver is loaded, but {backend} is installed without CUDA"


def _font():
    from keras_cnn.report import fonts

    names = fonts.families()
    if len(names) > 1:
        return f"{names[1]} draws Chinese"
    return "none draws Chinese, figures show codes like \\u4e2d; install one, such as Noto Sans CJK"


def _why_not_writable(folder):
    """None where files can be made in a folder, or in the nearest one above that exists."""
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    try:
        with tempfile.TemporaryFile(dir=nearest):
            return None
    except OSError as error:
        return (error.strerror or str(error)).lower()
