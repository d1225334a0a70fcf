"""Batches in the order, and with the random draws, of Keras' legacy iterators, made on threads."""

import collections
import dataclasses
import functools
import itertools
import operator
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import cv2
import keras
import numpy as np

from keras_cnn.images import memory
from keras_cnn.images.augmentation import Augmentation
from keras_cnn.images.batches import NEXT, Batch, Position, Requests
from keras_cnn.images.legacy import base, draws
from keras_cnn.images.tf_data import tf_dataset


class Iterator(base.Iterator):
    """Random batches without end for `next`, and the numbered batches of an epoch for Keras.

    A batch is begun by drawing all its random numbers, in the order of the legacy class; then
    threads fill it. As long as batches are requested in order, the next ones are begun ahead. A
    wrong guess costs time but changes no batch: its draws are discarded. So are those of batches
    that were begun before a change of `batch_size`, `shuffle` or an option of the generator.

    `fit` requests batches in an order that Python's `random` decides on, unless it is called with
    ``shuffle=False``; the iterator knows both orders ahead, and shuffles the pictures either way.

    A subclass that overrides one of the hooks of `legacy.base.Iterator` gets its batches as that
    class makes them: one after the other, with NumPy's global random state.
    """

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
        data_format: str | None = None,
        dtype: str | None = None,
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
            data_format: "channels_last" or "channels_first"; None for the generator's.
            dtype: Type of the batches; None for the generator's.
        """
        keras.utils.PyDataset.__init__(self)
        self.image_data_generator = generator
        self.n, self.image_shape = n, tuple(image_shape)
        self.batch_size = batch_size
        self.shuffle, self.seed = shuffle, seed
        self.save_to_dir = save_to_dir
        self.save_prefix = save_prefix
        self.save_format = save_format
        self.data_format = data_format or generator.data_format
        self.dtype = dtype or generator.dtype
        # A subclass' own method receives floats that it may write to, as by Keras' legacy class.
        own_transform = type(generator).apply_transform is not Augmentation.apply_transform
        self._takes_8_bit = self._working_dtype == np.float32 and not own_transform
        self._pixel_dtype = None  # type of the pictures, if it is not that of the targets
        # Makes an array of a batch's random parameters: they are not applied, but delivered.
        self._encode = None
        self._user_code = draws.SeededCode()
        self._rows = None
        self._position = Position(np.random.RandomState(seed).get_state())
        self._epoch_start = 0  # number of batches in the epochs before this one
        self._in_worker = False  # whether this is a copy in another process than the original
        self._start()

    def _start(self):
        """Begin without threads and without batches ahead, at the start of the requests."""
        self._process = os.getpid()
        self._lock = threading.RLock()
        self._threads = None
        self._rng = np.random.RandomState()  # takes its state from `_position`
        self._ahead = collections.deque()  # batches begun, in the order of their draws
        self.index_generator = self._flow_index()
        self._requests = Requests(None, length=len(self))

    def __getstate__(self):
        """Return the state of a copy: everything but threads, their lock and their batches."""
        left_out = ("_lock", "_threads", "_rng", "_ahead", "index_generator")
        return {name: value for name, value in vars(self).items() if name not in left_out}

    def __setstate__(self, state):
        """Restore a copy."""
        vars(self).update(state)
        self._separate()

    def _separate(self):
        """Make this a copy of its own, after it was copied, unpickled or forked.

        Copies keep the order of the epoch, so that several processes can read its batches. Without
        a seed each copy draws its own changes. With a seed, the draws of a numbered batch in
        another process follow from the batch's number: it does not matter which process reads it.
        """
        self._in_worker = self._in_worker or self._process != os.getpid()
        self._start()
        position, rng = self._position, self._rng
        if position.index_array is None and (self.seed is None or self._in_worker):
            rng.set_state(position.random_state)
            if self.seed is not None:
                rng.seed(self.seed + position.batches_seen)
            position = dataclasses.replace(position, index_array=self._new_index_array())
        if self.seed is None:
            own_state = np.random.RandomState().get_state()
            position = dataclasses.replace(position, random_state=own_state)
        self._position = position

    def _copy(self):
        """Return an iterator with the same position and the same draws, but threads of its own."""
        iterator = type(self).__new__(type(self))
        vars(iterator).update(self.__getstate__())
        iterator._start()
        return iterator

    def with_seed(self, seed: int) -> Self:
        """Return an iterator over the same pictures, with draws of its own.

        Args:
            seed: Makes order and changes reproducible.
        """
        iterator = self._copy()
        iterator.seed = seed
        return iterator

    def with_generator(self, generator: Any, *, nearest: bool) -> Self:
        """Return an iterator over the same pictures that changes them by another generator.

        Args:
            generator: An `ImageDataGenerator`.
            nearest: Whether pictures from files are resized by their nearest pixels.
        """
        iterator = self._copy()
        iterator.image_data_generator = generator
        return iterator

    def with_rows(self, rows: Callable[[int], np.ndarray]) -> Self:
        """Return an iterator over the same batches that reads only some pictures of each.

        The draws of a picture stay the same, so that several processes can share a batch.

        Args:
            rows: Takes the size of a batch and returns the numbers of the pictures to read.
        """
        iterator = self._copy()
        iterator._rows = rows
        return iterator

    @property
    def lock(self):
        """The lock around draws. A forked process inherits neither its holder nor any threads."""
        if self._process != os.getpid():
            self._separate()
        return self._lock

    @property
    def batch_index(self) -> int:
        """Number of the batch that `next` returns next."""
        return self._position.batch_index

    @batch_index.setter
    def batch_index(self, number):
        self._go_on_from(batch_index=number)

    @property
    def total_batches_seen(self) -> int:
        """Number of batches returned so far."""
        return self._position.batches_seen

    @total_batches_seen.setter
    def total_batches_seen(self, number):
        self._go_on_from(batches_seen=number)

    @property
    def index_array(self) -> np.ndarray | None:
        """Numbers of the pictures in this epoch's order; None before the first batch."""
        return self._position.index_array

    @index_array.setter
    def index_array(self, indices):
        self._go_on_from(index_array=None if indices is None else np.asarray(indices))

    def _go_on_from(self, **changes):
        """Change the position, and drop the batches that were begun from the old one."""
        with self.lock:
            self._forget()
            self._position = dataclasses.replace(self._position, **changes)

    def __getitem__(self, idx: int) -> Any:
        """Return a batch of this epoch.

        Args:
            idx: Its number.

        Returns:
            Pictures, or (pictures, targets), or (pictures, targets, sample weights).
        """
        if not 0 <= idx < len(self):
            raise IndexError(f"batches are numbered from 0 to {len(self) - 1}; received {idx}")
        return super().__getitem__(idx) if self._is_sequential() else self._deliver(idx)

    def next(self) -> Any:
        """Return the next batch, as scripts for older versions of Keras call it."""
        return super().next() if self._is_sequential() else self._deliver(NEXT)

    def seek(self, epoch: int, *, order: Sequence[int] | None = None) -> None:
        """Go to the start of an epoch whose order and changes follow from its number and the seed.

        A training that is resumed thus sees the same batches as one that was never interrupted.
        The legacy class has no such method: there an epoch depends on the epochs before it.

        Args:
            epoch: Its number, from 0.
            order: Order in which its batches will be requested; None for 0, 1, 2, ...
        """
        with self.lock:
            self._forget()
            if self.seed is not None:
                self._rng.seed(np.random.SeedSequence((self.seed, epoch)).generate_state(4))
            index_array = self._new_index_array()
            self._position = Position(self._rng.get_state(), epoch * len(self), 0, index_array)
            self._epoch_start = epoch * len(self)
            self._requests = Requests(order, length=len(self))

    def on_epoch_begin(self) -> None:
        """Expect the requests of `fit`, which calls this before it shuffles their order."""
        with self.lock:
            self._requests.expect_shuffled()

    def on_epoch_end(self) -> None:
        """Draw the order of the next epoch. Called by Keras, or by a loop over numbers."""
        with self.lock:
            self._set_index_array()
            self._epoch_start += len(self)
            self._requests = Requests(None, length=len(self))

    def as_tf_dataset(self):
        """Return a `tf.data.Dataset` of known length: one epoch each time it is iterated over."""

        def epoch():
            yield from map(self.__getitem__, range(len(self)))
            self.on_epoch_end()

        example = self._assemble(self._empty(1), np.arange(1))
        return tf_dataset(epoch, example=example, length=len(self))

    def _deliver(self, request):
        with self.lock:
            if self._ahead and not self._serves(self._ahead[0], request):
                self._forget()
            if not self._ahead:
                self._begin(request, self._position)
            batch = self._ahead.popleft()
            self._position = batch.position
            if request != NEXT:
                self._requests.note(request)
            self._look_ahead(request)
        for task in batch.tasks:
            task.result()
        if self.save_to_dir:
            base.save_pictures(self, batch.x, batch.indices, batch.suffixes)
        assembled = self._assemble(batch.x, batch.indices)
        if self._encode is None:
            return assembled
        return (batch.x, self._encode(batch.params)), *assembled[1:]

    def _settings(self):
        """Return all that a batch depends on besides its request and position."""
        options = vars(self.image_data_generator).values()
        return self.n, self.batch_size, self.shuffle, self.seed, *options

    def _serves(self, batch, request):
        """Return whether a batch begun ahead was requested, and begun with today's settings."""
        old, new = batch.settings, self._settings()
        return (
            batch.request == request and len(old) == len(new) and all(map(operator.is_, old, new))
        )

    def _forget(self):
        for task in itertools.chain.from_iterable(batch.tasks for batch in self._ahead):
            task.cancel()
        self._ahead.clear()

    def _look_ahead(self, request):
        """Begin the batches that will be requested next, as far as that is known."""
        if request == NEXT:
            upcoming = itertools.repeat(NEXT)
        else:  # in another process, other workers read the next batches
            upcoming = () if self._in_worker else self._requests.upcoming()[len(self._ahead) :]
        missing = self.image_data_generator.prefetch - len(self._ahead)
        for guess in itertools.islice(upcoming, max(0, missing)):
            self._begin(guess, self._ahead[-1].position if self._ahead else self._position)

    def _begin(self, request, position):
        """Draw a batch's random numbers and hand its pictures to the threads."""
        memory.keep()
        generator, rng = self.image_data_generator, self._rng
        rng.set_state(position.random_state)
        if self.seed is not None:
            by_number = self._in_worker and request != NEXT
            seen = self._epoch_start + request if by_number else position.batches_seen
            rng.seed(self.seed + seen)
        fork = draws.fork(rng) if draws.has_user_code(generator) else None
        index_array = position.index_array
        if index_array is None or (request == NEXT and position.batch_index == 0):
            index_array = self._new_index_array()
        first, upcoming = position.place(request, n=self.n, batch_size=self.batch_size)
        indices = index_array[first : first + self.batch_size]
        params = draws.random_parameters(generator, self.image_shape, rng, number=len(indices))
        seeds = draws.seeds(fork, number=len(indices)) if fork else []
        if self._rows is not None:
            rows = self._rows(len(indices))
            indices, params = indices[rows], [params[row] for row in rows]
            seeds = [seeds[row] for row in rows] if seeds else []
        suffixes = [rng.randint(self._suffixes) for _ in indices] if self.save_to_dir else []
        after = Position(rng.get_state(), position.batches_seen + 1, upcoming, index_array)
        x = self._empty(len(indices))
        batch = Batch(request, after, indices, params, seeds, suffixes, x, self._settings())
        if self._threads is None:  # a thread per picture: OpenCV's own threads would compete
            self._threads = ThreadPoolExecutor(
                generator.workers, "ImageDataGenerator", cv2.setNumThreads, (1,)
            )
        # Few pictures per task, so that all threads finish a batch at about the same time.
        tasks = max(1, min(len(indices), 4 * generator.workers))
        for rows in np.array_split(np.arange(len(indices)), tasks):
            batch.tasks.append(self._threads.submit(self._fill, batch, rows))
        self._ahead.append(batch)

    def _empty(self, number):
        return memory.aligned((number, *self.image_shape), self._pixel_dtype or self.dtype)

    def _new_index_array(self):
        return self._rng.permutation(self.n) if self.shuffle else np.arange(self.n)

    def _set_index_array(self):
        """Draw the order of an epoch, from the flow's own random state if no hook is overridden."""
        if self._is_sequential():
            return super()._set_index_array()
        with self.lock:
            self._rng.set_state(self._position.random_state)
            order = self._new_index_array()
            self._go_on_from(index_array=order, random_state=self._rng.get_state())

    def _get_batches_of_transformed_samples(self, index_array):
        """Return a batch, made without threads, with draws from NumPy's global random state.

        Args:
            index_array: int array (batch,) of pictures' numbers.
        """
        return base.transformed_batch(self, index_array, fill=self._fill_slot)

    def _fill(self, batch, rows):
        """Read, augment and scale some pictures of a batch."""
        for row in rows:
            picture = self._picture(batch.indices[row])
            params = {} if self._encode else batch.params[row]
            fill = functools.partial(self._fill_slot, batch.x[row], picture, params)
            if batch.seeds:
                self._user_code.run(fill, seed=batch.seeds[row])
            else:
                fill()

    def _fill_slot(self, slot, picture, params):
        """Augment and scale one picture, and store it in its place in a batch."""
        generator = self.image_data_generator
        fits = slot.dtype == self._working_dtype
        x = slot if fits else np.empty(slot.shape, self._working_dtype)
        if not (self._takes_8_bit and picture.dtype == np.uint8):
            x[...] = picture
            picture = x
        augmented = generator.apply_transform(picture, params)
        if augmented is not x:
            x[...] = augmented
        scaled = generator.standardize(x)
        if scaled is not slot:
            slot[...] = scaled
