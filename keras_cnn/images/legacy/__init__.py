"""What scripts for Keras 1 and 2 import from `keras.preprocessing.image`.

Code of the user that draws from `np.random` keeps its reproducible draws: see
`keras_cnn.images.legacy.draws`. A subclass of an iterator that overrides one of its hooks gets its
batches one after the other, without threads, and both it and its generator use NumPy's global
random state, as under Keras' legacy class: see `keras_cnn.images.legacy.base`.
"""

import importlib

_NAMES = {
    "images.file_iterator": ("BatchFromFilesMixin",),
    "images.generator": ("ImageDataGenerator",),
    "images.legacy.base": ("Iterator",),
    "images.legacy.flows": ("DataFrameIterator", "DirectoryIterator", "NumpyArrayIterator"),
    "images.legacy.functions": (
        "apply_affine_transform",
        "apply_brightness_shift",
        "apply_channel_shift",
        "array_to_img",
        "flip_axis",
        "img_to_array",
        "load_img",
        "random_brightness",
        "random_channel_shift",
        "random_rotation",
        "random_shear",
        "random_shift",
        "random_zoom",
        "save_img",
    ),
    "images.legacy.pairs": ("pair",),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}
__all__ = sorted(_MODULES)


def __getattr__(name):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"keras_cnn.{_MODULES[name]}"), name)
