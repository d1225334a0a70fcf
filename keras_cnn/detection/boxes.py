"""Boxes of SSD (Liu et al., 2016, section 2.2): arrays in, arrays out, NumPy alone.

A box is (x1, y1, x2, y2): its left, top, right and bottom edge, x to the right and y down. Priors
and offsets are in shares of the network's square picture; the other functions take any unit.
https://arxiv.org/abs/1512.02325
"""

import dataclasses
import functools

import numpy as np

from keras_cnn.errors import InputError

VARIANCES = np.array((0.1, 0.1, 0.2, 0.2), np.float32)  # give all offsets a similar spread
INPUT = 300  # side of the network's picture in pixels
LEAST_SCORE = 0.01  # of a box that counts for a metric
CONSIDERED = 400  # boxes per class that enter suppression
GRID = 256  # samples of a letterbox lie at multiples of 1 / GRID
CELLS = (38, 19, 10, 5, 3, 1)  # cells a side of the six feature maps


@dataclasses.dataclass(frozen=True)
class PriorTable:
    """How priors are laid over the feature maps; a prior's side is in pixels of the picture.

    Attributes:
        sides: Side of the small square of each map, and one more to end the last map's range.
        steps: Pixels from one cell's centre to the next; None spreads the cells evenly.
        clip_corners: Whether corners beyond the picture are moved to its edge; otherwise only sides
            longer than the picture are cut.
        cells: Cells a side of each feature map.
    """

    sides: tuple[float, ...]
    steps: tuple[float, ...] | None
    clip_corners: bool
    cells: tuple[int, ...] = CELLS


RATIOS = ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,))  # width to height, each the other way too
TABLES = {
    "voc": PriorTable((30, 60, 111, 162, 213, 264, 315), None, clip_corners=True),
    "torchvision": PriorTable(
        (21, 45, 99, 153, 207, 261, 315), (8, 16, 32, 64, 100, 300), clip_corners=False
    ),
    "listing": PriorTable(
        (30, 60, 111, 162, 213, 264, 315), None, clip_corners=True, cells=(38, 19, 10, 5, 8, 6)
    ),
}


@functools.cache
def priors(table: str = "voc") -> np.ndarray:
    """Lay the default boxes over the six feature maps of SSD300.

    Each cell has a square of the map's side, one of the geometric mean of that and the next map's
    side, and a pair of rectangles per aspect ratio, of the first square's area.

    Args:
        table: Row of `TABLES`: "voc" for the sizes of the VOC models, "torchvision" for those of
            its `ssd300_vgg16`, "listing" for the maps of `models.book.SSD300`.

    Returns:
        Corners in shares of the picture, shape (priors, 4), read-only: 8,732, or 9,092 of
        "listing"; in the order of the network's
        outputs: map by map, row by row, cell by cell.
    """
    row = TABLES[table]
    maps = []
    for index, (cells, ratios) in enumerate(zip(row.cells, RATIOS, strict=True)):
        side, following = row.sides[index : index + 2]
        sizes = [(side, side), ((side * following) ** 0.5,) * 2]
        for ratio in ratios:
            long, short = side * ratio**0.5, side / ratio**0.5
            sizes += [(long, short), (short, long)]
        sizes = np.array(sizes) / INPUT  # (priors, 2)
        if not row.clip_corners:
            sizes = np.minimum(sizes, 1)
        step = row.steps[index] / INPUT if row.steps else 1 / cells
        centers = np.stack(np.meshgrid(*2 * [(np.arange(cells) + 0.5) * step]), axis=-1)
        centers = centers[:, :, None]  # (rows, columns, 1, 2)
        maps.append(np.concatenate([centers - sizes / 2, centers + sizes / 2], -1).reshape(-1, 4))
    corners = np.concatenate(maps).astype(np.float32)
    if row.clip_corners:
        corners = corners.clip(0, 1)
    corners.flags.writeable = False  # all callers share it
    return corners


def iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the IoU (intersection over union) of each box with each other.

    Args:
        boxes: Shape (n, 4).
        others: Shape (m, 4), in the same unit.

    Returns:
        Values in [0, 1], shape (n, m); 0 where both boxes have no area.
    """
    kind = np.result_type(boxes, others, np.float32)  # integers would overflow
    x1, y1, x2, y2 = np.ascontiguousarray(boxes.T, kind)[:, :, None]  # each (n, 1)
    u1, v1, u2, v2 = np.ascontiguousarray(others.T, kind)  # each (m,): contiguous, 3 times faster
    width = np.minimum(x2, u2)
    width -= np.maximum(x1, u1)
    np.maximum(width, 0, out=width)
    height = np.minimum(y2, v2)
    height -= np.maximum(y1, v1)
    np.maximum(height, 0, out=height)
    shared = np.multiply(width, height, out=width)
    tiny = np.finfo(shared.dtype).tiny  # avoids 0 / 0
    union = np.add((x2 - x1) * (y2 - y1) + tiny, (u2 - u1) * (v2 - v1), out=height)
    union -= shared
    return np.divide(shared, union, out=shared)


def share_inside(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the share of each box's area that lies inside each other box.

    Args:
        boxes: Shape (n, 4).
        others: Shape (m, 4), in the same unit.

    Returns:
        Values in [0, 1], shape (n, m); 0 for boxes without area.
    """
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = np.maximum(high - low, 0).prod(axis=-1)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=-1)[:, None]
    return np.divide(shared, area, out=np.zeros_like(shared), where=area > 0)


def encode(boxes: np.ndarray, priors: np.ndarray) -> np.ndarray:
    """Turn boxes into offsets from priors, the inverse of `decode`.

    Args:
        boxes: Corners of positive width and height, shape (..., 4).
        priors: Corners of one prior per box, shape (..., 4).

    Returns:
        Shift of the centre, in sides of the prior, and logarithm of the ratio of the sides; divided
        by the variances 0.1 and 0.2. Shape (..., 4).
    """
    (center, size), (prior_center, prior_size) = _center_size(boxes), _center_size(priors)
    shift, growth = (center - prior_center) / prior_size, np.log(size / prior_size)
    return np.concatenate([shift, growth], axis=-1) / VARIANCES


def decode(offsets: np.ndarray, priors: np.ndarray) -> np.ndarray:
    """Move priors by offsets, the inverse of `encode`.

    Args:
        offsets: Shape (..., 4).
        priors: Corners of one prior per offset, shape (..., 4).

    Returns:
        Corners, shape (..., 4); they may lie outside the picture.
    """
    prior_center, prior_size = _center_size(priors)
    offsets = offsets * VARIANCES
    center = prior_center + offsets[..., :2] * prior_size
    half = prior_size * np.exp(offsets[..., 2:]) / 2
    return np.concatenate([center - half, center + half], axis=-1)


def match(
    boxes: np.ndarray, labels: np.ndarray, priors: np.ndarray, *, threshold: float = 0.5
) -> tuple[np.ndarray, np.ndarray]:
    """Assign an object, or background, to every prior.

    Every object gets its best prior, a different prior for each. Every other prior gets the object
    that it overlaps most, if the IoU is above the threshold.

    Args:
        boxes: Objects of one picture, in shares of it, of positive width and height, shape (n, 4);
            n may be 0.
        labels: Their class ids from 1 on, shape (n,).
        priors: Corners, shape (p, 4); p must not be below n.
        threshold: IoU above which a prior counts as an object's.

    Returns:
        Offsets, float32, shape (p, 4), 0 for background; class ids, int32, shape (p,), 0 for
        background.
    """
    offsets, ids = np.zeros((len(priors), 4), np.float32), np.zeros(len(priors), np.int32)
    if not len(boxes):
        return offsets, ids
    boxes = boxes.astype(np.float32)
    overlap = iou(boxes, priors)  # (n, p)
    best = _best_priors(overlap)
    overlap[:, best] = -1  # a best prior belongs to its own object alone
    overlap[np.arange(len(boxes)), best] = 2
    matched = np.flatnonzero((overlap > threshold).any(axis=0))
    owner = overlap[:, matched].argmax(axis=0)
    offsets[matched] = encode(boxes[owner], priors[matched])
    ids[matched] = labels[owner]
    return offsets, ids


def across_classes(nms: str) -> bool:
    """Return whether boxes of different classes drop one another.

    Args:
        nms: The choice, as in a call of `Detector`.

    Raises:
        InputError: There is no such choice.
    """
    if nms not in ("all", "class"):
        raise InputError(f"nms must be one of ['all', 'class']; received nms={nms!r}")
    return nms == "all"


def nms(boxes: np.ndarray, scores: np.ndarray, iou_threshold: float, top_k: int) -> np.ndarray:
    """Drop boxes that overlap a box of higher score: greedy non-maximum suppression.

    Args:
        boxes: Corners, shape (n, 4).
        scores: Shape (n,).
        iou_threshold: Of two boxes with a larger IoU, the lower score is dropped.
        top_k: Number of boxes, best first, that are considered; the others are dropped.

    Returns:
        Indices of the boxes kept, best first, shape (kept,).
    """
    best = np.arange(len(scores))
    if top_k < len(scores):  # avoids sorting thousands of boxes to keep hundreds
        best = np.sort(np.argpartition(-scores, top_k)[:top_k])
    order = best[np.argsort(-scores[best], kind="stable")]
    overlaps = np.triu(iou(boxes[order], boxes[order]) > iou_threshold, k=1)
    keep = np.ones(len(order), bool)
    while True:
        # A box stays if no kept box of a higher score overlaps it. Chains of overlapping boxes are
        # short, and each pass settles one more link: a few passes replace the greedy loop.
        settled = ~overlaps[keep].any(axis=0)
        if (settled == keep).all():
            return order[keep]
        keep = settled


def detections(
    offsets: np.ndarray,
    scores: np.ndarray,
    priors: np.ndarray,
    *,
    score_threshold: float = LEAST_SCORE,
    iou_threshold: float = 0.45,
    top_k: int = CONSIDERED,
    keep: int = 200,
    across_classes: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Turn one picture's prediction into objects: decode, then suppress overlapping boxes.

    Args:
        offsets: Shape (p, 4).
        scores: Probabilities, background first, shape (p, classes).
        priors: Corners, shape (p, 4).
        score_threshold: Score an object must exceed.
        iou_threshold: As in `nms`.
        top_k: Boxes per class before suppression.
        keep: Boxes of all classes after it.
        across_classes: Whether a box suppresses boxes of other classes, too.

    Returns:
        Corners within the picture, in shares of it, (n, 4); scores (n,); class ids (n,). Best
        first.
    """
    scores, best = scores[:, 1:], scores[:, 1:].max(axis=1)
    number = 2 * keep
    while True:
        # Only boxes of a higher score can suppress a box. So the best boxes are enough, and more of
        # them are taken while too few survive.
        cut = np.partition(best, -number)[-number] if number < len(best) else -np.inf
        is_last = cut <= score_threshold
        cut = score_threshold if is_last else np.nextafter(cut, 0, dtype=scores.dtype)
        rows = np.flatnonzero(best > cut)
        candidates = np.ascontiguousarray(scores[rows].T)  # (classes, candidates)
        labels, columns = np.nonzero(candidates > cut)
        candidates = candidates[labels, columns]
        corners = decode(offsets[rows], priors[rows]).clip(0, 1)[columns]
        kept = []
        if across_classes:
            kept.append(nms(corners, candidates, iou_threshold, top_k))
        for label in () if across_classes else np.unique(labels):
            start, stop = np.searchsorted(labels, (label, label + 1))
            of_class = slice(start, stop)
            kept.append(start + nms(corners[of_class], candidates[of_class], iou_threshold, top_k))
        kept = np.concatenate(kept) if kept else np.empty(0, int)
        if len(kept) >= keep or is_last:
            kept = kept[np.argsort(-candidates[kept], kind="stable")[:keep]]
            return corners[kept], candidates[kept], labels[kept] + 1
        number *= 4


def letterbox(width: int, height: int) -> np.ndarray:
    """Return the square view that shows a whole picture, centred between bars.

    `augment.render` first averages blocks of pixels, then samples the averages. All samples of this
    view lie on a grid of 1/256 of a block. So float32 holds every interpolated value exactly, and
    an exported detector gets the same pixels on any machine. The view is therefore larger than the
    picture, by up to 1 % from 120 pixels on, and its centre is within one block of the picture's.

    Args:
        width: Width of the picture in pixels.
        height: Height of the picture in pixels.

    Returns:
        The square's corners in pixels of the picture, shape (4,); bars lie outside the picture.
    """
    sizes = np.array((width, height))
    block = max(1, max(width, height) // INPUT)
    step = -(-GRID * -(-sizes.max() // block) // INPUT)  # between samples, in 1/256 of a block
    if step * block >= GRID * (block + 1):  # a view of that side is rendered with larger blocks
        block, step = block + 1, GRID
    first = (GRID * -(-sizes // block) - (INPUT - 1) * step - GRID) // 2  # position of a sample
    low = (first - step / 2 + GRID / 2) / GRID * block
    return np.concatenate([low, low + INPUT * step / GRID * block])


def to_view(boxes: np.ndarray, view: np.ndarray) -> np.ndarray:
    """Turn boxes in pixels of a picture into shares of a view of it, as `letterbox` returns.

    Args:
        boxes: Corners in pixels of the picture, shape (..., 4).
        view: Corners in pixels of the picture, shape (4,).

    Returns:
        Corners in shares of the view, shape (..., 4).
    """
    return (boxes - np.tile(view[:2], 2)) / np.tile(view[2:] - view[:2], 2)


def from_view(boxes: np.ndarray, view: np.ndarray) -> np.ndarray:
    """Turn boxes in shares of a view into pixels of the picture, the inverse of `to_view`.

    Args:
        boxes: Corners in shares of the view, shape (..., 4).
        view: Corners in pixels of the picture, shape (4,).

    Returns:
        Corners in pixels of the picture, shape (..., 4).
    """
    return boxes * np.tile(view[2:] - view[:2], 2) + np.tile(view[:2], 2)


def _center_size(corners):
    low, high = corners[..., :2], corners[..., 2:]
    return (low + high) / 2, high - low


def _best_priors(overlap):
    """Return the best prior of each object, (n,); of two that share it, the larger IoU gets it."""
    best = overlap.argmax(axis=1)
    if len(set(best.tolist())) == len(best):
        return best
    overlap = overlap.copy()
    for index in np.argsort(-overlap.max(axis=1), kind="stable"):
        best[index] = overlap[index].argmax()
        overlap[:, best[index]] = -1
    return best
