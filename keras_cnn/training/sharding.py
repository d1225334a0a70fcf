"""The batches that `fit` reads: in the order of the epoch, and each process its share of them."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_cnn.errors import InputError


@dataclasses.dataclass(frozen=True)
class Share:
    """The share of every batch that a process reads.

    Attributes:
        devices: Devices of all processes together, among which a batch is divided evenly.
        processes: Number of processes.
        process: Number of this process, from 0.
    """

    devices: int = 1
    processes: int = 1
    process: int = 0

    def rows(self, size: int) -> np.ndarray:
        """Return the numbers of this process' pictures in a batch.

        Args:
            size: Pictures of the whole batch. If the devices cannot divide it evenly, the last
                picture is repeated.
        """
        each = -(-size // self.devices) * self.devices // self.processes
        first = self.process * each
        return np.minimum(np.arange(first, first + each), size - 1)


class Feed(keras.utils.PyDataset):
    """The batches of a split, as one process of a training reads them.

    Several devices need batches that they can divide evenly. Training drops the last
    ``size % devices`` pictures of an epoch; shuffling changes which ones. Validation drops none,
    since every picture counts in its loss: the last batch is filled up with pictures of weight 0.

    Attributes:
        error: The error of a picture that could not be read, since TensorFlow hides it; else None.
    """

    def __init__(
        self,
        batches: keras.utils.PyDataset,
        *,
        samples: int,
        share: Share,
        training: bool,
    ):
        """Wrap a dataset.

        Args:
            batches: The dataset. If it has the method `with_rows`, only the pictures of this
                process are read.
            samples: Number of its pictures.
            share: The share of this process.
            training: Whether the weights learn from it.
        """
        super().__init__(
            workers=batches.workers,
            use_multiprocessing=batches.use_multiprocessing,
            max_queue_size=batches.max_queue_size,
        )
        self.error = None
        self._share, self._training = share, training
        size = getattr(batches, "batch_size", samples)  # of all batches but the last
        self._sizes = np.full(len(batches), size)
        self._sizes[-1] = samples - size * (len(batches) - 1)
        if training:
            self._sizes -= self._sizes % share.devices
            self._sizes = self._sizes[self._sizes > 0]
        padded = np.sum(-(-self._sizes // share.devices) * share.devices)
        self._weight = float(padded / np.sum(self._sizes))
        self._order = range(len(self._sizes))
        self._reads_rows = share.processes > 1 and hasattr(batches, "with_rows")
        self._batches = batches.with_rows(self._rows) if self._reads_rows else batches

    def __len__(self) -> int:
        """Count the batches of an epoch."""
        return len(self._sizes)

    def __getitem__(self, index: int) -> Any:
        """Return this process' share of a batch.

        Args:
            index: Its place in the order of the epoch.
        """
        number = self._order[index]
        try:
            batch = self._batches[number]
        except InputError as error:
            self.error = error
            raise
        if self._share.devices == 1:
            return batch
        size = self._sizes[number]
        rows = self._share.rows(size)
        if not self._reads_rows:
            batch = keras.tree.map_structure(lambda array: array[rows], batch)
        if self._weight == 1:
            return batch
        first = self._share.process * len(rows)
        real = np.arange(first, first + len(rows)) < size
        x, y = batch
        return x, y, (self._weight * real).astype("float32")

    def seek(self, epoch: int, *, order: Sequence[int] | None = None) -> None:
        """Go to the start of an epoch, whose content follows from the seed and its number.

        Args:
            epoch: Its number, from 0.
            order: Order in which to read its batches; None for 0, 1, 2, ...
        """
        self._order = range(len(self)) if order is None else order
        if hasattr(self._batches, "seek"):
            self._batches.seek(epoch, order=order)

    def on_epoch_begin(self) -> None:
        """Notify the dataset beneath."""
        self._batches.on_epoch_begin()

    def on_epoch_end(self) -> None:
        """Notify the dataset beneath."""
        self._batches.on_epoch_end()

    def _rows(self, size):
        if self._training:
            size -= size % self._share.devices
        return self._share.rows(size)
