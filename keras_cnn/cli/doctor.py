"""``doctor``: show what the machine offers and lacks."""

import argparse
import contextlib
import importlib.metadata
import platform
import sys
from pathlib import Path

from keras_cnn import __version__, columns, environment, filesystem, mirrors
from keras_cnn.cli import arguments, backend, output
from keras_cnn.errors import InputError
from keras_cnn.i18n import N_, _, translated
from keras_cnn.options import missing_backend

_PACKAGES = (
    "keras tensorflow jax torch numpy opencv-python-headless pillow scikit-learn matplotlib "
    "tf2onnx onnxruntime ai-edge-litert openvino"
).split()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments.

    Args:
        parser: Its parser.
    """
    parser.add_argument(
        "--fast", action="store_true", help="leave out backend and devices: do not import Keras"
    )
    arguments.add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Show versions, backend, GPU, fonts and folders, and how to mend what is missing.

    The exit code is 1 if something necessary is missing.
    """
    with output.stdout_for_answer(options):
        findings = examine(fast=options.fast)
    if options.json:
        output.print_json(findings)
    else:
        for key, value in findings.items():
            name = _(key)
            print(f"{name}: {_indented(value, columns.width(name) + 2)}")
    return 1 if findings["faults"] else 0


def _indented(value, width):
    """Return a text, list or table as lines, all but the first indented."""
    lines = value if isinstance(value, list) else [value]
    if isinstance(value, dict):
        lines = [f"{name} {item}" for name, item in value.items()]
    return ("\n" + " " * width).join(translated(str(line)) for line in lines or [N_("none")])


def examine(*, fast: bool = False) -> dict:
    """Return the findings: name -> text, list or table; "faults" lists what is missing.

    Args:
        fast: Whether to leave out backend and devices, which need Keras.
    """
    faults = []
    findings = {
        "keras-cnn": __version__,
        "python": f"{platform.python_version()} on {platform.platform()}",
        N_("packages"): _versions(),
    }
    if not fast:
        try:
            findings |= _backend()
        except Exception as error:  # a broken installation raises errors of any kind
            findings["backend"] = N_(f"Keras cannot be imported: {error}")
            faults.append(_way_out(error))
    findings[N_("cores")] = environment.cores()
    findings[N_("font")] = _font()
    findings[N_("folders")] = {}
    from keras_cnn import datasets

    places = {"runs": Path("runs"), "data": datasets.root(), "cache": filesystem.keras_home()}
    for name, folder in places.items():
        reason = (filesystem.why_not_writable(folder) or "").lower()
        findings["folders"][name] = f"{folder}: {reason}"
        if not reason:
            findings["folders"][name] = N_(f"{folder}: can be written")
        if reason and name == "runs":
            faults.append(
                N_(f"results cannot be written to {folder} ({reason}): name --out FOLDER")
            )
    try:
        findings[N_("mirrors")] = _mirrors()
    except InputError as error:
        findings["mirrors"] = N_("they cannot be used")
        faults.append(str(error))
    findings[N_("faults")] = faults
    return findings


def _mirrors():
    roots, source = mirrors.in_use()
    if source:
        return N_(f"{', '.join(roots)} (set in {source})")
    return N_(f"none set in {mirrors.VARIABLE} or {mirrors.config_file()}")


def _backend():
    backend.import_keras()
    import keras

    name, devices = keras.backend.backend(), environment.devices()
    return {N_("backend"): name, N_("devices"): devices, "gpu": _gpu(name, devices)}


def _way_out(error):
    """Return what to do about an error of the import of Keras."""
    if sentence := missing_backend(error):
        return sentence
    return N_("Keras cannot be imported: reinstall with pip install -U keras-cnn")


def _versions():
    versions = {}
    for package in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return versions


def _gpu(backend, devices):
    """Return the names of the GPUs, or the reason why there is none."""
    if gpus := [name for name in devices if not name.startswith("cpu")]:
        return f"{len(gpus)}: {', '.join(gpus)}"
    driver = Path("/proc/driver/nvidia/version").exists()
    if sys.platform == "win32" and backend == "tensorflow":
        return N_(
            "none: TensorFlow has no GPU on native Windows; use WSL 2, or KERAS_BACKEND=torch"
        )
    if sys.platform == "darwin":
        return N_("none: on a Mac set KERAS_BACKEND=torch, which uses its GPU")
    if not driver:
        return N_("none: no NVIDIA driver is loaded on this machine")
    if backend == "tensorflow":
        import tensorflow as tf

        if not tf.test.is_built_with_cuda():
            return N_(
                "none: this TensorFlow is built without CUDA; pip install 'tensorflow[and-cuda]'"
            )
        return N_(
            "none: the driver is loaded, but TensorFlow finds no CUDA libraries; "
            "pip install 'keras-cnn[gpu]'"
        )
    return N_(f"none: the driver is loaded, but {backend} is installed without CUDA")


def _font():
    from keras_cnn.report import fonts

    names = fonts.families()
    if len(names) == 1:
        return N_(
            "no font has Chinese characters, so figures show codes like \\u4e2d: "
            f"{fonts.OWN_FILE} is missing or damaged; install keras-cnn again"
        )
    if names[1] == fonts.OWN:
        return N_(
            f"{fonts.OWN}, which comes with this package, draws the usual Chinese characters; for "
            "rare ones install a whole font, such as Noto Sans CJK"
        )
    return N_(f"{names[1]} has Chinese characters")
