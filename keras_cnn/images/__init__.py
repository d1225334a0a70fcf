"""Pictures on their way to a network: from files or arrays to augmented, scaled batches."""

from keras_cnn.images.generator import ImageDataGenerator, scaled_generator

__all__ = ["ImageDataGenerator", "scaled_generator"]
