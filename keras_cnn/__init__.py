"""The classic convolutional networks on Keras 3: run them, import them, learn from them."""

import importlib
import os
import platform
import sys
from typing import TYPE_CHECKING

from keras_cnn import renamed

if TYPE_CHECKING:  # what editors and type checkers see; the table below is what Python loads
    from keras_cnn import (
        card,
        datasets,
        detection,
        explain,
        images,
        inference,
        legacy,
        models,
        recipe,
        report,
        scratch,
        splits,
        training,
        transfer,
    )
    from keras_cnn.datasets.check import check
    from keras_cnn.detection.detector import Detector
    from keras_cnn.detection.recipe import DetectionRecipe
    from keras_cnn.detection.task import detection_splits
    from keras_cnn.errors import InputError
    from keras_cnn.explain.gradcam import grad_cam
    from keras_cnn.images.generator import ImageDataGenerator
    from keras_cnn.inference.export import export
    from keras_cnn.inference.predictor import Predictor
    from keras_cnn.inference.runs import compare_runs
    from keras_cnn.options import script
    from keras_cnn.recipe import Recipe
    from keras_cnn.splits import (
        array_splits,
        classification_splits,
        regression_splits,
        segmentation_splits,
    )
    from keras_cnn.training.detectors import train_detector
    from keras_cnn.training.lr_finder import find_learning_rate
    from keras_cnn.training.run import run
    from keras_cnn.transfer import Base, fit, fit_features, fit_head

__version__ = "0.2.0"

# TensorFlow leaves oneDNN out on x86 processors without AVX-512 VNNI, though with AVX2 it trains
# LeNet5 three times as fast. It reads this variable once, when it is imported.
if platform.machine() in ("x86_64", "AMD64"):
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

# Keras takes seconds to import, so a name is loaded when it is first used: `--help` stays instant.
_MODULES = tuple(
    "card datasets detection explain images inference legacy models recipe report scratch splits "
    "training transfer".split()
)
_NAMES = {  # name -> module that defines it
    "Base": "transfer",
    "DetectionRecipe": "detection.recipe",
    "Detector": "detection.detector",
    "ImageDataGenerator": "images.generator",
    "InputError": "errors",
    "Predictor": "inference.predictor",
    "Recipe": "recipe",
    "array_splits": "splits",
    "check": "datasets.check",
    "classification_splits": "splits",
    "compare_runs": "inference.runs",
    "detection_splits": "detection.task",
    "export": "inference.export",
    "find_learning_rate": "training.lr_finder",
    "fit": "transfer",
    "fit_features": "transfer",
    "fit_head": "transfer",
    "grad_cam": "explain.gradcam",
    "regression_splits": "splits",
    "run": "training.run",
    "script": "options",
    "segmentation_splits": "splits",
    "train_detector": "training.detectors",
}
__all__ = [
    "Base",
    "DetectionRecipe",
    "Detector",
    "ImageDataGenerator",
    "InputError",
    "Predictor",
    "Recipe",
    "__version__",
    "array_splits",
    "card",
    "check",
    "classification_splits",
    "compare_runs",
    "datasets",
    "detection",
    "detection_splits",
    "explain",
    "export",
    "find_learning_rate",
    "fit",
    "fit_features",
    "fit_head",
    "grad_cam",
    "images",
    "inference",
    "legacy",
    "models",
    "recipe",
    "regression_splits",
    "report",
    "run",
    "scratch",
    "script",
    "segmentation_splits",
    "splits",
    "train_detector",
    "training",
    "transfer",
]


def __getattr__(name):
    if name in _NAMES:
        return getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    if name in _MODULES or f"{__name__}.{name}" in renamed.MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)


if not any(isinstance(finder, renamed.Finder) for finder in sys.meta_path):
    sys.meta_path.append(renamed.Finder())
