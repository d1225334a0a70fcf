"""Where data sets lie, what they are, and how they are fetched.

The name of a set is the name of its folder: `birds` lies in `data/birds/{train,test}/<class>/`. A
folder that holds class folders directly has no splits yet: `splits` returns which it has,
`table(directory, split=None)` lists it whole, and training splits it. `folders` decides which
folders are splits.
"""

from keras_cnn.datasets.array_files import arrays
from keras_cnn.datasets.catalogue import CATALOGUE, Dataset, Source
from keras_cnn.datasets.download import fetch
from keras_cnn.datasets.folders import SPLITS, class_names, splits, table
from keras_cnn.datasets.locate import Location, locate, root

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
