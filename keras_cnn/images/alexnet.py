"""AlexNet's augmentation: random crops, and noise along the principal components of colour.

Source: Krizhevsky, Sutskever and Hinton, 2012, section 4.1.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence

import numpy as np

from keras_cnn.images.disk import Disk
from keras_cnn.images.preparation import Preparation

DEVIATION = 0.1  # of the random factors of the components
_SAMPLE = 256  # pictures whose colours are analysed
_SIDE = 64  # pixels


def uncropped_size(size: int) -> int:
    """Return the side from which crops of a size are taken: 256 for 224.

    Args:
        size: Height and width of a crop, in pixels.
    """
    return round(size * 256 / 224)


@dataclasses.dataclass(frozen=True)
class CropsAndColours:
    """Random crops and colour noise.

    Attributes:
        components: float (3, 3). Each column is a principal component of red, green and blue, times
            its variance, for values from 0 to 1.
    """

    components: np.ndarray

    @classmethod
    def of(cls, paths: Sequence[str], *, cache: Disk | None = None) -> "CropsAndColours":
        """Return the augmentation for a set of pictures, by the colours of up to 256 of them.

        Args:
            paths: The training pictures.
            cache: Where resized pictures are kept for the next run, if they are.

        Raises:
            InputError: A picture cannot be read.
        """
        rows = np.unique(np.linspace(0, len(paths) - 1, _SAMPLE).astype(int))
        reading, paths = Preparation(size=(_SIDE, _SIDE)), [paths[row] for row in rows]
        kept = cache and cache.pictures(
            paths, shape=reading.image_shape, dtype=np.dtype("uint8"), options=reading
        )
        reads = [functools.partial(reading.read, path) for path in paths]
        pictures = map(kept.get, paths, reads) if kept else (read() for read in reads)
        colours = np.concatenate([picture.reshape(-1, 3) for picture in pictures])
        variances, vectors = principal_components(colours / 255)
        return cls(vectors * variances)

    def draw(self, rng: np.random.RandomState, *, size: tuple[int, int]) -> dict:
        """Draw the parameters of one picture.

        Args:
            rng: Source of the random numbers; its state advances.
            size: (height, width) of the crop, in pixels.

        Returns:
            `crop`, the first row and column of the crop; `colour`, the grey levels to add to red,
            green and blue.
        """
        corner = [rng.randint(uncropped_size(side) - side + 1) for side in size]
        factors = rng.normal(0, DEVIATION, 3)
        return {"crop": (*corner, *size), "colour": 255 * self.components @ factors}


def crop(picture: np.ndarray, params: Mapping) -> np.ndarray:
    """Return the part of a picture that was drawn.

    Args:
        picture: (height, width, channels).
        params: From `CropsAndColours.draw`; without `crop` it is the whole picture.
    """
    if "crop" not in params:
        return picture
    row, column, height, width = params["crop"]
    return picture[row : row + height, column : column + width]


def add_colour(picture: np.ndarray, params: Mapping) -> np.ndarray:
    """Add colour noise.

    Args:
        picture: (height, width, 3), grey levels from 0 to 255.
        params: From `CropsAndColours.draw`; without `colour` nothing is added.

    Returns:
        float32 of the same shape, cut off at 0 and 255; or the picture itself.
    """
    if "colour" not in params:
        return picture
    return np.clip(picture.astype(np.float32) + params["colour"].astype(np.float32), 0, 255)


def principal_components(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the principal components of vectors.

    Args:
        values: (n, dimensions).

    Returns:
        The variance along each component (dimensions,), the largest first; and the components, unit
        vectors in the columns of an array (dimensions, dimensions).
    """
    variances, vectors = np.linalg.eigh(np.cov(values, rowvar=False))
    return variances[::-1].clip(0), vectors[:, ::-1]
