"""`ImageDataGenerator`, which Keras 3 dropped from its public API: same arguments, same batches."""

import os
import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd

from keras_cnn.images import file_lists
from keras_cnn.images.array_iterator import ArrayIterator
from keras_cnn.images.augmentation import Changes
from keras_cnn.images.file_iterator import FileIterator


class ImageDataGenerator(Changes):
    """Batches of pictures, changed at random, scaled, and ready before a training step needs them.

    Takes the arguments of Keras' legacy class and, with the same seed, yields the same batches,
    several times faster: pictures are decoded and warped on threads, and kept, once resized, in
    memory or on disk. Five things differ. Pictures stand upright as their EXIF orientation tells
    (see `exif_rotation`). 16-bit grey is scaled to 8 bits, not clipped. 8-bit pictures, as files
    hold them, if larger than 64 pixels, are rotated, sheared, zoomed and shifted to whole grey
    levels, the nearest; floats are not rounded. Where `flow` takes a subset, weights stay with
    their pictures; the legacy class mixes those of "training" up. And random numbers come from a
    state of its own: NumPy's global one is neither read nor reseeded, so that without `seed`
    batches differ from run to run.

    Example:
        >>> generator = ImageDataGenerator(rescale=1 / 255, rotation_range=30, horizontal_flip=True)
        >>> train = generator.flow_from_directory("pets/train", target_size=(224, 224))
        >>> model.fit(train, epochs=10)
    """

    def flow_from_directory(
        self,
        directory: str | os.PathLike,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: str | os.PathLike | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
    ) -> FileIterator:
        """Read the pictures of a folder that holds one folder per class.

        Args:
            directory: The folder. Hidden files and folders in it are never looked at.
            target_size: (height, width) pictures are resized to.
            color_mode: "rgb", "rgba" or "grayscale".
            classes: Names of the class folders in the order of their indices; by default all,
                sorted. ``["."]`` takes the pictures in `directory` itself.
            class_mode: The targets: "categorical" (n, classes) of 0 and 1; "sparse" or "binary"
                (n,) class indices; "input" the pictures themselves; None for none.
            batch_size: Pictures per batch; the last of an epoch may have fewer.
            shuffle: Whether each epoch has an order of its own, rather than that of `filenames`.
            seed: Makes order and changes reproducible.
            save_to_dir: Folder to save the changed pictures in, to look at.
            save_prefix: Start of the names of files saved.
            save_format: Extension of the names of files saved.
            follow_links: Whether to look into symbolic links to folders inside class folders.
            subset: "training" or "validation" if `validation_split` is set.
            interpolation: "nearest", "bilinear", "bicubic", "lanczos", "box" or "hamming".
            keep_aspect_ratio: Whether to cut out the largest centred part of the target's aspect
                ratio, rather than to distort.

        Returns:
            A `keras.utils.PyDataset` of one epoch, and an iterator without end.

        Raises:
            InputError: The folder is missing, a class or subset is empty, or an option is unknown.
        """
        found = file_lists.from_directory(
            directory, classes=classes, class_mode=class_mode, follow_links=follow_links
        )
        found = self._select(found, subset, by_class=True)
        print(
            f"Found {len(found.filenames)} images belonging to {len(found.class_indices)} classes."
        )
        return FileIterator(
            self,
            found,
            target_size=target_size,
            color_mode=color_mode,
            class_mode=class_mode,
            interpolation=interpolation,
            keep_aspect_ratio=keep_aspect_ratio,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
        )

    def flow_from_dataframe(
        self,
        dataframe: pd.DataFrame,
        directory: str | os.PathLike | None = None,
        x_col: str = "filename",
        y_col: str | Sequence[str] = "class",
        weight_col: str | None = None,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: str | os.PathLike | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        validate_filenames: bool = True,
        keep_aspect_ratio: bool = False,
    ) -> FileIterator:
        """Read the pictures a table names, one per row.

        Args:
            dataframe: The table.
            directory: Folder that the file names are relative to; None if they need none.
            x_col: Column of file names.
            y_col: Column of targets; a list of columns if `class_mode` is "multi_output".
            weight_col: Column of sample weights.
            target_size: (height, width) pictures are resized to.
            color_mode: "rgb", "rgba" or "grayscale".
            classes: Class names in the order of their indices, by default all, sorted; rows of
                others are left out.
            class_mode: As in `flow_from_directory`, where class names are str, and for
                "categorical" may be lists of them; or "raw", the column's values as they are, or
                "multi_output", a list of one array per column.
            batch_size: Pictures per batch; the last of an epoch may have fewer.
            shuffle: Whether each epoch has an order of its own, rather than that of the table.
            seed: Makes order and changes reproducible.
            save_to_dir: Folder to save the changed pictures in, to look at.
            save_prefix: Start of the names of files saved.
            save_format: Extension of the names of files saved.
            subset: "training" or "validation" if `validation_split` is set.
            interpolation: "nearest", "bilinear", "bicubic", "lanczos", "box" or "hamming".
            validate_filenames: Whether to leave out, with a warning, rows whose file does not exist
                or has no picture's extension.
            keep_aspect_ratio: Whether to cut out the largest centred part of the target's aspect
                ratio, rather than to distort.

        Returns:
            A `keras.utils.PyDataset` of one epoch, and an iterator without end.

        Raises:
            InputError: A column is missing or does not suit `class_mode`, no row is left, or an
                option is unknown.
        """
        found = file_lists.from_dataframe(
            dataframe,
            directory=directory,
            x_col=x_col,
            y_col=y_col,
            weight_col=weight_col,
            classes=classes,
            class_mode=class_mode,
            validate_filenames=validate_filenames,
        )
        found = self._select(found, subset, by_class=False)
        kind = "validated" if validate_filenames else "non-validated"
        of_classes = f" belonging to {len(found.class_indices)} classes" * bool(found.class_indices)
        print(f"Found {len(found.filenames)} {kind} image filenames{of_classes}.")
        return FileIterator(
            self,
            found,
            target_size=target_size,
            color_mode=color_mode,
            class_mode=class_mode,
            interpolation=interpolation,
            keep_aspect_ratio=keep_aspect_ratio,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
        )

    def flow(
        self,
        x: np.ndarray | tuple,
        y: np.ndarray | None = None,
        batch_size: int = 32,
        shuffle: bool = True,
        sample_weight: np.ndarray | None = None,
        seed: int | None = None,
        save_to_dir: str | os.PathLike | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        ignore_class_split: bool = False,
        subset: str | None = None,
    ) -> ArrayIterator:
        """Take pictures from an array.

        Args:
            x: Pictures, array (n, height, width, channels), uint8 kept as such until they are used;
                or a pair of them and another input, or list of inputs, of the model, (n, ...).
            y: Targets (n, ...), or None.
            batch_size: Pictures per batch; the last of an epoch may have fewer.
            shuffle: Whether each epoch has an order of its own.
            sample_weight: Weights (n,), or None.
            seed: Makes order and changes reproducible.
            save_to_dir: Folder to save the changed pictures in, to look at.
            save_prefix: Start of the names of files saved.
            save_format: Extension of the names of files saved.
            ignore_class_split: Whether to let the two subsets differ in their classes.
            subset: "training" or "validation" if `validation_split` is set.

        Returns:
            A `keras.utils.PyDataset` of one epoch, and an iterator without end.

        Raises:
            InputError: Arrays differ in length, pictures do not have four axes, or the subsets
                differ in their classes.
        """
        arrays = file_lists.from_arrays(x, y, sample_weight, dtype=self.dtype)
        if subset is not None:
            arrays = arrays.subset(
                subset,
                validation_split=self.validation_split,
                stratified=self.stratified_split,
                ignore_class_split=ignore_class_split,
            )
        channels = arrays.x.shape[self._axes[2] + 1]
        if channels not in (1, 3, 4):
            warnings.warn(
                f"pictures have 1, 3 or 4 channels; with data_format={self.data_format!r}, those "
                f"of shape {arrays.x.shape} have {channels}",
                stacklevel=2,
            )
        return ArrayIterator(
            self,
            arrays,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
        )

    def _select(self, found, subset, *, by_class):
        if self.on_error == "skip":
            found = found.readable(workers=self.workers)
        if subset is not None:
            found = found.subset(
                subset,
                validation_split=self.validation_split,
                by_class=by_class,
                stratified=self.stratified_split,
            )
        return found
