"""How a picture's file becomes a network's input: a rule as data, so that a file can carry it."""

import dataclasses
import functools
import math
from typing import Any

import keras
import numpy as np

from keras_cnn.errors import InputError
from keras_cnn.images import ImageDataGenerator, files
from keras_cnn.models import weights

MODES = ("caffe", "tf", "torch")  # as in `models.preprocess_input`
_imagenet = keras.applications.imagenet_utils


@dataclasses.dataclass(frozen=True)
class Scaling:
    """What is done to the values of pixels, 0 to 255: the mode, then the factor, then the mean.

    It serves as an `ImageDataGenerator`'s `preprocessing_function` that a saved model can carry.

    Attributes:
        mode: None, or how pictures were prepared for published weights: "caffe", "tf" or "torch",
            as in `models.preprocess_input`.
        rescale: Factor of all values, or None.
        samplewise_center: Whether each picture's own mean is subtracted.
    """

    mode: str | None = None
    rescale: float | None = None
    samplewise_center: bool = False

    def __post_init__(self):
        """Refuse what is no rule."""
        if self.mode not in (None, *MODES):
            raise InputError(f"mode must be None or one of {MODES}; received {self.mode!r}")
        factor = 1 if self.rescale is None else self.rescale
        if not isinstance(factor, int | float) or not math.isfinite(factor):
            raise InputError(f"rescale must be a finite number or None; received {self.rescale!r}")

    def __call__(self, pixels: Any) -> Any:
        """Scale pictures.

        Args:
            pixels: (height, width, channels) or (batch, height, width, channels), 0 to 255, an
                array or a tensor. It is not changed.

        Returns:
            float32, same shape; an array for an array, a tensor for a tensor.
        """
        mean = np.mean
        if isinstance(pixels, keras.KerasTensor) or keras.ops.is_tensor(pixels):
            mean = keras.ops.mean
            pixels = _in_graph(keras.ops.cast(pixels, "float32"), self.mode)
        else:
            pixels = np.array(pixels, "float32")  # a copy: Keras writes into its argument
            if self.mode:
                pixels = _imagenet.preprocess_input(
                    pixels, data_format="channels_last", mode=self.mode
                )
        if self.rescale:
            pixels = pixels * np.float32(self.rescale)
        if self.samplewise_center:
            pixels = pixels - mean(pixels, axis=(-3, -2, -1), keepdims=True)
        return pixels

    @classmethod
    def of_model(cls, model: Any) -> "Scaling":
        """Return the rule of the published weights of a network.

        Args:
            model: A builder, such as `models.VGG16`, or a model it built.

        Raises:
            ValueError: No weights are published for the network.
        """
        return cls(weights.rule(model))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Preparation:
    """From a picture's file to a network's input.

    Attributes:
        size: (height, width) of the input in pixels, margin included.
        color_mode: "rgb", "rgba" or "grayscale".
        interpolation: One of `images.files.INTERPOLATIONS`.
        keep_aspect_ratio: Whether to cut out the centre rather than to distort.
        exif_rotation: Whether pictures are turned upright first.
        reduced_decoding: Whether large JPEGs are decoded at a fraction of their size.
        margin: Black pixels around the picture.
        scaling: What is done to the pixels' values; None where it is code that no file can carry.
    """

    size: tuple[int, int]
    color_mode: str = "rgb"
    interpolation: str = "nearest"
    keep_aspect_ratio: bool = False
    exif_rotation: bool = True
    reduced_decoding: bool = False
    margin: int = 0
    scaling: Scaling | None = Scaling()

    @classmethod
    def of(cls, flow: Any, *, margin: int = 0) -> "Preparation":
        """Return the rule by which batches are made, augmentation left out.

        Args:
            flow: What an `ImageDataGenerator` returned. Pictures of an array have been read and
                resized before, who knows how; others are to be resized bilinearly.
            margin: Black pixels that were added around the pictures.
        """
        generator = flow.image_data_generator
        last = generator.data_format == "channels_last"
        height, width, channels = np.array(flow.image_shape)[[0, 1, 2] if last else [1, 2, 0]]
        modes = {number: mode for mode, number in files.CHANNELS.items()}
        return cls(
            size=(int(height), int(width)),
            color_mode=getattr(flow, "color_mode", modes.get(channels, "rgb")),
            interpolation=getattr(flow, "interpolation", "bilinear"),
            keep_aspect_ratio=getattr(flow, "keep_aspect_ratio", False),
            exif_rotation=generator.exif_rotation,
            reduced_decoding=generator.reduced_decoding,
            margin=margin,
            scaling=_scaling(generator) if last else None,
        )

    @classmethod
    def from_dict(cls, told: dict) -> "Preparation":
        """Read what `to_dict` wrote.

        Args:
            told: The fields as JSON holds them.

        Raises:
            InputError: A field is missing or has no such value.
        """
        try:
            height, width = told["size"]
            scaling = told["scaling"]
            rule = cls(
                **{field.name: told[field.name] for field in dataclasses.fields(cls)}
                | {"size": (height, width), "scaling": scaling and Scaling(**scaling)}
            )
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"the model's card does not tell how its pictures were prepared ({error!r}): train "
                "it with keras-cnn train, or give it a card with keras_cnn.card.write"
            ) from None
        rule._check()
        return rule

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the network's input."""
        return (*self.size, files.CHANNELS[self.color_mode])

    def to_dict(self) -> dict:
        """Return the fields as JSON can hold them."""
        return dataclasses.asdict(self) | {"size": list(self.size)}

    def read(self, path: Any) -> np.ndarray:
        """Read a picture at the network's size.

        Args:
            path: File name.

        Returns:
            uint8 array (height, width, channels), 0 to 255.

        Raises:
            InputError: The file is no picture that can be read whole.
        """
        size = tuple(side - 2 * self.margin for side in self.size)
        pixels = files.read(
            path,
            color_mode=self.color_mode,
            exif_rotation=self.exif_rotation,
            least_size=size if self.reduced_decoding else None,
        )
        return self.fit(pixels)

    def fit(self, pixels: np.ndarray) -> np.ndarray:
        """Resize a picture to the network's size.

        Args:
            pixels: uint8 array (any height, any width, channels).

        Returns:
            uint8 array (height, width, channels).
        """
        pixels = files.resize(
            pixels,
            size=tuple(side - 2 * self.margin for side in self.size),
            interpolation=self.interpolation,
            keep_aspect_ratio=self.keep_aspect_ratio,
        )
        sides = (self.margin, self.margin)
        return np.pad(pixels, (sides, sides, (0, 0))) if self.margin else pixels

    def scale(self, pixels: Any) -> Any:
        """Turn the values of pixels into the network's input.

        Args:
            pixels: As in `Scaling`.

        Raises:
            InputError: The training's rule was code that no file can carry.
        """
        if self.scaling is None:
            raise InputError(
                "the model was trained on pictures prepared by a function of the user's own or by "
                "statistics, which a saved model cannot carry: train with rescale= and the named "
                "rules of keras_cnn.images.preparation.Scaling, or prepare the pictures and call "
                "the Keras model"
            )
        return self.scaling(pixels)

    def _check(self):
        whole = [*self.size, self.margin]
        if not all(isinstance(value, int) for value in whole) or min(self.size) <= 2 * self.margin:
            raise InputError(
                "the model's card must tell sizes in whole pixels, larger than the margin; it "
                f"tells size={self.size} and margin={self.margin}"
            )
        if self.color_mode not in files.CHANNELS or self.interpolation not in files.INTERPOLATIONS:
            raise InputError(
                f"the model's card must tell a color_mode of {list(files.CHANNELS)} and an "
                f"interpolation of {files.INTERPOLATIONS}; it tells {self.color_mode!r} and "
                f"{self.interpolation!r}"
            )


def generator(scaling: Scaling, **augmentation: Any) -> ImageDataGenerator:
    """Return an `ImageDataGenerator` whose pixels are scaled by a rule, and by nothing else.

    Args:
        scaling: The rule.
        **augmentation: Random changes, and options of reading, as `ImageDataGenerator` takes them.

    Raises:
        InputError: An option would scale the pixels once more.
    """
    again = {"rescale", "preprocessing_function", "zca_whitening"} | {
        f"{kind}wise_{change}"
        for kind in ("feature", "sample")
        for change in ("center", "std_normalization")
    }
    if found := sorted(again & augmentation.keys()):
        raise InputError(
            f"pixels are scaled as the weights need it, {scaling}; {found[0]} would scale them "
            "once more: leave it out"
        )
    return ImageDataGenerator(
        rescale=scaling.rescale,
        preprocessing_function=Scaling(scaling.mode) if scaling.mode else None,
        samplewise_center=scaling.samplewise_center,
        **augmentation,
    )


def _in_graph(pixels, mode):
    """The same for tensors: Keras' own makes constants that ONNX takes for further inputs."""
    if mode == "tf":
        return pixels / 127.5 - 1.0
    if mode == "torch":
        mean, deviation = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        return (pixels / 255.0 - np.array(mean, "float32")) / np.array(deviation, "float32")
    if mode == "caffe":
        return keras.ops.flip(pixels, axis=-1) - np.array([103.939, 116.779, 123.68], "float32")
    return pixels


def _scaling(generator):
    """Return the rule of a generator; None where it is code, or depends on other pictures."""
    statistics = ("samplewise_std_normalization", "featurewise_center", "zca_whitening")
    rule = _rule(generator.preprocessing_function, generator.rescale)
    if rule is None or any(getattr(generator, name) for name in statistics):
        return None
    centre = rule.samplewise_center or generator.samplewise_center
    return dataclasses.replace(rule, samplewise_center=centre)


def _rule(function, factor):
    if function is None:
        return Scaling(None, factor)
    if isinstance(function, Scaling):
        return dataclasses.replace(function, rescale=(function.rescale or 1) * (factor or 1))
    if isinstance(function, functools.partial) and function.func is weights.preprocess_input:
        model = function.keywords.get("model", (*function.args, None)[0])
        return Scaling(weights.rule(model), factor)
    if getattr(function, "__module__", "").startswith("keras.src.applications."):
        return _keras_rule(function, factor)
    return None


def _keras_rule(function, factor):
    """Tell which of the rules one of `keras.applications`' functions is: all are linear."""
    probe = np.linspace(0, 255, 24, dtype="float32").reshape(2, 4, 3)
    for mode in (None, *MODES):
        if np.array_equal(function(probe.copy()), Scaling(mode)(probe)):
            return Scaling(mode, factor)
    return None
