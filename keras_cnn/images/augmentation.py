"""What `ImageDataGenerator` does to each picture: augment it at random, then scale it."""

import copy
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import keras
import numpy as np

from keras_cnn.errors import InputError
from keras_cnn.images import alexnet, decoding, files, transform
from keras_cnn.images.legacy import draws

NO_AUGMENTATION = {
    "rotation_range": 0,
    "width_shift_range": 0.0,
    "height_shift_range": 0.0,
    "brightness_range": None,
    "shear_range": 0.0,
    "zoom_range": 0.0,
    "channel_shift_range": 0.0,
    "horizontal_flip": False,
    "vertical_flip": False,
}


class Augmentation(draws.GlobalDraws):
    """Augmentation and scaling of single pictures: an `ImageDataGenerator` without its flows."""

    crops = False  # whether files are read larger, and their centre is cropped
    has_levels = True  # whether brightness and channel shift are applied, or only drawn
    alexnet = None  # `images.alexnet.CropsAndColours`: a random part instead, with colour noise

    def __init__(
        self,
        featurewise_center: bool = False,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        zca_epsilon: float = 1e-6,
        rotation_range: float = 0,
        width_shift_range: float | int | Sequence = 0.0,
        height_shift_range: float | int | Sequence = 0.0,
        brightness_range: Sequence[float] | None = None,
        shear_range: float = 0.0,
        zoom_range: float | Sequence[float] = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rescale: float | None = None,
        preprocessing_function: Callable[[np.ndarray], np.ndarray] | None = None,
        data_format: str | None = None,
        validation_split: float = 0.0,
        interpolation_order: int = 1,
        dtype: str | None = None,
        *,
        stratified_split: bool = False,
        exif_rotation: bool = True,
        reduced_decoding: bool = False,
        on_error: str = "raise",
        cache: bool | str | os.PathLike = "auto",
        workers: int | None = None,
        prefetch: int = 2,
        background: str | None = None,
    ):
        """Choose augmentation and scaling.

        The order of steps: decode, turn upright, resize; rotate, shift, shear and zoom in one warp;
        shift channels, flip, brighten; `preprocessing_function`, `rescale`; centre and normalise.

        Args:
            featurewise_center: Whether to subtract the mean of the pictures passed to `fit`.
            samplewise_center: Whether to subtract each picture's mean.
            featurewise_std_normalization: Whether to divide by the standard deviation that
                `fit` computed.
            samplewise_std_normalization: Whether to divide by each picture's standard
                deviation.
            zca_whitening: Whether to decorrelate pixels by the matrix that `fit` computed.
            zca_epsilon: Term added to the singular values in whitening.
            rotation_range: Largest rotation, in degrees.
            width_shift_range: Largest shift: a share of the width (float below 1), pixels (int), or
                a list of either to choose from.
            height_shift_range: The same for the height.
            brightness_range: Smallest and largest factor of brightness.
            shear_range: Largest shear, in degrees.
            zoom_range: Smallest and largest zoom factor; factors above 1 shrink. A number z means
                (1 - z, 1 + z).
            channel_shift_range: Largest shift of all channels, in grey levels.
            fill_mode: How the space beyond the edges is filled: "nearest" (aaaa|abcd|dddd),
                "constant" (`cval`), "reflect" (dcba|abcd|dcba) or "wrap" (abcd|abcd|abcd).
            cval: Grey level beyond the edges if `fill_mode` is "constant".
            horizontal_flip: Whether to mirror half of the pictures, at random, left to right.
            vertical_flip: Whether to mirror half of the pictures, at random, top to bottom.
            rescale: Factor of all values; 1 / 255 gives values from 0 to 1.
            preprocessing_function: Called with each augmented picture, float array (height, width,
                channels); returns an array of the same shape. Several threads call it at a time,
                unless it draws from `np.random`: see `keras_cnn.images.legacy.draws`.
            data_format: "channels_last" or "channels_first"; by default the setting of
                Keras.
            validation_split: Share of the pictures set aside for subset="validation".
            interpolation_order: Degree of the spline that interpolates, 0 to 5; 1 is fast.
            dtype: Type of the batches; by default the setting of Keras, float32.
            stratified_split: Whether `validation_split` draws pictures of each class at random, the
                same for the same files, rather than taking the first ones.
            exif_rotation: Whether to turn pictures upright as their EXIF orientation says.
            reduced_decoding: Whether to decode JPEGs of at least twice the target size at 1/2, 1/4
                or 1/8 of their size: several times faster, but pixels are smoother.
            on_error: "raise" stops at a file that cannot be read. "skip" reads all files when a
                flow is made, leaves out those that cannot be read and warns with their names.
            cache: Where resized pictures are kept for later epochs. "auto": in up to a quarter of
                the free memory, shared by all flows. True: all in memory. False: nowhere. Or a
                folder on disk.
            workers: Number of threads; by default one per core.
            prefetch: Number of batches to make ahead of the training step.
            background: Colour to lay under transparent pixels, such as "white" or "#ffffff". None
                drops the alpha channel: transparent pixels get the colour that the file has there,
                often black. Without effect if `color_mode` is "rgba".

        Raises:
            InputError: An argument is outside its range.
        """
        _check_options(fill_mode, interpolation_order, validation_split, on_error, background)
        self.featurewise_center = featurewise_center
        self.samplewise_center = samplewise_center
        self.featurewise_std_normalization = featurewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening = zca_whitening
        self.zca_epsilon = zca_epsilon
        self.rotation_range = rotation_range
        self.width_shift_range = width_shift_range
        self.height_shift_range = height_shift_range
        self.brightness_range = brightness_range
        self.shear_range = shear_range
        self.zoom_range = _zoom_range(zoom_range)
        self.channel_shift_range = channel_shift_range
        self.fill_mode = fill_mode
        self.cval = cval
        self.horizontal_flip = horizontal_flip
        self.vertical_flip = vertical_flip
        self.rescale = rescale
        self.preprocessing_function = preprocessing_function
        self.data_format = data_format or keras.config.image_data_format()
        self.validation_split = validation_split
        self.interpolation_order = interpolation_order
        self.dtype = dtype or keras.config.floatx()
        self.stratified_split = stratified_split
        self.exif_rotation = exif_rotation
        self.reduced_decoding = reduced_decoding
        self.on_error = on_error
        self.cache = cache
        self.workers = workers or files.cores()
        self.prefetch = prefetch
        self.background = background
        self.mean = None
        self.std = None
        self.zca_whitening_matrix = None
        self._reseed()
        if self.data_format not in ("channels_last", "channels_first"):
            raise InputError(
                f'data_format must be "channels_last" or "channels_first"; received {data_format=}'
            )
        self._check_augmentation()
        self._imply("zca_whitening", "featurewise_center", True)
        self._imply("zca_whitening", "featurewise_std_normalization", False)
        self._imply("featurewise_std_normalization", "featurewise_center", True)
        self._imply("samplewise_std_normalization", "samplewise_center", True)

    def __setstate__(self, state):
        """Restore a copy, which draws its own random numbers."""
        vars(self).update(state)
        self._reseed()

    def _reseed(self):
        self._rng, self._process = np.random.RandomState(), os.getpid()

    def _own_rng(self):
        """Return the generator's random state; a forked process has one of its own."""
        if self.draws_globally:
            return np.random.mtrand._rand
        if self._process != os.getpid():
            self._reseed()
        return self._rng

    def _imply(self, option, other, value):
        if getattr(self, option) and getattr(self, other) != value:
            warnings.warn(f"{option}=True sets {other}={value}", stacklevel=3)
            setattr(self, other, value)

    def without_augmentation(self) -> Self:
        """Return a copy with the same scaling and no augmentation."""
        return self.with_augmentation()

    def with_augmentation(self, **options: Any) -> Self:
        """Return a copy with the same scaling and another augmentation.

        Args:
            **options: The constructor's options of augmentation, such as `rotation_range`. An
                option that is left out is switched off, even if this generator has it.

        Raises:
            InputError: An option is not one of augmentation, or outside its range.
        """
        if unknown := sorted(options.keys() - NO_AUGMENTATION.keys()):
            raise InputError(
                f"augmentation has the options {', '.join(NO_AUGMENTATION)}; received "
                f"{', '.join(unknown)}: leave it out"
            )
        other = copy.copy(self)
        for name, value in (NO_AUGMENTATION | options).items():
            setattr(other, name, value)
        other.zoom_range = _zoom_range(other.zoom_range)
        other._check_augmentation()
        return other

    def _check_augmentation(self):
        factors = self.brightness_range
        if factors is not None and np.shape(factors) != (2,):
            raise InputError(f"brightness_range must be two numbers; received {factors!r}")
        for name in NO_AUGMENTATION:
            value = getattr(self, name)
            if value is not None and not np.all(np.isfinite(value)):
                raise InputError(f"{name} must be finite; received {value!r}")

    @property
    def _axes(self):
        """Axes of height, width and channels of one picture."""
        return (0, 1, 2) if self.data_format == "channels_last" else (1, 2, 0)

    def get_random_transform(
        self, img_shape: Sequence[int], seed: int | np.random.RandomState | None = None
    ) -> dict:
        """Draw random parameters for one picture.

        Args:
            img_shape: Shape of the picture.
            seed: A seed or a random state; None for the generator's own random state.

        Returns:
            The parameters; see `keras_cnn.images.transform`.
        """
        if seed is None:
            rng = draws.current_random_state(default=self._own_rng())
        else:
            rng = seed if isinstance(seed, np.random.RandomState) else np.random.RandomState(seed)
        size = img_shape[self._axes[0]], img_shape[self._axes[1]]
        params = transform.draw(
            rng,
            size=size,
            rotation_range=self.rotation_range,
            width_shift_range=self.width_shift_range,
            height_shift_range=self.height_shift_range,
            shear_range=self.shear_range,
            zoom_range=self.zoom_range,
            horizontal_flip=self.horizontal_flip,
            vertical_flip=self.vertical_flip,
            channel_shift_range=self.channel_shift_range,
            brightness_range=self.brightness_range,
        )
        params |= {} if self.has_levels else {"channel_shift_intensity": None, "brightness": None}
        return params | self.alexnet.draw(rng, size=size) if self.alexnet else params

    def apply_transform(self, x: np.ndarray, transform_parameters: Mapping) -> np.ndarray:
        """Augment one picture with the parameters passed.

        Args:
            x: uint8 or float array of three axes, in `data_format`. It is not changed.
            transform_parameters: Parameters that `get_random_transform` returned; missing ones
                have no effect.

        Returns:
            The augmented picture: a float array or, if no fractions are needed, uint8; `x` itself
            if no parameter has an effect.
        """
        options = {
            "fill_mode": self.fill_mode,
            "cval": self.cval,
            "order": self.interpolation_order,
        }
        last = self.data_format == "channels_last"
        picture = alexnet.crop(x if last else np.moveaxis(x, 0, 2), transform_parameters)
        picture = transform.apply(picture, transform_parameters, **options)
        picture = alexnet.add_colour(picture, transform_parameters)
        return picture if last else np.moveaxis(picture, 2, 0)

    def random_transform(self, x: np.ndarray, seed: int | None = None) -> np.ndarray:
        """Augment one picture at random.

        Args:
            x: Array of three axes, in `data_format`.
            seed: Makes the augmentation reproducible.

        Returns:
            Array of the same shape and type, but float32 if channels are shifted or brightness
            changes.
        """
        # Subclasses of old scripts may have a `get_random_transform` without `seed`.
        params = self.get_random_transform(x.shape, *(() if seed is None else (seed,)))
        augmented = self.apply_transform(x, params)
        has_levels = params.get("channel_shift_intensity"), params.get("brightness")
        if augmented.dtype == x.dtype or has_levels != (None, None):
            return augmented
        if np.issubdtype(x.dtype, np.integer):  # rounded as by SciPy
            limits = np.iinfo(x.dtype)
            augmented = np.clip(np.floor(augmented + 0.5), limits.min, limits.max)
        return augmented.astype(x.dtype)

    def standardize(self, x: np.ndarray) -> np.ndarray:
        """Return a picture preprocessed, rescaled, centred and normalised.

        Args:
            x: float array of three axes, in `data_format`. It may be changed.
        """
        if self.preprocessing_function:
            x = self.preprocessing_function(x)
        if self.rescale:
            x *= self.rescale
        if self.samplewise_center:
            x -= np.mean(x, keepdims=True)
        if self.samplewise_std_normalization:
            x /= np.std(x, keepdims=True) + 1e-6
        if self.featurewise_center and self._fitted(self.mean, "featurewise_center"):
            x -= self.mean
        if self.featurewise_std_normalization and self._fitted(
            self.std, "featurewise_std_normalization"
        ):
            x /= self.std + 1e-6
        if self.zca_whitening and self._fitted(self.zca_whitening_matrix, "zca_whitening"):
            pixels = len(self.zca_whitening_matrix)
            x = (x.reshape(-1, pixels) @ self.zca_whitening_matrix).reshape(x.shape)
        return x

    def _fitted(self, statistic, option):
        if statistic is None:
            warnings.warn(f"{option} has no effect before .fit(pictures)", stacklevel=3)
        return statistic is not None

    def fit(
        self, x: np.ndarray, augment: bool = False, rounds: int = 1, seed: int | None = None
    ) -> None:
        """Compute mean, standard deviation and whitening matrix of pictures.

        Only `featurewise_center`, `featurewise_std_normalization` and `zca_whitening` need it.

        Args:
            x: Pictures, array (n, ...) of four axes.
            augment: Whether to augment the pictures first.
            rounds: How many augmentations of each picture to take if `augment` is set.
            seed: Makes the augmentation reproducible.

        Raises:
            InputError: `x` does not have four axes.
        """
        x = np.array(x, self.dtype)
        if x.ndim != 4:
            raise InputError(f"fit needs pictures (n, height, width, channels); {x.shape=}")
        if self.rescale:
            x *= self.rescale
        if augment:
            rng = self._own_rng() if seed is None else np.random.RandomState(seed)
            with draws.drawing_from(rng):
                augmented = [self.random_transform(picture) for _ in range(rounds) for picture in x]
            x = np.array(augmented, self.dtype)
        height, width, _ = self._axes
        axes = (0, height + 1, width + 1)
        if self.featurewise_center:
            self.mean = np.mean(x, axis=axes, keepdims=True)[0]
            x -= self.mean
        if self.featurewise_std_normalization:
            self.std = np.std(x, axis=axes, keepdims=True)[0]
            x /= self.std + 1e-6
        if self.zca_whitening:
            flat = x.reshape(len(x), -1)
            u, s, _ = np.linalg.svd(flat.T, full_matrices=False)
            self.zca_whitening_matrix = (u * (np.sqrt(len(x)) / (s + self.zca_epsilon))) @ u.T


def _check_options(fill_mode, interpolation_order, validation_split, on_error, background):
    if fill_mode not in transform.FILL_MODES:
        raise InputError(f"fill_mode must be one of {transform.FILL_MODES}; received {fill_mode!r}")
    if interpolation_order not in range(6):
        raise InputError(f"interpolation_order must be 0 to 5; received {interpolation_order}")
    if validation_split and not 0 < validation_split < 1:
        raise InputError(f"validation_split must lie between 0 and 1; received {validation_split}")
    if on_error not in ("raise", "skip"):
        raise InputError(f'on_error must be "raise" or "skip"; received {on_error!r}')
    if background is not None:
        decoding.check_background(background)


def _zoom_range(zoom_range):
    if np.ndim(zoom_range) == 0:
        return [1 - zoom_range, 1 + zoom_range]
    if np.shape(zoom_range) != (2,):
        raise InputError(f"zoom_range must be a number or two of them; received {zoom_range!r}")
    return list(zoom_range)
