"""Rules for pixel values, as data that a saved model can carry.

Importing this module does not load Keras, so that an exported model reads pictures without it.
"""

import dataclasses
import functools
import math
from typing import Any

import numpy as np

from keras_cnn.errors import InputError

MODES = ("caffe", "tf", "torch")  # as in `models.preprocess_input`


@dataclasses.dataclass(frozen=True)
class Scaling:
    """A rule for pixel values from 0 to 255: apply the mode, multiply, subtract the mean.

    An `ImageDataGenerator` takes it as `preprocessing_function`. Unlike other functions, a saved
    model can carry it.

    Attributes:
        mode: None, or the scaling of published weights: "caffe", "tf" or "torch", as in
            `models.preprocess_input`.
        rescale: Factor of all values, or None.
        samplewise_center: Whether to subtract each picture's own mean.
    """

    mode: str | None = None
    rescale: float | None = None
    samplewise_center: bool = False

    def __post_init__(self):
        """Check the fields."""
        if self.mode not in (None, *MODES):
            raise InputError(f"mode must be None or one of {MODES}; received {self.mode!r}")
        factor = 1 if self.rescale is None else self.rescale
        if not isinstance(factor, int | float) or not math.isfinite(factor):
            raise InputError(f"rescale must be a finite number or None; received {self.rescale!r}")

    def __call__(self, pixels: Any) -> Any:
        """Scale pictures.

        Args:
            pixels: Array or tensor (height, width, channels) or (batch, height, width, channels),
                0 to 255. It is not changed.

        Returns:
            float32, same shape; an array for an array, a tensor for a tensor.
        """
        import keras

        if isinstance(pixels, keras.KerasTensor) or keras.ops.is_tensor(pixels):
            mean = keras.ops.mean
            pixels = _scale_tensor(keras.ops.cast(pixels, "float32"), self.mode)
        else:
            mean = np.mean
            pixels = np.array(pixels, "float32")  # a copy: Keras writes into its argument
            if self.mode:
                pixels = keras.applications.imagenet_utils.preprocess_input(
                    pixels, data_format="channels_last", mode=self.mode
                )
        if self.rescale:
            pixels = pixels * np.float32(self.rescale)
        if self.samplewise_center:
            pixels = pixels - mean(pixels, axis=(-3, -2, -1), keepdims=True)
        return pixels

    @classmethod
    def of_model(cls, model: Any) -> "Scaling":
        """Return the scaling that a network's published weights were trained with.

        Args:
            model: A builder, such as `models.VGG16`, or a model it built.

        Raises:
            ValueError: No weights are published for the network.
        """
        from keras_cnn.models import weights

        return cls(weights.rule(model))


def scaling_of(generator: Any) -> Scaling | None:
    """Return the scaling of an `ImageDataGenerator`.

    Args:
        generator: The generator.

    Returns:
        The scaling; None if it is the user's own code or depends on other pictures, so that no
        file can carry it.
    """
    statistics = ("samplewise_std_normalization", "featurewise_center", "zca_whitening")
    scaling = _of_function(generator.preprocessing_function, generator.rescale)
    if scaling is None or any(getattr(generator, name) for name in statistics):
        return None
    center = scaling.samplewise_center or generator.samplewise_center
    return dataclasses.replace(scaling, samplewise_center=center)


def _scale_tensor(pixels, mode):
    """Apply a mode to tensors. Keras' own function adds constants that ONNX takes for inputs."""
    from keras import ops

    if mode == "tf":
        return pixels / 127.5 - 1.0
    if mode == "torch":
        mean, deviation = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        centred = ops.subtract(pixels / 255.0, np.array(mean, "float32"))
        return ops.divide(centred, np.array(deviation, "float32"))
    if mode == "caffe":
        mean = np.array([103.939, 116.779, 123.68], "float32")
        return ops.subtract(ops.flip(pixels, axis=-1), mean)
    return pixels


def _of_function(function, factor):
    if function is None:
        return Scaling(None, factor)
    if isinstance(function, Scaling):
        return dataclasses.replace(function, rescale=(function.rescale or 1) * (factor or 1))
    from keras_cnn.models import weights

    if isinstance(function, functools.partial) and function.func is weights.preprocess_input:
        model = function.keywords.get("model", (*function.args, None)[0])
        return Scaling(weights.rule(model), factor)
    if any(function is known for known in _functions_of_keras()):
        return _of_keras_function(function, factor)
    return None


def _functions_of_keras():
    """Return the functions `keras.applications.<family>.preprocess_input`."""
    import keras

    families = vars(keras.applications).values()
    return [family.preprocess_input for family in families if hasattr(family, "preprocess_input")]


def _of_keras_function(function, factor):
    """Find the mode of a function of `keras.applications` by its values on a probe."""
    probe = np.linspace(0, 255, 24, dtype="float32").reshape(2, 4, 3)
    for mode in (None, *MODES):
        if np.array_equal(function(probe.copy()), Scaling(mode)(probe)):
            return Scaling(mode, factor)
    return None
