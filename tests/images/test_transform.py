"""Warped pictures are those of Keras' legacy class, which uses SciPy, even for pure noise."""

import numpy as np
import pytest
from keras.src.legacy.preprocessing.image import ImageDataGenerator as Legacy

from keras_cnn import ImageDataGenerator

pytestmark = [
    # Warnings of the legacy class.
    pytest.mark.filterwarnings("ignore:Please import `affine_transform`:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated:DeprecationWarning"),
]
AUGMENTATION = {
    "shear_range": 0.5,
    "rotation_range": 90,
    "zoom_range": 0.2,
    "width_shift_range": 0.2,
    "height_shift_range": 0.2,
    "horizontal_flip": True,
}
FAR = {"tx": 1e4, "zx": 9.0, "theta": 5.0}  # padding would take too much memory


@pytest.mark.parametrize("fill_mode", ["nearest", "constant", "reflect", "wrap"])
@pytest.mark.parametrize(
    "shape", [(40, 61, 2), (250, 300, 1), (224, 224, 3), (300, 450, 4), (70, 90, 6)]
)
def test_warped_noise_of_black_and_white_pixels_is_that_of_keras(shape, fill_mode):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, shape, np.uint8) * 255
    legacy, ours = (
        kind(**AUGMENTATION, fill_mode=fill_mode) for kind in (Legacy, ImageDataGenerator)
    )
    for params in [*(ours.get_random_transform(shape, rng.integers(99)) for _ in range(4)), FAR]:
        theirs = legacy.apply_transform(x.astype("float32"), params)
        floats = ours.apply_transform(x.astype("float32"), params)
        np.testing.assert_allclose(floats, theirs, atol=0.01, rtol=0)
        rounded = ours.apply_transform(x, params).astype("float32")
        np.testing.assert_allclose(rounded, theirs, atol=0.51, rtol=0)
