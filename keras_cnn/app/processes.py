"""A training that the studio has started: a process of its own, its log, and how it ended."""

import contextlib
import itertools
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from keras_cnn import i18n
from keras_cnn.errors import InputError

COMMAND = (sys.executable, "-m", "keras_cnn")
_BYTES, _LINES = 1 << 17, 200  # at the end of the log: that are read; that are shown
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Training:
    """A `keras-cnn` command that trains into a folder.

    Attributes:
        name: Name of the run.
        folder: Folder of the run, which the command makes.
    """

    def __init__(self, words: Sequence[str], *, name: str, folder: Path):
        """Start the command; its log and its report have the language of the page.

        Args:
            words: The command and its arguments, without its results folder.
            name: Name of the run.
            folder: Folder of its results.
        """
        self.name, self.folder = name, folder
        self._presses = 0
        handle, self._log = tempfile.mkstemp(prefix="keras_cnn_training_", suffix=".log")
        command = [*COMMAND, *words, "--out", str(folder)]
        options = {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
        with open(handle, "wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | options | {i18n.VARIABLE: i18n.language()},
                start_new_session=True,  # Ctrl-C in the studio's terminal does not reach it
            )

    @property
    def state(self) -> str:
        """How far it is: "running", "ending", "finished", "cancelled" or "failed".

        A training that was cancelled after its first epoch is tested and has a report.
        """
        code = self._process.poll()
        if code is None:
            return "ending" if self._presses else "running"
        if self._presses:
            return "cancelled"
        return "finished" if code == 0 else "failed"

    @property
    def is_over(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    @property
    def has_report(self) -> bool:
        """Whether it has written its report."""
        return self.is_over and (self.folder / "report.html").is_file()

    def log(self) -> str:
        """Return the last lines that the process has printed."""
        try:
            with open(self._log, "rb") as file:
                file.seek(-min(_BYTES, os.path.getsize(self._log)), os.SEEK_END)
                content = file.read().decode("utf-8", errors="replace")
        except OSError:
            return ""
        lines = _ESCAPES.sub("", content).replace("\r\n", "\n").split("\n")
        # A progress bar returns to the start of its line: its last state is shown.
        return "\n".join(line.rpartition("\r")[2] for line in lines[-_LINES:]).strip("\n")

    def reason(self) -> str:
        """Return why it failed: its error with the indented lines below it, or its last line."""
        lines = [line for line in self.log().splitlines() if line.strip()]
        for number in reversed(range(len(lines))):
            for head in _heads():
                if lines[number].startswith(head):
                    below = itertools.takewhile(lambda line: line[0] == " ", lines[number + 1 :])
                    return "\n".join([lines[number].removeprefix(head), *below])
        return lines[-1] if lines else i18n.N_(f"exit code {self._process.poll()}")

    def cancel(self) -> None:
        """End the training as Ctrl-C does, so that its best weights are tested; then kill it.

        The first call sends SIGTERM, the second ends the process at once. Windows has no signal
        that a training could notice: there the first call ends it at once.
        """
        if self.is_over:
            return
        self._presses += 1
        if os.name != "posix":
            self._process.kill()
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM if self._presses == 1 else signal.SIGKILL)

    def forget(self) -> None:
        """Remove the log."""
        with contextlib.suppress(OSError):
            os.remove(self._log)


def _heads():
    """Return how the line of an error begins in each language."""
    heads = []
    for language in i18n.LANGUAGES:
        with i18n.using(language):
            heads.append(i18n.translated("error: -").removesuffix("-"))
    return heads


class Trainings:
    """The training that the studio has started last; only one runs at a time.

    Attributes:
        last: It, or None.
    """

    def __init__(self):
        """Begin without a training."""
        self.last: Training | None = None
        self._lock = threading.Lock()

    def start(self, words: Sequence[str], *, name: str, folder: Path) -> Training:
        """Start a training.

        Args:
            words: As in `Training`.
            name: As in `Training`.
            folder: As in `Training`.

        Raises:
            InputError: Another runs, or the folder exists.
        """
        with self._lock:
            if self.last is not None and not self.last.is_over:
                raise InputError(
                    f"the training {self.last.name!r} still runs: wait for its end, or cancel it"
                )
            if folder.exists():
                raise InputError(f"there is a run {name!r} already: choose another name")
            if self.last is not None:
                self.last.forget()
            self.last = Training(words, name=name, folder=folder)
            return self.last

    def close(self) -> None:
        """End the training as Ctrl-C does; its process tests and saves after the server's end."""
        if self.last is not None and self.last.state == "running":
            self.last.cancel()
        if self.last is not None:
            self.last.forget()
