"""The networks, one module per architecture, each a function with Keras' own builder signature."""

from keras_cnn.models import book
from keras_cnn.models.alexnet import AlexNet

__all__ = ["AlexNet", "book"]
