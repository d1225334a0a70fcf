"""Batches of pictures from arrays."""

from typing import Any

import numpy as np

from keras_cnn.images.file_lists import Arrays
from keras_cnn.images.iterators import Iterator


class ArrayIterator(Iterator):
    """Batches of pictures from arrays, as `flow` returns.

    Attributes:
        x: Pictures, float or uint8 array (n, ...), in the generator's `data_format`.
        x_misc: Further inputs of the model, arrays (n, ...).
        y: Targets, array (n, ...), or None.
        sample_weight: array (n,), or None.
    """

    _suffixes = 10**4

    def __init__(
        self,
        generator: Any,
        arrays: Arrays,
        **options: Any,
    ):
        """Set up.

        Args:
            generator: The `ImageDataGenerator`.
            arrays: The pictures and what belongs to them.
            **options: For `Iterator`.
        """
        self.x = arrays.x
        self.x_misc = arrays.x_misc
        self.y = arrays.y
        self.sample_weight = arrays.sample_weight
        self._working_dtype = np.dtype(generator.dtype)
        super().__init__(generator, n=len(self.x), image_shape=self.x.shape[1:], **options)

    def _picture(self, index):
        return self.x[index]

    def _assemble(self, x, indices):
        inputs = [x, *(extra[indices] for extra in self.x_misc)] if self.x_misc else x
        if self.y is None:
            return inputs
        targets = (self.y, self.sample_weight)
        return inputs, *(values[indices] for values in targets if values is not None)
