"""Flowers that differ by petals and colour, and leaves that differ by their edge."""

import numpy as np

from keras_cnn.datasets.synthetic.brush import (
    Canvas,
    blob,
    ellipse,
    moved,
    petal,
    ribbon,
    scenery,
    tone,
)

MEADOW = ("green", "green", "green", "brown", "blue", "grey", "cream", "purple", "black")
LEAF_COLORS = ("green", "yellow", "orange", "red", "brown")
PETAL_COLORS = ("white", "yellow", "orange", "red", "pink", "purple", "blue")


def flower(
    rng: np.random.Generator,
    side: int,
    *,
    petals: int,
    shape: str,
    color: str,
    constancy: float = 1.0,
) -> np.ndarray:
    """Draw a flower in a meadow, often with smaller flowers of its kind behind it.

    Args:
        rng: Source of randomness.
        side: Height and width of the picture in pixels.
        petals: Number of petals.
        shape: Shape of the petals, see `brush.petal`.
        color: Colour of the petals, a key of `brush.TONES`.
        constancy: Share of the flowers that have this colour; the others have a random one.

    Returns:
        uint8 (side, side, 3), RGB.
    """
    canvas = Canvas(side, side, light=rng.uniform(-2.6, -0.6))
    scenery(canvas, rng, names=MEADOW)
    if rng.random() >= constancy:
        color = rng.choice(PETAL_COLORS)
    heart = rng.choice(("yellow", "orange", "brown", "green", "cream"))
    leaf = tone(rng, "green", spread=1.5)
    sizes = [*rng.uniform(0.10, 0.17, rng.integers(0, 3)), rng.uniform(0.25, 0.40)]
    for size in sizes:
        room = min(size, 0.3)
        at = rng.uniform(room, 1 - room, 2)
        _stem(canvas, rng, at, size, leaf)
        canvas.pose(at, size=size, angle=rng.uniform(0, 7), squash=rng.uniform(0.72, 1))
        _head(canvas, rng, petals, shape, tone(rng, color), tone(rng, heart))
    return canvas.develop(rng)


def _stem(canvas, rng, at, size, color):
    canvas.pose()
    foot = at + (rng.normal(0, 0.15), 1.2)
    bend = (at + foot) / 2 + rng.normal(0, 0.06, 2)
    canvas.paint(ribbon([at, bend, foot], (0.07 * size, 0.13 * size)), color)
    for direction in (0.6, 2.5):
        joint = at + (bend - at) * rng.uniform(0.5, 1)
        outline = petal("pointed", rng.uniform(0.16, 0.26))
        outline = moved(
            outline, joint, size=rng.uniform(0.7, 1.3) * size, angle=-direction + rng.normal(0, 0.4)
        )
        canvas.paint(outline, color * rng.uniform(0.85, 1.15), contour=0.004)


def _head(canvas, rng, petals, shape, color, heart):
    room = np.tan(np.pi / max(petals, 4))  # half the width at which petals touch at their ends
    width = {"round": 0.62, "notched": 0.66, "pointed": 0.62, "narrow": 0.55}[shape] * room
    width = min(width, 0.17 if shape == "narrow" else 1) * rng.uniform(0.9, 1.1)
    turns = np.linspace(0, 2 * np.pi, petals, endpoint=False) + rng.normal(0, 0.05, petals)
    for turn in rng.permutation(turns):
        outline = moved(petal(shape, width), size=rng.uniform(0.9, 1.05), angle=turn)
        canvas.paint(outline, color * rng.uniform(0.93, 1.03), shade=0.22, contour=0.02)
        vein = moved(ribbon([(0.2, 0), (0.5, 0), (0.72, 0)], (0.05, 0.0)), angle=turn)
        canvas.paint(vein, color * 0.72, alpha=0.5)
    core = rng.uniform(0.15, 0.24)
    canvas.paint(ellipse(core, core), heart, contour=0.02)
    for _ in range(9):
        at = moved([(core * np.sqrt(rng.uniform(0, 0.8)), 0)], angle=rng.uniform(0, 7))[0]
        canvas.paint(ellipse(0.03, 0.03, at=at), heart * rng.choice((0.6, 1.25)), shade=0)


def leaf(
    rng: np.random.Generator, side: int, *, lobed: bool, color: str, constancy: float
) -> np.ndarray:
    """Draw a fallen leaf with a smooth or a lobed edge.

    Args:
        rng: Source of randomness.
        side: Height and width of the picture in pixels.
        lobed: Whether the edge has lobes.
        color: One of `LEAF_COLORS`.
        constancy: Share of the leaves that have this colour; the others have a random one.

    Returns:
        uint8 (side, side, 3), RGB.
    """
    canvas = Canvas(side, side, light=rng.uniform(-2.6, -0.6))
    scenery(canvas, rng, names=("grey", "brown", "cream", "green", "blue", "black"))
    along = np.linspace(0, 1, 120)
    width = rng.uniform(0.26, 0.40)
    breadth = width * np.sin(np.pi * along ** rng.uniform(0.7, 1.1)) ** 0.8
    if lobed:
        count, depth = rng.integers(3, 6), rng.uniform(0.42, 0.62)
        waves = 0.5 - 0.5 * np.cos(2 * np.pi * count * along)
        breadth = breadth * 1.3 * (1 - depth + depth * waves)
    edge = np.concatenate(
        [np.column_stack([along, breadth]), np.column_stack([along, -breadth])[::-1]]
    )
    edge = edge - (0.5, 0)
    if rng.random() >= constancy:
        color = rng.choice(LEAF_COLORS)
    color = tone(rng, color, spread=2)
    pose = {
        "at": rng.uniform(0.36, 0.64, 2),
        "size": rng.uniform(0.6, 0.88),
        "angle": rng.uniform(0, 7),
        "squash": rng.uniform(0.8, 1),
    }
    canvas.pose(**pose | {"at": pose["at"] + (0.015, 0.03)})
    canvas.paint(edge, (0, 0, 0), alpha=0.35, blur=0.02)
    canvas.pose(**pose)
    canvas.paint(ribbon([(-0.72, rng.normal(0, 0.05)), (-0.4, 0)], (0.03, 0.02)), color * 0.7)
    canvas.paint(edge, color, shade=0.3, contour=0.014)
    canvas.clip_to(edge)
    for _ in range(rng.integers(0, 6)):  # patches of autumn colour
        at = rng.uniform((-0.5, -0.3), (0.5, 0.3))
        canvas.paint(
            blob(rng, rng.uniform(0.03, 0.14), at=at),
            color * rng.uniform(0.6, 1.3),
            alpha=0.5,
            blur=0.02,
        )
    pale = np.clip(color * 1.25 + 0.08, 0, 1)
    canvas.paint(ribbon([(-0.5, 0), (0, 0), (0.47, 0)], (0.026, 0.004)), pale)
    for start in np.linspace(-0.36, 0.26, 6):
        for sign in (1, -1):
            vein = [(start, 0), (start + 0.09, sign * 0.12), (start + 0.22, sign * 0.34)]
            canvas.paint(ribbon(vein, (0.013, 0.004)), pale)
    return canvas.develop(rng)
