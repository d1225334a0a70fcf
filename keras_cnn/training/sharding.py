"""What `fit` reads: batches that follow from seed and epoch, each process its share of them."""

import dataclasses
from typing import Any

import keras
import numpy as np

from keras_cnn.errors import InputError


@dataclasses.dataclass(frozen=True)
class Share:
    """A process' part of every batch.

    Attributes:
        devices: Devices of all processes together, among which a batch is divided evenly.
        processes: Number of processes.
        process: Number of this one, from 0.
    """

    devices: int = 1
    processes: int = 1
    process: int = 0

    def rows(self, size: int) -> np.ndarray:
        """Return the numbers of this process' pictures in a batch.

        Args:
            size: Pictures of the whole batch; what the devices cannot divide evenly is filled up
                with the last picture.
        """
        each = -(-size // self.devices) * self.devices // self.processes
        first = self.process * each
        return np.minimum(np.arange(first, first + each), size - 1)


class Feed(keras.utils.PyDataset):
    """The batches of a part of a set, as one process of a training reads them.

    Several devices need batches that they can divide evenly. Training leaves out what is over of
    an epoch's last batch, fewer pictures than there are devices, and others in every epoch. For a
    validation loss every picture counts: the last batch is filled up with pictures of weight 0.

    Attributes:
        error: What was wrong with a picture that could not be read, for it is lost on the way
            through TensorFlow; None while there is nothing.
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
            batches: The dataset. Where it has the attribute `rows` it reads only those pictures.
            samples: Number of its pictures.
            share: This process' part.
            training: Whether the weights learn from it.
        """
        super().__init__(
            workers=batches.workers,
            use_multiprocessing=batches.use_multiprocessing,
            max_queue_size=batches.max_queue_size,
        )
        self.error = None
        self._batches, self._share, self._training = batches, share, training
        size = getattr(batches, "batch_size", samples)  # all batches but the last have it
        self._sizes = np.full(len(batches), size)
        self._sizes[-1] = samples - size * (len(batches) - 1)
        if training:
            self._sizes -= self._sizes % share.devices
            self._sizes = self._sizes[self._sizes > 0]
        padded = np.sum(-(-self._sizes // share.devices) * share.devices)
        self._weight = float(padded / np.sum(self._sizes))
        if share.processes > 1 and hasattr(batches, "rows"):
            batches.rows = self._rows

    def __len__(self) -> int:
        """Count the batches of an epoch."""
        return len(self._sizes)

    def __getitem__(self, index: int) -> Any:
        """Return this process' part of a batch.

        Args:
            index: Its number.
        """
        try:
            batch = self._batches[index]
        except InputError as error:
            self.error = error
            raise
        if self._share.devices == 1:
            return batch
        size = self._sizes[index]
        rows = self._share.rows(size)
        if getattr(self._batches, "rows", None) is None:
            batch = keras.tree.map_structure(lambda array: array[rows], batch)
        if self._weight == 1:
            return batch
        first = self._share.process * len(rows)
        real = np.arange(first, first + len(rows)) < size
        x, y = batch
        return x, y, (self._weight * real).astype("float32")

    def seek(self, epoch: int) -> None:
        """Go to the start of an epoch: what it holds follows from the seed and its number.

        Args:
            epoch: Its number, from 0.
        """
        if hasattr(self._batches, "seek"):
            self._batches.seek(epoch)

    def on_epoch_begin(self) -> None:
        """Tell the dataset beneath."""
        self._batches.on_epoch_begin()

    def on_epoch_end(self) -> None:
        """Tell the dataset beneath."""
        self._batches.on_epoch_end()

    def _rows(self, size):
        if self._training:
            size -= size % self._share.devices
        return self._share.rows(size)
