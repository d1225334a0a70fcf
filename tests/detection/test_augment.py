"""Augmentation and batches: boxes stay on their objects for every random choice."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from keras_cnn.datasets.annotations import Picture
from keras_cnn.detection import augment, boxes
from keras_cnn.detection.batches import Batches
from keras_cnn.detection.jitter import Jitter

PLAIN = augment.Augmentation(brightness=None, contrast=None, saturation=None, hue=None)


def scene(width, height, box):
    """A dark picture with one bright rectangle, which is the object."""
    x1, y1, x2, y2 = box
    picture = np.zeros((height, width, 3), np.uint8)
    picture[y1:y2, x1:x2] = (255, 40, 90)
    return picture, np.array([box], float), np.array([3])


def bright(square):
    """Corners of the bright pixels of a square, in shares of it."""
    rows, columns = np.nonzero((square[..., 0] > 190) & (square[..., 1] < 70))
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) / len(square)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6))
def test_boxes_stay_on_their_objects(seed):
    rng = np.random.default_rng(seed)
    picture, corners, labels = scene(320, 200, (60, 50, 180, 150))
    square, found, ids = PLAIN(picture, corners, labels, size=300, rng=rng)
    assert square.shape == (300, 300, 3) and square.dtype == np.uint8
    if len(found):
        np.testing.assert_allclose(found[0], bright(square), atol=2.1 / 300)
        assert ids.tolist() == [3]


def test_every_step_happens_and_shows_its_boxes():
    names, changed = [], set()
    for seed in range(12):
        rng = np.random.default_rng(seed)
        picture, corners, labels = scene(320, 200, (60, 50, 180, 150))
        steps = list(augment.Augmentation().steps(picture, corners, labels, size=100, rng=rng))
        names = [name for name, *_ in steps]
        for (_, before, *_), (name, after, *_) in zip(steps, steps[1:], strict=False):
            changed |= {name} if (before != after).any() else set()
    assert names == ["letterbox", "zoomed out", "cropped", "flipped", "recoloured"]
    assert changed == {"zoomed out", "cropped", "flipped", "recoloured"}


def test_a_call_returns_the_last_step():
    picture, corners, labels = scene(320, 200, (60, 50, 180, 150))
    for seed in range(5):
        *_, last = augment.Augmentation().steps(
            picture, corners, labels, size=300, rng=np.random.default_rng(seed)
        )
        rng = np.random.default_rng(seed)
        called = augment.Augmentation()(picture, corners, labels, size=300, rng=rng)
        for ours, theirs in zip(called, last[1:], strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("least", [0.1, 0.5, 0.9])
def test_a_crop_keeps_the_overlap_it_promises(least):
    view = boxes.letterbox(300, 300)
    cropping = augment.Augmentation(overlaps=(least,))
    corners = np.array([[20.0, 30, 270, 280], [100, 100, 140, 150]])
    crops = [cropping._cropped(view, corners, np.random.default_rng(k)) for k in range(40)]
    cropped = [crop for crop in crops if (crop != view).any()]
    assert cropped
    for crop in cropped:
        assert boxes.iou(crop[None], corners).max() >= least
        assert (crop[:2] >= view[:2]).all() and (crop[2:] <= view[2:]).all()
        assert 0.5 <= (crop[2] - crop[0]) / (crop[3] - crop[1]) <= 2


def test_an_object_whose_centre_is_outside_the_view_is_dropped():
    corners = np.array([[0.0, 0, 40, 40], [30, 30, 100, 100]])
    found, labels = augment.seen(corners, np.array([1, 2]), np.array([25.0, 25, 100, 100]))
    assert labels.tolist() == [2]
    np.testing.assert_allclose(found, [[5 / 75, 5 / 75, 1, 1]])


def test_augmentation_does_not_recolour_the_bars():
    picture = np.full((100, 300, 3), 200, np.uint8)
    plain = augment.Augmentation(expand=None, overlaps=None)
    square, _, _ = plain(
        picture, np.empty((0, 4)), np.empty(0, int), size=300, rng=np.random.default_rng(1)
    )
    assert (square[:99] == augment.FILL).all() and (square[201:] == augment.FILL).all()


def test_the_listings_jitter_moves_boxes_with_their_pixels():
    picture, corners, labels = scene(160, 120, (20, 30, 100, 90))
    plain = Jitter(hue=0, saturation=1, value=1)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        square, found, kept = plain(picture, corners, labels, size=300, rng=rng)
        assert square.shape == (300, 300, 3) and square.dtype == np.uint8
        if len(found):
            np.testing.assert_allclose(found[0], bright(square), atol=2.1 / 300)
            assert kept.tolist() == [3]


def test_the_listings_jitter_draws_sides_and_aspects_of_the_printed_ranges():
    drawn = []
    for seed in range(300):
        view = Jitter()._view(200, 100, 300, np.random.default_rng(seed))
        sides = np.array((200, 100)) / (view[2:] - view[:2])  # of the picture in the square
        drawn.append((sides.max(), sides[0] / sides[1]))
        corner = -view[:2] / (view[2:] - view[:2])
        low, high = np.minimum(0, 1 - sides), np.maximum(0, 1 - sides)
        assert (corner >= low - 1e-9).all() and (corner <= high + 1e-9).all()
    scales, aspects = np.transpose(drawn)
    assert 0.25 <= scales.min() < 0.3 and 1.9 < scales.max() <= 2
    assert 0.9 / 1.1 <= aspects.min() < 0.85 and 1.17 < aspects.max() <= 1.1 / 0.9


def test_the_listings_jitter_lays_pictures_on_grey():
    picture = np.full((100, 100, 3), 200, np.uint8)
    small = Jitter(scale=(0.3, 0.3), hue=0, saturation=1, value=1)
    nothing = np.empty((0, 4)), np.empty(0, int)
    square, _, _ = small(picture, *nothing, size=300, rng=np.random.default_rng(0))
    assert set(np.unique(square)) >= {128, 200}
    assert (square == 128).all(axis=2).mean() > 0.85


def test_large_pictures_are_averaged_not_sampled():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (1200, 1200, 3), np.uint8)
    square = augment.render(noise, boxes.letterbox(1200, 1200), size=300)
    expected = noise.reshape(300, 4, 300, 4, 3).mean(axis=(1, 3))
    assert np.abs(square - expected).max() <= 1


@pytest.mark.parametrize(
    ("width", "height"),
    [(640, 480), (500, 375), (299, 301), (37, 90), (1, 50), (600, 7), (899, 500), (1199, 1198)]
    + [(1500, 700), (2126, 1591)],
)
def test_the_pixels_of_a_letterbox_equal_those_of_integer_arithmetic(width, height):
    picture = np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)
    view = boxes.letterbox(width, height)
    block = max(1, int((view[2] - view[0]) / 300))
    padded = np.empty((height + -height % block, width + -width % block, 3), np.int64)
    padded[:] = augment.FILL
    padded[:height, :width] = picture
    rows, columns = padded.shape[0] // block, padded.shape[1] // block
    sums = padded.reshape(rows, block, columns, block, 3).sum(axis=(1, 3))
    if block == 2:  # OpenCV rounds halves up here, and to even numbers elsewhere
        small = (sums + 2) // 4
    else:
        small = np.rint(sums.astype(np.float32) * np.float32(1 / block**2))
    step = (view[2] - view[0]) / block * 256 / 300
    x, y = (low / block * 256 + step * (np.arange(300) + 0.5) - 128 for low in view[:2])
    np.testing.assert_array_equal(np.concatenate([x, y]) % 1, 0)
    x, y = x.astype(int), y.astype(int)
    around = np.empty((rows + 1200, columns + 1200, 3), np.int64)
    around[:] = augment.FILL
    around[600:-600, 600:-600] = small
    right, below = (x % 256)[None, :, None], (y % 256)[:, None, None]
    total = sum(
        around[np.ix_(y // 256 + 600 + down, x // 256 + 600 + aside)]
        * (below if down else 256 - below)
        * (right if aside else 256 - right)
        for down in (0, 1)
        for aside in (0, 1)
    )
    np.testing.assert_array_equal(augment.render(picture, view, size=300), np.rint(total / 65536))


@pytest.fixture
def pictures(tmp_path):
    made = []
    for number in range(5):
        pixels, corners, labels = scene(160, 120, (10 + 8 * number, 20, 90 + 8 * number, 100))
        path = tmp_path / f"{number}.png"
        Image.fromarray(pixels).save(path)
        made.append(Picture(str(path), corners, labels, np.array([False]), f"{number}.xml"))
    return made


def test_a_batch_holds_pictures_and_the_targets_of_their_priors(pictures):
    batches = Batches(pictures, batch_size=2)
    assert len(batches) == 3 and batches.samples == 5
    images, targets = batches[1]
    assert images.shape == (2, 300, 300, 3) and images.dtype == np.float32
    assert targets.shape == (2, 8732, 5) and targets.dtype == np.float32
    assert images.max() > 250
    view = boxes.letterbox(160, 120)
    for target, picture in zip(targets, pictures[2:4], strict=True):
        found = target[:, 4] > 0
        decoded = boxes.decode(target[found, :4], boxes.priors()[found])
        expected = np.tile(boxes.to_view(picture.boxes, view), (len(decoded), 1))
        np.testing.assert_allclose(decoded, expected, atol=1e-5)
    assert len(batches[2][0]) == 1


def test_a_seed_fixes_order_and_augmentation_and_an_epoch_changes_both(pictures):
    def batches():
        return Batches(
            pictures, batch_size=5, augmentation=augment.Augmentation(), shuffle=True, seed=4
        )

    first, second = batches(), batches()
    np.testing.assert_array_equal(first[0][0], second[0][0])
    first.on_epoch_end()
    assert (first[0][0] != second[0][0]).any()
    first.reset()
    np.testing.assert_array_equal(first[0][0], second[0][0])
    assert sorted(first.members(0)) == [0, 1, 2, 3, 4]
