"""A folder of resized pictures that runs share: its place, its limit, and what is said of it."""

import contextlib
import math
import os
import shutil
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from keras_cnn import filesystem
from keras_cnn.errors import InputError
from keras_cnn.images.disk_files import RECORD, Entries, kind_of

RECORDS = ("checked", "examined")  # kinds of entries that hold no pictures
_SHARE = 0.1  # of the free room on the user's disk, for the pictures of a run


def default_folder() -> Path:
    """Return the folder of this user's cache."""
    return filesystem.keras_home() / "keras_cnn" / "pictures"


def chosen(choice: str) -> "bool | str | Disk":
    """Return where pictures are kept, as `images.cache.Cache` takes it.

    Args:
        choice: The recipe's choice `cache`: "auto" for at most a tenth of the user's disk,
            "memory", "none" or a folder.
    """
    if choice in ("none", "memory"):
        return "auto" if choice == "memory" else False
    if choice == "auto":
        return Disk(default_folder(), share=_SHARE, say=print)
    return Disk(Path(choice).expanduser(), say=print)


class Plan(NamedTuple):
    """Files that flows read, how many of them are missing on disk, and the bytes of each."""

    paths: frozenset[str]
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
        self._plans = {}  # folder of entries -> Plan
        self._untold = [say] if say else []
        self._is_refused = self._is_full = False

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
        entries = self._entries("x".join(map(str, shape)), shape=shape, options=options)
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
        return self._open(self._entries(kind, shape=(-1,), options=None), paths, 0)

    def _entries(self, kind, **options):
        return Entries(self.folder, kind, give_up=self._warn, **options)

    def _open(self, entries, paths, size):
        """Return the entries of files, `size` bytes each, if they may be written."""
        if self._is_refused:
            return None
        try:
            entries.folder.mkdir(parents=True, exist_ok=True)
            planned = self._plans.get(entries.folder)
            paths = frozenset(paths) | (planned.paths if planned else frozenset())
            missing = entries.missing(paths)
            if missing and (reason := filesystem.why_not_writable(entries.folder)):
                raise OSError(None, reason)
            with contextlib.suppress(OSError):  # a cache that this user may only read
                os.utime(entries.folder)  # the time of its last use
            free = shutil.disk_usage(entries.folder).free
        except OSError as error:
            return self._refuse(
                f"must be a folder that can be written to ({error.strerror}): name another"
            )
        plans = {**self._plans, entries.folder: Plan(paths, missing, RECORD.itemsize + size)}
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
            plan for folder, plan in self._plans.items() if kind_of(folder.name) not in RECORDS
        ]
        number, new = sum(len(plan.paths) for plan in plans), sum(plan.missing for plan in plans)
        size = sum(len(plan.paths) * plan.each for plan in plans) / 1e6
        say(
            f"Resized pictures are kept for the next run: {number} ({size:.1f} MB, {new} new) in "
            f"{self.folder}. keras-cnn cache lists and removes them."
        )

    def _warn(self, error):
        """Warn once that pictures cannot be written."""
        if not self._is_full:
            self._is_full = True
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
