"""Resized pictures on disk, which later runs read instead of decoding the files again.

Each picture has a file of its own, named after the path of its source: another split, a new or a
removed picture changes no other file. Any number of processes write without locks. A file is valid
only if its checksum, its source and the versions of all decoders are right; otherwise the picture
is decoded again. So a damaged, foreign or older file never gives wrong pixels.
"""

import contextlib
import dataclasses
import hashlib
import math
import os
import re
import shutil
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import PIL
from PIL import Image, features

from keras_cnn import filesystem
from keras_cnn.errors import InputError
from keras_cnn.images import decoding

_MAGIC = b"kcnnpix1"  # the digit is the version of the format
# Magic, checksum of the rest, type of the values, digest of all that decides on them, stamp.
_HEADER = struct.Struct("<8sI4s16s4q")
_UNCHECKED = 12  # bytes before those that the checksum covers
_BLOCK = 4096  # bytes; file systems give room in multiples of it
_FILE = re.compile(r"[0-9a-f]{32}\.picture")
_FOLDER = re.compile(r"[0-9a-z]+-[0-9a-f]{16}")
RECORDS = ("checked", "examined")  # kinds of entries that hold no pictures


def default_folder() -> Path:
    """Return the folder of this user's cache."""
    return filesystem.keras_home() / "keras_cnn" / "pictures"


def stamp(path: str | os.PathLike) -> tuple[int, int, int, int]:
    """Return numbers that change with the content of a file.

    Args:
        path: The file.

    Raises:
        OSError: There is no such file.
    """
    status = os.stat(path)
    return (
        status.st_mtime_ns,
        status.st_ctime_ns,  # changes with the content, whatever time a copy was given
        status.st_size,
        status.st_ino & (2**63 - 1),  # Windows may need 64 bits
    )


class Plan(NamedTuple):
    """Pictures of a flow: their number, how many are missing on disk, and the bytes of each."""

    pictures: int
    missing: int
    each: int


class Disk:
    """A folder of resized pictures, which all flows of a run share."""

    def __init__(
        self,
        folder: str | os.PathLike,
        *,
        share: float | None = None,
        say: Callable[[str], None] | None = None,
    ):
        """Choose a folder; nothing is created before the first flow opens.

        Args:
            folder: The folder.
            share: Share of the disk's free room that the pictures may take. If they need more, or
                the folder cannot be written, the run goes on without it. None refuses such a
                folder.
            say: Called with a sentence on the place and size of the pictures, before the first is
                read, or with the reason why there are none.
        """
        self.folder = Path(folder)
        self._share, self._say = share, say
        self.is_full = False
        self._plans = {}  # (folder, hash of the paths) -> Plan
        self._untold = [say] if say else []
        self._is_refused = False

    def __reduce__(self):
        """Return how to unpickle a copy, in which no flow is open."""
        return _reopened, (self.folder, self._share, self._say)

    def pictures(
        self, paths: Sequence[str], *, shape: tuple[int, int, int], dtype: np.dtype, options: Any
    ) -> "Entries | None":
        """Open the resized pictures of files.

        Args:
            paths: The files.
            shape: (height, width, channels) of each picture.
            dtype: Type of most pictures; those of another type are kept, too.
            options: All that decides on the pixels besides the file.

        Returns:
            The pictures; None if the disk has no room for them, or the folder cannot be written.

        Raises:
            InputError: The same, if there is no `share`.
        """
        entries = Entries(self, "x".join(map(str, shape)), shape=shape, options=options)
        return self._open(entries, paths, math.prod(shape) * dtype.itemsize)

    def records(self, paths: Sequence[str], *, kind: str) -> "Entries | None":
        """Open records of files that were read to their last pixel, bytes of any number.

        Args:
            paths: The files.
            kind: One of `RECORDS`.

        Returns:
            As `pictures`.

        Raises:
            InputError: As by `pictures`.
        """
        return self._open(Entries(self, kind, shape=(-1,), options=None), paths, 0)

    def _open(self, entries, paths, size):
        """Return the entries of files, `size` bytes each, if they may be written."""
        if self._is_refused:
            return None
        try:
            entries.folder.mkdir(parents=True, exist_ok=True)
            there = set(os.listdir(entries.folder))
            missing = sum(entries.name(path) not in there for path in paths)
            if missing and (reason := filesystem.why_not_writable(entries.folder)):
                raise OSError(None, reason)
            with contextlib.suppress(OSError):  # a cache that this user may only read
                os.utime(entries.folder)  # the time of its last use
            free = shutil.disk_usage(entries.folder).free
        except OSError as error:
            return self._refuse(
                f"must be a folder that can be written to ({error.strerror}): name another"
            )
        plan = Plan(len(paths), missing, -(-(_HEADER.size + size) // _BLOCK) * _BLOCK)
        key = entries.folder, hash(tuple(paths))
        plans = {**self._plans, key: plan}
        needed = sum(other.missing * other.each for other in plans.values())
        limit = free * (self._share or 1)
        if missing and needed > limit:
            part = "" if self._share is None else f"{self._share:.0%} of "
            return self._refuse(
                f"needs {needed / 1e9:.1f} GB more, and {part}the free room on its disk is "
                f"{limit / 1e9:.1f} GB: make room, name another folder, or use smaller pictures"
            )
        self._plans = plans
        return entries

    def tell(self) -> None:
        """Say where the pictures are and how large they are, once."""
        try:
            say = self._untold.pop()  # by one thread only
        except IndexError:
            return
        plans = [
            plan for (folder, _), plan in self._plans.items() if _kind(folder.name) not in RECORDS
        ]
        number, new = sum(plan.pictures for plan in plans), sum(plan.missing for plan in plans)
        size = sum(plan.pictures * plan.each for plan in plans) / 1e6
        say(
            f"Resized pictures are kept for the next run: {number} ({size:.1f} MB, {new} new) in "
            f"{self.folder}. keras-cnn cache lists and removes them."
        )

    def give_up(self, error: OSError) -> None:
        """Write no further pictures; warn once.

        Args:
            error: Why a picture could not be written.
        """
        if not self.is_full:
            self.is_full = True
            warnings.warn(
                f"resized pictures cannot be kept in {self.folder} ({error.strerror}): "
                "the run goes on without the others",
                stacklevel=2,
            )

    def _refuse(self, reason):
        if self._share is None:
            raise InputError(f"cache={str(self.folder)!r} {reason}")
        self._is_refused = True
        if self._say:
            self._say(f"Resized pictures are not kept for the next run: {self.folder} {reason}.")
        return None


def _reopened(folder, share, say):
    return Disk(folder, share=share, say=say)


class Entries:
    """Arrays of one kind, one file each, in a subfolder of a `Disk`."""

    def __init__(self, disk: Disk, kind: str, *, shape: tuple[int, ...], options: Any):
        """Name the subfolder.

        Args:
            disk: The folder.
            kind: First part of the subfolder's name.
            shape: Shape of each array.
            options: All that decides on the arrays besides the file; the rest of the name.
        """
        decided_by = repr((kind, shape, options)).encode("utf-8", "surrogateescape")
        digest = hashlib.blake2b(decided_by, digest_size=8).hexdigest()
        self.folder = disk.folder / f"{kind}-{digest}"
        self._disk, self._shape = disk, shape
        self._decided_by = decided_by + repr(_versions()).encode()

    def get(self, path: str, read: Callable[[], np.ndarray | None]) -> np.ndarray | None:
        """Return the array of a file; read the file if the array is not there or not valid.

        Args:
            path: The file.
            read: Makes the array; None is not kept.

        Returns:
            The array. Its values are those that `read` returns.
        """
        try:
            seen = stamp(path)  # before it is read: a file that changes meanwhile is read again
        except OSError:
            return read()  # tells what is wrong
        array = self._load(path, seen)
        if array is None and (array := read()) is not None:
            self._store(path, seen, array)
        return array

    def name(self, path: str) -> str:
        """Return the name of the file of a picture.

        Args:
            path: Its source.
        """
        return f"{_digest(_absolute(path))}.picture"

    def _identity(self, path):
        return hashlib.blake2b(_absolute(path) + self._decided_by, digest_size=16).digest()

    def _load(self, path, seen):
        """Return the array that was stored, or None."""
        try:
            with open(self.folder / self.name(path), "rb", buffering=0) as file:
                content = np.empty(os.fstat(file.fileno()).st_size, np.uint8)
                if file.readinto(content) != len(content) or len(content) < _HEADER.size:
                    return None
        except (OSError, MemoryError):
            return None
        magic, checksum, dtype, identity, *stored = _HEADER.unpack_from(content)
        if (magic, identity, tuple(stored)) != (_MAGIC, self._identity(path), seen):
            return None
        if zlib.crc32(content[_UNCHECKED:]) != checksum:
            return None
        return content[_HEADER.size :].view(dtype.decode().strip()).reshape(self._shape)

    def _store(self, path, seen, array):
        """Write an array. Two processes that write the same file at once do no harm."""
        if self._disk.is_full:
            return
        values = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        dtype = array.dtype.str.encode().ljust(4)
        header = bytearray(_HEADER.pack(_MAGIC, 0, dtype, self._identity(path), *seen))
        checksum = zlib.crc32(values, zlib.crc32(header[_UNCHECKED:]))
        struct.pack_into("<I", header, len(_MAGIC), checksum)
        file = self.folder / self.name(path)
        try:
            with open(file, "wb") as stream:
                stream.write(header)
                stream.write(values)
        except OSError as error:
            with contextlib.suppress(OSError):
                file.unlink()
            self._disk.give_up(error)


def _kind(name):
    return name.partition("-")[0]


def _absolute(path):
    return os.path.abspath(path).encode("utf-8", "surrogateescape")


def _digest(content):
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _versions():
    """Return all that decides on the pixels of every file."""
    libraries = features.version("jpg"), features.version("libtiff")
    return decoding.VERSION, PIL.__version__, *libraries, cv2.__version__, Image.MAX_IMAGE_PIXELS


@dataclasses.dataclass(frozen=True)
class Part:
    """A subfolder of a cache.

    Attributes:
        name: One of `RECORDS`, or the pictures' height, width and channels; and a hash of the other
            choices of reading.
        files: Number of its files.
        bytes: Their size.
        last_use: Time of the last run that read it, in seconds since 1970.
    """

    name: str
    files: int
    bytes: int
    last_use: float


def parts(folder: str | os.PathLike) -> list[Part]:
    """Return what a cache holds, by name.

    Args:
        folder: The cache; it may be missing.
    """
    found = []
    for subfolder in _subfolders(folder):
        sizes = [entry.stat().st_size for entry in _files(subfolder)]
        last_use = os.stat(subfolder).st_mtime
        found.append(Part(os.path.basename(subfolder), len(sizes), sum(sizes), last_use))
    return found


def clear(folder: str | os.PathLike) -> tuple[int, int]:
    """Remove a cache: its own files, which their names and first bytes show, and nothing else.

    Args:
        folder: The cache; it may be missing.

    Returns:
        Number and bytes of the files that were removed.

    Raises:
        OSError: A file cannot be removed.
    """
    number = size = 0
    for subfolder in _subfolders(folder):
        for entry in _files(subfolder):
            if _is_ours(entry.path):
                size += entry.stat().st_size
                number += 1
                os.unlink(entry.path)
        with contextlib.suppress(OSError):  # another program's files are in it
            os.rmdir(subfolder)
    return number, size


def _subfolders(folder) -> Iterator[str]:
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        yield from (os.path.join(folder, name) for name in sorted(names) if _FOLDER.fullmatch(name))


def _files(folder):
    with os.scandir(folder) as entries:
        return [
            entry
            for entry in entries
            if _FILE.fullmatch(entry.name) and entry.is_file(follow_symlinks=False)
        ]


def _is_ours(path):
    with open(path, "rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC
