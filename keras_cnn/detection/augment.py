"""Augmentation of pictures with boxes (Liu et al., 2016, sections 2.2 and 3.6).

Zooming out, cropping and resizing each choose a view: the rectangle, in pixels of the picture, that
the network's square shows. So the pixels are interpolated only once.
https://arxiv.org/abs/1512.02325
"""

import dataclasses
from collections.abc import Iterator

import cv2
import numpy as np

from keras_cnn.detection import boxes as box_math
from keras_cnn.i18n import N_

FILL = (123, 117, 104)  # mean of ImageNet's pictures, which the network subtracts
TRIALS = 50  # crops tried for one overlap
SMALLEST = 1 / 300  # an object with a side below one pixel is dropped


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """The paper's random changes, each with its range; a range of None disables its step.

    Attributes:
        brightness: Largest value, of 255, added to all pixels or subtracted from them.
        contrast: Range of the factor of all values.
        saturation: Range of the factor of the saturation.
        hue: Largest shift of the hue in degrees, either way.
        expand: Largest side of a view, in sides of the picture.
        overlaps: Least IoU of the crop with some object; each crop draws one of these values. 0
            allows any crop, None keeps the whole view.
        side: Least side of a crop in shares of the view.
        flip: Probability of a horizontal flip.
    """

    brightness: float | None = 32
    contrast: tuple[float, float] | None = (0.5, 1.5)
    saturation: tuple[float, float] | None = (0.5, 1.5)
    hue: float | None = 18
    expand: float | None = 4
    overlaps: tuple[float | None, ...] | None = (None, 0.1, 0.3, 0.5, 0.7, 0.9, 0)
    side: float = 0.3
    flip: float = 0.5

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
            The square picture, uint8, (size, size, 3); boxes still in it, in shares of it, (m, 4);
            their class ids, (m,).
        """
        return list(self.steps(picture, boxes, labels, size=size, rng=rng, only_last=True))[-1][1:]

    def steps(
        self,
        picture: np.ndarray,
        boxes: np.ndarray,
        labels: np.ndarray,
        *,
        size: int,
        rng: np.random.Generator,
        only_last: bool = False,
    ) -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
        """Yield the picture after each step.

        Args:
            picture: As in a call.
            boxes: As in a call.
            labels: As in a call.
            size: As in a call.
            rng: As in a call.
            only_last: Whether to render only the last step.

        Yields:
            Name of the step, and picture, boxes and class ids after it.
        """
        height, width = picture.shape[:2]
        views = {N_("letterbox"): box_math.letterbox(width, height)}
        views[N_("zoomed out")] = view = self._zoomed_out(views["letterbox"], rng)
        views[N_("cropped")] = view = self._cropped(view, boxes, rng)
        if not only_last:
            for name, view in views.items():
                yield name, render(picture, view, size=size), *seen(boxes, labels, view)
        square = render(picture, view, size=size)
        boxes, labels = seen(boxes, labels, view)
        inside = _inside(view, width, height, size)
        if rng.random() < self.flip:
            square = square[:, ::-1]
            inside = (inside[0], slice(size - inside[1].stop, size - inside[1].start))
            boxes = np.stack([1 - boxes[:, 2], boxes[:, 1], 1 - boxes[:, 0], boxes[:, 3]], axis=1)
        if not only_last:
            yield N_("flipped"), square, boxes, labels
        square = np.ascontiguousarray(square)
        if 0 not in square[inside].shape:
            square[inside] = self._recoloured(square[inside], rng)  # the bars keep `FILL`
        yield N_("recoloured"), square, boxes, labels

    def _zoomed_out(self, view, rng):
        if self.expand is None or rng.random() < 0.5:
            return view
        side = view[2] - view[0]
        larger = side * rng.uniform(1, self.expand)
        corner = view[:2] - rng.random(2) * (larger - side)
        return np.concatenate([corner, corner + larger])

    def _cropped(self, view, boxes, rng):
        if not self.overlaps:
            return view
        least = self.overlaps[rng.choice(len(self.overlaps))]
        if least is None:
            return view
        sides = rng.uniform(self.side, 1, (TRIALS, 2))
        sides = sides[(sides[:, 0] <= 2 * sides[:, 1]) & (sides[:, 1] <= 2 * sides[:, 0])]
        low = rng.random(sides.shape) * (1 - sides)
        crops = box_math.from_view(np.concatenate([low, low + sides], axis=1), view)
        if not len(boxes):
            return crops[0] if len(crops) else view
        middles = (boxes[:, :2] + boxes[:, 2:]) / 2
        is_inside = (middles >= crops[:, None, :2]) & (middles <= crops[:, None, 2:])
        is_inside = is_inside.all(axis=2)  # (crops, boxes)
        good = np.flatnonzero((is_inside & (box_math.iou(crops, boxes) >= least)).any(axis=1))
        return crops[good[0]] if len(good) else view

    def _recoloured(self, pixels, rng):
        contrast_last = rng.random() < 0.5
        curve = np.arange(256.0)
        if self.brightness is not None and rng.random() < 0.5:
            curve = curve + rng.uniform(-self.brightness, self.brightness)
        factor = 1.0
        if self.contrast is not None and rng.random() < 0.5:
            factor = rng.uniform(*self.contrast)
        pixels = cv2.LUT(pixels, _table(curve if contrast_last else curve * factor))
        turn, stretch = 0, 1.0
        if self.hue is not None and rng.random() < 0.5:
            turn = round(
                rng.uniform(-self.hue, self.hue) / 2
            )  # OpenCV's hues are in units of 2 degrees
        if self.saturation is not None and rng.random() < 0.5:
            stretch = rng.uniform(*self.saturation)
        if turn or stretch != 1:
            level = np.arange(256.0)
            curves = np.stack([(level + turn) % 180, level * stretch, level], axis=-1)
            pixels = cv2.LUT(cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV), _table(curves)[:, None])
            pixels = cv2.cvtColor(pixels, cv2.COLOR_HSV2RGB)
        if contrast_last and factor != 1:
            pixels = cv2.LUT(pixels, _table(np.arange(256) * factor))
        return pixels


def render(
    picture: np.ndarray, view: np.ndarray, *, size: int, fill: tuple[int, int, int] = FILL
) -> np.ndarray:
    """Render a view of a picture as a square.

    Args:
        picture: RGB, uint8, (height, width, 3).
        view: Corners in pixels of the picture, (4,); they may lie outside it.
        size: Height and width of the square in pixels.
        fill: RGB outside the picture.

    Returns:
        uint8, (size, size, 3).
    """
    block = int(min(view[2:] - view[:2]) / size)
    if block >= 2:  # the warp reads only 4 pixels: average the others before
        height, width = picture.shape[:2]
        bottom, right = -height % block, -width % block
        if bottom or right:
            picture = cv2.copyMakeBorder(
                picture, 0, bottom, 0, right, cv2.BORDER_CONSTANT, value=fill
            )
        small = (width + right) // block, (height + bottom) // block
        picture = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
        view = view / block
    step = (view[2:] - view[:2]) / size
    # Pixel centres lie at halves: pixel x of the square shows the point (x + 0.5) * step + view.
    first = view[:2] + step / 2 - 0.5
    return cv2.warpAffine(
        picture,
        np.array([[step[0], 0, first[0]], [0, step[1], first[1]]]),
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=fill,
        hint=cv2.ALGO_HINT_ACCURATE,  # the other hint allows half precision
    )


def seen(boxes: np.ndarray, labels: np.ndarray, view: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the objects whose centre lies in a view, and all crowds in it, clipped to it.

    Args:
        boxes: Corners in pixels, (n, 4).
        labels: Class ids, (n,), below 0 for crowds.
        view: Corners in pixels, (4,).

    Returns:
        Corners in shares of the view, (m, 4); class ids, (m,).
    """
    shares = box_math.to_view(boxes, view)
    middles = (shares[:, :2] + shares[:, 2:]) / 2
    shares = shares.clip(0, 1)
    large = (shares[:, 2:] - shares[:, :2] >= SMALLEST).all(axis=1)
    kept = (((middles >= 0) & (middles <= 1)).all(axis=1) | (labels < 0)) & large
    return shares[kept], labels[kept]


def _inside(view, width, height, size):
    """Rows and columns of the square that show the picture, as slices."""
    edges = box_math.to_view(np.array([0.0, 0, width, height]), view) * size
    x1, y1, x2, y2 = np.rint(edges).clip(0, size).astype(int)
    return slice(y1, y2), slice(x1, x2)


def _table(curves):
    return np.rint(curves).clip(0, 255).astype(np.uint8)
