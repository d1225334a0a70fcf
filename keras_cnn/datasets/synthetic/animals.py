"""Birds that differ by field marks, and animals that differ by ears, muzzle and coat."""

import numpy as np

from keras_cnn.datasets.synthetic.brush import (
    Canvas,
    blob,
    ellipse,
    mirrored,
    moved,
    petal,
    ribbon,
    scenery,
    smooth,
    tone,
)

FIELD_MARKS = {  # field mark -> the most frequent colour of birds that have it
    "barred_wing": "green",
    "crest": "red",
    "forked_tail": "blue",
    "long_bill": "brown",
    "long_legs": "white",
    "spotted_breast": "yellow",
}
COATS = {  # pattern of the coat -> its most frequent colour
    "masked": "grey",
    "patched": "white",
    "plain": "brown",
    "spotted": "cream",
    "striped": "orange",
}
EARS = ("floppy_ears", "pointed_ears")
FURS = ("brown", "cream", "grey", "black", "orange", "white")


def bird(rng: np.random.Generator, side: int, *, mark: str) -> np.ndarray:
    """Draw a perching bird with one field mark.

    Args:
        rng: Source of randomness.
        side: Height and width of the picture in pixels.
        mark: A key of `FIELD_MARKS`. Half of the birds have its colour, the others a random one.

    Returns:
        uint8 (side, side, 3), RGB.
    """
    canvas = Canvas(side, side, light=rng.uniform(-2.6, -0.6))
    scenery(canvas, rng, names=("blue", "green", "grey", "cream", "brown", "white"))
    usual = rng.random() < 0.5
    color = tone(rng, FIELD_MARKS[mark] if usual else rng.choice([*FIELD_MARKS.values()]))
    wing = color * rng.uniform(0.6, 0.85)
    pale = np.clip(0.45 * color + 0.5, 0, 1)
    horn = tone(rng, rng.choice(("orange", "grey", "black", "yellow")))
    legs = 0.95 if mark == "long_legs" else rng.uniform(0.25, 0.4)
    canvas.pose(
        rng.uniform((0.42, 0.38), (0.58, 0.55)) - (0, 0.1 * (mark == "long_legs")),
        size=rng.uniform(0.25, 0.34),
        angle=rng.normal(0, 0.12),
        mirror=rng.random() < 0.5,
    )
    perch = 0.38 + legs
    wood = [(-4, perch + rng.normal(0, 0.5)), (0, perch), (4, perch + rng.normal(0, 0.5))]
    canvas.paint(ribbon(wood, rng.uniform(0.1, 0.22, 3)), tone(rng, "brown"), contour=0.02)
    for foot in (-0.05, 0.14):
        canvas.paint(ribbon([(foot, 0.3), (foot + 0.03, perch)], (0.07, 0.05)), horn * 0.8)
    _tail(canvas, rng, wing, forked=mark == "forked_tail")
    if mark == "crest":
        for lift in (0.0, 0.28, 0.56):
            plume = moved(petal("pointed", 0.16), (0.42, -0.5), size=0.52, angle=-2.6 + lift)
            canvas.paint(plume, wing, contour=0.02)
    tip = (1.35, -0.22) if mark == "long_bill" else (rng.uniform(0.78, 0.86), -0.38)
    canvas.paint(np.array([(0.55, -0.5), tip, (0.55, -0.3)]), horn, contour=0.02)
    body = smooth(
        [(-0.65, 0.04), (-0.35, -0.24), (0.0, -0.3), (0.16, -0.5), (0.36, -0.64), (0.58, -0.55)]
        + [(0.65, -0.36), (0.56, -0.14), (0.54, 0.1), (0.36, 0.36), (0.0, 0.44), (-0.3, 0.32)]
    )
    canvas.paint(body, color, shade=0.25, contour=0.025)
    canvas.clip_to(body)
    canvas.paint(ellipse(0.36, 0.42, at=(0.36, 0.24), angle=0.4), pale, shade=0.1, blur=0.02)
    if mark == "spotted_breast":
        for at in rng.uniform((0.1, -0.2), (0.56, 0.42), (26, 2)):
            canvas.paint(ellipse(0.035, 0.045, at=at), (0.15, 0.1, 0.1), shade=0)
    feathers = smooth(
        [(0.2, -0.2), (0.3, 0.0), (0.08, 0.22), (-0.35, 0.22), (-0.85, 0.14), (-0.3, -0.14)]
    )
    canvas.clip_to()
    canvas.paint(feathers, wing, shade=0.2, contour=0.025)
    if mark == "barred_wing":
        canvas.clip_to(feathers)
        for x in (-0.42, -0.18, 0.06):
            canvas.paint(ribbon([(x, -0.3), (x + 0.12, 0), (x, 0.3)], (0.09, 0.09)), pale)
        canvas.clip_to()
    canvas.paint(ellipse(0.055, 0.055, at=(0.45, -0.44)), (0.06, 0.05, 0.06), shade=0)
    canvas.paint(ellipse(0.018, 0.018, at=(0.47, -0.46)), (1, 1, 1), shade=0)
    return canvas.develop(rng)


def _tail(canvas, rng, color, *, forked):
    if forked:
        for end in (-0.2, 0.5):
            feather = [(-0.45, 0.05), (-0.9, 0.12), (-1.35, end)]
            canvas.paint(ribbon(feather, (0.2, 0.13, 0.02)), color, contour=0.02)
    else:
        end = (-rng.uniform(0.95, 1.2), rng.uniform(0.05, 0.3))
        canvas.paint(ribbon([(-0.45, 0.05), end], (0.2, 0.26)), color, contour=0.02)


def portrait(rng: np.random.Generator, side: int, *, ears: str, coat: str) -> np.ndarray:
    """Draw an animal's head from the front.

    Args:
        rng: Source of randomness.
        side: Height and width of the picture in pixels.
        ears: One of `EARS`.
        coat: A key of `COATS`. Half of the heads have its colour, the others a random one.

    Returns:
        uint8 (side, side, 3), RGB.
    """
    canvas = _room(rng, side)
    canvas.pose(
        rng.uniform((0.42, 0.5), (0.58, 0.6)),
        size=rng.uniform(0.25, 0.33),
        angle=rng.normal(0, 0.18),
    )
    fur, second = _fur(rng, usual=COATS[coat])
    shoulders = smooth([(-0.6, 0.4), (0.6, 0.4), (1.15, 1.6), (1.2, 3), (-1.2, 3), (-1.15, 1.6)])
    canvas.paint(shoulders, fur * 0.92, contour=0.03)
    collar = ribbon([(-0.66, 0.75), (0, 1.25), (0.66, 0.75)], (0.17, 0.17))
    canvas.paint(collar, tone(rng, rng.choice(("red", "blue", "green"))), contour=0.02)
    muzzle = rng.uniform(0.3, 0.5)
    _head(canvas, rng, ears=ears, coat=coat, muzzle=muzzle, fur=fur, second=second)
    return canvas.develop(rng)


def sitting(rng: np.random.Generator, side: int, *, ears: str) -> np.ndarray:
    """Draw a sitting animal with pointed ears and a short muzzle, or floppy ears and a long muzzle.

    Args:
        rng: Source of randomness.
        side: Height and width of the picture in pixels.
        ears: One of `EARS`.

    Returns:
        uint8 (side, side, 3), RGB.
    """
    canvas = _room(rng, side)
    canvas.pose(
        rng.uniform((0.4, 0.36), (0.6, 0.42)),
        size=rng.uniform(0.19, 0.235),
        angle=rng.normal(0, 0.1),
        mirror=rng.random() < 0.5,
    )
    fur, second = _fur(rng)
    canvas.paint(ellipse(1.2, 0.25, at=(0, 2.2)), (0, 0, 0), alpha=0.35, blur=0.1)
    tip = rng.uniform((1.3, 0.3), (1.7, 1.6))
    tail = ribbon([(0.3, 2.0), (1.4, 2.2), tip], (0.3, 0.28, 0.14))
    canvas.paint(tail, fur * 0.9, contour=0.03)
    trunk = smooth([(-0.45, 0.3), (0.45, 0.3), (0.85, 1.5), (0.9, 2.3), (-0.9, 2.3), (-0.85, 1.5)])
    canvas.paint(trunk, fur, contour=0.03)
    coat = rng.choice([*COATS])
    canvas.clip_to(trunk)
    _pattern(canvas, rng, coat, second, low=0.6, high=2.2)
    canvas.clip_to()
    paws = fur if rng.random() < 0.5 else second
    for leg in mirrored(ribbon([(-0.28, 1.2), (-0.3, 2.2)], (0.36, 0.34))):
        canvas.paint(leg, fur * 0.97, contour=0.025)
    for paw in mirrored(ellipse(0.27, 0.15, at=(-0.32, 2.2))):
        canvas.paint(paw, paws, contour=0.03)
    muzzle = rng.uniform(0.24, 0.32) if ears == "pointed_ears" else rng.uniform(0.42, 0.54)
    _head(canvas, rng, ears=ears, coat=coat, muzzle=muzzle, fur=fur, second=second)
    return canvas.develop(rng)


def _room(rng, side):
    canvas = Canvas(side, side, light=rng.uniform(-2.6, -0.6))
    scenery(canvas, rng, names=("cream", "blue", "grey", "green", "brown", "pink"))
    return canvas


def _fur(rng, *, usual=None):
    """Return two colours of a coat that differ clearly in brightness."""
    name = usual if usual and rng.random() < 0.5 else rng.choice(FURS)
    fur = tone(rng, name)
    while True:
        second = tone(rng, rng.choice(FURS))
        if abs(fur.mean() - second.mean()) > 0.22:
            return fur, second


def _head(canvas, rng, *, ears, coat, muzzle, fur, second):
    inner = np.clip(0.5 * fur + (0.42, 0.25, 0.25), 0, 1)
    ear_fur = second if coat == "masked" else fur
    if ears == "pointed_ears":
        lean = rng.normal(0, 0.06)
        outer = [(-0.92, -0.1), (-0.94 + lean, -1.0), (-0.85 + lean, -1.45), (-0.6, -1.05)]
        for ear in mirrored(smooth([*outer, (-0.15, -0.6), (-0.4, 0)])):
            canvas.paint(ear, ear_fur, contour=0.035)
        for ear in mirrored(moved(smooth([*outer[:4], (-0.3, -0.6)]), (-0.26, -0.3), size=0.62)):
            canvas.paint(ear, inner)
    skull = smooth(
        [(0, -0.92), (0.6, -0.88), (0.98, -0.35), (0.98, 0.2), (0.72, 0.72), (0.25, 0.95)]
        + [(-0.25, 0.95), (-0.72, 0.72), (-0.98, 0.2), (-0.98, -0.35), (-0.6, -0.88)]
    )
    canvas.paint(skull, fur, shade=0.2, contour=0.035)
    canvas.clip_to(skull)
    _pattern(canvas, rng, coat, second, low=-0.9, high=0.7)
    canvas.clip_to()
    if ears == "floppy_ears":
        swing = rng.normal(0, 0.06)
        ear = [(-0.5, -0.86), (-1.0, -0.75), (-1.32 + swing, 0.1), (-1.16 + swing, 0.72)]
        for flap in mirrored(smooth([*ear, (-0.84, 0.5), (-0.72, -0.2)])):
            canvas.paint(flap, ear_fur * 0.88, shade=0.2, contour=0.035)
    _face(canvas, rng, muzzle, fur)


def _pattern(canvas, rng, coat, color, *, low, high):
    middle, reach = (low + high) / 2, (high - low) / 2
    if coat == "masked":
        canvas.paint(ellipse(1.2, 0.75 * reach, at=(0, low + 0.45 * reach)), color, blur=0.04)
    elif coat == "patched":
        for x in (-0.55, 0.65):
            at = (x + rng.normal(0, 0.1), middle + rng.uniform(-0.5, 0.3) * reach)
            canvas.paint(blob(rng, rng.uniform(0.36, 0.5), at=at, roughness=0.3), color)
    elif coat == "spotted":
        grid = np.stack(np.meshgrid(np.arange(-0.9, 1, 0.3), np.arange(low, high + 0.2, 0.3)), -1)
        for at in grid.reshape(-1, 2) + rng.normal(0, 0.06, (grid.size // 2, 2)):
            canvas.paint(blob(rng, rng.uniform(0.06, 0.11), at=at), color)
    elif coat == "striped":
        for y in np.arange(low, high, 0.28) + rng.normal(0, 0.03):
            for stripe in mirrored(ribbon([(-1.1, y), (-0.5, y + 0.12), (-0.16, y)], (0.15, 0.0))):
                canvas.paint(stripe, color)


def _face(canvas, rng, muzzle, fur):
    pale = np.clip(0.5 * fur + 0.45, 0, 1)
    canvas.paint(
        ellipse(0.36 + 0.1 * muzzle, muzzle, at=(0, 0.72 - 0.6 * muzzle)), pale, blur=0.015
    )
    canvas.paint(ellipse(0.36 + 0.1 * muzzle, 0.24, at=(0, 0.52)), pale, shade=0.1, contour=0.02)
    dark = np.array((0.1, 0.07, 0.08))
    iris = tone(rng, rng.choice(("brown", "green", "orange", "blue")))
    for eye in mirrored(ellipse(0.15, 0.15, at=(-0.4, -0.16))):
        canvas.paint(eye, iris, contour=0.03)
    for pupil in mirrored(ellipse(0.085, 0.1, at=(-0.4, -0.16))):
        canvas.paint(pupil, dark)
    for x in (-0.37, 0.43):
        canvas.paint(ellipse(0.035, 0.035, at=(x, -0.2)), (1, 1, 1), shade=0)
    nose = 0.1 + 0.2 * muzzle
    corners = [(-nose, 0.28), (nose, 0.28), (0.6 * nose, 0.42), (0, 0.48), (-0.6 * nose, 0.42)]
    canvas.paint(smooth(corners), dark, shade=0.5)
    for smile in mirrored(ribbon([(0, 0.45), (0, 0.62), (-0.24, 0.6)], (0.03, 0.03))):
        canvas.paint(smile, dark)
