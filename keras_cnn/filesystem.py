"""Check that a folder can be written; write a file whole or not at all."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from keras_cnn.errors import InputError


def writable(folder: Path) -> Path:
    """Create a folder of results if it is missing, and return it.

    Args:
        folder: The folder.

    Raises:
        InputError: No file can be written in it.
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
    """Write a file under another name in the same folder, flush it to the disk, and rename it.

    At every moment, also after a kill, the file is either the old one or the complete new one.
    After an error it is the old one, and the unfinished file is removed.

    Example:
        >>> with write_atomically("report.json") as beside:
        ...     beside.write_text("{}")

    Args:
        path: The file.

    Yields:
        The path to write to, with the same suffix; the file must exist at the end.
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
    if os.name == "posix":  # the entry of the folder must reach the disk, too
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
