"""The suspicious pictures of a folder, one by one: keep, move to another class, put away, undo.

The journal in the folder is the only memory: another browser, or the page after a restart, goes on
where the last stopped, and undoing every action leaves the folder as it was.
"""

import dataclasses
import os
import threading
from pathlib import Path

import numpy as np

from keras_cnn.datasets import corrections, folders, moves, suspects
from keras_cnn.datasets.moves import Move
from keras_cnn.datasets.suspects import Suspect
from keras_cnn.errors import InputError
from keras_cnn.images import files

LARGEST = 1024  # pixels of a side of a picture that is sent to the browser
KEPT, MOVED, PUT_AWAY = "kept", "moved", "put away"
_LOCK = threading.Lock()  # a journal is written by one request at a time


@dataclasses.dataclass(frozen=True)
class State:
    """What has happened to a suspect.

    Attributes:
        file: Where it is now, relative to the set's folder; None if it is gone.
        label: The class of its folder; None if it is put away or gone.
        decision: KEPT, MOVED, PUT_AWAY, or None without a decision.
    """

    file: str | None
    label: str | None
    decision: str | None


class Review:
    """A table of suspects, and which of them is shown.

    Attributes:
        directory: The set's folder.
        labels: Its classes, sorted.
        suspects: The suspects, the most suspicious first.
        position: Index of the suspect that is shown; their number at the end.
    """

    def __init__(self, directory: str | os.PathLike, table: str | os.PathLike):
        """Read the table, and find the first suspect without a decision.

        Args:
            directory: The set's folder: `<class>/*` or `{train,val,test}/<class>/*`.
            table: The table of suspects.

        Raises:
            InputError: The folder holds no pictures in class folders, the table cannot be used, or
                the journal is damaged.
        """
        self.directory = Path(directory)
        self.suspects = suspects.read(directory, table)
        self._places = corrections.Places.of(self.directory)
        self.labels = self._places.labels
        states = self.states()
        if not any(state.file for state in states):
            raise InputError(
                f"none of the pictures of {table} is in {directory}: name the table of this "
                "folder, or search again"
            )
        undecided = [n for n, state in enumerate(states) if state.file and not state.decision]
        self.position = undecided[0] if undecided else len(states)

    @property
    def suspect(self) -> Suspect | None:
        """The suspect that is shown; None at the end."""
        return self.suspects[self.position] if self.position < len(self.suspects) else None

    def states(self) -> list[State]:
        """Return the state of each suspect, from the journal and the disk.

        Raises:
            InputError: The journal is damaged.
        """
        now, decided = {each.file: each.file for each in self.suspects}, {}
        origin = {each.file: each.file for each in self.suspects}  # place now -> place at first
        for session in moves.sessions(self.directory):
            for file in session.kept:
                decided.setdefault(origin.get(file), KEPT)
            for move in session.moves:
                if (first := origin.pop(move.source, None)) is not None:
                    origin[move.target], now[first] = first, move.target
                    decided[first] = MOVED
        return [self._state(now[each.file], decided.get(each.file)) for each in self.suspects]

    def _state(self, file, decision):
        if not moves.is_inside(file) or not os.path.isfile(self.directory / file):
            return State(None, None, decision)
        if file.startswith(f"{corrections.PUT_AWAY}/"):
            return State(file, None, PUT_AWAY)
        return State(file, self.label_of(file), decision)

    def label_of(self, file: str) -> str:
        """Return the class of the folder in which a picture lies, or lay.

        Args:
            file: The picture, relative to the set's folder.
        """
        split, _, rest = file.partition("/")
        folder = rest if split in self._places.folders else file
        return folders.class_name(folder.partition("/")[0])

    def picture(self) -> np.ndarray:
        """Return the pixels of the suspect that is shown, at most `LARGEST` high and wide.

        Returns:
            uint8 (height, width, 3), upright.

        Raises:
            InputError: It is gone, cannot be read, or lies behind a symbolic link.
        """
        file = self._file()
        root = os.path.realpath(self.directory)
        if os.path.realpath(self.directory / file) != os.path.join(root, file):
            raise InputError(
                f"{file} is a symbolic link or lies behind one; only files of the folder itself "
                "are shown and moved: look at it by hand"
            )
        pixels = files.read(self.directory / file, least_size=(LARGEST, LARGEST))
        height, width = pixels.shape[:2]
        ratio = min(1, LARGEST / max(height, width))
        size = max(1, round(height * ratio)), max(1, round(width * ratio))
        return files.resize(pixels, size=size, interpolation="bilinear")

    def keep(self) -> None:
        """Confirm the label of the suspect that is shown, unless it has a decision; go on.

        Raises:
            InputError: The journal cannot be written.
        """
        if self.suspect is None:
            return
        with _LOCK:
            state = self.states()[self.position]
            if state.file and not state.decision:
                moves.keep(self.directory, state.file)
            self.position += 1

    def move(self, label: str | None) -> Move | None:
        """Move the suspect that is shown to the folder of a class, and go on.

        Args:
            label: The class; None puts the picture away.

        Returns:
            The move; None if it was there already, which confirms its label.

        Raises:
            InputError: It cannot be moved; nothing was changed.
        """
        with _LOCK:
            file = self._file()
            if self.states()[self.position].decision == PUT_AWAY:
                raise InputError(
                    f"{file} is in the quarantine: undo takes it out, the last action first"
                )
            planned = corrections.plan(self.directory, file, label=label)
            moves.apply(self.directory, planned)
        if not planned:
            self.keep()
            return None
        self.position += 1
        return planned[0]

    def back(self) -> None:
        """Show the suspect before, and change nothing."""
        self.position = max(0, self.position - 1)

    def undo(self) -> None:
        """Take back the last action in the journal, and show its picture.

        Raises:
            InputError: There is none, or its picture was changed meanwhile.
        """
        with _LOCK:
            done = moves.sessions(self.directory)
            if not done:
                raise InputError("there is nothing to undo: no action stands in the journal")
            if len(done[-1].moves) > 1:
                raise InputError(
                    f"the last action moved {len(done[-1].moves)} pictures at once: take it back "
                    f"by keras-cnn clean {self.directory} --undo"
                )
            before = self.states()
            moves.undo(self.directory)
            changed = [n for n, state in enumerate(self.states()) if state != before[n]]
        if changed:
            self.position = changed[0]

    def _file(self):
        file = self.states()[self.position].file if self.suspect else None
        if file is None:
            name = self.suspect.file if self.suspect else "the picture"
            raise InputError(f"{name} is gone: it was removed or renamed meanwhile; go on")
        return file
