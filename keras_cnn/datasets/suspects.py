"""The table of pictures whose label may be wrong, as `keras-cnn clean` writes it."""

import dataclasses
import math
import os
from pathlib import Path

from keras_cnn.datasets import corrections
from keras_cnn.errors import InputError

COLUMNS = ("file", "likely", "probability", "label_probability")


@dataclasses.dataclass(frozen=True)
class Suspect:
    """A picture whose label may be wrong.

    Attributes:
        file: Its file when it was found, relative to the set's folder, with "/".
        likely: The most probable other class.
        probability: Its probability, from 0 to 1.
        label_probability: The probability of the picture's own class.
    """

    file: str
    likely: str
    probability: float
    label_probability: float


def read(directory: str | os.PathLike, table: str | os.PathLike) -> list[Suspect]:
    """Return the suspects of a table, in its order.

    Args:
        directory: The set's folder.
        table: `suspects.csv`, also as a spreadsheet saved it; further columns are left out.

    Raises:
        InputError: The table cannot be read, lacks a column, or lists no picture.
    """
    listed = [list(_suspects(text, table)) for text in corrections.readings(Path(table))]
    if not listed[0]:
        raise InputError(f"{table} lists no picture: search again")
    # Of the encodings that the file may have, the right one names files that exist.
    exist = (any(os.path.lexists(Path(directory, each.file)) for each in rows) for rows in listed)
    return next((rows for rows, is_right in zip(listed, exist, strict=True) if is_right), listed[0])


def _suspects(text, table):
    seen = set()
    for where, file, likely, *cells in corrections.rows(text, table, columns=COLUMNS):
        try:
            numbers = [float(cell) for cell in cells]
        except ValueError:
            numbers = [math.nan]
        if not all(0 <= number <= 1 for number in numbers):
            raise InputError(
                f"{where} probabilities must be numbers from 0 to 1; received {cells}: correct "
                "them, or search again"
            )
        if file not in seen:
            seen.add(file)
            yield Suspect(file, likely, *numbers)
