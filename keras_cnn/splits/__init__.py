"""From a set's files or arrays to the three parts that a run trains, validates and tests on."""

from keras_cnn.splits.finding import array_splits, classification_splits, regression_splits
from keras_cnn.splits.parts import Splits

__all__ = ["Splits", "array_splits", "classification_splits", "regression_splits"]
