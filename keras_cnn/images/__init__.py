"""Pictures on their way to a network: from files or arrays to augmented, scaled batches."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keras_cnn.images.generator import ImageDataGenerator, scaled_generator

__all__ = ["ImageDataGenerator", "scaled_generator"]


def __getattr__(name):
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from keras_cnn.images import generator  # here: it imports Keras, which `images.files` does not

    return getattr(generator, name)
