"""Examine picture files: can a network read them, and what does reading change."""

import collections
import dataclasses
import functools
import hashlib
import io
import itertools
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image

from keras_cnn.datasets import copies
from keras_cnn.i18n import N_
from keras_cnn.images import decoding, files
from keras_cnn.images.disk_files import Entries

_BATCH = 64  # files that a thread examines at a time
_EXTENSIONS = {"JPEG": ("jpg", "jpeg"), "MPO": ("jpg", "jpeg"), "TIFF": ("tif", "tiff")}


@dataclasses.dataclass(frozen=True, slots=True)
class Examination:
    """What a file holds.

    Attributes:
        size: (width, height) in pixels; None if it cannot be read.
        digest: SHA-256 of the file.
        hash: See `copies.perceptual_hash`.
        findings: (kind, reason) pairs, with the kinds of `check.KINDS`.
    """

    size: tuple[int, int] | None
    digest: bytes = b""
    hash: np.ndarray | None = None
    findings: tuple[tuple[str, str], ...] = ()


def examine(path: str | os.PathLike) -> Examination:
    """Read a picture to its last pixel. No error of a decoder passes through.

    Args:
        path: File name.
    """
    try:
        with open(path, "rb") as file:
            data = file.read()
        pixels, reason = files.judge_data(data)
        if reason:
            return _unreadable(reason)
        height, width = pixels.shape[:2]
        perceptual_hash = copies.perceptual_hash(pixels)
        extension = os.path.splitext(path)[1][1:].lower()
        findings = tuple(_conversions(data, extension))
    except OSError as error:
        return _unreadable((error.strerror or str(error)).lower())
    except Exception as error:  # a damaged file makes libraries raise errors of nearly every type
        return _unreadable(str(error) or type(error).__name__)
    digest = hashlib.sha256(data).digest()
    return Examination((width, height), digest, perceptual_hash, findings)


def examine_all(
    paths: Iterable[str | os.PathLike],
    *,
    workers: int | None = None,
    records: Entries | None = None,
) -> Iterator[Examination]:
    """Examine pictures on threads.

    Args:
        paths: File names.
        workers: Number of threads; by default one per core.
        records: Examinations by an earlier run, without the findings; those of files that can be
            read are added. The other files are read in each run.

    Yields:
        The examinations, in the order of `paths`.
    """
    of_file = functools.partial(_recorded, records=records) if records else examine
    workers = workers or files.cores()
    remaining, pending = iter(paths), collections.deque()
    with ThreadPoolExecutor(workers) as pool:
        while True:
            if batch := list(itertools.islice(remaining, _BATCH)):
                pending.append(pool.submit(lambda batch=batch: [*map(of_file, batch)]))
            elif not pending:
                return
            # A few batches ahead keep the threads busy; more would only take memory.
            if not batch or len(pending) > 2 * workers:
                yield from pending.popleft().result()


def _recorded(path, *, records):
    """Return the record of a file, or else examine it; a record has no findings."""
    examined = None

    def read():
        nonlocal examined
        examined = examine(path)
        return _to_bytes(examined) if examined.size else None

    content = records.get(path, read)
    return examined or _from_bytes(content)


def _to_bytes(item):
    size = np.array(item.size, np.int64).tobytes()
    hash = b"" if item.hash is None else item.hash.tobytes()
    return np.frombuffer(size + item.digest + hash, np.uint8)


def _from_bytes(content):
    size, digest, hash = (part.tobytes() for part in np.split(content, (16, 48)))
    hash = np.frombuffer(hash, np.float32) if hash else None
    return Examination(tuple(np.frombuffer(size, np.int64).tolist()), digest, hash)


def _unreadable(reason):
    return Examination(None, findings=(("unreadable", reason),))


def _conversions(data, extension):
    """Yield findings about conversions by the reader that the owner may not expect."""
    if extension in _EXTENSIONS["JPEG"] and decoding.is_plain_jpeg(data):
        return  # the most frequent kind of file, and Pillow takes as long as decoding
    try:
        with Image.open(io.BytesIO(data)) as image:
            image_format, mode = image.format, image.mode
            frames = _frames(image)
    except Exception:  # OpenCV has read it, Pillow cannot
        return
    if extension not in _EXTENSIONS.get(image_format, (image_format.lower(),)):
        yield "wrong extension", N_(f"holds {image_format} and is read as {image_format}")
    if mode in ("CMYK", "LAB"):
        yield "colours", N_(f"{mode} is converted to RGB")
    if image_format != "MPO" and frames is None:
        yield "animation", N_("only the first frame is read; a later one is damaged")
    elif image_format != "MPO" and frames > 1:
        yield "animation", N_(f"only the first of {frames} frames is read")
    if mode.startswith("I;16"):
        yield (
            "16 bits",
            N_('its 65,536 shades are scaled to 256, except with color_mode="grayscale"'),
        )
    elif mode in ("I", "F"):
        reason = N_("its shades are cut to whole numbers of 0 to 255: save it with 8 or 16 bits")
        yield "32 bits", reason


def _frames(image):
    """Return the number of frames, or None if a frame after the first is damaged."""
    try:
        return getattr(image, "n_frames", 1)
    except Exception:  # Pillow reads all frames to count them
        return None
