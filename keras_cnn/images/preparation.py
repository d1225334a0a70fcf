"""From a picture's file to a network's input: read, resize and scale, in training and after it."""

import dataclasses
from typing import Any

import numpy as np
from PIL import Image

from keras_cnn.errors import InputError
from keras_cnn.images import decoding, files
from keras_cnn.images.scaling import Scaling, scaling_of

# Fields that older cards lack. Their models were trained on grey pictures scaled to 8 bits.
_DEFAULTS_OF_OLD_CARDS = {"background": None, "full_depth": False, "crop_from": None}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Preparation:
    """How a picture's file becomes a network's input. Training and prediction both call it.

    Attributes:
        size: (height, width) of the input in pixels, margin included.
        color_mode: "rgb", "rgba" or "grayscale".
        interpolation: One of `images.files.INTERPOLATIONS`.
        keep_aspect_ratio: Whether to crop the centre rather than to distort.
        exif_rotation: Whether to turn pictures upright as their EXIF orientation says.
        reduced_decoding: Whether to decode large JPEGs at a fraction of their size.
        margin: Width of the black border around the picture, in pixels.
        background: Colour under transparent pixels, or None, as in `files.read`.
        full_depth: Whether grey of more than 8 bits keeps its depth in color_mode "grayscale".
        crop_from: (height, width) to which pictures are resized before their centre is cropped;
            None crops nothing.
        scaling: The rule for pixel values; None if it is code that no file can carry.
    """

    size: tuple[int, int]
    color_mode: str = "rgb"
    interpolation: str = "nearest"
    keep_aspect_ratio: bool = False
    exif_rotation: bool = True
    reduced_decoding: bool = False
    margin: int = 0
    background: str | None = None
    full_depth: bool = True
    crop_from: tuple[int, int] | None = None
    scaling: Scaling | None = Scaling()

    @classmethod
    def of(cls, flow: Any, *, margin: int = 0) -> "Preparation":
        """Return the preparation of a flow's pictures. Augmentation is not part of it.

        Args:
            flow: Batches that an `ImageDataGenerator` returned.
            margin: Width of the black border that was added around the pictures.
        """
        generator = flow.image_data_generator
        last = generator.data_format == "channels_last"
        return dataclasses.replace(
            flow.preparation,
            margin=margin,
            scaling=scaling_of(generator) if last else None,
        )

    @classmethod
    def from_dict(cls, fields: dict) -> "Preparation":
        """Read the output of `to_dict`.

        Args:
            fields: The fields, as JSON holds them.

        Raises:
            InputError: A field is missing or its value is not allowed.
        """
        try:
            height, width = fields["size"]
            rule = fields["scaling"]
            fields = _DEFAULTS_OF_OLD_CARDS | fields
            preparation = cls(
                **{field.name: fields[field.name] for field in dataclasses.fields(cls)}
                | {"size": (height, width), "scaling": rule and Scaling(**rule)}
                | {"crop_from": fields["crop_from"] and tuple(fields["crop_from"])}
            )
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"the model's card does not tell how its pictures were prepared ({error!r}): train "
                "it with keras-cnn train, or give it a card with keras_cnn.card.write"
            ) from None
        preparation._check()
        return preparation

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the network's input."""
        return (*self.size, files.CHANNELS[self.color_mode])

    def to_dict(self) -> dict:
        """Return the fields in types that JSON can hold."""
        fields = dataclasses.asdict(self) | {"size": list(self.size)}
        return fields | {"crop_from": self.crop_from and list(self.crop_from)}

    @property
    def uncropped(self) -> "Preparation":
        """The same preparation without the crop: it returns pictures of the size `crop_from`."""
        return dataclasses.replace(self, size=self.crop_from or self.size, crop_from=None)

    @property
    def without_margin(self) -> "Preparation":
        """The same preparation without the border, which an exported model adds itself."""
        height, width = (side - 2 * self.margin for side in self.size)
        return dataclasses.replace(self, size=(height, width), margin=0)

    def read(self, path: Any) -> np.ndarray:
        """Read a picture at the network's size.

        Args:
            path: File name.

        Returns:
            uint8 array (height, width, channels), 0 to 255; uint16 or int32 for grey files of that
            depth.

        Raises:
            InputError: The file cannot be read to its last pixel.
        """
        pixels = files.read(
            path,
            color_mode=self.color_mode,
            exif_rotation=self.exif_rotation,
            least_size=self._size_to_read if self.reduced_decoding else None,
            background=self.background,
            full_depth=self.full_depth,
        )
        return self.fit(pixels)

    def from_memory(self, picture: Image.Image | np.ndarray) -> np.ndarray:
        """Return a picture in memory at the network's size, as `read` returns that of a file.

        Args:
            picture: A picture of Pillow; or pixels, uint8 (height, width, channels) with the
                network's channels; or grey pixels (height, width), uint8, uint16 or int32.

        Returns:
            As `read`.

        Raises:
            InputError: The picture cannot be read, or the array is no picture.
        """
        if isinstance(picture, Image.Image):
            return self.fit(self._convert(picture))
        pixels = np.asarray(picture)
        channels = self.image_shape[2]
        is_grey = pixels.ndim == 2 and pixels.dtype in (np.uint8, np.uint16, np.int32)
        is_image = pixels.shape[2:] == (channels,) and pixels.dtype == np.uint8
        if not (is_grey or is_image) or pixels.size == 0:
            raise InputError(
                f"a picture must be uint8 of shape (height, width, {channels}), or (height, width) "
                "in grey, or a picture of Pillow, or a file's name; received "
                f"{pixels.dtype} of shape {pixels.shape}"
            )
        return self.fit(self._convert(Image.fromarray(pixels)) if is_grey else pixels)

    def fit(self, pixels: np.ndarray) -> np.ndarray:
        """Resize a picture to the network's size.

        Args:
            pixels: Array (any height, any width, channels), as `files.read` returns it.

        Returns:
            Array (height, width, channels) of the same type.
        """
        pixels = files.resize(
            pixels,
            size=self._size_to_read,
            interpolation=self.interpolation,
            keep_aspect_ratio=self.keep_aspect_ratio,
        )
        if self.crop_from:
            top, left = ((n - own) // 2 for n, own in zip(self.crop_from, self.size, strict=True))
            pixels = pixels[top : top + self.size[0], left : left + self.size[1]]
        border = (self.margin, self.margin)
        return np.pad(pixels, (border, border, (0, 0))) if self.margin else pixels

    def scale(self, pixels: Any) -> Any:
        """Turn pixel values into the network's input.

        Args:
            pixels: As in `Scaling`.

        Raises:
            InputError: The training's scaling was code that no file can carry.
        """
        return self.require_scaling()(pixels)

    def require_scaling(self) -> Scaling:
        """Return the scaling.

        Raises:
            InputError: The training's rule was code that no file can carry.
        """
        if self.scaling is None:
            raise InputError(
                "the model was trained on pictures prepared by a function of the user's own or by "
                "statistics, which a saved model cannot carry: train with rescale= and the named "
                "rules of keras_cnn.images.scaling.Scaling, or prepare the pictures and call the "
                "Keras model"
            )
        return self.scaling

    def _convert(self, image):
        try:
            image = decoding.upright(image) if self.exif_rotation else image
            return decoding.convert(
                image,
                color_mode=self.color_mode,
                background=self.background,
                full_depth=self.full_depth,
            )
        except Exception as error:  # Pillow reads the pixels of an opened file only now
            raise InputError(f"cannot read {image}: {error}; mend or replace it") from error

    @property
    def _size_to_read(self):
        return self.crop_from or self.without_margin.size

    def _check(self):
        crop_from = self.crop_from or self.size
        lengths = [*self.size, self.margin, *crop_from]
        are_whole = all(isinstance(value, int) for value in lengths)
        if not are_whole or min(self.size) <= 2 * self.margin:
            raise InputError(
                "the model's card must hold sizes in whole pixels, larger than twice the margin; "
                f"it holds size={self.size} and margin={self.margin}: give it a card with "
                "keras_cnn.card.write"
            )
        if len(crop_from) != 2 or any(n < own for n, own in zip(crop_from, self.size, strict=True)):
            raise InputError(
                "the model's card must hold a size to crop from that is no smaller than the size; "
                f"it holds size={self.size} and crop_from={crop_from}: give it a card with "
                "keras_cnn.card.write"
            )
        if self.color_mode not in files.CHANNELS or self.interpolation not in files.INTERPOLATIONS:
            raise InputError(
                f"the model's card must hold a color_mode of {list(files.CHANNELS)} and an "
                f"interpolation of {files.INTERPOLATIONS}; it holds {self.color_mode!r} and "
                f"{self.interpolation!r}: give it a card with keras_cnn.card.write"
            )
