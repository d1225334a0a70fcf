"""The train, validation and test split of a data set, and how a model is judged on them."""

from keras_cnn.splits.arrays import array_splits
from keras_cnn.splits.base import Splits
from keras_cnn.splits.classification import ClassificationSplits, classification_splits
from keras_cnn.splits.regression import RegressionSplits, regression_splits
from keras_cnn.splits.segmentation import SegmentationSplits, segmentation_splits

__all__ = [
    "ClassificationSplits",
    "RegressionSplits",
    "SegmentationSplits",
    "Splits",
    "array_splits",
    "classification_splits",
    "regression_splits",
    "segmentation_splits",
]
