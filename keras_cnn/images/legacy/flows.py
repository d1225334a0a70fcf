"""The iterators that `ImageDataGenerator` returns, with the constructors of Keras' legacy class."""

import os
import warnings
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from keras_cnn.images import array_iterator, file_lists, file_tables
from keras_cnn.images.array_iterator import ArrayIterator
from keras_cnn.images.augmentation import Augmentation
from keras_cnn.images.file_iterator import FileIterator


class DirectoryIterator(FileIterator):
    """Batches of the pictures of a folder, as `ImageDataGenerator.flow_from_directory` returns."""

    def __init__(
        self,
        directory: str | os.PathLike,
        image_data_generator: Any = None,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: str | os.PathLike | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: str | None = None,
    ):
        """List the pictures, with the arguments of `ImageDataGenerator.flow_from_directory`.

        Args:
            directory: The folder that holds one folder per class.
            image_data_generator: Augments and scales the pictures; None leaves them as they are.
            target_size: (height, width) pictures are resized to.
            color_mode: "rgb", "rgba" or "grayscale".
            classes: Names of the class folders in the order of their indices.
            class_mode: The targets.
            batch_size: Pictures per batch.
            shuffle: Whether to shuffle each epoch.
            seed: Makes order and augmentation reproducible.
            data_format: "channels_last" or "channels_first"; by default the generator's.
            save_to_dir: Folder to save the augmented pictures in.
            save_prefix: Start of the saved files' names.
            save_format: Extension of the saved files' names.
            follow_links: Whether to follow symbolic links to folders inside class folders.
            subset: "training" or "validation" if the generator has a `validation_split`.
            interpolation: How pictures are resized.
            keep_aspect_ratio: Whether to crop rather than to distort.
            dtype: Type of the batches; by default the generator's.

        Raises:
            InputError: As `ImageDataGenerator.flow_from_directory`.
        """
        generator = image_data_generator or Augmentation()
        file_list = file_lists.from_directory(
            directory, classes=classes, class_mode=class_mode, follow_links=follow_links
        )
        file_list = _select(generator, file_list, subset, by_class=True)
        n, num_classes = len(file_list.filenames), len(file_list.class_indices)
        print(f"Found {n} images belonging to {num_classes} classes.")
        super().__init__(
            generator,
            file_list,
            target_size=target_size,
            color_mode=color_mode,
            class_mode=class_mode,
            interpolation=interpolation,
            keep_aspect_ratio=keep_aspect_ratio,
            subset=subset,
            data_format=data_format,
            dtype=dtype,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
        )


class DataFrameIterator(FileIterator):
    """Batches of a table's pictures, as `ImageDataGenerator.flow_from_dataframe` returns."""

    def __init__(
        self,
        dataframe: pd.DataFrame,
        directory: str | os.PathLike | None = None,
        image_data_generator: Any = None,
        x_col: Hashable = "filename",
        y_col: Hashable | Sequence = "class",
        weight_col: Hashable | None = None,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: str | os.PathLike | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: str | None = None,
        validate_filenames: bool = True,
    ):
        """List the pictures, with the arguments of `ImageDataGenerator.flow_from_dataframe`.

        Args:
            dataframe: The table.
            directory: Folder that the file names are relative to.
            image_data_generator: Augments and scales the pictures; None leaves them as they are.
            x_col: Column of file names.
            y_col: Column or columns of targets.
            weight_col: Column of sample weights.
            target_size: (height, width) pictures are resized to.
            color_mode: "rgb", "rgba" or "grayscale".
            classes: Class names in the order of their indices.
            class_mode: The targets; "other" is the old name of "raw".
            batch_size: Pictures per batch.
            shuffle: Whether to shuffle each epoch.
            seed: Makes order and augmentation reproducible.
            data_format: "channels_last" or "channels_first"; by default the generator's.
            save_to_dir: Folder to save the augmented pictures in.
            save_prefix: Start of the saved files' names.
            save_format: Extension of the saved files' names.
            subset: "training" or "validation" if the generator has a `validation_split`.
            interpolation: How pictures are resized.
            keep_aspect_ratio: Whether to crop rather than to distort.
            dtype: Type of the batches; by default the generator's.
            validate_filenames: Whether to leave out rows whose file does not exist.

        Raises:
            InputError: As `ImageDataGenerator.flow_from_dataframe`.
        """
        if class_mode == "other":
            warnings.warn('class_mode="other" is now called "raw"', FutureWarning, stacklevel=3)
            class_mode = "raw"
        generator = image_data_generator or Augmentation()
        file_list = file_tables.from_dataframe(
            dataframe,
            directory=directory,
            x_col=x_col,
            y_col=y_col,
            weight_col=weight_col,
            classes=classes,
            class_mode=class_mode,
            validate_filenames=validate_filenames,
        )
        file_list = _select(generator, file_list, subset, by_class=False)
        n, num_classes = len(file_list.filenames), len(file_list.class_indices)
        kind = "validated" if validate_filenames else "non-validated"
        of_classes = f" belonging to {num_classes} classes" if num_classes else ""
        print(f"Found {n} {kind} image filenames{of_classes}.")
        super().__init__(
            generator,
            file_list,
            target_size=target_size,
            color_mode=color_mode,
            class_mode=class_mode,
            interpolation=interpolation,
            keep_aspect_ratio=keep_aspect_ratio,
            subset=subset,
            data_format=data_format,
            dtype=dtype,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
        )


class NumpyArrayIterator(ArrayIterator):
    """Batches of an array's pictures, as `ImageDataGenerator.flow` returns."""

    def __init__(
        self,
        x: np.ndarray | tuple,
        y: np.ndarray | None,
        image_data_generator: Any,
        batch_size: int = 32,
        shuffle: bool = False,
        sample_weight: np.ndarray | None = None,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: str | os.PathLike | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        ignore_class_split: bool = False,
        dtype: str | None = None,
    ):
        """Check the arrays, with the arguments of `ImageDataGenerator.flow`.

        Args:
            x: Pictures, array (n, height, width, channels); or a pair with further inputs.
            y: Targets (n, ...), or None.
            image_data_generator: Augments and scales the pictures.
            batch_size: Pictures per batch.
            shuffle: Whether to shuffle each epoch.
            sample_weight: Weights (n,), or None.
            seed: Makes order and augmentation reproducible.
            data_format: "channels_last" or "channels_first"; by default the generator's.
            save_to_dir: Folder to save the augmented pictures in.
            save_prefix: Start of the saved files' names.
            save_format: Extension of the saved files' names.
            subset: "training" or "validation" if the generator has a `validation_split`.
            ignore_class_split: Whether the two subsets may differ in their classes.
            dtype: Type of the batches; by default the generator's.

        Raises:
            InputError: As `ImageDataGenerator.flow`.
        """
        generator = image_data_generator
        arrays = array_iterator.from_arrays(x, y, sample_weight, dtype=dtype or generator.dtype)
        if subset is not None:
            arrays = arrays.subset(
                subset,
                validation_split=generator.validation_split,
                stratified=generator.stratified_split,
                ignore_class_split=ignore_class_split,
            )
        data_format = data_format or generator.data_format
        channels = arrays.x.shape[3 if data_format == "channels_last" else 1]
        if channels not in (1, 3, 4):
            warnings.warn(
                f"pictures have 1, 3 or 4 channels; with data_format={data_format!r}, those of "
                f"shape {arrays.x.shape} have {channels}",
                stacklevel=3,
            )
        super().__init__(
            generator,
            arrays,
            data_format=data_format,
            dtype=dtype,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
        )


def _select(generator, file_list, subset, *, by_class):
    """Return the pictures of a subset; without unreadable ones if the generator skips them."""
    if generator.on_error == "skip":
        file_list = file_list.readable(workers=generator.workers)
    if subset is not None:
        file_list = file_list.subset(
            subset,
            validation_split=generator.validation_split,
            by_class=by_class,
            stratified=generator.stratified_split,
        )
    return file_list
