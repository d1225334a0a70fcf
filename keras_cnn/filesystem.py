"""Check that a folder can be written; write a file whole or not at all; Keras' own folder."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from keras_cnn.errors import InputError


def keras_home() -> Path:
    """Return the folder of Keras' downloads: `KERAS_HOME`, or else `~/.keras`."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()


def why_not_writable(folder: Path) -> str | None:
    """Return why no file can be written in a folder, or None; create nothing.

    Args:
        folder: The folder; if it is missing, its nearest parent must be writable.
    """
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=nearest):
            return None
    except OSError as error:
        return error.strerror or str(error)


def check_writable(folder: Path) -> None:
    """Refuse a folder of results that cannot be written, before the work; create nothing.

    Args:
        folder: The folder, which may be missing.

    Raises:
        InputError: No file can be written in it.
    """
    if reason := why_not_writable(folder):
        raise _not_writable(folder, reason)


def writable(folder: Path) -> Path:
    """Create a folder of results if it is missing, and return it.

    Args:
        folder: The folder.

    Raises:
        InputError: No file can be written in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _not_writable(folder, error.strerror) from None
    check_writable(folder)
    return folder


def _not_writable(folder, reason):
    return InputError(
        f"--out must be a folder that can be written; received {folder} ({reason}): name another"
    )


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
