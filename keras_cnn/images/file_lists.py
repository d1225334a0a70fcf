"""Which pictures a folder or a table names, with their targets, and how they are split."""

import dataclasses
import os
import warnings
import zlib
from collections.abc import Sequence

import numpy as np
import pandas as pd

from keras_cnn.errors import InputError
from keras_cnn.images import files

_DIRECTORY_MODES = ("categorical", "binary", "sparse", "input", None)
_DATAFRAME_MODES = (*_DIRECTORY_MODES, "multi_output", "raw")
_WITH_CLASSES = ("categorical", "binary", "sparse")


@dataclasses.dataclass(frozen=True)
class Samples:
    """Pictures and their targets, n of each.

    Attributes:
        directory: Folder that `filenames` are relative to; "" if they are not.
        filenames: Names of the files.
        class_indices: Class name -> index; empty where the targets are no classes.
        classes: int32 array (n,) of class indices, a list of lists of them where a picture may
            have several, or None.
        labels: Targets that are no classes: an array (n, ...), a list of them, or None.
        sample_weight: float array (n,), or None.
    """

    directory: str
    filenames: list[str]
    class_indices: dict[str, int] = dataclasses.field(default_factory=dict)
    classes: np.ndarray | list[list[int]] | None = None
    labels: np.ndarray | list[np.ndarray] | None = None
    sample_weight: np.ndarray | None = None

    @property
    def filepaths(self) -> list[str]:
        """Where the files are."""
        return [os.path.join(self.directory, name) for name in self.filenames]

    def take(self, indices: Sequence[int]) -> "Samples":
        """Keep some pictures only.

        Args:
            indices: Numbers of the pictures, in their new order.

        Returns:
            The samples left.
        """

        def pick(values):
            if values is None or isinstance(values, np.ndarray):
                return values if values is None else values[indices]
            return [values[index] for index in indices]

        several = isinstance(self.labels, list)
        return dataclasses.replace(
            self,
            filenames=pick(self.filenames),
            classes=pick(self.classes),
            labels=[output[indices] for output in self.labels] if several else pick(self.labels),
            sample_weight=pick(self.sample_weight),
        )

    def subset(
        self, subset: str, *, validation_split: float, by_class: bool, stratified: bool
    ) -> "Samples":
        """Take one of two parts.

        Args:
            subset: "validation" or "training".
            validation_split: Share of the pictures that goes into "validation".
            by_class: Whether that share is taken of each class, rather than of all.
            stratified: Whether it is drawn from each class, the same for the same file names,
                rather than the first ones.

        Returns:
            The part.

        Raises:
            InputError: `subset` is no such name, or the part is empty.
        """
        groups = np.zeros(len(self.filenames), int)
        if self.classes is not None and (by_class or stratified):
            groups = np.unique([str(labels) for labels in self.classes], return_inverse=True)[1]
        key = "\n".join(self.filenames) if stratified else None
        return self.take(
            subset_indices(groups, subset=subset, validation_split=validation_split, key=key)
        )

    def readable(self, *, workers: int | None = None) -> "Samples":
        """Leave out the files that cannot be read, with a warning that names them.

        Args:
            workers: Number of threads.

        Returns:
            The samples left.
        """
        filepaths = self.filepaths
        bad = files.find_bad(filepaths, workers=workers)
        if not bad:
            return self
        lines = "".join(f"\n  {path}: {reason}" for path, reason in bad.items())
        warnings.warn(f"{len(bad)} files are left out:{lines}", stacklevel=4)
        return self.take([i for i, path in enumerate(filepaths) if path not in bad])


def from_directory(
    directory: str | os.PathLike,
    *,
    classes: Sequence[str] | None,
    class_mode: str | None,
    follow_links: bool,
) -> Samples:
    """Take every picture of a folder that holds one folder per class.

    Args:
        directory: The folder.
        classes: Names of the class folders in the order of their indices; by default all, sorted.
        class_mode: What the targets are.
        follow_links: Whether to look into symbolic links to folders.

    Returns:
        The samples, class by class.

    Raises:
        InputError: There are no pictures, or `class_mode` is none of a folder.
    """
    _check_class_mode(class_mode, _DIRECTORY_MODES)
    names, pictures = files.find(directory, classes=classes, follow_links=follow_links)
    return Samples(
        os.fspath(directory),
        [name for name, _ in pictures],
        class_indices={name: index for index, name in enumerate(names)},
        classes=np.array([index for _, index in pictures], np.int32),
    )


def from_dataframe(
    dataframe: pd.DataFrame,
    *,
    directory: str | os.PathLike | None,
    x_col: str,
    y_col: str | Sequence[str],
    weight_col: str | None,
    classes: Sequence[str] | None,
    class_mode: str | None,
    validate_filenames: bool,
) -> Samples:
    """Take the pictures a table names, one per row.

    Args:
        dataframe: The table.
        directory: Folder that the file names are relative to; None if they need none.
        x_col: Column of file names.
        y_col: Column of targets; a list of columns if `class_mode` is "multi_output".
        weight_col: Column of sample weights.
        classes: Class names in the order of their indices; rows of others are left out.
        class_mode: What the targets are.
        validate_filenames: Whether to leave out, with a warning, rows whose file does not exist or
            has no picture's extension.

    Returns:
        The samples, in the table's order.

    Raises:
        InputError: A column is missing or does not suit `class_mode`, or no row is left.
    """
    _check_class_mode(class_mode, _DATAFRAME_MODES)
    directory = os.fspath(directory or "")
    targets = list(y_col) if isinstance(y_col, (list, tuple)) else [y_col]
    _check_columns(
        dataframe, x_col, targets if class_mode not in ("input", None) else (), weight_col
    )
    if class_mode == "multi_output" and not isinstance(y_col, (list, tuple)):
        raise InputError(f'class_mode="multi_output" needs a list of columns; received {y_col=}')
    table = dataframe.assign(**{x_col: [os.fspath(name) for name in dataframe[x_col]]})
    if validate_filenames:
        table = _with_files(table, directory, x_col)
    found = {}
    if class_mode in _WITH_CLASSES:
        table, found = _with_classes(table, y_col, classes, class_mode)
    elif classes:
        warnings.warn(f"classes= has no effect with {class_mode=}", stacklevel=4)
    if table.empty:
        raise InputError(
            f"no picture is left of {len(dataframe)} rows: check that column {x_col!r} names files "
            f"in directory={directory!r}"
        )
    samples = Samples(directory, table[x_col].tolist(), class_indices=found)
    if class_mode in _WITH_CLASSES:
        samples = dataclasses.replace(samples, classes=_class_numbers(table[y_col], found))
    elif class_mode == "multi_output":
        samples = dataclasses.replace(
            samples, labels=[np.array(table[column].tolist()) for column in targets]
        )
    elif class_mode == "raw":
        labels = table[targets if len(targets) > 1 else targets[0]].to_numpy()
        samples = dataclasses.replace(samples, labels=labels)
    if weight_col:
        samples = dataclasses.replace(samples, sample_weight=table[weight_col].to_numpy())
    return samples


def _check_class_mode(class_mode, allowed):
    if class_mode not in allowed:
        raise InputError(f"class_mode must be one of {allowed}; received {class_mode=}")


def _check_columns(table, x_col, targets, weight_col):
    for column in (x_col, *targets, *([weight_col] if weight_col else [])):
        if column not in table:
            raise InputError(f"the table has columns {list(table)}; received {column!r}: name one")
    if not all(isinstance(name, (str, os.PathLike)) for name in table[x_col]):
        raise InputError(f"column x_col={x_col!r} must hold file names, all of them str")
    if weight_col and not pd.api.types.is_numeric_dtype(table[weight_col]):
        raise InputError(f"column weight_col={weight_col!r} must hold numbers")


def _with_files(table, directory, x_col):
    names = table[x_col]
    exists = np.array(
        [files.is_picture_name(n) and os.path.isfile(os.path.join(directory, n)) for n in names],
        bool,
    )
    if not exists.all():
        warnings.warn(
            f"{(~exists).sum()} of {len(exists)} rows are left out: their files in column "
            f"{x_col!r} do not exist or have no extension of {files.FORMATS}",
            stacklevel=5,
        )
    return table[exists]


def _with_classes(table, y_col, classes, class_mode):
    kinds = (str, list, tuple) if class_mode == "categorical" else str
    if not all(isinstance(label, kinds) for label in table[y_col]):
        raise InputError(
            f"column y_col={y_col!r} must hold class names as str (or, if categorical, lists of "
            f'them) with {class_mode=}: use .astype(str), or class_mode="raw" for numbers'
        )
    if classes:
        classes = list(dict.fromkeys(classes))
        known = set(classes)

        def keep(label):
            if isinstance(label, str):
                return label if label in known else None
            return [name for name in label if name in known] or None

        labels = [keep(label) for label in table[y_col]]
        table = table.assign(**{y_col: pd.Series(labels, table.index, dtype=object)})
        table = table[[label is not None for label in labels]]
    else:
        rows = ([label] if isinstance(label, str) else label for label in table[y_col])
        classes = sorted({name for row in rows for name in row})
    if class_mode == "binary" and len(classes) != 2:
        raise InputError(f'class_mode="binary" needs two classes; found {classes}')
    return table, {name: index for index, name in enumerate(classes)}


def _class_numbers(labels, class_indices):
    if all(isinstance(label, str) for label in labels):
        return np.array([class_indices[label] for label in labels], np.int32)
    rows = ([label] if isinstance(label, str) else label for label in labels)
    return [[class_indices[name] for name in row] for row in rows]


@dataclasses.dataclass(frozen=True)
class Arrays:
    """Pictures and what belongs to them, n of each.

    Attributes:
        x: Pictures, array (n, ...) of three more axes.
        x_misc: Further inputs of the model, arrays (n, ...).
        y: Targets (n, ...), or None.
        sample_weight: array (n,), or None.
    """

    x: np.ndarray
    x_misc: list[np.ndarray]
    y: np.ndarray | None
    sample_weight: np.ndarray | None

    def subset(
        self, subset: str, *, validation_split: float, stratified: bool, ignore_class_split: bool
    ) -> "Arrays":
        """Take one of two parts.

        Args:
            subset: "validation", by default the first samples, or "training".
            validation_split: Share of the samples that goes into "validation".
            stratified: Whether to draw it from each class, the same for the same targets.
            ignore_class_split: Whether to let the parts differ in their classes.

        Returns:
            The part.

        Raises:
            InputError: The part is empty, or the parts differ in their classes.
        """
        groups, key = np.zeros(len(self.x), int), None
        if stratified:
            y = groups if self.y is None else self.y.reshape(len(self.y), -1)
            groups = np.unique(y, axis=0, return_inverse=True)[1].ravel()
            key = repr(groups.tolist())
        chosen = subset_indices(groups, subset=subset, validation_split=validation_split, key=key)
        if self.y is not None and not ignore_class_split:
            rest = np.delete(self.y, chosen, axis=0)
            if not np.array_equal(np.unique(self.y[chosen]), np.unique(rest)):
                raise InputError(
                    "training and validation must have the same classes: shuffle the arrays, set "
                    "stratified_split=True, or ignore_class_split=True if y are no classes"
                )
        pick = dict(self.__dict__, x_misc=[extra[chosen] for extra in self.x_misc])
        for name in ("x", "y", "sample_weight"):
            pick[name] = None if pick[name] is None else pick[name][chosen]
        return Arrays(**pick)


def from_arrays(
    x: np.ndarray | tuple,
    y: np.ndarray | None,
    sample_weight: np.ndarray | None,
    *,
    dtype: str,
) -> Arrays:
    """Check arrays that belong together.

    Args:
        x: Pictures, or a pair of them and another input, or list of inputs.
        y: Targets, or None.
        sample_weight: Weights, or None.
        dtype: Type for the pictures unless they are uint8, which takes less memory.

    Returns:
        The arrays.

    Raises:
        InputError: They differ in length, or pictures do not have four axes.
    """
    x_misc = []
    if isinstance(x, (tuple, list)):
        x, others = x
        x_misc = [np.asarray(extra) for extra in (others if isinstance(others, list) else [others])]
    x = np.asarray(x)
    x = x if x.dtype == np.uint8 else x.astype(dtype, copy=False)
    y = None if y is None else np.asarray(y)
    sample_weight = None if sample_weight is None else np.asarray(sample_weight)
    lengths = [len(array) for array in (x, *x_misc, y, sample_weight) if array is not None]
    if len(set(lengths)) > 1:
        raise InputError(f"x, y and sample_weight must have the same length; received {lengths}")
    if x.ndim != 4 or not len(x):
        raise InputError(f"flow needs pictures (n, height, width, channels); {x.shape=}")
    return Arrays(x, x_misc, y, sample_weight)


def subset_indices(
    groups: np.ndarray, *, subset: str, validation_split: float, key: str | None = None
) -> np.ndarray:
    """Split each group in two.

    Args:
        groups: int array (n,), the group of each sample.
        subset: "validation" or "training", the rest.
        validation_split: Share of each group that goes into "validation".
        key: None for the first of each group; else they are drawn, the same for the same key.

    Returns:
        int array, sorted: which samples are in the subset.

    Raises:
        InputError: `subset` is no such name, or the subset is empty.
    """
    if subset not in ("training", "validation"):
        raise InputError(f'subset must be "training" or "validation"; received {subset=}')
    rng = None if key is None else np.random.RandomState(zlib.crc32(key.encode()))
    in_validation = np.zeros(len(groups), bool)
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        number = validation_split * len(members)
        if rng is not None:
            members, number = rng.permutation(members), round(number)
        in_validation[members[: int(number)]] = True
    indices = np.flatnonzero(in_validation == (subset == "validation"))
    if not len(indices):
        raise InputError(
            f"{subset=} holds none of {len(groups)} samples with {validation_split=}: "
            "set ImageDataGenerator(validation_split=...) to another share"
        )
    return indices
