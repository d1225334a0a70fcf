"""A training as other processes see it: its history so far, and the process that runs it.

Importing this module loads neither Keras nor TensorFlow.
"""

import contextlib
import hashlib
import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from keras_cnn.errors import InputError
from keras_cnn.filesystem import write_atomically

CHECKPOINT = "checkpoint"  # folder inside a run's own: states, and the file of its process
_PROCESS = "process.json"


@contextlib.contextmanager
def announced(folder: Path, recipe: dict[str, Any]) -> Iterator[None]:
    """Name this process in a run's folder within a context.

    The file is removed at the end; a killed process leaves it. Within a context of the same folder
    nothing changes. A file that cannot be written is left out: the training does not need it.

    Args:
        folder: Folder of the run.
        recipe: The choices, as JSON can hold them.
    """
    path, pid = folder / CHECKPOINT / _PROCESS, os.getpid()
    if (_read(path) or {}).get("pid") == pid and process(folder):
        yield
        return
    entry = {"pid": pid, "started": _started(pid), "host": socket.gethostname(), "recipe": recipe}
    with contextlib.suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        with write_atomically(path) as beside:
            beside.write_text(json.dumps(entry), encoding="utf-8")
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
            path.parent.rmdir()  # fails while there are states


def process(folder: Path) -> int | None:
    """Return the number of the process that trains a run, None if none does.

    A process of another machine is not seen. Where there is no `/proc`, as on Windows and macOS,
    the file of a killed process counts until the run is resumed.

    Args:
        folder: Folder of the run.
    """
    entry = _read(folder / CHECKPOINT / _PROCESS)
    if entry is None or entry.get("host") != socket.gethostname():
        return None
    pid, started = entry.get("pid"), entry.get("started")
    return pid if isinstance(pid, int) and started == _started(pid) else None


def recipe(folder: Path) -> dict[str, Any]:
    """Return the choices of a training that has not ended, {} if they are not known.

    Args:
        folder: Folder of the run.
    """
    found = (_read(folder / CHECKPOINT / _PROCESS) or {}).get("recipe")
    return found if isinstance(found, dict) else {}


def end(folder: Path) -> None:
    """End the training of a run as Ctrl-C does: its best weights are tested and saved.

    The signal is SIGTERM, because a process that a shell started in the background ignores Ctrl-C.

    Args:
        folder: Folder of the run.

    Raises:
        InputError: No process of this machine trains it, or it cannot be ended from here.
    """
    pid = process(folder)
    if pid is None:
        raise InputError(f"no process of this machine trains {folder.name}: nothing to end")
    if _started(pid) is None:
        raise InputError(
            f"a training can be ended from here on Linux only: press Ctrl-C in the terminal of "
            f"process {pid}"
        )
    try:
        os.kill(pid, signal.SIGTERM)
    except OSError as error:
        raise InputError(
            f"process {pid} cannot be ended ({error.strerror}): press Ctrl-C in its terminal"
        ) from None


def history(folder: Path) -> tuple[dict[str, list[float]], float]:
    """Return the history of a training that has not ended, from its newest whole state.

    The weights are not verified, as they may be large.

    Args:
        folder: Folder of the run.

    Returns:
        Metric -> its value after each epoch, {} before the first has ended; the seconds of these
        epochs.
    """
    for path in sorted((folder / CHECKPOINT).glob("state_*.json"), reverse=True):
        try:
            state = verified(path)
            values = {name: list(map(float, each)) for name, each in state["history"].items()}
            return values, float(state.get("seconds", 0.0))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # removed meanwhile, or damaged: the one before it
    return {}, 0.0


def verified(path: Path) -> dict[str, Any]:
    """Return the state in a file after verifying its checksum.

    Args:
        path: A file `state_NNNN.json`.

    Raises:
        OSError: The file cannot be read.
        ValueError: The checksum is wrong.
        KeyError: There is none.
    """
    state = json.loads(path.read_text(encoding="utf-8"))
    if state.pop("sha256") != digest(state):
        raise ValueError("its checksum is wrong")
    return state


def digest(state: dict[str, Any]) -> str:
    """Return the SHA-256 of a state.

    Args:
        state: The state, without its checksum.
    """
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


def _read(path):
    """Return the content of the file of a process, None without one."""
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return entry if isinstance(entry, dict) else None


def _started(pid):
    """Return when a process started, in ticks since the system did; None if it cannot be known.

    Numbers of ended processes are given again, but not with the same start. A process that has
    ended, and whose parent has not noticed, counts as ended.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *fields = fields.rpartition(")")[2].split()
    return None if state == "Z" else int(fields[18])
