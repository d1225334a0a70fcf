"""`ImageDataGenerator`, which Keras 3 dropped from its public API: same arguments, same batches."""

import os
import warnings
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from keras_cnn.errors import InputError
from keras_cnn.images.augmentation import Augmentation
from keras_cnn.images.legacy import flows
from keras_cnn.images.scaling import Scaling

_OLD_OPTIONS = {  # of flow_from_dataframe in Keras 2.2 -> what to do in its place
    "has_ext": "file names need their extension, so add it to the column",
    "sort": "with shuffle=False the pictures come in the table's order, so sort the table",
    "drop_duplicates": "call .drop_duplicates() of the table",
}


class ImageDataGenerator(Augmentation):
    """Make batches of pictures: augmented, scaled, and ready before a training step needs them.

    It takes the arguments of Keras' legacy class and, with the same seed, yields the same batches
    several times faster. Threads decode and warp the pictures; a cache in memory or on disk keeps
    the resized pictures for later epochs. From the first batch on, the process keeps freed memory
    for the next one; `images.memory.keep` says how to turn that off. Five things differ from the
    legacy class:

    - Pictures are turned upright as their EXIF orientation says (see `exif_rotation`).
    - In color_mode "rgb" and "rgba", 16-bit grey is scaled to 8 bits, not clipped. In "grayscale"
      16-bit and 32-bit grey keeps its values, 0 to 65,535 and more, as in the legacy class: choose
      `rescale` accordingly.
    - 8-bit pictures from files that are larger than 64 pixels are rotated, sheared, zoomed and
      shifted with results rounded to whole grey levels. Floats are not rounded.
    - If `flow` takes a subset, sample weights stay with their pictures. The legacy class mixes up
      those of "training".
    - Random numbers come from the generator's own state. NumPy's global state is neither read nor
      changed, so batches without `seed` differ from run to run. `seed` also decides what code of
      yours draws from `np.random`, picture by picture: see `keras_cnn.images.legacy.draws`.

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
    ) -> flows.DirectoryIterator:
        """Make batches of the pictures of a folder that holds one folder per class.

        Args:
            directory: The folder. Hidden files and folders in it are skipped.
            target_size: (height, width) pictures are resized to.
            color_mode: "rgb", "rgba" or "grayscale".
            classes: Names of the class folders in the order of their indices; by default all,
                sorted. A class folder without pictures keeps its index; a warning names it.
                ``["."]`` takes the pictures in `directory` itself.
            class_mode: The targets: "categorical" (n, classes) of 0 and 1; "sparse" or "binary"
                (n,) class indices; "input" the pictures themselves; None for none.
            batch_size: Pictures per batch; the last of an epoch may have fewer.
            shuffle: Whether to shuffle each epoch; otherwise pictures come in the order of
                `filenames`.
            seed: Makes order and augmentation reproducible.
            save_to_dir: Folder to save the augmented pictures in, for inspection.
            save_prefix: Start of the saved files' names.
            save_format: Extension of the saved files' names.
            follow_links: Whether to follow symbolic links to folders inside class folders.
            subset: "training" or "validation" if `validation_split` is set.
            interpolation: "nearest", "bilinear", "bicubic", "lanczos", "box" or "hamming".
            keep_aspect_ratio: Whether to crop the largest centred box of the target's aspect ratio
                rather than to distort.

        Returns:
            A `keras.utils.PyDataset` of one epoch that is also an endless iterator.

        Raises:
            InputError: The folder is missing, there are no pictures, or the value of an option is
                not allowed.
        """
        return flows.DirectoryIterator(
            directory,
            self,
            target_size=target_size,
            color_mode=color_mode,
            classes=classes,
            class_mode=class_mode,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            follow_links=follow_links,
            subset=subset,
            interpolation=interpolation,
            keep_aspect_ratio=keep_aspect_ratio,
        )

    def flow_from_dataframe(
        self,
        dataframe: pd.DataFrame,
        directory: str | os.PathLike | None = None,
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
        save_to_dir: str | os.PathLike | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        validate_filenames: bool = True,
        keep_aspect_ratio: bool = False,
        **old_options: Any,
    ) -> flows.DataFrameIterator:
        """Make batches of the pictures that a table names, one per row.

        Args:
            dataframe: The table.
            directory: Folder that the file names are relative to; None if they need none.
            x_col: Column of file names: its name, or its number in a table without header.
            y_col: Column of targets; a list, index or array of columns if `class_mode` is "raw" or
                "multi_output".
            weight_col: Column of sample weights.
            target_size: (height, width) pictures are resized to.
            color_mode: "rgb", "rgba" or "grayscale".
            classes: Class names in the order of their indices; by default all, sorted. Rows of
                other classes are left out.
            class_mode: As in `flow_from_directory`, with class names as str, or for "categorical"
                also as lists of str; or "raw", the column's values as they are; or "multi_output",
                a list of one array per column.
            batch_size: Pictures per batch; the last of an epoch may have fewer.
            shuffle: Whether to shuffle each epoch; otherwise pictures come in the table's order.
            seed: Makes order and augmentation reproducible.
            save_to_dir: Folder to save the augmented pictures in, for inspection.
            save_prefix: Start of the saved files' names.
            save_format: Extension of the saved files' names.
            subset: "training" or "validation" if `validation_split` is set.
            interpolation: "nearest", "bilinear", "bicubic", "lanczos", "box" or "hamming".
            validate_filenames: Whether to leave out, with a warning, rows whose file does not exist
                or has no picture's extension.
            keep_aspect_ratio: Whether to crop the largest centred box of the target's aspect ratio
                rather than to distort.
            **old_options: `has_ext`, `sort` and `drop_duplicates` of Keras 2.2: a warning says what
                to do in their place.

        Returns:
            A `keras.utils.PyDataset` of one epoch that is also an endless iterator.

        Raises:
            InputError: A column is missing or does not suit `class_mode`, no row is left, or an
                option's value is not allowed.
        """
        for name in _OLD_OPTIONS.keys() & old_options.keys():
            warnings.warn(f"{name}= has no effect: {_OLD_OPTIONS[name]}", stacklevel=2)
        if unknown := sorted(old_options.keys() - _OLD_OPTIONS.keys()):
            raise TypeError(f"flow_from_dataframe has no argument {unknown[0]!r}")
        return flows.DataFrameIterator(
            dataframe,
            directory,
            self,
            x_col=x_col,
            y_col=y_col,
            weight_col=weight_col,
            target_size=target_size,
            color_mode=color_mode,
            classes=classes,
            class_mode=class_mode,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            subset=subset,
            interpolation=interpolation,
            keep_aspect_ratio=keep_aspect_ratio,
            validate_filenames=validate_filenames,
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
    ) -> flows.NumpyArrayIterator:
        """Make batches of the pictures of an array.

        Args:
            x: Pictures, array (n, height, width, channels); uint8 arrays stay uint8 in memory. Or a
                pair: the pictures, and a further input of the model (n, ...) or a list of them.
            y: Targets (n, ...), or None.
            batch_size: Pictures per batch; the last of an epoch may have fewer.
            shuffle: Whether to shuffle each epoch.
            sample_weight: Weights (n,), or None.
            seed: Makes order and augmentation reproducible.
            save_to_dir: Folder to save the augmented pictures in, for inspection.
            save_prefix: Start of the saved files' names.
            save_format: Extension of the saved files' names.
            ignore_class_split: Whether the two subsets may differ in their classes.
            subset: "training" or "validation" if `validation_split` is set.

        Returns:
            A `keras.utils.PyDataset` of one epoch that is also an endless iterator.

        Raises:
            InputError: Arrays differ in length, pictures do not have four axes, or the subsets
                differ in their classes.
        """
        return flows.NumpyArrayIterator(
            x,
            y,
            self,
            batch_size=batch_size,
            shuffle=shuffle,
            sample_weight=sample_weight,
            seed=seed,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            subset=subset,
            ignore_class_split=ignore_class_split,
        )


def scaled_generator(scaling: Scaling, **options: Any) -> ImageDataGenerator:
    """Return an `ImageDataGenerator` that scales pixels by a rule, and by nothing else.

    Args:
        scaling: The rule.
        **options: Augmentation and options of reading, as `ImageDataGenerator` takes them.

    Raises:
        InputError: An option would scale the pixels a second time.
    """
    scaling_options = {"rescale", "preprocessing_function", "zca_whitening"} | {
        f"{kind}wise_{step}"
        for kind in ("feature", "sample")
        for step in ("center", "std_normalization")
    }
    if doubled := sorted(scaling_options & options.keys()):
        raise InputError(
            f"pixels are scaled as the weights need it, {scaling}; {doubled[0]} would scale them "
            "once more: leave it out"
        )
    return ImageDataGenerator(
        rescale=scaling.rescale,
        preprocessing_function=Scaling(scaling.mode) if scaling.mode else None,
        samplewise_center=scaling.samplewise_center,
        **options,
    )
