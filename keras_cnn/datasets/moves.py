"""Move pictures, and move them back: each move stands in a journal before it is made.

A line of the journal is flushed to the disk before its picture moves. After a kill, a power failure
or a full disk the journal knows every picture that may have moved.
"""

import dataclasses
import errno
import hashlib
import json
import os
from pathlib import Path

from keras_cnn.errors import InputError

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
class _Session:
    """The lines of one `apply`.

    Attributes:
        start: Where they start in the journal, in bytes.
        moves: The moves, with the folders that were made for each.
        is_complete: Whether it came to its end.
    """

    start: int
    moves: list[tuple[Move, list[str]]]
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
                f"{done} of {len(moves)} pictures were moved, then: {reason}; mend it, and take "
                "the moves back by --undo"
            ) from error
        raise InputError(f"no picture was moved: {reason}; mend it, and try again") from error


def undo(directory: str | os.PathLike) -> int:
    """Take back the last `apply`, also one that was interrupted.

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
    sessions, _ = _read(directory)
    if not sessions:
        raise InputError(
            f"there is nothing to undo in {directory}: --apply writes the journal {JOURNAL} there, "
            "and it has no moves"
        )
    try:
        return _take_back(directory, sessions[-1].start)
    except OSError as error:
        raise InputError(
            f"the moves could not be taken back: {error.strerror or error} at {error.filename}; "
            "mend it, and repeat --undo"
        ) from error


def refuse_interrupted(directory: str | os.PathLike) -> None:
    """Refuse a set whose last `apply` was interrupted.

    Args:
        directory: The set's folder.

    Raises:
        InputError: It was.
    """
    sessions, _ = _read(Path(directory))
    if sessions and not sessions[-1].is_complete:
        raise InputError(
            f"the last --apply in {directory} was interrupted: take its moves back by --undo first"
        )


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
    sessions, end = [], 0
    for number, line in enumerate(content.split(b"\n")[:-1], 1):
        try:
            record = json.loads(line)
            if "begin" in record:
                sessions.append(_Session(end, []))
            elif "end" in record:
                sessions[-1].is_complete = True
            else:
                made = record.pop("made")
                sessions[-1].moves.append((Move(**record), made))
        except (ValueError, TypeError, KeyError, IndexError):
            raise InputError(
                f"{directory / JOURNAL}, line {number}, is damaged: move the pictures back by "
                "hand; each line has their source and target"
            ) from None
        end += len(line) + 1
    return sessions, end


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
    sessions, _ = _read(directory)
    moves = [move for session in sessions if session.start == start for move in session.moves]
    back = [move for move, _ in moves if _is_away(directory, move)]
    for move in reversed(back):
        (directory / move.source).parent.mkdir(parents=True, exist_ok=True)
        _rename(directory / move.target, directory / move.source)
    for _, made in reversed(moves):
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
        fault = f"both {move.source} and {move.target} exist: move away the one that is new"
    elif is_away:
        fault = f"{move.target} was changed since: restore it, or move it away"
    else:
        fault = f"{move.target} is gone: bring it back"
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
