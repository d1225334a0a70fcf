"""From a set's files or arrays to the three parts that a run trains, validates and tests on."""

from keras_cnn.splits.base import Splits
from keras_cnn.splits.classification import array_splits, classification_splits, regression_splits

__all__ = ["Splits", "array_splits", "classification_splits", "regression_splits"]
