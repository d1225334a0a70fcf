"""Mixup and CutMix: training batches whose pictures and labels are mixed in pairs."""

from collections.abc import Sequence
from typing import Literal

import keras
import numpy as np


class Mixed(keras.utils.PyDataset):
    """The batches of another dataset, mixed by Keras' own layers.

    - "mixup" blends each picture with another of its batch, and their labels in the same
      proportion (Zhang et al., 2018; `keras.layers.MixUp`).
    - "cutmix" replaces a rectangle by that of another picture; labels are blended in proportion to
      the areas (Yun et al., 2019; `keras.layers.CutMix`).

    References:
        Zhang et al., 2018. mixup. https://arxiv.org/abs/1710.09412
        Yun et al., 2019. CutMix. https://arxiv.org/abs/1905.04899
    """

    def __init__(
        self,
        batches: keras.utils.PyDataset,
        how: Literal["mixup", "cutmix"],
        *,
        seed: int,
        class_weight: dict[int, float] | None = None,
    ):
        """Wrap a dataset.

        Args:
            batches: Pictures (n, height, width, channels) with labels (n, classes) of 0 and 1.
            how: The method.
            seed: Seed of pairs and proportions.
            class_weight: Class index -> weight; the weight of a mixed picture is the mean of its
                classes' weights, in the proportion of its labels.
        """
        super().__init__()
        self._batches, self._seed = batches, seed
        self._kind = {"mixup": keras.layers.MixUp, "cutmix": keras.layers.CutMix}[how]
        self._layer = self._kind(seed=seed)
        self._weights = class_weight and np.array(
            [class_weight[index] for index in sorted(class_weight)], np.float32
        )

    def __len__(self) -> int:
        """Count the batches of an epoch."""
        return len(self._batches)

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        """Return a batch.

        Args:
            index: Its number.

        Returns:
            Pictures, and labels between 0 and 1; with `class_weight` also each picture's weight.
        """
        images, labels = self._batches[index]
        mixed = self._layer({"images": images, "labels": labels}, training=True)
        x, y = (keras.ops.convert_to_numpy(mixed[part]) for part in ("images", "labels"))
        return (x, y) if self._weights is None else (x, y, y @ self._weights)

    def seek(self, epoch: int, *, order: Sequence[int] | None = None) -> None:
        """Go to the start of an epoch, whose content follows from the seed and its number.

        Args:
            epoch: Its number, from 0.
            order: Order in which to read its batches.
        """
        (seed,) = np.random.SeedSequence((self._seed, epoch)).generate_state(1)
        self._layer = self._kind(seed=int(seed >> 1))  # Keras takes 31 bits
        self._batches.seek(epoch, order=order)

    def on_epoch_begin(self) -> None:
        """Notify the dataset beneath."""
        self._batches.on_epoch_begin()

    def on_epoch_end(self) -> None:
        """Notify the dataset beneath."""
        self._batches.on_epoch_end()
