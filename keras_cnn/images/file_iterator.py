"""Batches of pictures from files."""

from typing import Any

import numpy as np

from keras_cnn.errors import InputError
from keras_cnn.images import alexnet, files
from keras_cnn.images.cache import Cache
from keras_cnn.images.file_lists import FileList
from keras_cnn.images.iterators import Iterator
from keras_cnn.images.preparation import Preparation


class FileIterator(Iterator):
    """Batches of pictures from files, as `flow_from_directory` and `flow_from_dataframe` return.

    Attributes:
        samples: Number of pictures.
        filenames: Their file names, in the order of predictions if not shuffled.
        class_indices: Class name -> index.
        classes: Class index of each picture; lists if a picture may have several.
        sample_weight: Weight of each picture, or None.
        preparation: How a file is read and resized.
    """

    _suffixes = 10**7
    _working_dtype = np.float32

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
            **options: For `Iterator`.
        """
        if color_mode not in files.CHANNELS:
            raise InputError(f"color_mode must be one of {list(files.CHANNELS)}; {color_mode=}")
        if interpolation not in files.INTERPOLATIONS:
            raise InputError(
                f"interpolation must be one of {files.INTERPOLATIONS}; received {interpolation=}"
            )
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
        self.target_size = self.preparation.size
        self.color_mode = color_mode
        self.class_mode = class_mode
        self.interpolation = interpolation
        self.keep_aspect_ratio = keep_aspect_ratio
        self.directory = file_list.directory
        self.filenames = file_list.filenames
        self.filepaths = file_list.filepaths
        self.class_indices = file_list.class_indices
        self.classes = file_list.classes
        self.sample_weight = file_list.sample_weight
        self._labels = file_list.labels
        self.samples = len(self.filenames)
        height, width, channels = self.preparation.image_shape
        last = generator.data_format == "channels_last"
        super().__init__(
            generator,
            n=self.samples,
            image_shape=(height, width, channels) if last else (channels, height, width),
            **options,
        )
        self._cache = Cache(
            self.filepaths,
            shape=self._reading.image_shape,
            dtype=files.grey_type(self.filepaths[0]) if color_mode == "grayscale" else "uint8",
            where=generator.cache,
            options=self._reading,
        )

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_indices)

    @property
    def labels(self) -> Any:
        """Values that targets are made from: `classes`, or the columns of a table."""
        return self.classes if self._labels is None else self._labels

    def _picture(self, index):
        picture = self._cache.get(index, lambda: self._read(self.filepaths[index]))
        return picture if self.data_format == "channels_last" else np.moveaxis(picture, 2, 0)

    def _read(self, path):
        try:
            return self._reading.read(path)
        except InputError as error:
            raise InputError(
                f'{error}, or leave out all such files with on_error="skip"'
            ) from error.__cause__

    def _assemble(self, x, indices):
        if self.class_mode is None:
            return x
        if self.class_mode == "input":
            y = x.copy()
        elif self.class_mode == "categorical":
            y = np.zeros((len(x), self.num_classes), self.dtype)
            for row, index in enumerate(indices):
                y[row, self.classes[index]] = 1
        elif self.class_mode == "multi_output":
            y = [output[indices] for output in self._labels]
        elif self.class_mode == "raw":
            y = self._labels[indices]
        else:
            y = self.classes[indices].astype(self.dtype)
        return (x, y) if self.sample_weight is None else (x, y, self.sample_weight[indices])
