"""Grey garments that differ by their outlines, and dishes with a score."""

import numpy as np

from keras_cnn.datasets.synthetic.brush import (
    Canvas,
    blob,
    ellipse,
    mirrored,
    mist,
    moved,
    petal,
    ribbon,
    tone,
)

RIGHT_HALVES = {  # outlines of symmetric garments, right half from neck to hem
    "Coat": [(0.2, -0.95), (0.48, -0.9), (0.7, -0.6), (0.86, 0.55), (0.62, 0.62), (0.5, -0.2)]
    + [(0.58, 0.98)],
    "Dress": [(0.16, -0.95), (0.32, -0.92), (0.36, -0.55), (0.22, -0.15), (0.55, 0.95)],
    "Pullover": [(0.2, -0.85), (0.48, -0.8), (0.72, -0.5), (0.96, 0.72), (0.7, 0.8), (0.54, -0.1)]
    + [(0.54, 0.8)],
    "Shirt": [(0.14, -0.88), (0.46, -0.78), (0.64, -0.5), (0.84, 0.6), (0.66, 0.68), (0.46, -0.2)]
    + [(0.46, 0.92)],
    "T-shirt": [
        (0.24, -0.82),
        (0.5, -0.78),
        (0.96, -0.4),
        (0.78, -0.1),
        (0.55, -0.3),
        (0.55, 0.88),
    ],
    "Trouser": [(0.34, -0.95), (0.46, 0.95), (0.14, 0.95), (0.03, -0.35)],
}
OUTLINES = {  # of the other garments
    "Bag": [(-0.72, -0.3), (0.72, -0.3), (0.88, 0.7), (-0.88, 0.7)],
    "Ankle boot": [(-0.92, 0.72), (-0.88, 0.38), (-0.35, 0.15), (-0.08, -0.2), (-0.05, -0.9)]
    + [(0.62, -0.9), (0.58, 0.1), (0.68, 0.72)],
    "Sandal": [(-0.95, 0.42), (-0.3, 0.34), (0.3, 0.12), (0.92, 0.0), (0.92, 0.16), (0.3, 0.36)]
    + [(-0.3, 0.5), (-0.95, 0.54)],
    "Sneaker": [(-0.95, 0.42), (-0.9, 0.12), (-0.45, 0.0), (0.05, -0.4), (0.3, -0.22)]
    + [(0.75, -0.42), (0.88, 0.42)],
}
GARMENTS = (*RIGHT_HALVES, *OUTLINES)
WARM = ("red", "orange", "yellow", "orange", "brown")
DULL = ("green", "cream", "grey", "purple", "green")


def garment(rng: np.random.Generator, side: int, *, kind: str) -> np.ndarray:
    """Draw a garment, a shoe or a bag on black.

    Args:
        rng: Source of randomness.
        side: Height and width of the picture in pixels.
        kind: One of `GARMENTS`.

    Returns:
        uint8 (side, side), grey.
    """
    canvas = Canvas(side, side, light=rng.uniform(-2.6, -0.6), oversampling=4)
    canvas.pose(
        rng.uniform(0.43, 0.57, 2),
        size=rng.uniform(0.36, 0.48),
        angle=rng.normal(0, 0.1),
        squash=rng.uniform(0.85, 1.1),
    )
    grey = np.full(3, rng.uniform(0.3, 0.95))
    trim = grey * rng.uniform(0.35, 0.6)
    half = RIGHT_HALVES.get(kind)
    corners = np.array([*half, *np.multiply(half, (-1, 1))[::-1]] if half else OUTLINES[kind])
    corners = corners * (rng.uniform(0.8, 1.12), 1) + rng.normal(0, 0.025, corners.shape)
    if kind == "Bag":
        handle = [(-0.45, -0.2), (-0.4, -1.2), (0.4, -1.2), (0.45, -0.2)]
        canvas.paint(ribbon(handle, (0.13, 0.13)), trim)
    canvas.paint(corners, grey, shade=0.25, contour=0.05)
    canvas.clip_to(corners)
    _print(canvas, rng, grey)
    _details(canvas, kind, trim)
    canvas.clip_to()
    if kind == "Sandal":
        straps = ([(-0.7, 0.42), (-0.5, -0.1), (-0.2, 0.4)], [(0.3, 0.2), (0.5, -0.7), (0.9, 0)])
        for strap in straps + rng.normal(0, (0.08, 0.12), (2, 3, 2)):
            canvas.paint(ribbon(strap, rng.uniform(0.1, 0.24, 2)), grey)
    return canvas.develop(rng, mood=0)[..., 0]


def _print(canvas, rng, grey):
    """Draw stripes, dots or nothing on the cloth."""
    ink = np.clip(grey * rng.uniform(0.5, 1.5), 0, 1)
    kind = rng.integers(4)
    if kind == 0:
        for y in np.arange(-1, 1, rng.uniform(0.25, 0.45)):
            canvas.paint(ribbon([(-1.2, y), (1.2, y)], (0.12, 0.12)), ink)
    elif kind == 1:
        for at in rng.uniform(-0.7, 0.7, (10, 2)):
            canvas.paint(blob(rng, 0.09, at=at), ink)


def _details(canvas, kind, trim):
    if kind in ("Coat", "Shirt"):
        canvas.paint(ribbon([(0, -0.9), (0, 1)], (0.09, 0.09)), trim)
        for lapel in mirrored(
            [(0, -0.95), (0.28, -0.95), (0.06, -0.35 if kind == "Coat" else -0.7)]
        ):
            canvas.paint(lapel, trim)
    elif kind == "Pullover":
        canvas.paint(ribbon([(-0.3, -0.9), (0, -0.62), (0.3, -0.9)], (0.12, 0.12)), trim)
        canvas.paint(ribbon([(-1, 0.78), (1, 0.78)], (0.14, 0.14)), trim)
    elif kind == "Sneaker":
        canvas.paint(ribbon([(-1, 0.36), (1, 0.36)], (0.2, 0.2)), np.ones(3) * 0.95)
        for x in (-0.3, -0.15, 0.0):
            canvas.paint(ribbon([(x, -0.2), (x + 0.16, 0.1)], (0.06, 0.06)), trim)
    elif kind == "Ankle boot":
        canvas.paint(ribbon([(-1, 0.68), (1, 0.68)], (0.16, 0.16)), trim)


def dish(rng: np.random.Generator, height: int, width: int) -> tuple[np.ndarray, float]:
    """Draw a dish from above, and compute its score from the drawing.

    The score rises with the share of warm colours and with the size of the portion. Random noise is
    added, as human scores have it.

    Args:
        rng: Source of randomness.
        height: Height of the picture in pixels.
        width: Width of the picture in pixels.

    Returns:
        uint8 (height, width, 3), RGB, and the score in [1, 5].
    """
    canvas = Canvas(height, width, light=rng.uniform(-2.6, -0.6))
    _table(canvas, rng)
    middle = np.array([0.5 * width / height, 0.5]) + rng.normal(0, 0.03, 2)
    pose = {"size": rng.uniform(0.40, 0.47), "squash": rng.uniform(0.8, 1.0)}
    canvas.pose(middle + (0.012, 0.03), **pose)
    canvas.paint(ellipse(1, 1), (0, 0, 0), alpha=0.45, blur=0.04)
    canvas.pose(middle, **pose)
    china = tone(rng, rng.choice(("white", "white", "cream", "blue", "grey")))
    canvas.paint(ellipse(1, 1), china, shade=0.1, contour=0.012)
    canvas.paint(ellipse(0.76, 0.76), china * 0.94, shade=-0.08, contour=0.006)
    if rng.random() < 0.4:
        rim = tone(rng, rng.choice(("blue", "red", "green", "brown")))
        for turn in np.linspace(0, 2 * np.pi, 28, endpoint=False):
            at = moved([(0.89, 0)], angle=turn)[0]
            canvas.paint(ellipse(0.035, 0.035, at=at), rim)
    warmth, fill = rng.random(2)
    _food(canvas, rng, warmth=warmth, reach=0.25 + 0.5 * fill)
    score = 1.6 + 2.0 * warmth + 1.3 * fill + rng.normal(0, 0.3)
    return canvas.develop(rng, mood=0.7), float(np.clip(score, 1, 5))


def _table(canvas, rng):
    wood = tone(rng, rng.choice(("brown", "cream", "grey", "green", "blue", "black")))
    canvas.wash(rng, [wood, wood * 0.85, wood * 1.1], grain=4)
    if rng.random() < 0.6:
        step = rng.uniform(0.12, 0.25)
        for y in np.arange(-0.3, 1.6, step) + rng.uniform(0, step):
            canvas.paint(ribbon([(-1, y), (0.7, y + 0.02), (2.4, y)], (0.008, 0.012)), wood * 0.55)
    grain = mist(rng, *canvas.pixels.shape[:2], grain=40)[..., None]
    canvas.pixels *= 0.94 + 0.12 * grain


def _food(canvas, rng, *, warmth, reach):
    """Draw food on the middle of the plate; `warmth` is the share of pieces in warm colours."""
    sauce = tone(rng, rng.choice(WARM if rng.random() < warmth else DULL))
    canvas.paint(blob(rng, reach, roughness=0.06), sauce * 0.9, shade=0.1, contour=0.012)
    count = int(8 + 44 * reach)
    warm = rng.permutation(count) < round(warmth * count)
    kinds = rng.permutation(4)[: rng.integers(2, 5)]
    colors = {
        True: [tone(rng, n) for n in rng.choice(WARM, 2, replace=False)],
        False: [tone(rng, n) for n in rng.choice(DULL, 2, replace=False)],
    }
    for is_warm in warm:
        at = moved([(reach * np.sqrt(rng.random()), 0)], angle=rng.uniform(0, 7))[0]
        color = colors[bool(is_warm)][rng.integers(2)] * rng.uniform(0.9, 1.1)
        _morsel(canvas, rng, kinds[rng.integers(len(kinds))], at, color)


def _morsel(canvas, rng, kind, at, color):
    canvas.paint(ellipse(0.1, 0.1, at=at + (0.01, 0.03)), (0, 0, 0), alpha=0.25, blur=0.02)
    angle = rng.uniform(0, 7)
    if kind == 0:  # a slice with its rind and seeds
        canvas.paint(ellipse(0.13, 0.11, at=at, angle=angle), color, contour=0.015)
        pale = np.clip(0.7 * color + 0.3, 0, 1)
        canvas.paint(ellipse(0.09, 0.075, at=at, angle=angle), pale)
        for turn in np.arange(5) * 1.26:
            seed = moved([(0.05, 0)], at, angle=angle + turn)[0]
            canvas.paint(ellipse(0.013, 0.013, at=seed), color * 0.7)
    elif kind == 1:  # a dumpling
        canvas.paint(blob(rng, 0.12, at=at), color, shade=0.3, contour=0.015)
        canvas.paint(
            ellipse(0.03, 0.02, at=at + 0.06 * canvas.light), (1, 1, 1), alpha=0.5, blur=0.01
        )
    elif kind == 2:  # a noodle
        bend = moved([(-0.2, 0), (-0.05, 0.22), (0.1, -0.2), (0.2, 0.05)], at, angle=angle)
        canvas.paint(ribbon(bend, (0.05, 0.05)), color, contour=0.012)
    else:  # a leaf
        outline = moved(petal("pointed", 0.3), at, size=0.26, angle=angle)
        canvas.paint(outline, color, shade=0.25, contour=0.012)
        vein = moved(ribbon([(0.1, 0), (0.9, 0)], (0.05, 0.01)), at, size=0.26, angle=angle)
        canvas.paint(vein, color * 0.7)
