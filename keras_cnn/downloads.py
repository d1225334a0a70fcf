"""Get a published file once, from its address or a mirror; check it before it gets its name."""

import contextlib
import errno
import glob
import hashlib
import http.client
import os
import shutil
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

from keras_cnn import mirrors
from keras_cnn.errors import InputError
from keras_cnn.filesystem import write_atomically
from keras_cnn.i18n import N_, say, translated

STALLED = 60  # seconds without data after which an address is given up
_SLOWEST = 1000  # bytes per second, averaged over `STALLED`, below which it is given up too
ABANDONED = 24 * 60 * 60  # seconds after which a partial file counts as left by a killed process
_PAGE = (b"<!doctype html", b"<html", b"<head", b"<body", b"<script", b"<?xml")


class DownloadError(InputError, OSError):
    """A published file is not there and cannot be downloaded, or not be written."""


class _Refused(Exception):
    """An address does not give the file; the message is the reason."""


def fetch(
    address: str,
    path: Path,
    *,
    place: str,
    digest: str | None = None,
    check: Callable[[Path], None] | None = None,
    remember: bool = False,
) -> Path:
    """Return a published file; download it if it is missing or damaged.

    The addresses of `mirrors.in_use` are tried in order until one gives the right file. A file at
    `path` is replaced only by the right file.

    Args:
        address: The publisher's address.
        path: Where the file lies, or shall lie.
        place: Path of the file under the root of a mirror.
        digest: MD5 (32 hexadecimal digits), SHA-256 (64) or the first digits of a SHA-256; None
            where the publisher gives none.
        check: Called with the path of a file; raises ValueError if it is not the file wanted.
        remember: Whether `check` alone cannot prove a file right. Without a digest it is then
            accepted over https or from a folder only; its SHA-256 is stored beside it at first use,
            in `<name>.sha256`, and compared from then on.

    Returns:
        `path`.

    Raises:
        DownloadError: No address gives the right file; the sentence names all, with the reasons.
        InputError: The file has changed since its first use, or the mirrors cannot be used.
        OSError: The file cannot be written, or the disk is full.
    """
    known, end = digest, _sentence(digest) if digest else N_("no digest is published for it")
    if remember and (stored := _stored_digest(path)):
        known = stored
        end = f"{_sentence(stored)}, as at its first use (else delete {path.name}.sha256)"
        if path.is_file() and _digest(path, stored) != stored:
            raise InputError(
                f"{path} has changed since its first use: {_sentence(stored)} and is "
                f"{_digest(path, stored)}; delete {path.name} to download it again, or delete "
                f"{path.name}.sha256 to use it as it is"
            )
    fault, state = "missing", N_(f"is missing in {path.parent}")
    if path.is_file():
        fault = _fault(path, digest=known, check=check)
        state = f"in {path.parent} is {fault}"
    if fault:
        reasons = _download(
            address, path, place=place, digest=known, check=check, secure=remember and not known
        )
        if reasons:
            raise DownloadError(
                f"{path.name} {state} and cannot be downloaded from "
                f"{', nor from '.join(f'{a} ({reason})' for a, reason in reasons.items())}: name a "
                f"mirror in {mirrors.VARIABLE}, or get the file by hand and put it at {path}; {end}"
            )
    if remember and not known:
        _store_digest(path)
    return path


def is_web_page(path: str | os.PathLike) -> bool:
    """Return whether a file is a web page, such as the login page of a network.

    Args:
        path: The file.
    """
    with open(path, "rb") as file:
        start = file.read(512)
    return start.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_PAGE)


def _download(address, path, *, place, digest, check, secure):
    """Try the addresses in order.

    Returns:
        None when the file has arrived; else {address: why it does not give the file}.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for leftover in path.parent.glob(f"partial_*_{glob.escape(path.name)}"):
        with contextlib.suppress(OSError):  # another process may have renamed it meanwhile
            if time.time() - leftover.stat().st_mtime > ABANDONED:
                leftover.unlink()
    reasons = {}
    for candidate in _addresses(address, place):
        say(f"Downloading {path.name} from {candidate}", flush=True)
        try:
            with write_atomically(path) as beside:
                with beside.open("wb") as file:
                    _receive(candidate, file, secure=secure)
                if fault := _fault(beside, digest=digest, check=check):
                    raise _Refused(f"it sent {fault}")
            return None
        except _Refused as refusal:
            print(f"  {translated(str(refusal))}", flush=True)
            reasons[candidate] = str(refusal)
    return reasons


def _addresses(address, place):
    """Return the address or path of a file at each mirror and at its publisher."""
    for root in mirrors.in_use().roots:
        if root == mirrors.DIRECT:
            yield address
        elif "://" in root:
            yield f"{root.rstrip('/')}/{urllib.parse.quote(place)}"
        else:
            yield os.path.join(os.path.expanduser(root), *place.split("/"))


def _fault(path, *, digest, check):
    """Return why a file is not the file wanted, or None."""
    if digest and not (actual := _digest(path, digest)).startswith(digest):
        if is_web_page(path):
            return "a web page, such as the login page of a network, instead of the file"
        return f"another file than the published file: {_sentence(digest)} and is {actual}"
    try:
        if check:
            check(path)
    except ValueError as error:
        return f"another file: {str(error).replace(str(path), 'it')}"
    return None


def _sentence(digest):
    algorithm = "MD5" if len(digest) == 32 else "SHA-256"
    return f"its {algorithm} must be {digest}" + ("..." if len(digest) < 32 else "")


def _digest(path, like):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "md5" if len(like) == 32 else "sha256").hexdigest()


# ---------------------------------------------------------------- from an address into a file


def _receive(address, file, *, secure):
    """Write what an address sends into an open file."""
    with _open(address, secure=secure) as source:
        is_local = "://" not in address
        length = os.fstat(source.fileno()).st_size if is_local else source.length or 0
        if length > shutil.disk_usage(os.path.dirname(file.name)).free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), file.name)
        total, recent, since = 0, 0, time.monotonic()
        with _progress(length) as advance:
            while block := _read(source):
                file.write(block)
                advance(len(block))
                total, recent = total + len(block), recent + len(block)
                if time.monotonic() - since > STALLED:
                    if recent < STALLED * _SLOWEST:
                        raise _Refused(f"timed out: below {_SLOWEST} bytes per second")
                    recent, since = 0, time.monotonic()
    if total < length:
        raise _Refused(f"it stopped after {total:,} of {length:,} bytes")


def _open(address, *, secure):
    with _network_errors():
        if "://" not in address:
            if not os.path.isfile(address):
                raise _Refused("there is no such file")
            return open(address, "rb")
        if secure and not address.startswith("https://"):
            raise _Refused("no digest is published for the file, so only https is trusted")
        handlers = [_SecureRedirects] if secure else []
        return urllib.request.build_opener(*handlers).open(address, timeout=STALLED)


def _read(source):
    with _network_errors():
        return source.read1(1 << 16)  # `read` would wait for all of the block from a slow server


class _SecureRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, request, response, code, message, headers, url):
        if not url.startswith("https://"):
            raise _Refused("it redirects to an address without https")
        return super().redirect_request(request, response, code, message, headers, url)


@contextlib.contextmanager
def _network_errors():
    """Turn the errors of an address into `_Refused`; errors of our own disk stay as they are."""
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        raise _Refused(f"HTTP {error.code} {error.reason}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(reason, TimeoutError):
            raise _Refused(f"timed out: nothing came for {STALLED} s") from None
        text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        raise _Refused(" ".join(text.split())) from None


@contextlib.contextmanager
def _progress(length):
    """Show a bar on a terminal; yield a function that takes the number of bytes received."""
    if not (sys.stderr and sys.stderr.isatty()):
        yield lambda size: None
        return
    from rich import progress
    from rich.console import Console

    columns = (
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=length or None)
        yield lambda size: bar.advance(task, size)


# ---------------------------------------------------------------- digests of the first use


def _stored_digest(path):
    """Return the first word of `<name>.sha256`, a line of the command sha256sum, or None."""
    beside = path.with_name(f"{path.name}.sha256")
    if not beside.is_file():
        return None
    words = beside.read_text("utf-8", errors="replace").split()
    return words[0].lower() if words else None


def _store_digest(path):
    beside = path.with_name(f"{path.name}.sha256")
    try:
        with write_atomically(beside) as partial_path:
            partial_path.write_text(f"{_digest(path, '')}  {path.name}\n", "utf-8")
    except OSError as error:  # a cache that others may only read
        say(
            f"{path.name}: no digest is published, and its SHA-256 cannot be stored in {beside} "
            f"({error.strerror}); a later change of the file will not be noticed."
        )
    else:
        say(
            f"{path.name}: no digest is published; its SHA-256 is stored in {beside} and compared "
            "from now on."
        )
