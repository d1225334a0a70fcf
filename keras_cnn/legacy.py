"""What scripts for Keras 1 and 2 import from `keras.preprocessing.image`, under a short name."""

from keras_cnn.images.legacy import *  # noqa: F403
from keras_cnn.images.legacy import __all__  # noqa: F401
