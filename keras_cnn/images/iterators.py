"""Batches in the order, and with the random draws, of Keras' legacy iterators, made on threads."""

import collections
import dataclasses
import os
import random
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import cv2
import keras
import numpy as np

from keras_cnn.images.augmentation import Augmentation
from keras_cnn.images.tf_data import tf_dataset

_NEXT = "next"  # request for whichever batch comes next; other requests are batch numbers


@dataclasses.dataclass(frozen=True)
class _Position:
    """How far the sequence of random draws has come: all that the next batch depends on."""

    random_state: tuple
    batches_seen: int = 0
    batch_index: int = 0
    index_array: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class _Batch:
    """A batch in the making."""

    request: int | str
    rank: int  # how many batches were requested before it in this epoch
    position: _Position  # after its draws
    indices: np.ndarray
    params: list[dict]
    suffixes: list[int]  # of files in save_to_dir
    x: np.ndarray
    parts: list[Future] = dataclasses.field(default_factory=list)


class Iterator(keras.utils.PyDataset):
    """Random batches without end for `next`, and numbered ones of an epoch for Keras.

    All of a batch's random numbers are drawn, in the legacy class' order, when it is begun; then
    threads fill it. The batches that will probably be requested next are begun ahead. A wrong
    guess costs time, never the order: what was drawn for it is forgotten.

    Attributes:
        rows: Takes the size of a batch and returns the numbers of those of its pictures that this
            process reads; None for all. What is drawn for a picture does not depend on it.
    """

    rows = None

    def __init__(
        self,
        generator: Any,
        *,
        n: int,
        image_shape: tuple[int, int, int],
        batch_size: int,
        shuffle: bool,
        seed: int | None,
        save_to_dir: str | os.PathLike | None,
        save_prefix: str,
        save_format: str,
    ):
        """Set up; a subclass says where pictures and targets come from.

        Args:
            generator: The `ImageDataGenerator` with the changes, and the options of the threads.
            n: Number of pictures.
            image_shape: Shape of a picture, in the generator's `data_format`.
            batch_size: Pictures per batch; the last of an epoch may have fewer.
            shuffle: Whether each epoch has an order of its own.
            seed: Makes order and changes reproducible.
            save_to_dir: Folder to save every batch's pictures in, or None.
            save_prefix: Start of the names of files saved.
            save_format: Extension of the names of files saved.
        """
        super().__init__()
        self.image_data_generator = generator
        self.n = n
        self.image_shape = tuple(image_shape)
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.save_to_dir = save_to_dir
        self.save_prefix = save_prefix
        self.save_format = save_format
        self.data_format = generator.data_format
        self.dtype = generator.dtype
        self._rng = np.random.RandomState(seed)
        self._position = _Position(self._rng.get_state())
        self._ahead = collections.deque()  # batches begun, in the order of their draws
        self._foreseen = range(len(self))  # guess at the order in which an epoch is requested
        self._rank = 0
        self._lock = threading.Lock()
        self._threads = None
        # A subclass' own method is given floats that it may write to, as by Keras' legacy class.
        ours = type(generator).apply_transform is Augmentation.apply_transform
        self._takes_8_bit = ours and self._working_dtype == np.float32

    @property
    def batch_index(self) -> int:
        """Number of the batch that `next` returns next."""
        return self._position.batch_index

    @property
    def total_batches_seen(self) -> int:
        """Number of batches returned so far."""
        return self._position.batches_seen

    @property
    def index_array(self) -> np.ndarray | None:
        """Numbers of the pictures in this epoch's order; None before the first batch."""
        return self._position.index_array

    def __len__(self) -> int:
        """Count the batches of an epoch."""
        return -(-self.n // self.batch_size)

    def __getitem__(self, idx: int) -> Any:
        """Return a batch of this epoch.

        Args:
            idx: Its number.

        Returns:
            Pictures, or (pictures, targets), or (pictures, targets, sample weights).
        """
        if not 0 <= idx < len(self):
            raise IndexError(f"batches are numbered from 0 to {len(self) - 1}; received {idx}")
        return self._deliver(idx)

    def __iter__(self):
        """Return itself: batches without end."""
        return self

    def __next__(self) -> Any:
        """Return the next batch; after an epoch's last one, the first of the next epoch."""
        return self._deliver(_NEXT)

    next = __next__  # as scripts for older versions of Keras call it

    def reset(self) -> None:
        """Make `next` begin a new epoch."""
        with self._lock:
            self._forget()
            self._position = dataclasses.replace(self._position, batch_index=0)

    def seek(self, epoch: int) -> None:
        """Go to the start of an epoch whose order and changes follow from its number and the seed.

        A training that goes on after an interruption sees what it would have seen without. Legacy
        Keras has nothing of the kind: there an epoch follows from the one before it.

        Args:
            epoch: Its number, from 0.
        """
        with self._lock:
            self._forget()
            if self.seed is not None:
                self._rng.seed(np.random.SeedSequence((self.seed, epoch)).generate_state(4))
            order = self._new_order()
            self._position = _Position(self._rng.get_state(), epoch * len(self), 0, order)
            self._foreseen, self._rank = range(len(self)), 0

    def on_epoch_begin(self) -> None:
        """Foresee the order in which `fit` will request batches. Called by Keras."""
        with self._lock:
            # Keras is about to call random.shuffle on the batch numbers; a copy of its generator
            # knows the outcome. (`evaluate` and `predict` keep them in order.)
            future = random.Random()
            future.setstate(random.getstate())
            self._foreseen = list(range(len(self)))
            future.shuffle(self._foreseen)
            self._rank = 0

    def on_epoch_end(self) -> None:
        """Give the next epoch an order of its own. Called by Keras, or by a loop over numbers."""
        with self._lock:
            self._forget()
            self._rng.set_state(self._position.random_state)
            order = self._new_order()
            self._position = dataclasses.replace(
                self._position, index_array=order, random_state=self._rng.get_state()
            )
            self._foreseen, self._rank = range(len(self)), 0

    def as_tf_dataset(self):
        """Return a `tf.data.Dataset` that yields one epoch each time it is iterated over.

        Returns:
            The dataset, prefetched, its number of batches known.
        """

        def epoch():
            for index in range(len(self)):
                yield self[index]
            self.on_epoch_end()

        one = self._assemble(np.empty((1, *self.image_shape), self.dtype), np.arange(1))
        return tf_dataset(epoch, example=one, length=len(self))

    def _deliver(self, request):
        with self._lock:
            if self._ahead and self._ahead[0].request != request:
                self._forget()
            if not self._ahead:
                self._begin(request, self._rank, self._position)
            batch = self._ahead.popleft()
            self._position = batch.position
            self._rank = batch.rank + 1
            self._look_ahead(batch)
        for part in batch.parts:
            part.result()
        if self.save_to_dir:
            self._save(batch)
        return self._assemble(batch.x, batch.indices)

    def _forget(self):
        for batch in self._ahead:
            for part in batch.parts:
                part.cancel()
        self._ahead.clear()

    def _look_ahead(self, batch):
        while len(self._ahead) < self.image_data_generator.prefetch:
            last = self._ahead[-1] if self._ahead else batch
            request = self._guess(last.request, last.rank)
            if request is None:
                return
            self._begin(request, last.rank + 1, last.position)

    def _guess(self, request, rank):
        """Guess the request after the one made at a rank; None if there is nothing to go by."""
        if request == _NEXT:
            return _NEXT
        for order in (self._foreseen, range(len(self))):
            if rank + 1 < len(order) and order[rank] == request:
                return order[rank + 1]

    def _begin(self, request, rank, position):
        """Draw a batch's random numbers and hand its pictures to the threads."""
        generator, rng = self.image_data_generator, self._rng
        rng.set_state(position.random_state)
        if self.seed is not None:
            rng.seed(self.seed + position.batches_seen)
        order, number, upcoming = position.index_array, request, position.batch_index
        if request == _NEXT:
            number = position.batch_index
            upcoming = (number + 1) % len(self)
        if order is None or (request == _NEXT and number == 0):
            order = self._new_order()
        indices = order[self.batch_size * number : self.batch_size * (number + 1)]
        params = [generator.get_random_transform(self.image_shape, rng) for _ in indices]
        if self.rows is not None:
            rows = self.rows(len(indices))
            indices, params = indices[rows], [params[row] for row in rows]
        suffixes = [rng.randint(self._suffixes) for _ in indices] if self.save_to_dir else []
        after = _Position(rng.get_state(), position.batches_seen + 1, upcoming, order)
        x = np.empty((len(indices), *self.image_shape), self.dtype)
        batch = _Batch(request, rank, after, indices, params, suffixes, x)
        if self._threads is None:  # one thread per picture: OpenCV's own would only get in the way
            self._threads = ThreadPoolExecutor(
                generator.workers, "ImageDataGenerator", cv2.setNumThreads, (1,)
            )
        # Few pictures per task, so that all threads finish a batch at about the same time.
        size = max(1, len(indices) // (4 * generator.workers))
        for first in range(0, len(indices), size):
            rows = range(first, min(first + size, len(indices)))
            batch.parts.append(self._threads.submit(self._fill, batch, rows))
        self._ahead.append(batch)

    def _new_order(self):
        return self._rng.permutation(self.n) if self.shuffle else np.arange(self.n)

    def _fill(self, batch, rows):
        generator = self.image_data_generator
        for row in rows:
            picture = self._picture(batch.indices[row])
            slot = batch.x[row]
            fits = slot.dtype == self._working_dtype
            x = slot if fits else np.empty(slot.shape, self._working_dtype)
            if not (self._takes_8_bit and picture.dtype == np.uint8):
                x[...] = picture
                picture = x
            changed = generator.apply_transform(picture, batch.params[row])
            if changed is not x:
                x[...] = changed
            changed = generator.standardize(x)
            if changed is not slot:
                slot[...] = changed

    def _save(self, batch):
        for x, index, suffix in zip(batch.x, batch.indices, batch.suffixes, strict=True):
            name = f"{self.save_prefix}_{index}_{suffix}.{self.save_format}"
            picture = keras.utils.array_to_img(x, self.data_format, scale=True)
            picture.save(os.path.join(self.save_to_dir, name))
