"""Where data lie, what the sets are, and how they are fetched.

A set's name is its folder's name: `birds` lies in `data/birds/{train,test}/<class>/`. A folder that
holds the classes directly, without `train` and `test`, is a set not split yet: `splits` tells which
it is, and `table(directory, split=None)` lists it whole, so that training splits it.
"""

from keras_cnn.datasets.array_files import arrays
from keras_cnn.datasets.catalogue import CATALOGUE, Dataset, Source
from keras_cnn.datasets.download import fetch
from keras_cnn.datasets.layouts import SPLITS
from keras_cnn.datasets.locate import Location, class_names, locate, root, splits, table

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
