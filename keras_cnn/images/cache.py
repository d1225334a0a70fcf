"""A cache of resized pictures, in memory and on disk, so that later epochs need not decode."""

import functools
import os
import warnings
import weakref
from collections.abc import Callable, Sequence

import numpy as np

from keras_cnn.images.disk import Disk
from keras_cnn.images.disk_files import stamp
from keras_cnn.images.memory import free_memory

_SHARE_OF_FREE_MEMORY = 4  # all automatic caches together take at most a quarter
_automatic = weakref.WeakSet()  # automatic caches in use


class Cache:
    """Resized pictures of one type, each with the time, size and number (inode) of its file.

    A picture is read again when its file has changed. A picture of another type is not kept in
    memory: in this array it would change its type.
    """

    def __init__(
        self,
        filepaths: Sequence[str],
        *,
        shape: tuple[int, int, int],
        dtype: str | np.dtype = "uint8",
        where: bool | str | os.PathLike | Disk = "auto",
        options: object = None,
    ):
        """Allocate memory, and open the pictures that earlier runs left on disk.

        Args:
            filepaths: File of each picture.
            shape: (height, width, channels) of every picture.
            dtype: Type of the pictures.
            where: False for no cache, True for memory, or "auto" for memory: all automatic caches
                together take at most a quarter of the free memory. If it does not suffice for all
                pictures, only the first ones are kept. A folder or a `Disk` keeps all on disk, and
                those in memory that "auto" would.
            options: Everything besides the file that decides on the pixels.

        Raises:
            InputError: The folder cannot be written or its disk is too small.
        """
        self._filepaths = filepaths
        self._arguments = {"shape": shape, "dtype": dtype, "where": where, "options": options}
        dtype = np.dtype(dtype)
        self._disk = self._entries = None
        if not isinstance(where, bool) and where != "auto":
            self._disk = where if isinstance(where, Disk) else Disk(where)
            self._entries = self._disk.pictures(
                filepaths, shape=shape, dtype=dtype, options=options
            )
        count = len(filepaths) if where else 0
        if not isinstance(where, bool):
            taken = sum(cache._pictures.nbytes for cache in _automatic)
            left = max(0, free_memory() // _SHARE_OF_FREE_MEMORY - taken)
            count = min(count, left // (int(np.prod(shape)) * dtype.itemsize))
        self._pictures = _allocate(count, shape, dtype)
        if not isinstance(where, bool):
            _automatic.add(self)
        self._stamps = np.zeros((len(self._pictures), 4), np.int64)
        if where is True and len(self._pictures) < count:
            warnings.warn(
                f"cache=True: memory suffices for {len(self._pictures)} of {count} pictures; "
                "the others are read in every epoch",
                stacklevel=5,
            )

    def __reduce__(self):
        """Return how to unpickle a copy: empty in memory, or with the same files on disk."""
        return functools.partial(Cache, **self._arguments), (self._filepaths,)

    def get(self, index: int, read: Callable[[], np.ndarray]) -> np.ndarray:
        """Return a picture; read its file if it is not in the cache or has changed.

        Args:
            index: Number of the picture.
            read: Reads the picture from its file.

        Returns:
            Array (height, width, channels). Do not write to it.
        """
        if index >= len(self._stamps):
            return self._from_disk(index, read)
        try:
            seen = stamp(self._filepaths[index])
        except OSError:
            return read()  # raises an error that says what is wrong
        if self._stamps[index].tolist() != [*seen]:
            picture = self._from_disk(index, read)
            if picture.dtype != self._pictures.dtype:
                return picture
            self._stamps[index] = 0  # invalid while the pixels are being written
            self._pictures[index] = picture
            self._stamps[index] = seen
        return self._pictures[index]

    def _from_disk(self, index, read):
        """Return a picture from the disk, or else from its file."""
        if self._entries is None:
            return read()
        self._disk.tell()
        return self._entries.get(self._filepaths[index], read)


def _allocate(count, shape, dtype):
    """Allocate memory for pictures, for half as many as long as there is not enough."""
    while True:
        try:
            return np.empty((count, *shape), dtype)  # takes memory as it is filled
        except MemoryError:
            count //= 2
