"""Resized pictures on disk, which later runs read instead of decoding the files again.

Each process appends pictures to a file of its own, and a record of each picture to a second file,
the index. So any number of processes write without locks, and another split, a new or a removed
picture leaves the others valid. A record holds the checksum, the source with its stamp, and the
versions of all decoders; if one of them is not right, the picture is decoded again. So a damaged,
foreign or older file never gives wrong pixels.
"""

import contextlib
import dataclasses
import hashlib
import operator
import os
import re
import secrets
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL
from PIL import Image, features

from keras_cnn.images import decoding

_MAGIC = b"kcnnpix1"  # start of each file and record; the digit is the version of the format
RECORD = np.dtype(
    [
        ("magic", "S8"),
        ("checksum", "<u4"),  # of the rest of the record and of the values
        ("dtype", "S4"),
        ("identity", "V16"),  # digest of all that decides on the values
        ("name", "V16"),  # digest of the path
        ("stamp", "<i8", 4),
        ("place", "<i8"),
        ("size", "<i8"),
    ]
)
_UNCHECKED = 12  # bytes before those that the checksum covers
_FILE = re.compile(r"[0-9a-f]{32}\.(index|values)")
_FOLDER = re.compile(r"[0-9a-z]+-[0-9a-f]{16}")


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


class Entries:
    """Arrays of one kind, each made from a file, in a subfolder of a cache."""

    def __init__(
        self,
        folder: Path,
        kind: str,
        *,
        shape: tuple[int, ...],
        options: Any,
        give_up: Callable[[OSError], None],
    ):
        """Name the subfolder.

        Args:
            folder: The cache.
            kind: First part of the subfolder's name.
            shape: Shape of each array.
            options: All that decides on the arrays besides the file; the rest of the name.
            give_up: Called if an array cannot be written; none is written afterwards.
        """
        decided_by = repr((kind, shape, options)).encode("utf-8", "surrogateescape")
        digest = hashlib.blake2b(decided_by, digest_size=8).hexdigest()
        self.folder = folder / f"{kind}-{digest}"
        self._shape, self._give_up, self._is_full = shape, give_up, False
        self._decided_by = decided_by + repr(_versions()).encode()
        self._places = {}  # name -> (file of values, record) of each copy, the newest last
        self._start()

    def _start(self):
        """Begin without a file of this process."""
        self._process, self._lock, self._own = os.getpid(), threading.Lock(), None

    def missing(self, paths: Iterable[str]) -> int:
        """Read the index of all processes; return the number of files without a record.

        Args:
            paths: The files.

        Raises:
            OSError: The folder cannot be read.
        """
        self._places.clear()
        for entry in sorted(_files(self.folder), key=operator.attrgetter("name")):
            if entry.name.endswith(".index"):
                with contextlib.suppress(OSError):  # another process has just removed it
                    records = np.frombuffer(*_whole_records(Path(entry.path).read_bytes()))
                    for record in records[records["magic"] == _MAGIC]:
                        self._add(entry.path.removesuffix("index") + "values", record)
        return sum(_digest(_absolute(path)) not in self._places for path in paths)

    def _add(self, file, record):
        self._places.setdefault(record["name"].tobytes(), []).append((file, record))

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
        name = _digest(_absolute(path))
        identity = _digest(_absolute(path) + self._decided_by)
        for file, record in reversed(self._places.get(name, ())):
            if record["identity"].tobytes() == identity and tuple(record["stamp"]) == seen:
                if (array := self._load(file, record)) is not None:
                    return array
        if (array := read()) is not None and not self._is_full:
            try:
                self._store(name, identity, seen, array)
            except OSError as error:
                self._is_full = True
                self._give_up(error)
        return array

    def _load(self, file, record):
        """Return the array of a record; None if it is damaged."""
        try:
            with open(file, "rb", buffering=0) as stream:
                is_inside = 0 <= record["size"] <= os.fstat(stream.fileno()).st_size
                values = np.empty(record["size"] if is_inside else 0, np.uint8)
                stream.seek(record["place"])
                if stream.readinto(values) != record["size"]:
                    return None
        except (OSError, ValueError, OverflowError):  # removed; or a place that cannot be
            return None
        if _checksum(record, values) != record["checksum"]:
            return None
        return values.view(record["dtype"].decode()).reshape(self._shape)

    def _store(self, name, identity, seen, array):
        """Append an array to the file of this process, and then its record to the index."""
        if self._process != os.getpid():  # a fork inherits neither the holder of the lock nor files
            self._start()
        values = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        record = np.zeros((), RECORD)
        with self._lock:
            self._own = self._own or f"{time.time_ns():016x}{secrets.token_hex(8)}"
            file = self.folder / f"{self._own}.values"
            with open(file, "ab") as stream:
                if not stream.tell():
                    stream.write(_MAGIC)
                place = stream.tell()
                stream.write(values)
            dtype = array.dtype.str.encode()
            record[()] = (_MAGIC, 0, dtype, identity, name, seen, place, len(values))
            record["checksum"] = _checksum(record, values)
            with open(file.with_suffix(".index"), "ab") as stream:
                stream.write(record.tobytes())
        self._add(str(file), record[()])


def _whole_records(content):
    """Return the arguments of `np.frombuffer` without the record that was not written in full."""
    return content, RECORD, len(content) // RECORD.itemsize


def _checksum(record, values):
    return zlib.crc32(values, zlib.crc32(record.tobytes()[_UNCHECKED:]))


def kind_of(name: str) -> str:
    """Return what the files of a subfolder hold: a kind of records, or the shape of pictures.

    Args:
        name: The subfolder's name.
    """
    return name.partition("-")[0]


def _absolute(path):
    return os.path.abspath(path).encode("utf-8", "surrogateescape")


def _digest(content):
    return hashlib.blake2b(content, digest_size=16).digest()


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
        entries: Number of its pictures or records.
        bytes: Their size.
        last_use: Time of the last run that read it, in seconds since 1970.
    """

    name: str
    entries: int
    bytes: int
    last_use: float


def parts(folder: str | os.PathLike) -> list[Part]:
    """Return what a cache holds, by name.

    Args:
        folder: The cache; it may be missing.
    """
    found = []
    for subfolder in _subfolders(folder):
        files = [(entry.name, entry.stat().st_size) for entry in _files(subfolder)]
        size = sum(size for _, size in files)
        of_index = sum(size for name, size in files if name.endswith(".index"))
        last_use = os.stat(subfolder).st_mtime
        name = os.path.basename(subfolder)
        found.append(Part(name, of_index // RECORD.itemsize, size, last_use))
    return found


def clear(folder: str | os.PathLike) -> tuple[int, int]:
    """Remove a cache: its own files, which their names and first bytes show, and nothing else.

    Args:
        folder: The cache; it may be missing.

    Returns:
        Number of the pictures and records, and bytes of the files that were removed.

    Raises:
        OSError: A file cannot be removed.
    """
    number = size = 0
    for subfolder in _subfolders(folder):
        for entry in _files(subfolder):
            if _is_ours(entry.path):
                bytes_of_file = entry.stat().st_size
                size += bytes_of_file
                number += bytes_of_file // RECORD.itemsize * entry.name.endswith(".index")
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
