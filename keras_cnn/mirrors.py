"""The mirrors that downloads try: of `--mirror`, `KERAS_CNN_MIRRORS` or the configuration file."""

import contextlib
import os
import tomllib
import urllib.parse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from keras_cnn.errors import InputError

VARIABLE = "KERAS_CNN_MIRRORS"
DIRECT = "direct"  # the publisher's own address, as in Go's GOPROXY


class Mirrors(NamedTuple):
    """Where files are looked for.

    Attributes:
        roots: In their order: http(s) addresses, folders, and `DIRECT` for the publisher's own
            address, which is last unless the user gave it another place.
        source: Where they were set: a variable's name or a file; "" if nothing was set.
    """

    roots: tuple[str, ...]
    source: str


def in_use() -> Mirrors:
    """Return the mirrors that the user has set.

    `KERAS_CNN_MIRRORS` is a list with commas. Without it, the configuration file may have a line
    ``mirrors = ["https://mirror.example/keras_cnn", "/media/usb"]``.

    Raises:
        InputError: A mirror is no address or folder, or the configuration file cannot be used.
    """
    if text := os.environ.get(VARIABLE, "").strip():
        return Mirrors(_checked(text.split(","), source=VARIABLE), VARIABLE)
    path = config_file()
    if roots := _configured(path):
        return Mirrors(_checked(roots, source=path), str(path))
    return Mirrors((DIRECT,), "")


def config_file() -> Path:
    """Return the path of the configuration file, which need not exist."""
    folder = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return Path(folder) / "keras_cnn" / "config.toml"


@contextlib.contextmanager
def chosen(roots: Sequence[str] | None) -> Iterator[None]:
    """Use these mirrors inside the block, and in processes that it starts.

    Args:
        roots: Values of `--mirror`, each a list with commas; None leaves the user's settings.

    Raises:
        InputError: A mirror is no address or folder.
    """
    if roots is None:
        yield
        return
    text = ",".join(_checked(",".join(roots).split(","), source="--mirror"))
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = text
    try:
        yield
    finally:
        del os.environ[VARIABLE]
        if before is not None:
            os.environ[VARIABLE] = before


def _configured(path):
    """Return the mirrors that the configuration file lists."""
    if not path.is_file():
        return []
    try:
        with path.open("rb") as file:
            settings = tomllib.load(file)
    except (OSError, ValueError) as error:  # ValueError: no TOML, no UTF-8
        raise InputError(f"{path} must be a TOML file ({error}): correct it") from error
    roots = settings.pop("mirrors", [])
    if settings or not isinstance(roots, list) or not all(isinstance(r, str) for r in roots):
        raise InputError(
            f'{path} may have one line, mirrors = ["ADDRESS OR FOLDER", ...]; received '
            f"{settings or roots!r}: correct it"
        )
    return roots


def _checked(roots, *, source):
    """Return the mirrors, with the publisher's own address among them."""
    roots = [root.strip() for root in roots if root.strip()]
    for root in roots:
        parts = urllib.parse.urlsplit(root)
        if "@" in parts.netloc:
            raise InputError(f"a mirror's address must have no password; correct {source}")
        if "://" in root and not (parts.scheme in ("http", "https") and parts.netloc):
            raise InputError(
                f"a mirror must be an http(s) address, a folder or {DIRECT!r}; received {root!r}: "
                f"correct {source}"
            )
    return tuple(roots if DIRECT in roots else [*roots, DIRECT])
