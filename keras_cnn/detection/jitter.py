"""The augmentation of SSD300's listing: jitter of the aspect, scale, place, mirror and colour."""

import dataclasses
from collections.abc import Iterator

import cv2
import numpy as np

from keras_cnn.detection import augment
from keras_cnn.detection import boxes as box_math
from keras_cnn.i18n import N_

GREY = (128, 128, 128)


@dataclasses.dataclass(frozen=True)
class Jitter:
    """The random changes of SSD300's listing, used like `augment.Augmentation`.

    A picture is squeezed to a square whose aspect is jittered, scaled, and laid anywhere on a grey
    square. Objects are clipped to the square; those with a side of one pixel or less are dropped.

    Attributes:
        aspect: Largest change of each side, as a share; the aspect is the ratio of two such sides.
        scale: Range of the picture's larger side, in sides of the square.
        flip: Probability of a horizontal flip.
        hue: Largest shift of the hue, as a share of the circle.
        saturation: Largest factor of the saturation, or one over it.
        value: Largest factor of the value, or one over it.
    """

    aspect: float = 0.1
    scale: tuple[float, float] = (0.25, 2.0)
    flip: float = 0.5
    hue: float = 0.1
    saturation: float = 1.1
    value: float = 1.1

    def __call__(
        self,
        picture: np.ndarray,
        boxes: np.ndarray,
        labels: np.ndarray,
        *,
        size: int,
        rng: np.random.Generator,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Change a picture at random.

        Args:
            picture: RGB, uint8, (height, width, 3).
            boxes: Corners in pixels, (n, 4).
            labels: Class ids, (n,).
            size: Height and width of the result in pixels.
            rng: Source of the random choices.

        Returns:
            As `augment.Augmentation`.
        """
        return list(self.steps(picture, boxes, labels, size=size, rng=rng))[-1][1:]

    def steps(
        self,
        picture: np.ndarray,
        boxes: np.ndarray,
        labels: np.ndarray,
        *,
        size: int,
        rng: np.random.Generator,
    ) -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
        """Yield the picture after each step.

        Args:
            picture: As in a call.
            boxes: As in a call.
            labels: As in a call.
            size: As in a call.
            rng: As in a call.

        Yields:
            Name of the step, and picture, boxes and class ids after it.
        """
        view = self._view(picture.shape[1], picture.shape[0], size, rng)
        square = augment.render(picture, view, size=size, fill=GREY)
        corners = box_math.to_view(boxes, view).clip(0, 1)
        kept = (corners[:, 2:] - corners[:, :2] > 1 / size).all(axis=1)
        corners, labels = corners[kept], labels[kept]
        yield N_("placed"), square, corners, labels
        if rng.random() < self.flip:
            square = np.ascontiguousarray(square[:, ::-1])
            mirrored = (1 - corners[:, 2], corners[:, 1], 1 - corners[:, 0], corners[:, 3])
            corners = np.stack(mirrored, axis=1)
        yield "flipped", square, corners, labels
        yield "recoloured", self._recoloured(square, rng), corners, labels

    def _view(self, width, height, size, rng):
        """Return the square's corners in pixels of the picture."""
        low, high = 1 - self.aspect, 1 + self.aspect
        aspect, scale = rng.uniform(low, high) / rng.uniform(low, high), rng.uniform(*self.scale)
        sides = np.array((aspect, 1.0) if aspect < 1 else (1.0, 1 / aspect)) * scale * size
        corner = rng.random(2) * (size - sides)  # of the picture in the square
        pixels = np.array((width, height)) / sides  # of the picture per pixel of the square
        return np.concatenate([-corner * pixels, (size - corner) * pixels])

    def _recoloured(self, square, rng):
        turn = rng.uniform(-self.hue, self.hue) * 360
        factors = []
        for largest in (self.saturation, self.value):
            factor = rng.uniform(1, largest)
            factors.append(factor if rng.random() < 0.5 else 1 / factor)
        hsv = cv2.cvtColor(square.astype(np.float32) / 255, cv2.COLOR_RGB2HSV)
        hsv[..., 0] = (hsv[..., 0] + turn) % 360
        hsv[..., 1:] = (hsv[..., 1:] * factors).clip(0, 1)
        return np.rint(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) * 255).astype(np.uint8)
