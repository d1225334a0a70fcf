"""Lists of picture files that a table names, one per row, with their targets."""

import dataclasses
import os
import warnings
from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd

from keras_cnn.errors import InputError
from keras_cnn.images import files
from keras_cnn.images.file_lists import FileList, check_class_mode

_MODES_OF_CLASSES = ("categorical", "binary", "sparse")
_CLASS_MODES = (*_MODES_OF_CLASSES, "input", None, "multi_output", "raw")


def from_dataframe(
    dataframe: pd.DataFrame,
    *,
    directory: str | os.PathLike | None,
    x_col: Hashable,
    y_col: Hashable | Sequence,
    weight_col: Hashable | None,
    classes: Sequence[str] | None,
    class_mode: str | None,
    validate_filenames: bool,
) -> FileList:
    """List the pictures that a table names, one per row.

    Args:
        dataframe: The table.
        directory: Folder that the file names are relative to; None if they need none.
        x_col: Column of file names: its name, or its number in a table without header.
        y_col: Column of targets; a list, index or array of columns if `class_mode` is "raw" or
            "multi_output".
        weight_col: Column of sample weights.
        classes: Class names in the order of their indices; rows of other classes are left out.
        class_mode: Kind of targets.
        validate_filenames: Whether to leave out, with a warning, rows whose file does not exist or
            has no picture's extension.

    Returns:
        The list, in the table's order.

    Raises:
        InputError: A column is missing or does not suit `class_mode`, or no row is left.
    """
    check_class_mode(class_mode, _CLASS_MODES)
    directory = os.fspath(directory or "")
    if isinstance(y_col, (pd.Index, pd.Series, np.ndarray)):
        y_col = y_col.tolist()
    targets = list(y_col) if isinstance(y_col, (list, tuple)) else [y_col]
    _check_columns(
        dataframe, x_col, targets if class_mode not in ("input", None) else (), weight_col
    )
    if class_mode == "multi_output" and not isinstance(y_col, (list, tuple)):
        raise InputError(f'class_mode="multi_output" needs a list of columns; received {y_col=}')
    table = _with_column(dataframe, x_col, [os.fspath(name) for name in dataframe[x_col]])
    if validate_filenames:
        table = _keep_existing_files(table, directory, x_col)
    class_indices = {}
    if class_mode in _MODES_OF_CLASSES:
        table, class_indices = _index_classes(table, y_col, classes, class_mode)
    elif classes:
        warnings.warn(f"classes= has no effect with {class_mode=}", stacklevel=4)
    if table.empty:
        raise InputError(
            f"no picture is left of {len(dataframe)} rows: check that column {x_col!r} names files "
            f"in directory={directory!r}"
        )
    file_list = FileList(directory, table[x_col].tolist(), class_indices=class_indices)
    if class_mode in _MODES_OF_CLASSES:
        classes = _class_numbers(table[y_col], class_indices)
        file_list = dataclasses.replace(file_list, classes=classes)
    elif class_mode == "multi_output":
        labels = [np.array(table[column].tolist()) for column in targets]
        file_list = dataclasses.replace(file_list, labels=labels)
    elif class_mode == "raw":
        labels = table[targets if len(targets) > 1 else targets[0]].to_numpy()
        file_list = dataclasses.replace(file_list, labels=labels)
    if weight_col is not None:
        weights = table[weight_col].to_numpy()
        file_list = dataclasses.replace(file_list, sample_weight=weights)
    return file_list


def _with_column(table, name, values):
    """Return a table with another column in place of one, whose name may be a number."""
    table = table.copy(deep=False)
    table[name] = values
    return table


def _check_columns(table, x_col, targets, weight_col):
    for column in (x_col, *targets, *([] if weight_col is None else [weight_col])):
        if column not in table:
            raise InputError(f"the table has columns {list(table)}; received {column!r}: name one")
    if not all(isinstance(name, (str, os.PathLike)) for name in table[x_col]):
        raise InputError(f"column x_col={x_col!r} must hold file names, all of them str")
    if weight_col is not None and not pd.api.types.is_numeric_dtype(table[weight_col]):
        raise InputError(f"column weight_col={weight_col!r} must hold numbers")


def _keep_existing_files(table, directory, x_col):
    exists = np.array(
        [
            files.is_picture_name(name) and os.path.isfile(os.path.join(directory, name))
            for name in table[x_col]
        ],
        bool,
    )
    if not exists.all():
        warnings.warn(
            f"{(~exists).sum()} of {len(exists)} rows are left out: their files in column "
            f"{x_col!r} do not exist or have no extension of {files.FORMATS}",
            stacklevel=5,
        )
    return table[exists]


def _index_classes(table, y_col, classes, class_mode):
    """Return the rows of the classes, and class name -> index."""
    label_types = (str, list, tuple) if class_mode == "categorical" else str
    if not all(isinstance(label, label_types) for label in table[y_col]):
        raise InputError(
            f"column y_col={y_col!r} must hold class names as str (or, if categorical, lists of "
            f'them) with {class_mode=}: use .astype(str), or class_mode="raw" for numbers'
        )
    if classes:
        classes = list(dict.fromkeys(classes))
        known = set(classes)

        def keep_known(label):
            if isinstance(label, str):
                return label if label in known else None
            return [name for name in label if name in known] or None

        labels = [keep_known(label) for label in table[y_col]]
        table = _with_column(table, y_col, pd.Series(labels, table.index, dtype=object))
        table = table[[label is not None for label in labels]]
    else:
        labels = ([label] if isinstance(label, str) else label for label in table[y_col])
        classes = sorted({name for names in labels for name in names})
    if class_mode == "binary" and len(classes) != 2:
        raise InputError(f'class_mode="binary" needs two classes; found {classes}')
    return table, {name: index for index, name in enumerate(classes)}


def _class_numbers(labels, class_indices):
    if all(isinstance(label, str) for label in labels):
        return np.array([class_indices[label] for label in labels], np.int32)
    labels = ([label] if isinstance(label, str) else label for label in labels)
    return [[class_indices[name] for name in names] for names in labels]
