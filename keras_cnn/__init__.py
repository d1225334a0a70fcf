"""The classic convolutional networks on Keras 3: run them, import them, learn from them."""

import importlib
import os
import platform

__version__ = "0.1.0"

# TensorFlow leaves oneDNN aside on x86 processors without AVX-512 VNNI, though with AVX2 it trains
# LeNet5 three times as fast. It reads this once, when it is imported: hence here and this early.
if platform.machine() in ("x86_64", "AMD64"):
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

# Keras takes seconds to import, so a name is loaded when it is first used: `--help` stays instant.
_MODULES = tuple(
    "card datasets detection explain images inference models recipe report scratch splits training "
    "transfer".split()
)
_LAZY = {
    "ImageDataGenerator": "keras_cnn.images",
    "InputError": "keras_cnn.errors",
    "Predictor": "keras_cnn.inference.predictor",
    "Recipe": "keras_cnn.recipe",
    "array_splits": "keras_cnn.splits",
    "classification_splits": "keras_cnn.splits",
    "regression_splits": "keras_cnn.splits",
    "run": "keras_cnn.training.run",
    "script": "keras_cnn.options",
    **{name: None for name in _MODULES},
}
__all__ = ["__version__", *_LAZY]


def __getattr__(name):
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if _LAZY[name] is None:
        return importlib.import_module(f"{__name__}.{name}")
    return getattr(importlib.import_module(_LAZY[name]), name)


def __dir__():
    return sorted(__all__)
