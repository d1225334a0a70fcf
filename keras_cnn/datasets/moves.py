"""Move pictures, and move them back: each move stands in a journal before it is made.

A line of the journal is flushed to the disk before its picture moves. After a kill, a power failure
or a full disk the journal knows every picture that may have moved.
"""

import dataclasses
import errno
import hashlib
import json
import os
from pathlib import Path, PurePosixPath

from keras_cnn.errors import InputError
from keras_cnn.i18n import N_

JOURNAL = ".corrections.jsonl"  # in the set's folder, hidden from training


@dataclasses.dataclass(frozen=True)
class Move:
    """A picture that changes its folder.

    Attributes:
        source: Its file, relative to the set's folder, with "/".
        target: Its new file, likewise.
        digest: SHA-256 of its content, in hexadecimal digits.
    """

    source: str
    target: str
    digest: str


@dataclasses.dataclass
class Session:
    """The lines of one `apply` or `keep` in the journal.

    Attributes:
        start: Where they start in the journal, in bytes.
        moves: The moves.
        made: The folders that were made for each move.
        kept: The pictures whose label was confirmed, relative to the set's folder, with "/".
        is_complete: Whether it came to its end.
    """

    start: int
    moves: list[Move] = dataclasses.field(default_factory=list)
    made: list[list[str]] = dataclasses.field(default_factory=list)
    kept: list[str] = dataclasses.field(default_factory=list)
    is_complete: bool = False


def apply(directory: str | os.PathLike, moves: list[Move]) -> None:
    """Move pictures. If a move fails, take back those before it.

    Args:
        directory: The set's folder.
        moves: The moves; their targets do not exist.

    Raises:
        InputError: A move failed, for example since the disk is full; or an earlier `apply` was
            interrupted.
    """
    if not moves:
        return
    directory = Path(directory)
    refuse_interrupted(directory)
    _, start = _read(directory)
    done, place = 0, JOURNAL
    try:
        with open(directory / JOURNAL, "ab", buffering=0) as journal:
            journal.truncate(start)  # a line that was cut off is not completed
            _append(journal, {"begin": len(moves)})
            for move in moves:
                place = move.source
                made = _missing_folders(directory, (directory / move.target).parent)
                _append(journal, dataclasses.asdict(move) | {"made": made})
                for folder in made:
                    (directory / folder).mkdir()
                _rename(directory / move.source, directory / move.target)
                done += 1
            _append(journal, {"end": len(moves)})
    except OSError as error:
        reason = f"{error.strerror or error} at {place}"
        try:
            _take_back(directory, start)
        except (OSError, InputError):
            raise InputError(
                f"{done} of {len(moves)} pictures were moved, then: {reason}; mend it, and undo "
                "the moves"
            ) from error
        raise InputError(f"no picture was moved: {reason}; mend it, and try again") from error


def keep(directory: str | os.PathLike, file: str) -> None:
    """Note in the journal that the label of a picture is right. Nothing is moved.

    Args:
        directory: The set's folder.
        file: The picture, relative to it, with "/".

    Raises:
        InputError: The journal cannot be written, or an earlier `apply` was interrupted.
    """
    directory = Path(directory)
    refuse_interrupted(directory)
    _, start = _read(directory)
    try:
        with open(directory / JOURNAL, "ab", buffering=0) as journal:
            journal.truncate(start)
            for record in ({"begin": 0}, {"keep": file}, {"end": 0}):
                _append(journal, record)
    except OSError as error:
        raise InputError(
            f"the journal {directory / JOURNAL} cannot be written: {error.strerror or error}; mend "
            "it, and try again"
        ) from error


def sessions(directory: str | os.PathLike) -> list[Session]:
    """Return what the journal of a set holds, the oldest first.

    Args:
        directory: The set's folder.

    Raises:
        InputError: The journal is damaged or cannot be read.
    """
    return _read(Path(directory))[0]


def undo(directory: str | os.PathLike) -> int:
    """Take back the last `apply` or `keep`, also one that was interrupted.

    Nothing is moved unless every picture can go back as it was. An `undo` that was interrupted is
    completed by the next.

    Args:
        directory: The set's folder.

    Returns:
        The number of pictures that were moved back.

    Raises:
        InputError: There is nothing to take back, or a picture was changed, moved or replaced.
    """
    directory = Path(directory)
    done = sessions(directory)
    if not done:
        raise InputError(
            f"there is nothing to undo in {directory}: it has no journal {JOURNAL} with moves"
        )
    try:
        return _take_back(directory, done[-1].start)
    except OSError as error:
        raise InputError(
            f"the moves could not be taken back: {error.strerror or error} at {error.filename}; "
            "mend it, and undo again"
        ) from error


def refuse_interrupted(directory: str | os.PathLike) -> None:
    """Refuse a set whose last `apply` was interrupted.

    Args:
        directory: The set's folder.

    Raises:
        InputError: It was.
    """
    done = sessions(directory)
    if done and not done[-1].is_complete:
        raise InputError(
            f"the last moves in {directory} were interrupted: undo them first (on the command line "
            "by --undo)"
        )


def is_inside(file: str) -> bool:
    """Return whether a path with "/" cannot lead out of the folder that it is relative to.

    Args:
        file: The path; symbolic links on it are not looked at.
    """
    path = PurePosixPath(file)
    return not path.is_absolute() and ".." not in path.parts


def digest(path: str | os.PathLike) -> str:
    """Return the SHA-256 of a file in hexadecimal digits.

    Args:
        path: The file.

    Raises:
        InputError: It cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"cannot read {os.fspath(path)!r}: {reason}") from None


def _read(directory):
    """Return the sessions of a journal, and where its last whole line ends.

    The last line may be cut off: the move of that line was not made.
    """
    try:
        content = (directory / JOURNAL).read_bytes()
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise InputError(f"cannot read {directory / JOURNAL}: {error.strerror}") from None
    found, end = [], 0
    for number, line in enumerate(content.split(b"\n")[:-1], 1):
        try:
            record = json.loads(line)
            if "begin" in record:
                found.append(Session(end))
            elif "end" in record:
                found[-1].is_complete = True
            elif "keep" in record:
                found[-1].kept.append(record["keep"])
            else:
                made = record.pop("made")
                move = Move(**record)
                if not (is_inside(move.source) and is_inside(move.target)):
                    raise ValueError("a path leads out of the folder")
                found[-1].moves.append(move)
                found[-1].made.append(made)
        except (ValueError, TypeError, KeyError, IndexError):
            raise InputError(
                f"{directory / JOURNAL}, line {number}, is damaged: move the pictures back by "
                "hand; each line has their source and target"
            ) from None
        end += len(line) + 1
    return found, end


def _append(journal, record):
    """Write a line, and wait until it is on the disk."""
    line = json.dumps(record).encode("ascii") + b"\n"
    while line:
        line = line[journal.write(line) :]
    os.fsync(journal.fileno())


def _missing_folders(directory, folder):
    """Return the folders between a set's folder and a folder in it that do not exist yet."""
    parts = folder.relative_to(directory).parts
    paths = ["/".join(parts[: number + 1]) for number in range(len(parts))]
    return [path for path in paths if not (directory / path).is_dir()]


def _take_back(directory, start):
    """Move back the pictures of the session that starts at a byte, and cut the journal there."""
    taken = [session for session in sessions(directory) if session.start == start]
    back = [move for session in taken for move in session.moves if _is_away(directory, move)]
    for move in reversed(back):
        (directory / move.source).parent.mkdir(parents=True, exist_ok=True)
        _rename(directory / move.target, directory / move.source)
    for made in reversed([made for session in taken for made in session.made]):
        _remove_empty(directory, made)
    if start:
        os.truncate(directory / JOURNAL, start)
    else:
        (directory / JOURNAL).unlink(missing_ok=True)
    return len(back)


def _is_away(directory, move):
    """Return whether a picture has to go back; refuse if it cannot go back as it was."""
    source, target = directory / move.source, directory / move.target
    is_home, is_away = os.path.lexists(source), os.path.lexists(target)
    if is_home and (not is_away or digest(source) == move.digest):
        return False  # the move was not made, or was taken back
    if is_away and not is_home and digest(target) == move.digest:
        return True
    if is_home and is_away:
        fault = N_(f"both {move.source} and {move.target} exist: move away the one that is new")
    elif is_away:
        fault = N_(f"{move.target} was changed since: restore it, or move it away")
    else:
        fault = N_(f"{move.target} is gone: bring it back")
    raise InputError(
        f"nothing was moved back: {fault}, or remove the line of {move.source} from "
        f"{directory / JOURNAL}"
    )


def _rename(source, target):
    if os.path.lexists(target):  # POSIX would overwrite it
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(target))
    os.rename(source, target)


def _remove_empty(directory, made):
    for folder in reversed(made):
        try:
            (directory / folder).rmdir()
        except OSError:  # the user has put files into it, or has removed it
            return
