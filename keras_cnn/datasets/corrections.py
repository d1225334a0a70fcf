"""A table of corrections: which pictures move to the folder of which class."""

import csv
import dataclasses
import difflib
import io
import os
import posixpath
from collections.abc import Iterator, Sequence
from pathlib import Path

from keras_cnn import filesystem
from keras_cnn.datasets import folders, moves
from keras_cnn.datasets.formats import texts
from keras_cnn.datasets.moves import Move
from keras_cnn.errors import InputError
from keras_cnn.i18n import N_
from keras_cnn.images import files

QUARANTINE = "quarantine"  # the label of a picture to be put away
PUT_AWAY = ".quarantine"  # the folder of such pictures, hidden from training
COLUMNS = ("file", "label")


def read(directory: str | os.PathLike, table: str | os.PathLike) -> list[Move]:
    """Return the moves that a table of corrections asks for; change nothing.

    The table is a CSV file with the columns `file`, relative to the set's folder, and `label`, the
    class that the picture belongs to. A picture that lies in the folder of its label stays. The
    label "quarantine", unless a class has this name, puts a picture into the hidden folder
    `.quarantine`. A picture stays in its split and keeps its name; if the name is taken, it gets a
    number. A new class needs an empty class folder first.

    Args:
        directory: The set's folder: `<class>/*` or `{train,val,test}/<class>/*`.
        table: The CSV file, in UTF-8, UTF-16 or GB18030, as spreadsheets write it.

    Raises:
        InputError: A line cannot be used, a folder cannot be written, or an earlier `moves.apply`
            was interrupted.
    """
    directory = Path(directory)
    moves.refuse_interrupted(directory)
    places = Places.of(directory)
    errors = []
    for text in readings(Path(table)):
        try:
            planned = list(_moves(directory, places, rows(text, table)))
            break
        except InputError as error:
            errors.append(error)
    else:
        raise errors[0]
    return _ready(directory, planned)


def plan(directory: str | os.PathLike, file: str, *, label: str | None) -> list[Move]:
    """Return the move of one picture to another class, as `read` does; change nothing.

    Args:
        directory: As in `read`.
        file: The picture, relative to it.
        label: The class that it belongs to; None puts it into `.quarantine`.

    Returns:
        The move; none if the picture lies in the folder of its label.

    Raises:
        InputError: As in `read`.
    """
    directory = Path(directory)
    moves.refuse_interrupted(directory)
    row = ("not moved:", file, label)
    return _ready(directory, list(_moves(directory, Places.of(directory), [row])))


def _ready(directory, planned):
    """Return moves with their digests; refuse those that would fail."""
    _check_folders(directory, planned)
    return [
        dataclasses.replace(move, digest=moves.digest(directory / move.source)) for move in planned
    ]


@dataclasses.dataclass(frozen=True)
class Places:
    """Where pictures and classes of a set lie.

    Attributes:
        pictures: File -> folder of its split, its class, and its name below the class folder.
        folders: Folder of a split, "" without splits -> class -> name of its folder.
    """

    pictures: dict[str, tuple[str, str, str]]
    folders: dict[str, dict[str, str]]

    @classmethod
    def of(cls, directory: Path) -> "Places":
        """Return the places in a folder.

        Args:
            directory: The set's folder, as in `read`.

        Raises:
            InputError: It holds no pictures in class folders.
        """
        layout = folders.read_layout(directory)
        pictures, names = {}, {}
        for split in [folder.name for folder in layout.splits.values()] or [""]:
            root = directory / split
            if not root.is_dir():
                raise InputError(f"pictures must lie in a folder; {str(root)!r} is none: check it")
            classes = folders.class_folders(root)
            # Of folders whose names differ in their Unicode form only, the first is the target.
            names[split] = {label: name for name, label in reversed(classes.items())}
            for folder, label in classes.items():
                for name in files.pictures_in(root / folder):
                    name = Path(name).as_posix()
                    pictures[posixpath.join(split, folder, name)] = (split, label, name)
        if not pictures:
            raise InputError(
                f"{str(directory)!r} holds no pictures in class folders, between which wrong "
                "labels are corrected: correct labels in a table by hand"
            )
        return cls(pictures, names)

    @property
    def labels(self) -> list[str]:
        """The classes, sorted."""
        return sorted({label for names in self.folders.values() for label in names})

    def folder_of(self, label: str, split: str) -> str:
        """Return the folder of a class in a split, with "/"; it may not exist there yet.

        Args:
            label: One of `labels`.
            split: Folder of the split, "" without splits.
        """
        names = self.folders[split]
        others = (other[label] for other in self.folders.values() if label in other)
        return posixpath.join(split, names.get(label) or next(others))


def readings(table: Path) -> Iterator[str]:
    """Yield the text of a table in the encodings that it may have.

    Excel in Chinese Windows writes GB18030. A table of names that are not UTF-8 is itself none.

    Args:
        table: The CSV file.

    Raises:
        InputError: It cannot be read.
    """
    try:
        content = table.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"cannot read {table}: {reason}; check the path") from None
    try:
        yield texts.decoded(content)
    except UnicodeError:
        yield texts.decoded(content, errors="surrogateescape")
        yield content.decode("gb18030", "replace")


def rows(
    text: str, table: str | os.PathLike, *, columns: Sequence[str] = COLUMNS
) -> Iterator[tuple[str, ...]]:
    """Yield the rows of a table.

    Args:
        text: Its text.
        table: Its name, for messages.
        columns: Names of the columns to read.

    Yields:
        Where a row stands, for messages, and its cells of these columns.

    Raises:
        InputError: A column is missing, or a quote is not closed.
    """
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
        if missing := [name for name in columns if name not in header]:
            raise InputError(
                f"{table} must have the columns {' and '.join(columns)}; it has {header}: add "
                f"{missing[0]}"
            )
        places = [header.index(name) for name in columns]
        for cells in reader:
            if any(cells):
                cells += [""] * len(header)
                yield f"{table}, line {reader.line_num}:", *(cells[n].strip() for n in places)
    except csv.Error as error:
        raise InputError(f"{table}, line {reader.line_num}: {error}; correct its quotes") from None


def _moves(directory, places, table):
    """Yield the moves of a table's rows, without digests."""
    seen, taken, labels = {}, set(), places.labels
    root = os.path.realpath(directory)
    for where, name, label in table:
        file = _file(name, places, directory, where)
        if first := seen.get(file):
            raise InputError(f"{where} {file} stands in two lines, also in {first} leave out one")
        seen[file] = where
        if os.path.realpath(directory / file) != os.path.join(root, file):
            raise InputError(
                f"{where} {file} is a symbolic link or lies behind one; only files of {directory} "
                "itself are moved: move it by hand"
            )
        split, own, below = places.pictures[file]
        label = label if label is None else folders.class_name(label)
        if label == own:
            continue
        if label in labels:
            target = posixpath.join(places.folder_of(label, split), below)
        elif label in (None, QUARANTINE):
            target = posixpath.join(PUT_AWAY, file)
        else:
            raise InputError(_no_class(label, labels, where=where))
        target = _free(directory, target, taken)
        taken.add(target)
        yield Move(file, target, "")


def _file(name, places, directory, where):
    """Return the file that a cell names, as `places` has it."""
    for candidate in (name, name.replace("\\", "/")):
        if candidate and posixpath.normpath(candidate) in places.pictures:
            return posixpath.normpath(candidate)
    path = posixpath.normpath(name.replace("\\", "/"))
    if os.path.isabs(name) or path.startswith(("/", "../")) or path == ".." or path[1:2] == ":":
        raise InputError(
            f"{where} the column file must name pictures relative to {directory}; received "
            f"{name!r}, which leads out of it: correct it"
        )
    if name and os.path.lexists(directory / path):
        raise InputError(
            f"{where} {name!r} is no picture in a class folder of {directory}: remove the line"
        )
    raise InputError(
        f"{where} there is no picture {name!r} in {directory}: correct the name, or remove the "
        "line if the picture was moved already"
    )


def _no_class(label, labels, *, where):
    if not label:
        return N_(f"{where} the label is empty: write a class or {QUARANTINE}, or remove the line")
    close = difflib.get_close_matches(label, labels, n=1)
    shown = ", ".join(labels[:20]) + (", …" if len(labels) > 20 else "")
    if close:
        return N_(
            f"{where} the label must be {QUARANTINE} or one of {shown}; received {label!r}: did "
            f"you mean {close[0]}?"
        )
    return N_(
        f"{where} the label must be {QUARANTINE} or one of {shown}; received {label!r}: a "
        "new class needs an empty folder first"
    )


def _free(directory, target, taken):
    """Return a file name that nothing has: "1.jpg", else "1_2.jpg", "1_3.jpg", ..."""
    stem, ending = posixpath.splitext(target)
    candidate, number = target, 1
    while candidate in taken or os.path.lexists(directory / candidate):
        number += 1
        candidate = f"{stem}_{number}{ending}"
    return candidate


def _check_folders(directory, planned):
    """Refuse moves between disks, and folders in which no file can be made or removed."""
    sources = {(directory / move.source).parent for move in planned}
    targets = {_nearest((directory / move.target).parent) for move in planned}
    for folder in sorted({directory, *sources, *targets}) if planned else ():
        if not folder.is_dir():
            raise InputError(f"{folder} must be a folder; it is a file: move it away")
        if reason := filesystem.why_not_writable(folder):
            raise InputError(f"pictures cannot be moved: {folder} cannot be written ({reason})")
    if len({folder.stat().st_dev for folder in sources | targets}) > 1:
        raise InputError(
            f"pictures are moved within one disk only; class folders of {directory} lie on "
            "several: move the pictures by hand"
        )


def _nearest(folder):
    return next(path for path in (folder, *folder.parents) if os.path.lexists(path))
