"""Batches of pictures from files."""

import dataclasses
import os
from typing import Any, Self

import numpy as np

from keras_cnn.errors import InputError
from keras_cnn.images import alexnet, files
from keras_cnn.images.augmentation import Augmentation
from keras_cnn.images.cache import Cache
from keras_cnn.images.file_lists import FileList
from keras_cnn.images.iterators import Iterator
from keras_cnn.images.legacy import base
from keras_cnn.images.preparation import Preparation


class BatchFromFilesMixin:
    """How files become batches, for iterators of old scripts that list their files themselves.

    Such an iterator calls `set_processing_attrs`, and has `filepaths`, `labels` or `classes`,
    `class_indices`, `class_mode`, `sample_weight` and `dtype`.
    """

    _suffixes = 10**7
    _working_dtype = np.float32

    def set_processing_attrs(
        self,
        image_data_generator: Any,
        target_size: tuple[int, int],
        color_mode: str,
        data_format: str,
        save_to_dir: str | os.PathLike | None,
        save_prefix: str,
        save_format: str,
        subset: str | None,
        interpolation: str,
        keep_aspect_ratio: bool = False,
    ) -> None:
        """Set how files are read, resized and changed.

        Args:
            image_data_generator: An `ImageDataGenerator`, or None for no changes.
            target_size: (height, width) that pictures are resized to.
            color_mode: "rgb", "rgba" or "grayscale".
            data_format: "channels_last" or "channels_first".
            save_to_dir: Folder to save every batch's pictures in, or None.
            save_prefix: Start of the names of files saved.
            save_format: Extension of the names of files saved.
            subset: "training", "validation" or None.
            interpolation: How pictures are resized.
            keep_aspect_ratio: Whether to crop rather than to distort.

        Raises:
            InputError: The value of an option is not allowed.
        """
        if color_mode not in files.CHANNELS:
            raise InputError(f"color_mode must be one of {list(files.CHANNELS)}; {color_mode=}")
        if interpolation not in files.INTERPOLATIONS:
            raise InputError(
                f"interpolation must be one of {files.INTERPOLATIONS}; received {interpolation=}"
            )
        generator = image_data_generator or Augmentation()
        self.preparation = Preparation(
            size=tuple(int(length) for length in target_size),
            color_mode=color_mode,
            interpolation=interpolation,
            keep_aspect_ratio=keep_aspect_ratio,
            exif_rotation=generator.exif_rotation,
            reduced_decoding=generator.reduced_decoding,
            background=generator.background,
            crop_from=tuple(map(alexnet.uncropped_size, target_size)) if generator.crops else None,
        )
        self._reading = self.preparation.uncropped if generator.alexnet else self.preparation
        self.image_data_generator = image_data_generator
        self.target_size = self.preparation.size
        self.color_mode = color_mode
        self.data_format = data_format
        self.save_to_dir = save_to_dir
        self.save_prefix = save_prefix
        self.save_format = save_format
        self.interpolation = interpolation
        self.keep_aspect_ratio = keep_aspect_ratio
        self.subset = subset
        shares = {None: None, "validation": (0, generator.validation_split)}
        self.split = shares.get(subset, (generator.validation_split, 1))
        height, width, channels = self.preparation.image_shape
        last = data_format == "channels_last"
        self.image_shape = (height, width, channels) if last else (channels, height, width)

    def _get_batches_of_transformed_samples(self, index_array):
        """Return a batch, made without threads, with draws from NumPy's global random state.

        Args:
            index_array: int array (batch,) of pictures' numbers.
        """
        return base.transformed_batch(self, index_array, fill=self._fill_slot)

    def _fill_slot(self, slot, picture, params):
        """Augment and scale one picture, and store it in its place in a batch."""
        generator = self.image_data_generator
        picture = generator.apply_transform(picture.astype(self._working_dtype), params)
        slot[...] = generator.standardize(picture)

    def _picture(self, index):
        return self._with_channels(self._reading.read(self.filepaths[index]))

    def _with_channels(self, picture):
        return picture if self.data_format == "channels_last" else np.moveaxis(picture, 2, 0)

    def _assemble(self, x, indices):
        if self.class_mode is None:
            return x
        if self.class_mode == "input":
            y = x.copy()
        elif self.class_mode == "categorical":
            y = np.zeros((len(x), len(self.class_indices)), self.dtype)
            for row, index in enumerate(indices):
                y[row, self.classes[index]] = 1
        elif self.class_mode == "multi_output":
            y = [output[indices] for output in self.labels]
        elif self.class_mode == "raw":
            y = self.labels[indices]
        else:
            y = np.asarray(self.classes)[indices].astype(self.dtype)
        return (x, y) if self.sample_weight is None else (x, y, self.sample_weight[indices])


class FileIterator(BatchFromFilesMixin, Iterator):
    """Batches of pictures from files, as `flow_from_directory` and `flow_from_dataframe` return.

    Attributes:
        samples: Number of pictures.
        class_indices: Class name -> index.
        classes: Class index of each picture; lists if a picture may have several.
        sample_weight: Weight of each picture, or None.
        preparation: How a file is read and resized.
    """

    _get_batches_of_transformed_samples = Iterator._get_batches_of_transformed_samples
    _fill_slot = Iterator._fill_slot

    def __init__(
        self,
        generator: Any,
        file_list: FileList,
        *,
        target_size: tuple[int, int],
        color_mode: str,
        class_mode: str | None,
        interpolation: str,
        keep_aspect_ratio: bool,
        save_to_dir: str | os.PathLike | None,
        save_prefix: str,
        save_format: str,
        subset: str | None = None,
        data_format: str | None = None,
        **options: Any,
    ):
        """Set up.

        Args:
            generator: The `ImageDataGenerator`.
            file_list: The pictures and their targets.
            target_size: (height, width) that pictures are resized to.
            color_mode: "rgb", "rgba" or "grayscale".
            class_mode: Kind of targets.
            interpolation: How pictures are resized.
            keep_aspect_ratio: Whether to crop rather than to distort.
            save_to_dir: Folder to save every batch's pictures in, or None.
            save_prefix: Start of the names of files saved.
            save_format: Extension of the names of files saved.
            subset: Which subset of the generator's `validation_split` the pictures are, or None.
            data_format: "channels_last" or "channels_first"; None for the generator's.
            **options: For `Iterator`.
        """
        self.set_processing_attrs(
            generator,
            target_size,
            color_mode,
            data_format or generator.data_format,
            save_to_dir,
            save_prefix,
            save_format,
            subset,
            interpolation,
            keep_aspect_ratio,
        )
        self.class_mode = class_mode
        self.directory = file_list.directory
        self.class_indices = file_list.class_indices
        self.classes = file_list.classes
        self.sample_weight = file_list.sample_weight
        self._labels = file_list.labels
        self._filenames = file_list.filenames
        self.samples = len(self.filenames)
        super().__init__(
            generator,
            n=self.samples,
            image_shape=self.image_shape,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            data_format=data_format,
            **options,
        )
        self._filepaths = file_list.filepaths

    @property
    def filenames(self) -> list[str]:
        """File names of the pictures, in the order of predictions if not shuffled."""
        return self._filenames

    @filenames.setter
    def filenames(self, names):
        self._filenames = names
        self._filepaths = [os.path.join(self.directory, name) for name in names]

    @property
    def filepaths(self) -> list[str]:
        """Paths of the pictures."""
        return self._paths

    @property
    def _filepaths(self):
        """The same, by the name under which old scripts replace them."""
        return self._paths

    @_filepaths.setter
    def _filepaths(self, paths):
        self._paths = list(paths)
        self._open_cache()

    def _open_cache(self):
        grey = self.color_mode == "grayscale" and self._paths
        with self.lock:
            self._forget()
            self._cache = Cache(
                self._paths,
                shape=self._reading.image_shape,
                dtype=files.grey_type(self._paths[0]) if grey else "uint8",
                where=self.image_data_generator.cache,
                options=self._reading,
            )

    def with_generator(self, generator: Any, *, nearest: bool) -> Self:
        """Return an iterator over the same pictures that changes them by another generator.

        Args:
            generator: An `ImageDataGenerator`.
            nearest: Whether pictures are resized by their nearest pixels.
        """
        iterator = super().with_generator(generator, nearest=nearest)
        if nearest:
            iterator.interpolation = "nearest"
            for name in ("preparation", "_reading"):
                reading = dataclasses.replace(getattr(self, name), interpolation="nearest")
                setattr(iterator, name, reading)
            iterator._open_cache()
        return iterator

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_indices)

    @property
    def labels(self) -> Any:
        """Values that targets are made from: `classes`, or the columns of a table."""
        return self.classes if self._labels is None else self._labels

    def _picture(self, index):
        path = self._paths[index]
        return self._with_channels(self._cache.get(index, lambda: self._read(path)))

    def _read(self, path):
        try:
            return self._reading.read(path)
        except InputError as error:
            raise InputError(
                f'{error}, or leave out all such files with on_error="skip"'
            ) from error.__cause__
