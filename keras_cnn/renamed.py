"""Modules that moved: their old names work in this version, and warn once with the new name."""

import importlib
import importlib.abc
import importlib.machinery
import warnings

MODULES = {  # old name -> new name
    f"keras_cnn.{old}": f"keras_cnn.{new}"
    for old, new in {
        "checkpoint": "training.checkpoint",
        "codes": "transfer.feature_cache",
        "crops": "inference.tta",
        "determinism": "training.determinism",
        "distribution": "training.distribution",
        "feed": "training.sharding",
        "machine": "environment",
        "mixing": "training.mixup",
        "predictor": "inference.predictor",
        "preparation": "images.preparation",
        "rates": "training.lr_finder",
        "ray_engine": "inference.ray_batch",
        "samples": "datasets.synthetic.draw",
        "schedules": "training.schedules",
        "datasets.arrange": "datasets.layouts",
        "datasets.places": "datasets.locate",
        "datasets.small": "datasets.array_files",
        "detection.voc": "datasets.annotations",
        "explain.cost": "explain.layer_table",
        "explain.heat": "explain.gradcam",
        "explain.maps": "explain.activations",
        "explain.taps": "explain.hooks",
        "images.changes": "images.augmentation",
        "images.samples": "images.file_lists",
        "images.sources": "images.file_iterator",
        "models.features": "models.surgery",
        "report.files": "report.writer",
        "report.page": "report.html",
        "report.runs": "report.comparison",
        "report.words": "report.sentences",
        "splits.finding": "splits.classification",
        "splits.parts": "splits.base",
    }.items()
}


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Let ``import`` find a module under its old name."""

    def find_spec(self, fullname, path=None, target=None):
        """Return the spec of an old name, None for any other name."""
        return importlib.machinery.ModuleSpec(fullname, self) if fullname in MODULES else None

    def create_module(self, spec):
        """Return the module under its new name, and warn."""
        new = MODULES[spec.name]
        warnings.warn(f"{spec.name} is now {new}", FutureWarning, stacklevel=2)
        module = importlib.import_module(new)
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module):
        """Give the module its own spec back, which the import system has just replaced."""
        module.__spec__ = module.__spec__.loader_state
