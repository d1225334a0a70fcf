"""Batches of pictures from arrays."""

import dataclasses
from typing import Any

import numpy as np

from keras_cnn.errors import InputError
from keras_cnn.images import files
from keras_cnn.images.iterators import Iterator
from keras_cnn.images.preparation import Preparation
from keras_cnn.images.subsets import subset_indices


@dataclasses.dataclass(frozen=True)
class Arrays:
    """n pictures with their targets and weights.

    Attributes:
        x: Pictures, array (n, ...) of three more axes.
        x_misc: Further inputs of the model, arrays (n, ...).
        y: Targets (n, ...), or None.
        sample_weight: array (n,), or None.
    """

    x: np.ndarray
    x_misc: list[np.ndarray]
    y: np.ndarray | None
    sample_weight: np.ndarray | None

    def subset(
        self, subset: str, *, validation_split: float, stratified: bool, ignore_class_split: bool
    ) -> "Arrays":
        """Return the arrays of one of the two subsets.

        Args:
            subset: "validation", by default the first samples, or "training".
            validation_split: Share of the samples that goes into "validation".
            stratified: Whether to draw the samples of each class at random, the same for the same
                targets.
            ignore_class_split: Whether the two subsets may differ in their classes.

        Raises:
            InputError: The subset is empty, or the two subsets differ in their classes.
        """
        groups, key = np.zeros(len(self.x), int), None
        if stratified:
            y = groups if self.y is None else self.y.reshape(len(self.y), -1)
            groups = np.unique(y, axis=0, return_inverse=True)[1].ravel()
            key = repr(groups.tolist())
        indices = subset_indices(groups, subset=subset, validation_split=validation_split, key=key)
        if self.y is not None and not ignore_class_split:
            others = np.delete(self.y, indices, axis=0)
            if not np.array_equal(np.unique(self.y[indices]), np.unique(others)):
                raise InputError(
                    "training and validation must have the same classes: shuffle the arrays, set "
                    "stratified_split=True, or ignore_class_split=True if y are no classes"
                )
        return Arrays(
            self.x[indices],
            [extra[indices] for extra in self.x_misc],
            None if self.y is None else self.y[indices],
            None if self.sample_weight is None else self.sample_weight[indices],
        )


def from_arrays(
    x: np.ndarray | tuple,
    y: np.ndarray | None,
    sample_weight: np.ndarray | None,
    *,
    dtype: str,
) -> Arrays:
    """Check arrays of pictures, targets and weights against each other.

    Args:
        x: Pictures; or a pair: pictures, and a further input or a list of further inputs.
        y: Targets, or None.
        sample_weight: Weights, or None.
        dtype: Type for the pictures. uint8 pictures stay uint8, which takes less memory.

    Raises:
        InputError: The arrays differ in length, or pictures do not have four axes.
    """
    x_misc = []
    if isinstance(x, (tuple, list)):
        x, others = x
        x_misc = [np.asarray(extra) for extra in (others if isinstance(others, list) else [others])]
    x = np.asarray(x)
    x = x if x.dtype == np.uint8 else x.astype(dtype, copy=False)
    y = None if y is None else np.asarray(y)
    sample_weight = None if sample_weight is None else np.asarray(sample_weight)
    lengths = [len(array) for array in (x, *x_misc, y, sample_weight) if array is not None]
    if len(set(lengths)) > 1:
        raise InputError(f"x, y and sample_weight must have the same length; received {lengths}")
    if x.ndim != 4 or not len(x):
        raise InputError(f"flow needs pictures (n, height, width, channels); {x.shape=}")
    return Arrays(x, x_misc, y, sample_weight)


class ArrayIterator(Iterator):
    """Batches of pictures from arrays, as `flow` returns.

    Attributes:
        x: Pictures, float or uint8 array (n, ...), in the generator's `data_format`.
        x_misc: Further inputs of the model, arrays (n, ...).
        y: Targets, array (n, ...), or None.
        sample_weight: array (n,), or None.
        preparation: How to prepare files for a model trained on these pictures. How they were
            resized is unknown, so files are resized bilinearly.
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
            arrays: The pictures with their targets and weights.
            **options: For `Iterator`.
        """
        self.x = arrays.x
        self.x_misc = arrays.x_misc
        self.y = arrays.y
        self.sample_weight = arrays.sample_weight
        self._working_dtype = np.dtype(options.get("dtype") or generator.dtype)
        super().__init__(generator, n=len(self.x), image_shape=self.x.shape[1:], **options)
        last = self.data_format == "channels_last"
        height, width, channels = self.image_shape if last else np.roll(self.image_shape, -1)
        color_modes = {number: mode for mode, number in files.CHANNELS.items()}
        self.preparation = Preparation(
            size=(int(height), int(width)),
            color_mode=color_modes.get(int(channels), "rgb"),
            interpolation="bilinear",
            full_depth=False,  # arrays of grey files are read with 8 bits
            exif_rotation=generator.exif_rotation,
            reduced_decoding=generator.reduced_decoding,
        )

    def _picture(self, index):
        return self.x[index]

    def _assemble(self, x, indices):
        inputs = [x, *(extra[indices] for extra in self.x_misc)] if self.x_misc else x
        if self.y is None:
            return inputs
        targets = [self.y[indices]]
        if self.sample_weight is not None:
            targets.append(self.sample_weight[indices])
        return inputs, *targets
