"""The formats of `export`. Importing this module loads neither Keras nor TensorFlow."""

import importlib.util

from keras_cnn.errors import InputError

FORMATS = {  # name -> Keras' own name, name of the file or folder, packages it needs
    "onnx": ("onnx", "model.onnx", ("tf2onnx",)),
    "litert": ("litert", "model.tflite", ()),
    "savedmodel": ("tf_saved_model", "model", ()),
    "openvino": ("openvino", "model.xml", ("openvino",)),
}
PRECISIONS = ("float32", "float16", "int8")
RUNTIMES = {"onnx": "onnxruntime", "litert": "ai_edge_litert"}  # format -> package that runs it


def folder_name(format: str, precision: str) -> str:
    """Return the name of the folder that an export makes beside its model.

    Args:
        format: A key of `FORMATS`.
        precision: One of `PRECISIONS`.
    """
    return f"export_{format}" + (f"_{precision}" if precision != "float32" else "")


def check_packages(format: str, *, precision: str = "float32") -> None:
    """Check that the packages of a format are installed.

    Args:
        format: A key of `FORMATS`.
        precision: One of `PRECISIONS`. An int8 model is run once to be compared with Keras.

    Raises:
        InputError: A package is missing, or the format has no such precision.
    """
    if precision != "float32" and format not in RUNTIMES:
        raise InputError(
            f"{precision} can be exported to one of {list(RUNTIMES)}; received {format!r}: choose "
            f"another format, or leave out --{precision}"
        )
    _, _, packages = FORMATS[format]
    if precision == "int8" or (precision, format) == ("float16", "onnx"):
        packages = (*packages, RUNTIMES[format])
    for package in packages:
        check_package(package, needed_by=f"--format {format}")


def check_package(package: str, *, needed_by: str) -> None:
    """Check that a package is installed.

    Args:
        package: Its name, as Python imports it.
        needed_by: The option that needs it.

    Raises:
        InputError: It is missing.
    """
    if importlib.util.find_spec(package) is None:
        raise InputError(
            f"{needed_by} needs the package {package}, which is not installed: run "
            "pip install 'keras-cnn[export]'"
        )
