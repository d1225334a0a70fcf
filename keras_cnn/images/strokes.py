"""Drawings on a pad, brought to the paper, the size and the place of training pictures."""

import dataclasses
from collections.abc import Iterable

import cv2
import numpy as np

_SPREAD = 40.0  # largest standard deviation of the border of a picture on plain paper, in levels
_CONTRAST = 60.0  # least distance of plain paper from medium grey, in levels
_LEAST_INK = 0.15  # of full ink: what belongs to a stroke


@dataclasses.dataclass(frozen=True)
class Paper:
    """How writing lies on the pictures of a training.

    Attributes:
        paper: Level of the paper, one per channel, 0 to 255.
        ink: Level of the ink, likewise.
        share: Longer side of the writing's bounding box, as a share of the picture's side.
        by_mass: Whether the centre of mass stands in the middle of the picture, as in MNIST;
            otherwise the middle of the bounding box does.
        is_plain: Whether the pictures are writing on plain paper at all; photographs are not.
    """

    paper: tuple[float, ...] = (255.0,)
    ink: tuple[float, ...] = (0.0,)
    share: float = 0.8
    by_mass: bool = False
    is_plain: bool = True

    @classmethod
    def of(cls, pictures: Iterable[np.ndarray]) -> "Paper":
        """Measure training pictures.

        Args:
            pictures: uint8 (height, width, channels) each; some dozens are enough.

        Returns:
            The medians of the pictures; black on white for no picture.
        """
        facts = [_measure(np.asarray(picture, "float32")) for picture in pictures]
        facts = [each for each in facts if each is not None]
        if not facts:
            return cls()
        papers, inks, spreads, shares, boxes, masses = map(np.array, zip(*facts, strict=True))
        return cls(
            paper=tuple(np.median(papers, axis=0).tolist()),
            ink=tuple(np.median(inks, axis=0).tolist()),
            share=float(np.clip(np.median(shares), 0.1, 1.0)),
            by_mass=bool(np.abs(masses - 0.5).mean() < np.abs(boxes - 0.5).mean()),
            is_plain=bool(
                np.median(spreads) < _SPREAD and abs(np.median(papers) - 127.5) > _CONTRAST
            ),
        )

    def place(self, strokes: np.ndarray, *, size: tuple[int, int]) -> np.ndarray:
        """Return a drawing as a picture of the training.

        Args:
            strokes: float (height, width), the share of ink of each pixel, 0 to 1.
            size: Height and width of the picture.

        Returns:
            uint8 (height, width, channels). Without a stroke it is blank paper.
        """
        amount = _centred(strokes, size, self.share, self.by_mass)[..., None]
        paper, ink = np.array(self.paper), np.array(self.ink)
        return np.uint8(np.round(np.clip(paper + amount * (ink - paper), 0, 255)))


def _centred(strokes, size, share, by_mass):
    """Return the strokes at the size and in the place of the training's, float (height, width)."""
    height, width = size
    rows, columns = np.nonzero(strokes > _LEAST_INK)
    if not len(rows):
        return np.zeros(size)
    top, left = rows.min(), columns.min()
    cut = np.float32(strokes[top : rows.max() + 1, left : columns.max() + 1])
    scale = share * min(height, width) / max(cut.shape)
    if by_mass:
        rows, columns = np.indices(cut.shape)
        middle = np.array([(rows * cut).sum(), (columns * cut).sum()]) / cut.sum()
    else:
        middle = (np.array(cut.shape) - 1) / 2
    if scale < 1:  # average what falls into one pixel before it is drawn smaller
        cut = cv2.GaussianBlur(cut, (0, 0), 0.4 / scale)
    shift = (np.array(size) - 1) / 2 - scale * middle
    matrix = np.array([[scale, 0, shift[1]], [0, scale, shift[0]]])
    placed = cv2.warpAffine(cut, matrix, (width, height), flags=cv2.INTER_LINEAR)
    return np.clip(placed / max(float(placed.max()), 1e-6), 0, 1)


def _measure(picture):
    """Return paper, ink, spread of the border, share, middles of box and of mass; None if blank."""
    edges = (picture[0], picture[-1], picture[:, 0], picture[:, -1])
    border = np.concatenate([edge.reshape(-1, picture.shape[2]) for edge in edges])
    paper = np.median(border, axis=0)
    distance = np.abs(picture - paper).mean(axis=2)
    largest = np.percentile(distance, 99.5)
    if largest < 20:
        return None
    amount = np.clip(distance / largest, 0, 1)
    is_ink = amount > 0.5
    ink = np.median(picture[amount > 0.8], axis=0)
    places = np.argwhere(is_ink)
    low, high = places.min(axis=0), places.max(axis=0)
    sides = np.array(is_ink.shape)
    rows, columns = np.indices(is_ink.shape)
    weights = np.where(is_ink, amount, 0)
    mass = np.array([(rows * weights).sum(), (columns * weights).sum()]) / weights.sum()
    spread = float(border.std(axis=0).mean())
    share = float(((high - low + 1) / sides).max())
    return paper, ink, spread, share, (low + high) / 2 / (sides - 1), mass / (sides - 1)
