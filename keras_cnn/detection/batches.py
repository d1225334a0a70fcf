"""The batches of pictures and targets that SSD is trained and scored on."""

import copy
import os
from collections.abc import Sequence

import keras
import numpy as np

from keras_cnn.datasets.annotations import Picture
from keras_cnn.detection import augment, boxes
from keras_cnn.images import files, memory, pixels
from keras_cnn.images.cache import Cache
from keras_cnn.images.disk import Disk
from keras_cnn.images.scaling import Scaling

SIZE = 300  # height and width of the network's pictures in pixels


class Batches(keras.utils.PyDataset):
    """Batches of pictures and the targets of every prior.

    A batch is ``(pictures, targets)``: float32 RGB in [0, 255], (batch, 300, 300, 3); float32
    offsets and class id, (batch, 8732, 5); priors in a crowd have the class id -1, and the loss
    ignores them. The augmentation of a picture depends on the seed, the
    epoch and the picture alone, not on the thread.

    Attributes:
        pictures: The annotated pictures, in the order of the files.
        filepaths: Their files.
        samples: Their number.
        image_shape: (300, 300, 3).
        augmentation: Random changes, or None.
        seed: Seed of order and augmentation.
        priors: Row of `boxes.TABLES`.
    """

    image_shape = (SIZE, SIZE, 3)

    def __init__(
        self,
        pictures: Sequence[Picture],
        *,
        batch_size: int = 32,
        augmentation: augment.Augmentation | None = None,
        shuffle: bool = False,
        seed: int = 0,
        priors: str = "voc",
        workers: int | None = None,
        cache: bool | str | os.PathLike | Disk = False,
    ):
        """Start at the first epoch.

        Args:
            pictures: Pictures that `annotations` read and checked.
            batch_size: Pictures per batch; the last may have fewer.
            augmentation: Random changes; None letterboxes every picture.
            shuffle: Whether each epoch has its own order.
            seed: Seed of order and augmentation.
            priors: Row of `boxes.TABLES`.
            workers: Threads that make batches; None takes one per core.
            cache: Where letterboxed pictures are kept, as in `images.cache.Cache`. An augmentation
                cuts its views from the whole picture, so it reads the file each time.

        Raises:
            InputError: As by `Cache`.
        """
        super().__init__(workers=workers or files.cores())
        self.pictures = tuple(pictures)
        self.filepaths = [picture.path for picture in self.pictures]
        self.samples = len(self.pictures)
        self.batch_size = batch_size
        self.augmentation, self._shuffle, self.seed = augmentation, shuffle, seed
        self.priors = priors
        self._dtype = np.float32
        self._cache = Cache(
            self.filepaths,
            shape=self.image_shape,
            where=cache if augmentation is None else False,
            options=("letterbox", augment.FILL),
        )
        self.reset()

    def reset(self):
        """Go back to the first epoch."""
        self.seek(0)

    def with_seed(self, seed: int) -> "Batches":
        """Return the batches of the same pictures for another seed, from the first epoch on.

        Args:
            seed: Seed of order and augmentation.
        """
        batches = copy.copy(self)
        batches.seed = seed
        batches.reset()
        return batches

    def eight_bit(self) -> pixels.EightBit:
        """Return these batches with pictures in uint8; the network scales them itself."""
        batches = copy.copy(self)
        batches._dtype = np.uint8
        return pixels.EightBit(batches, Scaling())

    def seek(self, epoch: int, *, order: Sequence[int] | None = None):
        """Go to the start of an epoch.

        Args:
            epoch: Its number, from 0.
            order: Order in which its batches will be requested. A batch does not depend on it.
        """
        self._epoch = epoch
        self._order = self._shuffled()

    def on_epoch_end(self):
        """Draw the order of the next epoch."""
        self._epoch += 1
        self._order = self._shuffled()

    def __len__(self):
        """Return the number of batches."""
        return -(-self.samples // self.batch_size)

    def __getitem__(self, index):
        """Return batch number `index` of the epoch."""
        chosen, priors = self.members(index), boxes.priors(self.priors)
        images = memory.aligned((len(chosen), *self.image_shape), self._dtype)
        targets = memory.aligned((len(chosen), len(priors), 5), np.float32)
        for image, target, number in zip(images, targets, chosen, strict=True):
            image[:], objects, labels = self.sample(number)
            target[:, :4], target[:, 4] = _targets(objects, labels, priors)
        return images, targets

    def members(self, index: int) -> np.ndarray:
        """Return the indices in `pictures` of the pictures of a batch.

        Args:
            index: Number of the batch.
        """
        return self._order[index * self.batch_size : (index + 1) * self.batch_size]

    def sample(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return one picture as this epoch shows it.

        Args:
            number: Its index in `pictures`.

        Returns:
            uint8 (300, 300, 3), not to be written to; corners in shares of it (n, 4); class ids
            (n,), below 0 for crowds.
        """
        picture = self.pictures[number]
        ids = np.where(picture.crowds, -picture.labels, picture.labels)
        if self.augmentation is not None:
            rng = np.random.default_rng((self.seed, self._epoch, number))
            pixels = files.read(picture.path)
            return self.augmentation(pixels, picture.boxes, ids, size=SIZE, rng=rng)
        square, view, _ = self.letterboxed(number)
        return square, *augment.seen(picture.boxes, ids, view)

    def letterboxed(self, number: int) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
        """Return one picture without random changes.

        Args:
            number: Its index in `pictures`.

        Returns:
            uint8 (300, 300, 3), not to be written to; its corners in pixels of the file's picture,
            (4,); height and width of the file's picture.

        Raises:
            InputError: The file cannot be read.
        """
        path = self.filepaths[number]
        square = self._cache.get(number, lambda: letterboxed(files.read(path))[0])
        height, width = files.size(path)
        return square, boxes.letterbox(width, height), (height, width)

    def _shuffled(self):
        if not self._shuffle:
            return np.arange(self.samples)
        return np.random.default_rng((self.seed, self._epoch)).permutation(self.samples)


def letterboxed(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a picture as the network takes it.

    Args:
        pixels: RGB, uint8, (height, width, 3).

    Returns:
        uint8 (300, 300, 3); its corners in pixels of the picture, (4,).
    """
    view = boxes.letterbox(pixels.shape[1], pixels.shape[0])
    return augment.render(pixels, view, size=SIZE), view


def _targets(objects, labels, priors):
    """Offsets and class id of each prior: -1 for background priors that lie in a crowd by half."""
    crowds = objects[labels < 0]
    offsets, ids = boxes.match(objects[labels > 0], labels[labels > 0], priors)
    if len(crowds):
        inside = (boxes.share_inside(priors, crowds) >= 0.5).any(axis=1)
        ids = np.where(inside & (ids == 0), -1, ids)
    return offsets, ids
