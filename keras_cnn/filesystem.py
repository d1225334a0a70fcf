"""Files and folders: make sure a folder can be written, write a file whole or not at all."""

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
