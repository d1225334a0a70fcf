"""The base class of Keras' legacy iterators, for subclasses in old scripts."""

import dis
import sys
import threading
from typing import Any

import keras
import numpy as np

from keras_cnn.images.legacy import draws

_HOOKS = ("_get_batches_of_transformed_samples", "_set_index_array", "_flow_index")


class Iterator(keras.utils.PyDataset):
    """Batches of n samples, made by a method that a subclass defines.

    It takes the arguments of Keras' legacy class and draws as that class does, from NumPy's global
    random state. A subclass defines `_get_batches_of_transformed_samples`. It may also override
    `_set_index_array`, `_flow_index` and `next`, and use `lock` and `index_generator`.

    The iterators that `ImageDataGenerator` returns are of this class, too. As long as no hook is
    overridden, threads make their batches. With an overridden hook they are made one after the
    other, several times slower. So they are as soon as a script has used `index_generator`.

    Attributes:
        n: Number of samples.
        batch_size: Samples per batch; the last of an epoch may have fewer.
        shuffle: Whether each epoch has an order of its own.
        seed: Makes order and draws reproducible, or None.
        batch_index: Number of the batch that `next` returns next.
        total_batches_seen: Number of batches begun so far.
        index_array: Numbers of the samples in this epoch's order; None before the first batch.
        index_generator: Yields the numbers of each next batch's samples; hold `lock` meanwhile.
    """

    white_list_formats = ("png", "jpg", "jpeg", "bmp", "ppm", "tif", "tiff")
    image_data_generator = None
    _seeds_globally = False  # whether `index_generator` was used

    def __init__(self, n: int, batch_size: int, shuffle: bool, seed: int | None, **options: Any):
        """Set up.

        Args:
            n: Number of samples.
            batch_size: Samples per batch.
            shuffle: Whether each epoch has an order of its own.
            seed: Makes order and draws reproducible, or None.
            **options: For `keras.utils.PyDataset`, such as `workers`.
        """
        super().__init__(**options)
        self.n = n
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.batch_index = 0
        self.total_batches_seen = 0
        self.index_array = None
        self.lock = threading.RLock()
        self.index_generator = self._flow_index()

    def __len__(self) -> int:
        """Count the batches of an epoch."""
        return -(-self.n // self.batch_size)

    def __getitem__(self, idx: int) -> Any:
        """Return a batch of this epoch.

        Args:
            idx: Its number.
        """
        if not 0 <= idx < len(self):
            raise IndexError(f"batches are numbered from 0 to {len(self) - 1}; received {idx}")
        with self.lock:
            self._seed_draws()
            self.total_batches_seen += 1
            if self.index_array is None:
                self._set_index_array()
            first = self.batch_size * idx
            index_array = self.index_array[first : first + self.batch_size]
            return self._get_batches_of_transformed_samples(index_array)

    def __iter__(self):
        """Return itself: batches without end."""
        return self

    def __next__(self) -> Any:
        """Return the next batch; after an epoch's last one, the first of the next epoch."""
        return self.next()

    def next(self) -> Any:
        """Return the next batch, as scripts for older versions of Keras call it."""
        with self.lock:
            index_array = next(self.index_generator)
        return self._get_batches_of_transformed_samples(index_array)

    def reset(self) -> None:
        """Make `next` begin a new epoch."""
        self.batch_index = 0

    def on_epoch_end(self) -> None:
        """Draw the order of the next epoch. Called by Keras."""
        self._set_index_array()

    def _set_index_array(self):
        """Draw the order of an epoch."""
        self.index_array = np.random.permutation(self.n) if self.shuffle else np.arange(self.n)

    def _flow_index(self):
        """Yield the numbers of each next batch's samples."""
        while True:
            self._seed_draws()
            if self.batch_index == 0:
                self._set_index_array()
            first = self.batch_index * self.batch_size % self.n if self.n else 0
            is_last = first + self.batch_size >= self.n
            self.batch_index = 0 if is_last else self.batch_index + 1
            self.total_batches_seen += 1
            yield _Indices.of(self.index_array, first, self.batch_size)

    def _seed_draws(self):
        """Seed NumPy's global state, and make the generator draw from it."""
        self._seeds_globally = True
        if isinstance(self.image_data_generator, draws.GlobalDraws):
            self.image_data_generator.draws_globally = True
        if self.seed is not None:
            np.random.seed(self.seed + self.total_batches_seen)

    def _get_batches_of_transformed_samples(self, index_array):
        """Return a batch.

        Args:
            index_array: int array (batch,) of samples' numbers.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must define _get_batches_of_transformed_samples(index_array)"
        )

    def _is_sequential(self):
        """Return whether batches are made one after the other, as the user's own hooks need it."""
        return self._seeds_globally or not all(draws.is_ours(getattr(self, x)) for x in _HOOKS)


class _Indices(np.ndarray):
    """The numbers of a batch's samples, which can be unpacked as by Keras before 2.0.9.

    There ``index_array, current_index, batch_size = next(self.index_generator)``.
    """

    triple = None  # of what a slice or a copy derives from this array

    @classmethod
    def of(cls, index_array, first, batch_size):
        indices = np.asarray(index_array)[first : first + batch_size]
        view = indices.view(cls)
        view.triple = indices, first, len(indices)
        return view

    def __iter__(self):
        caller = sys._getframe(1)
        code, position = caller.f_code.co_code, caller.f_lasti
        is_unpacked = tuple(code[position : position + 2]) == (dis.opmap["UNPACK_SEQUENCE"], 3)
        return iter(self.triple if is_unpacked and self.triple else self.view(np.ndarray))


def transformed_batch(iterator: Any, index_array: np.ndarray, *, fill: Any) -> Any:
    """Make a batch of pictures one after the other, with draws in the order of the legacy class.

    Args:
        iterator: Knows its pictures (`_picture`), their targets (`_assemble`), `image_shape`,
            `dtype`, `image_data_generator` and where to save them.
        index_array: int array (batch,) of pictures' numbers.
        fill: Called with the place (height, width, channels) in the batch, the picture and its
            random parameters; augments, scales and stores it.
    """
    index_array = np.asarray(index_array)
    x = np.zeros((len(index_array), *iterator.image_shape), iterator.dtype)
    generator = iterator.image_data_generator
    for slot, index in zip(x, index_array, strict=True):
        picture = iterator._picture(index)
        if generator is None:
            slot[...] = picture
        else:
            fill(slot, picture, generator.get_random_transform(picture.shape))
    if iterator.save_to_dir:
        suffixes = [np.random.randint(iterator._suffixes) for _ in index_array]
        save_pictures(iterator, x, index_array, suffixes)
    return iterator._assemble(x, index_array)


def save_pictures(iterator: Any, x: np.ndarray, indices: np.ndarray, suffixes: list[int]) -> None:
    """Save a batch's pictures for inspection.

    Args:
        iterator: Has the folder `save_to_dir`, `save_prefix`, `save_format` and `data_format`.
        x: The pictures, array (n, ...).
        indices: Numbers of the pictures.
        suffixes: Random numbers for the names.
    """
    for picture, index, suffix in zip(x, indices, suffixes, strict=True):
        name = f"{iterator.save_prefix}_{index}_{suffix}.{iterator.save_format}"
        image = keras.utils.array_to_img(picture, iterator.data_format, scale=True)
        image.save(f"{iterator.save_to_dir}/{name}")
