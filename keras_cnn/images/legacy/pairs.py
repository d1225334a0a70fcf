"""Pictures and masks in step, for segmentation."""

import copy
from collections.abc import Callable, Sequence
from typing import Any, Self

import keras
import numpy as np

from keras_cnn.errors import InputError
from keras_cnn.images.iterators import Iterator

_SAME = ("n", "batch_size", "seed", "shuffle", "total_batches_seen")
_GEOMETRY = (
    "rotation_range",
    "width_shift_range",
    "height_shift_range",
    "shear_range",
    "zoom_range",
    "horizontal_flip",
    "vertical_flip",
)
_LEVELS = ("channel_shift_range", "brightness_range")


class Pair(keras.utils.PyDataset):
    """Batches of two flows with the same pictures' numbers and the same random changes.

    Attributes:
        images: The first flow.
        masks: The second flow.
    """

    def __init__(self, images: Iterator, masks: Iterator):
        """Set up.

        Args:
            images: The first flow.
            masks: The second flow.
        """
        super().__init__()
        self.images = images
        self.masks = masks

    def __len__(self) -> int:
        """Count the batches of an epoch."""
        return len(self.images)

    def __getitem__(self, idx: int) -> tuple[Any, Any]:
        """Return a batch of both flows.

        Args:
            idx: Its number.
        """
        return self.images[idx], self.masks[idx]

    def __iter__(self):
        """Return itself: batches without end."""
        return self

    def __next__(self) -> tuple[Any, Any]:
        """Return the next batch of both flows."""
        return next(self.images), next(self.masks)

    def with_seed(self, seed: int) -> Self:
        """Return the batches of the same pictures for another seed.

        Args:
            seed: Makes order and changes reproducible.
        """
        return type(self)(self.images.with_seed(seed), self.masks.with_seed(seed))

    def with_rows(self, rows: Callable[[int], np.ndarray]) -> Self:
        """Return the same batches with only some pictures of each.

        Args:
            rows: Takes the size of a batch and returns the numbers of the pictures to read.
        """
        return type(self)(self.images.with_rows(rows), self.masks.with_rows(rows))

    def seek(self, epoch: int, *, order: Sequence[int] | None = None) -> None:
        """Go to the start of an epoch.

        Args:
            epoch: Its number, from 0.
            order: Order in which its batches will be requested; None for 0, 1, 2, ...
        """
        self.images.seek(epoch, order=order)
        self.masks.seek(epoch, order=order)

    def on_epoch_end(self) -> None:
        """Draw the order of the next epoch, the same for both. Called by Keras."""
        self.images.on_epoch_end()
        self.masks.on_epoch_end()


def pair(images: Iterator, masks: Iterator, *, nearest: bool = False) -> Pair:
    """Return pictures and their masks as one flow that `fit` takes.

    It replaces ``zip(images, masks)`` of old scripts, which Keras 3 does not take, and yields the
    same batches. Both flows need the same seed and the same geometric changes. If only the pictures
    change their brightness or channels, the changes stay equal, which they do not with ``zip``.

    Args:
        images: Flow of the pictures, from an `ImageDataGenerator`, usually with class_mode=None.
        masks: Flow of the masks, with the same files in the same order.
        nearest: Whether masks take the nearest pixel when they are resized and warped, so that no
            two labels are blended. Otherwise the options of their own flow decide.

    Returns:
        A `keras.utils.PyDataset` of one epoch that is also an endless iterator.

    Raises:
        InputError: The flows differ in their length, seed, order or changes.

    Example:
        >>> pictures, masks = np.zeros((20, 64, 64, 3)), np.zeros((20, 64, 64, 1))
        >>> generator = ImageDataGenerator(rotation_range=20, horizontal_flip=True)
        >>> flows = [generator.flow(arrays, seed=1) for arrays in (pictures, masks)]
        >>> images, targets = next(pair(*flows, nearest=True))
    """
    ours, theirs = images.image_data_generator, masks.image_data_generator
    _check(_SAME, images, masks)
    _check(_GEOMETRY, ours, theirs)
    if images.seed is None:
        raise InputError("pictures and masks must have the same seed=; received none: set one")
    generator = copy.copy(theirs)
    generator.has_levels = not nearest and _differences(_LEVELS, ours, theirs) == []
    for name in _LEVELS:  # drawn for the masks, too, so that the draws of both stay in step
        setattr(generator, name, getattr(ours, name))
    if nearest:
        generator.interpolation_order = 0
    return Pair(images, masks.with_generator(generator, nearest=nearest))


def _check(names, images, masks):
    """Refuse flows or generators that differ in an attribute."""
    for name in _differences(names, images, masks):
        raise InputError(
            f"pictures and masks must have the same {name}; received {getattr(images, name)!r} "
            f"and {getattr(masks, name)!r}"
        )


def _differences(names, images, masks):
    return [name for name in names if repr(getattr(images, name)) != repr(getattr(masks, name))]
