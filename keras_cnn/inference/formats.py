"""The formats of `export`. Importing this module loads neither Keras nor TensorFlow."""

import importlib.util

from keras_cnn.errors import InputError

FORMATS = {  # name -> Keras' own name, name of the file or folder, packages it needs
    "onnx": ("onnx", "model.onnx", ("tf2onnx",)),
    "litert": ("litert", "model.tflite", ()),
    "savedmodel": ("tf_saved_model", "model", ()),
    "openvino": ("openvino", "model.xml", ("openvino",)),
}


def check_packages(format: str) -> None:
    """Check that the packages of a format are installed.

    Args:
        format: A key of `FORMATS`.

    Raises:
        InputError: A package is missing.
    """
    _, _, packages = FORMATS[format]
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        raise InputError(
            f"--format {format} needs the package {missing[0]}, which is not installed: run "
            "pip install 'keras-cnn[export]'"
        )
