"""How annotations are read: the choices that `check`, training and `evaluate` share."""

import dataclasses
import os
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from keras_cnn.errors import InputError


@dataclasses.dataclass(frozen=True)
class Reading:
    """How annotations are read.

    Attributes:
        rename: Class as written -> its name; "" is the class of objects without one.
        without: Absolute paths of pictures that are left out.
        classes: Names of all classes in the order of their ids; None takes those of the set.
    """

    rename: Mapping[str, str] = dataclasses.field(default_factory=dict)
    without: Collection[str] = ()
    classes: tuple[str, ...] | None = None


def of_options(
    folder: str | os.PathLike,
    *,
    rename: Iterable[str] | None = None,
    leave_out: str | os.PathLike | None = None,
    classes: str | None = None,
) -> Reading:
    """Return how a set is read, from the values of command-line options.

    Args:
        folder: The set's folder.
        rename: OLD=NEW of each class with a new name; OLD is empty for objects without a class.
        leave_out: A file, as `without` takes it.
        classes: Names of all classes, separated by commas.

    Raises:
        InputError: A value cannot be used.
    """
    left_out = without(leave_out, folder=folder) if leave_out else ()
    names = None if classes is None else _named(classes)
    return Reading(renames(rename or ()), left_out, names)


def _named(text):
    names = tuple(map(class_name, text.split(",")))
    if "" in names or len(set(map(folded, names))) < len(names):
        raise InputError(
            "--classes must name all classes, separated by commas, each once; received "
            f"{text!r}: correct it"
        )
    return names


def folded(name: str) -> str:
    """Return a class name without capitals and blanks: names that agree in it are one class.

    Args:
        name: The name.
    """
    return "".join(name.casefold().split())


def renames(texts: Iterable[str]) -> dict[str, str]:
    """Return class as written -> its name.

    Args:
        texts: OLD=NEW of each; OLD is empty for objects without a class.

    Raises:
        InputError: A text has no sign =, or no new name.
    """
    pairs = {}
    for text in texts:
        old, sign, new = text.partition("=")
        if not sign or not new.strip():
            raise InputError(f"--rename must be OLD=NEW, two names of classes; received {text!r}")
        pairs[class_name(old)] = class_name(new)
    return pairs


def class_name(text: str) -> str:
    """Return a class name without outer blanks, its accents composed (NFC) as on most systems.

    Args:
        text: The name as written.
    """
    return unicodedata.normalize("NFC", text.strip())


def without(path: str | os.PathLike, *, folder: str | os.PathLike) -> frozenset[str]:
    """Return the absolute paths of the pictures that a file lists, as `check --quarantine` does.

    Args:
        path: The file, a path per line, relative to the working folder or to the set's.
        folder: The set's folder.

    Raises:
        InputError: The file cannot be read, or lists pictures that are in neither folder.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig", errors="surrogateescape").splitlines()
    except OSError as error:
        raise InputError(
            f"--without must name a list of pictures; {os.fspath(path)!r} cannot be read "
            f"({error.strerror}): check the path"
        ) from None
    found = set()
    for line in filter(None, map(str.strip, lines)):
        places = (line, os.path.join(folder, line))
        if not any(map(os.path.isfile, places)):
            raise InputError(
                f"--without must list pictures; {os.fspath(path)} has {line!r}, which does not "
                "exist: correct it"
            )
        found.update(os.path.abspath(place) for place in places if os.path.isfile(place))
    return frozenset(found)
