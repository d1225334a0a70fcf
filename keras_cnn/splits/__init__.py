"""The training, validation and test pictures of a set, and how a model is judged on them."""

from keras_cnn.splits.arrays import array_splits
from keras_cnn.splits.base import Splits
from keras_cnn.splits.classification import classification_splits
from keras_cnn.splits.regression import regression_splits

__all__ = ["Splits", "array_splits", "classification_splits", "regression_splits"]
