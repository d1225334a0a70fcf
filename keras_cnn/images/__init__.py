"""How pictures reach a classifier: from files or arrays to batches, augmented on the way."""

from keras_cnn.images.generator import ImageDataGenerator

__all__ = ["ImageDataGenerator"]
