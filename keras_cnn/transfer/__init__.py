"""Transfer learning: a network trained on one task serves another, which has fewer pictures."""

from keras_cnn.transfer.available import published_or_random
from keras_cnn.transfer.base import Base
from keras_cnn.transfer.head import fit_head, thaw, with_head
from keras_cnn.transfer.ladder import fit
from keras_cnn.transfer.linear import CLASSIFIERS, PENALTIES, check_codes, fit_codes, fit_features
from keras_cnn.transfer.search import ImageSearch

__all__ = [
    "CLASSIFIERS",
    "PENALTIES",
    "Base",
    "ImageSearch",
    "check_codes",
    "fit",
    "fit_codes",
    "fit_features",
    "fit_head",
    "published_or_random",
    "thaw",
    "with_head",
]
