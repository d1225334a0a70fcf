"""A cache of resized pictures, in memory or on disk, so that later epochs need not decode."""

import functools
import hashlib
import os
import shutil
import warnings
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from keras_cnn.errors import InputError
from keras_cnn.images.memory import free_memory

_SHARE_OF_FREE_MEMORY = 4  # all automatic caches together take at most a quarter
_STAMP = 4  # numbers that identify the content of a file
_automatic = weakref.WeakSet()  # automatic caches in use


class Cache:
    """Resized pictures of one type, each with the time, size and number (inode) of its file.

    A picture is read again when its file has changed. A picture of another type is read every time:
    in this array it would change its type. Any number of processes may share a cache on
    disk: all write the same bytes, and a picture is valid only once it is complete.
    """

    def __init__(
        self,
        filepaths: Sequence[str],
        *,
        shape: tuple[int, int, int],
        dtype: str | np.dtype = "uint8",
        where: bool | str | os.PathLike = "auto",
        options: object = None,
    ):
        """Allocate memory, or open the file that an earlier process left on disk.

        Args:
            filepaths: File of each picture.
            shape: (height, width, channels) of every picture.
            dtype: Type of the pictures.
            where: False for no cache, True for memory, a folder for a file in it, or "auto" for
                memory: all automatic caches together take at most a quarter of the free memory. If
                it does not suffice for all pictures, only the first ones are kept.
            options: Everything besides the file that decides on the pixels. The name of the file on
                disk depends on it.

        Raises:
            InputError: The folder cannot be written or its disk is too small.
        """
        self._filepaths = filepaths
        self._arguments = {"shape": shape, "dtype": dtype, "where": where, "options": options}
        dtype = np.dtype(dtype)
        size = int(np.prod(shape)) * dtype.itemsize
        if isinstance(where, bool) or where == "auto":
            count = len(filepaths) if where else 0
            if where == "auto":
                taken = sum(cache._pictures.nbytes for cache in _automatic)
                left = max(0, free_memory() // _SHARE_OF_FREE_MEMORY - taken)
                count = min(count, left // size)
            self._pictures = _allocate(count, shape, dtype)
            if where is True and len(self._pictures) < count:
                warnings.warn(
                    f"cache=True: memory suffices for {len(self._pictures)} of {count} pictures; "
                    "the others are read in every epoch",
                    stacklevel=5,
                )
            self._stamps = np.zeros((len(self._pictures), _STAMP), np.int64)
            if where == "auto":
                _automatic.add(self)
        else:
            count = len(filepaths)
            stamps = 8 * _STAMP * count  # bytes
            key = (filepaths, shape, dtype.str, options)
            memory = _mapped_file(Path(where), stamps + count * size, key)
            self._stamps = memory[:stamps].view(np.int64).reshape(count, _STAMP)
            self._pictures = memory[stamps:].view(dtype).reshape(count, *shape)

    def __reduce__(self):
        """Return how to unpickle a copy: empty in memory, or with the same file on disk."""
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
            return read()
        try:
            status = os.stat(self._filepaths[index])
        except OSError:
            return read()  # raises an error that says what is wrong
        stamp = [
            status.st_mtime_ns,
            status.st_ctime_ns,  # changes with the content, whatever time a copy was given
            status.st_size,
            status.st_ino & (2**63 - 1),  # Windows may need 64 bits
        ]
        if self._stamps[index].tolist() != stamp:
            picture = read()
            if picture.dtype != self._pictures.dtype:
                return picture
            self._stamps[index] = 0  # invalid while the pixels are being written
            self._pictures[index] = picture
            self._stamps[index] = stamp
        return self._pictures[index]


def _allocate(count, shape, dtype):
    """Allocate memory for pictures, for half as many as long as there is not enough."""
    while True:
        try:
            return np.empty((count, *shape), dtype)  # takes memory as it is filled
        except MemoryError:
            count //= 2


def _mapped_file(folder, size, key):
    """Map a file, filled with zeros if it is new. Several processes may create it at a time."""
    name = hashlib.sha256(repr(key).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    path = folder / f"{name}.pictures"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with open(path, "ab") as file:
            blocks = getattr(os.fstat(file.fileno()), "st_blocks", 0)
            missing = size - blocks * 512
            if missing > shutil.disk_usage(folder).free:
                raise InputError(
                    f"cache={str(folder)!r} needs {missing / 1e9:.1f} GB more than its disk has "
                    "free: make room, name another folder, or use smaller pictures"
                )
            file.truncate(size)
        return np.memmap(path, np.uint8, mode="r+", shape=size)
    except OSError as error:
        raise InputError(
            f"cache={str(folder)!r} must be a folder that can be written to "
            f"({error.strerror}): name another"
        ) from error
