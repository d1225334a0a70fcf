"""Pictures that are collected by a camera or by uploads, one folder per class."""

import base64
import binascii
import functools
import io
import threading
from pathlib import Path

import numpy as np
from PIL import Image

from keras_cnn.app import places
from keras_cnn.app.studio import Studio
from keras_cnn.datasets import copies
from keras_cnn.errors import InputError
from keras_cnn.filesystem import writable, write_atomically
from keras_cnn.i18n import N_
from keras_cnn.images import files

MOST = 1000  # pictures of a class
MOST_CLASSES = 30
LEAST = 5  # pictures of a class, for a training to begin
_SIDE = 640  # pixels of a kept picture's longer side, at most
_THUMBNAILS, _THUMBNAIL = 5, 72  # shown of a class; pixels of their side
_LOCK = threading.Lock()  # of the numbers of the files
_CODE = "data:image/jpeg;base64,"


class Collection:
    """A folder `collected/NAME` with a folder per class.

    Attributes:
        folder: The folder; made with the first picture.
        class_names: The classes that the user named, then others that the folder has.
    """

    def __init__(self, studio: Studio, name: str, *, classes: str):
        """Check the names.

        Args:
            studio: The studio.
            name: Name of the collection, as typed.
            classes: Names of the classes, separated by commas, as typed.

        Raises:
            InputError: A name cannot be used, or is there twice.
        """
        self.folder = (
            places.of_runs(studio) / places.COLLECTED / places.name(name, what=N_("the collection"))
        )
        typed = [each for each in classes.replace("，", ",").split(",") if each.strip()]
        names = [places.name(each, what=N_("a class")) for each in typed]
        if len({each.casefold() for each in names}) < len(names):
            raise InputError(f"the classes need different names; received {', '.join(names)}")
        if not 2 <= len(names) <= MOST_CLASSES:
            raise InputError(
                f"name 2 to {MOST_CLASSES} classes, separated by commas; received {len(names)}"
            )
        others = files.visible_folders(self.folder) if self.folder.is_dir() else []
        self.class_names = names + [each for each in others if each not in names]

    def pictures(self, label: str) -> list[Path]:
        """Return the pictures of a class, the newest last.

        Args:
            label: One of the classes.

        Raises:
            InputError: It is none.
        """
        if label not in self.class_names:
            raise InputError(f"{label!r} is none of the classes {', '.join(self.class_names)}")
        return sorted((self.folder / label).glob("[0-9][0-9][0-9][0-9].jpg"))

    def add(self, label: str, data: bytes, *, from_camera: bool = False) -> bool:
        """Add a picture to a class, as a JPEG file of ours.

        Args:
            label: The class.
            data: Content of any image file.
            from_camera: Leave the picture out if it is a near copy of the one before.

        Returns:
            Whether it was added.

        Raises:
            InputError: It is no picture, the class is full, or the disk is.
        """
        pixels, reason = files.judge_data(data)
        if pixels is None:
            raise InputError(f"a picture cannot be read ({reason}): leave it out")
        picture = Image.fromarray(pixels)
        picture.thumbnail((_SIDE, _SIDE))
        with _LOCK:
            before = self.pictures(label)
            if len(before) >= MOST:
                raise InputError(f"the class {label!r} is full: it has {MOST} pictures")
            if from_camera and before and _is_copy(np.asarray(picture), before[-1]):
                return False
            number = int(before[-1].stem) + 1 if before else 1
            folder = writable(self.folder / label)
            with write_atomically(folder / f"{number:04d}.jpg") as beside:
                picture.save(beside, "jpeg", quality=92)
        return True

    def remove_last(self, label: str) -> None:
        """Remove the newest picture of a class.

        Args:
            label: The class.

        Raises:
            InputError: There is no such class.
        """
        with _LOCK:
            for path in self.pictures(label)[-1:]:
                path.unlink(missing_ok=True)

    def check(self) -> None:
        """Refuse a training with too few pictures.

        Raises:
            InputError: A class has fewer than `LEAST` pictures.
        """
        for label in self.class_names:
            number = len(self.pictures(label))
            if number < LEAST:
                raise InputError(
                    f"each class needs at least {LEAST} pictures, some to learn from and some to "
                    f"test with; {label!r} has {number}: add some, 20 or more are better"
                )


def decode(sent: str) -> bytes:
    """Return the content of a JPEG file that a page has sent as a data URI.

    Args:
        sent: The URI.

    Raises:
        InputError: It is none.
    """
    if not isinstance(sent, str) or not sent.startswith(_CODE):
        raise InputError("the camera sent no picture: try again")
    try:
        return base64.b64decode(sent.removeprefix(_CODE), validate=True)
    except binascii.Error:
        raise InputError("the camera sent a damaged picture: try again") from None


def thumbnails(pictures: list[Path]) -> list[str]:
    """Return the newest pictures of a class as data URIs, the newest first.

    Args:
        pictures: What `Collection.pictures` returned.
    """
    found = []
    for path in reversed(pictures[-_THUMBNAILS:]):
        try:
            found.append(_thumbnail(path, path.stat().st_mtime_ns))
        except OSError:
            continue  # removed meanwhile
    return found


@functools.lru_cache(maxsize=1024)
def _thumbnail(path, changed):
    """Return a picture as a data URI; `changed` belongs to the key of the cache."""
    buffer = io.BytesIO()
    with Image.open(path) as picture:
        picture.draft("RGB", (2 * _THUMBNAIL, 2 * _THUMBNAIL))
        picture.thumbnail((_THUMBNAIL, _THUMBNAIL))
        picture.save(buffer, "jpeg", quality=80)
    return _CODE + base64.b64encode(buffer.getvalue()).decode()


def _is_copy(pixels, path):
    """Return whether a picture is a near copy of a file, or both are of one shade."""
    try:
        other = files.read(path)
    except (OSError, ValueError):
        return False
    hashes = copies.stack([copies.perceptual_hash(pixels), copies.perceptual_hash(other)])
    return bool(hashes[0] @ hashes[1] >= copies.LEAST_CORRELATION or not hashes.any())
