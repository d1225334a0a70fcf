"""Drawing functions of all samples: outlines as arrays, and a canvas to paint them on.

Outlines are float arrays (n, 2): x to the right, y downwards, in the unit of the canvas' current
pose. Colours are RGB, three numbers in [0, 1].
"""

import colorsys
from math import comb

import cv2
import numpy as np

TONES = {  # name -> mean hue, saturation and value of the colour's shades
    "white": (0.12, 0.05, 0.96),
    "yellow": (0.145, 0.80, 0.95),
    "orange": (0.075, 0.82, 0.94),
    "red": (0.99, 0.80, 0.80),
    "pink": (0.93, 0.42, 0.93),
    "purple": (0.77, 0.52, 0.72),
    "blue": (0.61, 0.60, 0.86),
    "green": (0.28, 0.48, 0.55),
    "brown": (0.07, 0.52, 0.48),
    "cream": (0.11, 0.22, 0.90),
    "grey": (0.60, 0.07, 0.58),
    "black": (0.65, 0.15, 0.22),
}


def tone(rng: np.random.Generator, name: str, *, spread: float = 1.0) -> np.ndarray:
    """Return a random shade of a named colour, RGB (3,).

    Args:
        rng: Source of randomness.
        name: A key of `TONES`.
        spread: Factor of the standard deviation; with 1, neighbouring colours hardly overlap.
    """
    hue, saturation, value = np.add(TONES[name], spread * rng.normal(0, (0.012, 0.05, 0.05)))
    return np.array(colorsys.hsv_to_rgb(hue % 1, np.clip(saturation, 0, 1), np.clip(value, 0, 1)))


def ellipse(width: float, height: float, *, at=(0.0, 0.0), angle: float = 0.0) -> np.ndarray:
    """Outline an ellipse with these half-axes, turned by `angle` radians about its centre `at`."""
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    return moved(np.column_stack([width * np.cos(turn), height * np.sin(turn)]), at, angle=angle)


def blob(rng: np.random.Generator, radius: float, *, at=(0.0, 0.0), roughness: float = 0.15):
    """Outline a circle with random bulges; `roughness` is their size as a share of the radius."""
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)[:, None]
    waves = np.arange(2, 6)
    heights = rng.normal(0, roughness / np.sqrt(waves), waves.shape)
    reach = radius * (1 + (heights * np.cos(waves * turn + rng.uniform(0, 7, waves.shape))).sum(1))
    return reach[:, None] * np.hstack([np.cos(turn), np.sin(turn)]) + at


def smooth(corners) -> np.ndarray:
    """Outline a smooth closed curve near the corners (n, 2), by Chaikin's corner cutting."""
    points = np.asarray(corners, dtype=float)
    for _ in range(3):
        after = np.roll(points, -1, axis=0)
        points = np.stack([0.75 * points + 0.25 * after, 0.25 * points + 0.75 * after], 1)
        points = points.reshape(-1, 2)
    return points


def ribbon(points, widths) -> np.ndarray:
    """Outline a band along a Bezier curve: control points (n, 2), and widths along the curve."""
    degree, fine = len(points) - 1, np.linspace(0, 1, 16)[:, None]
    terms = [comb(degree, k) * fine**k * (1 - fine) ** (degree - k) for k in range(degree + 1)]
    path = np.hstack(terms) @ np.asarray(points, dtype=float)
    along = np.gradient(path, axis=0)
    across = along[:, ::-1] * (-1, 1) / np.linalg.norm(along, axis=1, keepdims=True)
    half = np.interp(fine, np.linspace(0, 1, len(widths)), widths) / 2
    return np.concatenate([path + half * across, (path - half * across)[::-1]])


def petal(shape: str, width: float) -> np.ndarray:
    """Outline a petal from (0, 0) to about (1, 0).

    Args:
        shape: "round", "pointed", "notched" (a heart) or "narrow" (a strap).
        width: Half the greatest width, as a share of the length.
    """
    along = np.sin(np.linspace(0, np.pi / 2, 28)) ** 2  # denser at both ends
    breadth = {
        "round": np.sin(np.pi * along**1.5) ** 0.6,
        "notched": np.sin(np.pi * along**1.7) ** 0.6,
        "pointed": np.sin(np.pi * along**0.75) ** 1.2,
        "narrow": np.minimum(1, 3 * along) * np.sqrt(1 - along**8),
    }[shape]
    outline = np.concatenate([np.column_stack([along, s * width * breadth]) for s in (1, -1)])
    outline[28:] = outline[28:][::-1]
    if shape == "notched":
        outline[:, 0] -= (
            0.24 * np.exp(-((outline[:, 1] / (0.32 * width)) ** 2)) * outline[:, 0] ** 4
        )
    return outline


def moved(outline, at=(0.0, 0.0), *, size: float = 1.0, angle: float = 0.0) -> np.ndarray:
    """Scale an outline, turn it by `angle` radians, then shift it to `at`."""
    cos, sin = size * np.cos(angle), size * np.sin(angle)
    return np.asarray(outline) @ np.array([[cos, sin], [-sin, cos]]) + at


def mirrored(outline) -> list[np.ndarray]:
    """Return the outline and its mirror image about the vertical axis, such as two ears."""
    return [np.asarray(outline), np.asarray(outline) * (-1, 1)]


def mist(rng: np.random.Generator, height: int, width: int, *, grain: int) -> np.ndarray:
    """Return smooth noise in [0, 1], float32 (height, width), with `grain` bumps along a side."""
    coarse = rng.random((grain + 2, grain + 2), dtype=np.float32)
    return np.clip(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), 0, 1)


class Canvas:
    """A picture to paint on.

    The pose maps outlines to pixels. At first, their unit is the picture's height and their origin
    is its upper left corner. The picture is painted at a multiple of its size, then averaged.

    Args:
        height: Height of the finished picture in pixels.
        width: Width of the finished picture in pixels.
        light: Direction of the light in radians; shapes are brighter on that side.
        oversampling: Multiple of the size at which the picture is painted.
    """

    def __init__(self, height: int, width: int, *, light: float = -2.0, oversampling: int = 2):
        """Make a black canvas."""
        self.shape = (height, width)
        self.pixels = np.zeros((height * oversampling, width * oversampling, 3), np.float32)
        self.light = np.array([np.cos(light), np.sin(light)])
        self.scale = height * oversampling  # painted pixels per picture height
        self.clip = None
        self.pose()

    def pose(self, at=(0.0, 0.0), *, size=1.0, angle=0.0, squash=1.0, mirror=False):
        """Set position, size and angle of the outlines painted next.

        Args:
            at: Position of their origin, in picture heights.
            size: Length of their unit, in picture heights.
            angle: Rotation in radians.
            squash: Factor of their height, applied first, as if seen at a slant.
            mirror: Whether to swap left and right.
        """
        stretch = np.diag([-1.0 if mirror else 1.0, squash])
        cos, sin = np.cos(angle), np.sin(angle)
        turn = np.array([[cos, sin], [-sin, cos]])
        self._matrix, self._shift = self.scale * size * stretch @ turn, self.scale * np.array(at)
        self._unit = self.scale * size

    def paint(self, outline, color, *, shade=0.18, contour=0.0, alpha=1.0, blur=0.0):
        """Fill an outline, inside the clip if there is one.

        Args:
            outline: (n, 2), closed.
            color: RGB in [0, 1].
            shade: Relative brightening of the lit side, and darkening of the other side.
            contour: Width of a darker line around it, in the outline's unit.
            alpha: Opacity.
            blur: Standard deviation of the blur of its edge, in the outline's unit.
        """
        points = outline @ self._matrix + self._shift
        margin = 2 + 3 * blur * self._unit + contour * self._unit
        low = np.maximum(np.floor(points.min(0) - margin), 0).astype(int)
        high = np.ceil(points.max(0) + margin).astype(int)
        high = np.minimum(high, self.pixels.shape[1::-1])
        if (high <= low).any():
            return
        corners = np.rint((points - low) * 16).astype(np.int32)
        mask = np.zeros((high - low)[::-1], np.uint8)
        cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA, shift=4)
        if blur:
            mask = cv2.GaussianBlur(mask, (0, 0), blur * self._unit)
        x, y = (np.arange(a, b, dtype=np.float32) for a, b in zip(low, high, strict=True))
        middle = np.float32(points.max(0) + points.min(0)) / 2
        slope = np.float32(self.light / (np.ptp(points, axis=0).max() / 2 + 1e-6))
        lit = (x - middle[0]) * slope[0] + ((y - middle[1]) * slope[1])[:, None]
        tint = np.float32(color) * (1 + shade * lit)[..., None]
        if contour:
            line = np.zeros_like(mask)
            width = max(1, round(contour * self._unit))
            cv2.polylines(line, [corners], True, 255, width, cv2.LINE_AA, shift=4)
            inked = np.float32(line)[..., None] / 255
            tint += (0.55 * np.float32(color) - tint) * inked
            mask = np.maximum(mask, line)
        window = slice(low[1], high[1]), slice(low[0], high[0])
        cover = np.float32(mask) * (alpha / 255)
        if self.clip is not None:
            cover *= self.clip[window]
        self.pixels[window] += (tint - self.pixels[window]) * cover[..., None]

    def clip_to(self, *outlines):
        """Restrict painting to the inside of these outlines; without any, paint everywhere."""
        self.clip = None
        if outlines:
            mask = np.zeros(self.pixels.shape[:2], np.uint8)
            for outline in outlines:
                points = outline @ self._matrix + self._shift
                corners = np.rint(points * 16).astype(np.int32)
                cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA, shift=4)
            self.clip = mask.astype(np.float32) / 255

    def wash(self, rng, colors, *, grain=3):
        """Cover the canvas with a smooth mixture of colours, with `grain` bumps along a side."""
        height, width = (side // 8 for side in self.pixels.shape[:2])  # a coarse grid suffices
        ground = np.tile(np.float32(colors[0]), (height, width, 1))
        for color in colors[1:]:
            ground += (np.float32(color) - ground) * mist(rng, height, width, grain=grain)[
                ..., None
            ]
        self.pixels = cv2.resize(ground, self.pixels.shape[1::-1], interpolation=cv2.INTER_CUBIC)

    def soften(self, sigma: float):
        """Blur the picture so far, as if out of focus; `sigma` in picture heights."""
        self.pixels = cv2.GaussianBlur(self.pixels, (0, 0), max(sigma * self.scale, 0.1))

    def develop(self, rng: np.random.Generator, *, mood: float = 1.0) -> np.ndarray:
        """Return the finished picture under random light (strength, slope, warmth) with grain.

        Args:
            rng: Source of randomness.
            mood: Factor of the light's deviation from plain white.

        Returns:
            uint8 (height, width, 3), RGB.
        """
        height, width = self.shape
        picture = cv2.resize(self.pixels, (width, height), interpolation=cv2.INTER_AREA)
        slope = mood * rng.uniform(0, 0.25)
        exposure = np.exp(mood * rng.normal(-0.05, 0.13))
        warmth = mood * rng.normal(0, 0.05)
        x, y = np.linspace(-1, 1, width), np.linspace(-1, 1, height)[:, None]
        lit = exposure * (1 + slope * (x * self.light[0] + y * self.light[1]))
        picture *= np.float32(lit)[..., None] * np.float32([1 + warmth, 1, 1 - warmth])
        grain = rng.standard_normal((height, width, 1), dtype=np.float32)
        picture += np.float32(rng.uniform(0.004, 0.02)) * grain
        return np.clip(np.rint(picture * 255), 0, 255).astype(np.uint8)


def scenery(canvas: Canvas, rng: np.random.Generator, *, names, clutter: int = 8):
    """Paint a background: a mixture of colours with blurred blobs, blades and petals.

    Args:
        canvas: The canvas.
        rng: Source of randomness.
        names: Colours to choose from.
        clutter: Greatest number of blobs, blades and petals.
    """
    chosen = rng.choice(names, 3)
    fade = rng.uniform(0.55, 1.0)  # backgrounds are paler or darker than subjects
    ground = rng.uniform(0.25, 0.85)
    mixed = [fade * tone(rng, name, spread=1.6) + (1 - fade) * ground for name in chosen]
    canvas.pose()
    canvas.wash(rng, mixed, grain=int(rng.integers(2, 6)))
    width = canvas.shape[1] / canvas.shape[0]
    for _ in range(rng.integers(2, clutter + 1)):
        at = rng.uniform((0, 0), (width, 1))
        color = tone(rng, rng.choice(names), spread=1.6) * rng.uniform(0.5, 1.1)
        kind = rng.integers(3)
        if kind == 0:
            outline = blob(rng, rng.uniform(0.03, 0.16), at=at, roughness=0.25)
        elif kind == 1:
            bend = at + rng.normal(0, 0.2, 2)
            outline = ribbon([at, bend, bend + rng.normal(0, 0.2, 2)], (0.05, 0.04, 0.0))
        else:
            outline = moved(petal("pointed", 0.3), at, size=0.4, angle=rng.uniform(0, 7))
        canvas.paint(outline, color, alpha=rng.uniform(0.4, 0.95))
    canvas.soften(rng.uniform(0.002, 0.016))
