"""Lists of picture files with their targets, and how they are read from a folder and split."""

import dataclasses
import os
import warnings
from collections.abc import Sequence

import numpy as np

from keras_cnn.errors import InputError
from keras_cnn.images import files
from keras_cnn.images.subsets import subset_indices

_CLASS_MODES = ("categorical", "binary", "sparse", "input", None)


@dataclasses.dataclass(frozen=True)
class FileList:
    """n picture files with their targets.

    Attributes:
        directory: Folder that `filenames` are relative to; "" if they are not.
        filenames: Names of the files.
        class_indices: Class name -> index; empty if the targets are not classes.
        classes: int32 array (n,) of class indices; a list of lists of them if a picture may have
            several; or None.
        labels: Targets that are not classes: an array (n, ...), a list of arrays, or None.
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
        """Paths of the files."""
        return [os.path.join(self.directory, name) for name in self.filenames]

    def take(self, indices: Sequence[int]) -> "FileList":
        """Return the list of some of the pictures.

        Args:
            indices: Numbers of the pictures, in their new order.
        """

        def pick(values):
            if values is None:
                return None
            if isinstance(values, np.ndarray):
                return values[indices]
            return [values[index] for index in indices]

        if isinstance(self.labels, list):
            labels = [output[indices] for output in self.labels]
        else:
            labels = pick(self.labels)
        return dataclasses.replace(
            self,
            filenames=pick(self.filenames),
            classes=pick(self.classes),
            labels=labels,
            sample_weight=pick(self.sample_weight),
        )

    def subset(
        self, subset: str, *, validation_split: float, by_class: bool, stratified: bool
    ) -> "FileList":
        """Return the list of one of the two subsets.

        Args:
            subset: "validation" or "training".
            validation_split: Share of the pictures that goes into "validation".
            by_class: Whether to split each class by that share, rather than all pictures together.
            stratified: Whether to draw the pictures of each class at random, the same for the same
                file names, rather than to take the first.

        Raises:
            InputError: `subset` has another value, or the subset is empty.
        """
        groups = np.zeros(len(self.filenames), int)
        if self.classes is not None and (by_class or stratified):
            groups = np.unique([str(labels) for labels in self.classes], return_inverse=True)[1]
        key = "\n".join(self.filenames) if stratified else None
        return self.take(
            subset_indices(groups, subset=subset, validation_split=validation_split, key=key)
        )

    def readable(self, *, workers: int | None = None) -> "FileList":
        """Return the list without files that cannot be read. A warning names them.

        Args:
            workers: Number of threads.
        """
        filepaths = self.filepaths
        bad = files.find_bad(filepaths, workers=workers)
        if not bad:
            return self
        lines = "".join(f"\n  {path}: {reason}" for path, reason in bad.items())
        warnings.warn(f"{len(bad)} files are left out:{lines}", stacklevel=5)
        return self.take([index for index, path in enumerate(filepaths) if path not in bad])


def from_directory(
    directory: str | os.PathLike,
    *,
    classes: Sequence[str] | None,
    class_mode: str | None,
    follow_links: bool,
) -> FileList:
    """List the pictures of a folder that holds one folder per class.

    A class folder without pictures keeps its index, as in the legacy class; a warning names it.

    Args:
        directory: The folder.
        classes: Names of the class folders in the order of their indices; by default all, sorted.
        class_mode: Kind of targets.
        follow_links: Whether to follow symbolic links to folders.

    Returns:
        The list, class by class.

    Raises:
        InputError: There are no pictures, or a folder has no such `class_mode`.
    """
    check_class_mode(class_mode, _CLASS_MODES)
    names, pictures = files.find(
        directory, classes=classes, follow_links=follow_links, allow_empty=True
    )
    indices = np.array([index for _, index in pictures], np.int32)
    if empty := [name for index, name in enumerate(names) if index not in indices]:
        warnings.warn(f"class folders without pictures: {', '.join(empty)}", stacklevel=4)
    return FileList(
        os.fspath(directory),
        [name for name, _ in pictures],
        class_indices={name: index for index, name in enumerate(names)},
        classes=indices,
    )


def check_class_mode(class_mode: str | None, allowed: Sequence[str | None]) -> None:
    """Refuse a kind of targets that pictures cannot be listed with.

    Args:
        class_mode: The kind.
        allowed: The kinds there are.

    Raises:
        InputError: `class_mode` is none of `allowed`.
    """
    if class_mode not in allowed:
        raise InputError(f"class_mode must be one of {allowed}; received {class_mode=}")
