"""Names and folders that a user types: which of them the studio takes."""

import os
from pathlib import Path

from keras_cnn.app.studio import Studio, is_run
from keras_cnn.errors import InputError
from keras_cnn.i18n import N_

LONGEST_NAME = 60  # characters
COLLECTED = "collected"  # folder of collected pictures, below the folder of runs
_FORBIDDEN = set('/\\:*?"<>|')


def name(typed: str, *, what: str) -> str:
    """Return the name of a folder to make, without blanks around it.

    Args:
        typed: What the user typed.
        what: What it names, in the error.

    Raises:
        InputError: It is empty, too long, begins with a dot or has a character that a name of a
            folder cannot have on every system.
    """
    chosen = typed.strip()
    if not chosen:
        raise InputError(f"{what} needs a name: type one")
    if len(chosen) > LONGEST_NAME:
        raise InputError(
            f"the name of {what} must have at most {LONGEST_NAME} characters; received "
            f"{len(chosen)}: shorten it"
        )
    is_printable = chosen.isprintable() and not set(chosen) & _FORBIDDEN
    if chosen.startswith(".") or chosen.endswith(".") or not is_printable:
        raise InputError(
            f"the name of {what} must not begin or end with a dot, nor have one of "
            f"{' '.join(sorted(_FORBIDDEN))}; received {chosen!r}: choose another"
        )
    return chosen


def path(studio: Studio, typed: str) -> Path:
    """Return the path that a user typed; it need not exist.

    Args:
        studio: Where other machines are served, the path must lie in the studio's own folders.
        typed: What the user typed.

    Raises:
        InputError: It is no path, or it must not be read.
    """
    try:
        chosen = Path(typed.strip()).expanduser()
        place = chosen.resolve()
    except (RuntimeError, ValueError) as error:  # ~nobody, a null character
        raise InputError(f"{typed!r} is no path ({error}): correct it") from None
    given = [each.resolve() for each in (studio.place, studio.data) if each is not None]
    if studio.is_shared and not any(place.is_relative_to(each) for each in given):
        raise InputError(
            f"other machines are served, so the path must lie below "
            f"{' or '.join(map(str, given))}; received {os.fspath(chosen)!r}: choose another"
        )
    return chosen


def folder(studio: Studio, typed: str) -> Path:
    """Return the folder of pictures that a user typed.

    Args:
        studio: As in `path`.
        typed: What the user typed.

    Raises:
        InputError: It is no folder, or it must not be read.
    """
    if not typed.strip():
        raise InputError("type the path of a folder of pictures")
    chosen = path(studio, typed)
    if not chosen.is_dir():
        raise InputError(f"there is no folder {os.fspath(chosen)!r}: check the path")
    return chosen


def of_runs(studio: Studio) -> Path:
    """Return the folder of runs, in which new folders are made.

    Args:
        studio: The studio.

    Raises:
        InputError: The studio shows a single run.
    """
    if is_run(studio.place) or not studio.place.is_dir():
        raise InputError(
            f"{os.fspath(studio.place)!r} is a run, and a new folder would lie in it: start "
            "keras-cnn studio with the folder of your runs"
        )
    return studio.place


def new_run(studio: Studio, typed: str, *, default: str) -> tuple[str, Path]:
    """Return the name and the folder of a run to train.

    Args:
        studio: The studio.
        typed: The name that the user typed; without one, a free one is taken.
        default: The name to begin from then.

    Raises:
        InputError: The name cannot be used, or the studio shows a single run.
    """
    runs, number = of_runs(studio), 2
    chosen = name(typed if typed.strip() else default, what=N_("the run"))
    if chosen == COLLECTED:
        raise InputError(f"{chosen!r} is the folder of collected pictures: choose another name")
    while not typed.strip() and (runs / chosen).exists():
        chosen = f"{default}_{number}"
        number += 1
    return chosen, runs / chosen
