"""A cache of resized pictures, in memory or on disk, so that later epochs need not decode."""

import hashlib
import os
import shutil
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from keras_cnn.errors import InputError

_SHARE_OF_FREE_MEMORY = 4  # all automatic caches together take at most a quarter
_automatic = weakref.WeakSet()  # automatic caches in use


class Cache:
    """Resized 8-bit pictures, each with the time and size of its file.

    A picture is read again when its file has changed. Any number of processes may share a cache on
    disk: all write the same bytes, and a picture is valid only once it is complete.
    """

    def __init__(
        self,
        filepaths: Sequence[str],
        *,
        shape: tuple[int, int, int],
        where: bool | str | os.PathLike = "auto",
        options: object = None,
    ):
        """Allocate memory, or open the file that an earlier process left on disk.

        Args:
            filepaths: File of each picture.
            shape: (height, width, channels) of every picture.
            where: False for no cache, True for memory, a folder for a file in it, or "auto" for
                memory: all automatic caches together take at most a quarter of the free memory. If
                it does not suffice for all pictures, only the first ones are kept.
            options: Everything besides the file that decides on the pixels. The name of the file on
                disk depends on it.

        Raises:
            InputError: The folder cannot be written or its disk is too small.
        """
        self._filepaths = filepaths
        size = int(np.prod(shape))
        if isinstance(where, bool) or where == "auto":
            count = len(filepaths) if where else 0
            if where == "auto":
                taken = sum(cache._pictures.nbytes for cache in _automatic)
                left = max(0, free_memory() // _SHARE_OF_FREE_MEMORY - taken)
                count = min(count, left // size)
            self._stamps = np.zeros((count, 2), np.int64)
            self._pictures = np.empty((count, *shape), np.uint8)  # takes memory as it is filled
            if where == "auto":
                _automatic.add(self)
        else:
            count = len(filepaths)
            raw = _mapped_file(Path(where), count * (16 + size), (filepaths, shape, options))
            self._stamps = raw[: 16 * count].view(np.int64).reshape(count, 2)
            self._pictures = raw[16 * count :].reshape(count, *shape)

    def get(self, index: int, read: Callable[[], np.ndarray]) -> np.ndarray:
        """Return a picture; read its file if it is not in the cache or has changed.

        Args:
            index: Number of the picture.
            read: Reads the picture from its file.

        Returns:
            uint8 array (height, width, channels). Do not write to it.
        """
        if index >= len(self._stamps):
            return read()
        try:
            status = os.stat(self._filepaths[index])
        except OSError:
            return read()  # raises an error that says what is wrong
        stamp = [status.st_mtime_ns, status.st_size]
        if self._stamps[index].tolist() != stamp:
            picture = read()
            self._stamps[index] = 0  # invalid while the pixels are being written
            self._pictures[index] = picture
            self._stamps[index] = stamp
        return self._pictures[index]


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


def free_memory() -> int:
    """Estimate the free memory in bytes, within this container's limit if it has one."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = (
            next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) * 1024
        )
    except OSError:  # not Linux
        return 4 * 1024**3
    group = Path("/sys/fs/cgroup")
    try:
        limit = int((group / "memory.max").read_text())
        used = int((group / "memory.current").read_text())
        return max(0, min(free, limit - used + _number(group / "memory.stat", "file")))
    except (OSError, ValueError):  # no container, or one without a limit ("max")
        return free


def _number(path, name):
    lines = (line.split() for line in path.read_text().splitlines())
    return next(int(line[1]) for line in lines if line[0] == name)
