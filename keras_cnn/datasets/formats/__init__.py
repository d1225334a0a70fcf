"""Layouts of pictures with boxes: a reader each, to one table."""

from keras_cnn.datasets.formats.catalogue import FORMATS, find
from keras_cnn.datasets.formats.rows import ALL, Faults, Row, Table
from keras_cnn.datasets.reading import class_name

__all__ = ["ALL", "FORMATS", "Faults", "Row", "Table", "class_name", "find"]
