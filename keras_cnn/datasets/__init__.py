"""Where data lie, what the sets are, and how they are fetched.

A set's name is its folder's name: `birds` lies in `data/birds/{train,test}/<class>/`. A folder that
holds the classes directly, without `train` and `test`, is a set not split yet: `splits` tells which
it is, and `table(directory, split=None)` lists it whole, so that training splits it.
"""

from keras_cnn.datasets.arrange import SPLITS
from keras_cnn.datasets.catalogue import CATALOGUE, Dataset, Source
from keras_cnn.datasets.download import fetch
from keras_cnn.datasets.places import Location, class_names, locate, root, splits, table
from keras_cnn.datasets.small import arrays

__all__ = [
    "CATALOGUE",
    "SPLITS",
    "Dataset",
    "Location",
    "Source",
    "arrays",
    "class_names",
    "fetch",
    "locate",
    "root",
    "splits",
    "table",
]
