"""Fetch a data set: download, check the digest, unpack, and rename into place when complete."""

import os
import re
import shutil
import stat
import tarfile
import tempfile
import time
import zipfile
import zlib
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path, PurePosixPath

from keras_cnn import downloads
from keras_cnn.datasets import locate
from keras_cnn.datasets.catalogue import CATALOGUE
from keras_cnn.errors import InputError
from keras_cnn.i18n import say


def fetch(name: str, *, root: str | os.PathLike | None = None) -> Path:
    """Download a set, check its digests, and arrange it into its folder by its official split.

    Archives go to `<root>/downloads/<name>/` and stay there. An archive that is already there is
    used if its digest is right. The set is built in a hidden folder, which is renamed when it is
    complete. A set that already exists is not changed. Mirrors: see `keras_cnn.mirrors`.

    Args:
        name: The set's name: one of `CATALOGUE`.
        root: The folder of all sets; `datasets.root()` by default. Made if it is missing.

    Returns:
        The set's folder.

    Raises:
        InputError: The name is unknown, the set has no public address, a file cannot be downloaded
            or has another digest than the published one, an archive holds a path outside its
            folder, or the folder cannot be written or is full.
    """
    if name not in CATALOGUE:
        raise InputError(f"the data set must be one of {list(CATALOGUE)}; received {name!r}")
    row = CATALOGUE[name]
    folder = locate.root() if root is None else Path(root).expanduser()
    target = folder / name
    if not row.sources:
        raise InputError(
            f"{name} ({row.title}) has no stable public address: put it into {target} as "
            f"{row.layout}"
        )
    if target.is_dir() and any(target.iterdir()):
        return target
    say(f"{name}: {row.title}. Licence: {row.licence}. Please cite: {row.citation}.")
    try:
        return _build(name, row, folder=folder, target=target)
    except InputError:
        raise
    except OSError as error:
        size = 2 * sum(source.megabytes for source in row.sources)
        raise InputError(
            f"{name} cannot be written into {folder} ({error}): make room for about {size:,} MB "
            f'there, or name another folder by fetch("{name}", root=…)'
        ) from error


def _build(name, row, *, folder, target):
    """Download and unpack, then rename the finished set; after an error no partial set is left."""
    archives_folder = folder / "downloads" / name
    archives = [_download(source, archives_folder) for source in row.sources]
    work = Path(tempfile.mkdtemp(prefix=f".{name}-fetch-", dir=folder))  # hidden
    try:
        _unpack(archives, row, work)
        if row.broken:
            _drop_broken(name, work)
        work.chmod(0o755)  # mkdtemp lets no other user read it
        if target.is_dir():
            if any(target.iterdir()):
                return target  # another process has fetched it meanwhile
            target.rmdir()  # Windows cannot replace even an empty folder
        os.replace(work, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    for leftover in folder.glob(f".{name}-fetch-*"):
        with suppress(OSError):  # another fetch may have renamed it meanwhile
            if time.time() - leftover.stat().st_mtime > downloads.ABANDONED:
                shutil.rmtree(leftover, ignore_errors=True)
    say(f"{name} is ready in {target}; the archives in {archives_folder} are no longer needed.")
    return target


def _download(source, folder):
    """Return the path of a source's file with the right digest; download it if it is missing."""
    return downloads.fetch(
        source.url,
        folder / source.name,
        place=f"{folder.name}/{source.name}",
        digest=source.digest,
    )


def _unpack(archives, row, work):
    """Write each file that the row's `arrange` names to its path."""
    try:
        with ExitStack() as stack:
            members = {}
            for path in archives:
                members |= _open_archive(path, stack)

            def read(name):
                if name not in members:
                    raise EOFError(f"it holds no {name}")
                with members[name]() as file:
                    return file.read()

            targets = row.arrange(list(members), read)
            for name, open_member in members.items():  # in archive order: a .tgz cannot seek back
                if target := targets.pop(name, None):
                    path = work / target
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with open_member() as file, path.open("wb") as copy:
                        shutil.copyfileobj(file, copy)
            if targets:
                raise EOFError(f"its split names {next(iter(targets))}, which it does not hold")
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        reason = str(error).splitlines()[0].rstrip(":")  # tarfile's message has several lines
        raise InputError(
            f"{archives[0]} is not the archive expected ({reason}): delete it and fetch again"
        ) from error


def _open_archive(path, stack):
    """Return {name: function that opens it} for the files of an archive, or for a single file.

    An archive that holds a link, a device or a path outside its folder is refused before anything
    is written.
    """
    if path.suffix == ".zip":
        archive = stack.enter_context(zipfile.ZipFile(path))
        members = [
            (m.filename, m.is_dir(), stat.S_IFMT(m.external_attr >> 16) in (0, stat.S_IFREG), m)
            for m in archive.infolist()
        ]
        opener = archive.open
    elif path.suffixes[-1] in (".tar", ".tgz"):
        archive = stack.enter_context(tarfile.open(path))
        members = [(m.name, m.isdir(), m.isfile(), m) for m in archive]
        opener = archive.extractfile
    else:
        return {path.name: partial(path.open, "rb")}
    for name, is_folder, is_file, _ in members:
        member_path = PurePosixPath(name)
        leads_out = member_path.is_absolute() or ".." in member_path.parts
        if leads_out or re.search(r"[\\:]", name):
            raise InputError(f"{path} holds {name!r}, a path outside the set's folder: refused")
        if not (is_folder or is_file):
            raise InputError(f"{path} holds {name!r}, which is a link or device: refused")
    return {
        str(PurePosixPath(name)): partial(opener, member)
        for name, is_folder, _, member in members
        if not is_folder
    }


def _drop_broken(name, work):
    from keras_cnn.images import files

    paths = [str(path) for path in work.rglob("*") if path.is_file()]
    bad = files.find_bad(paths)
    for path in bad:
        os.remove(path)
    say(f"{name}: left out {len(bad)} of {len(paths)} files that cannot be read as pictures.")
