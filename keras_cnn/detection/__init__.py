"""Detection: from annotated pictures to a trained SSD300 that finds objects and draws them."""

import importlib

_LAZY = {  # loaded when first used: most of it imports Keras or OpenCV, which takes seconds
    "Augmentation": "augment",
    "Batches": "batches",
    "DetectionRecipe": "recipe",
    "Detections": "detector",
    "Detector": "detector",
    "MultiboxLoss": "loss",
    "detection_splits": "task",
    "network": "start",
    "optimizer": "start",
    "settled": "start",
}
__all__ = [*_LAZY]


def __getattr__(name):
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
