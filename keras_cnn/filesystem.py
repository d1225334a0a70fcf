"""Files and folders: make sure a folder can be written; write a file whole or not at all."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from keras_cnn.errors import InputError


def writable(folder: Path) -> Path:
    """Make a folder of results and return it.

    Args:
        folder: The folder.

    Raises:
        InputError: It cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".write_probe"
        probe.touch()
        probe.unlink(missing_ok=True)  # another process may probe too
    except OSError as error:
        raise InputError(
            f"--out must be a folder that can be written; received {folder} ({error.strerror}): "
            "name another"
        ) from None
    return folder


@contextlib.contextmanager
def write_atomically(path: str | os.PathLike) -> Iterator[Path]:
    """Write a file beside its place, flush it to the disk, and rename it.

    A reader, or a kill at any moment, finds the file as it was before or whole. After an error the
    file is as it was before, and nothing is left beside it.

    Example:
        >>> with write_atomically("report.json") as beside:
        ...     beside.write_text("{}")

    Args:
        path: Where the file goes.

    Yields:
        The path to write to, with the same ending; the file must be there at the end.
    """
    path = Path(path)
    beside = path.with_name(f"partial_{os.getpid()}_{path.name}")
    try:
        yield beside
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
    if os.name == "posix":  # the new name itself must reach the disk
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
