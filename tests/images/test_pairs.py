"""Pictures and masks change alike, as two legacy flows zipped with one seed."""

import keras
import numpy as np
import pytest
from keras.src.legacy.preprocessing.image import ImageDataGenerator as Legacy
from PIL import Image

from keras_cnn import ImageDataGenerator, InputError, legacy

pytestmark = [
    # Warnings of the legacy class.
    pytest.mark.filterwarnings("ignore:Please import `affine_transform`:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated:DeprecationWarning"),
]
GEOMETRY = {"rotation_range": 30, "zoom_range": 0.2, "horizontal_flip": True}
FLOW = {"class_mode": None, "target_size": (16, 16), "batch_size": 4, "seed": 3}


@pytest.fixture
def pictures(tmp_path):
    """Return folders of pictures and of their masks, whose labels are 0, 100 and 200."""
    rng = np.random.default_rng(0)
    for number in range(10):
        labels = rng.choice([0, 100, 200], (24, 20)).astype("uint8").repeat(2, 0).repeat(2, 1)
        for name, pixels in (("x", labels // 2 + 20), ("y", labels)):
            path = tmp_path / name / "all" / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    return tmp_path / "x", tmp_path / "y"


def _flows(kind, folders, *, of_masks=None, **changes):
    options = [GEOMETRY | changes, GEOMETRY | (changes if of_masks is None else of_masks)]
    return [
        kind(**how).flow_from_directory(str(folder), **FLOW)
        for how, folder in zip(options, folders, strict=True)
    ]


@pytest.mark.parametrize("changes", [{}, {"rescale": 1 / 255}, {"brightness_range": (0.5, 1.5)}])
def test_a_pair_yields_the_batches_of_two_legacy_flows_zipped(pictures, changes):
    ours = legacy.pair(*_flows(ImageDataGenerator, pictures, **changes))
    theirs = zip(*_flows(Legacy, pictures, **changes), strict=True)
    assert len(ours) == 3
    for _ in range(7):
        for mine, other in zip(next(ours), next(theirs), strict=True):
            np.testing.assert_allclose(mine, other, atol=0.01)


def test_numbered_batches_are_paired_in_every_epoch(pictures):
    ours = legacy.pair(*_flows(ImageDataGenerator, pictures))
    for _ in range(2):
        for number in range(len(ours)):
            x, y = ours[number]
            np.testing.assert_allclose(x, y / 2 + 20, atol=0.6)
        ours.on_epoch_end()


@pytest.mark.parametrize(
    "levels", [{"brightness_range": (0.4, 1.6)}, {"channel_shift_range": 60.0}]
)
def test_masks_keep_step_with_pictures_whose_levels_change(pictures, levels):
    alone = legacy.pair(*_flows(ImageDataGenerator, pictures, of_masks={}, **levels))
    bright, _ = _flows(ImageDataGenerator, pictures, **levels)
    _, same = _flows(ImageDataGenerator, pictures, **levels)
    same.image_data_generator.has_levels = False
    for _ in range(7):
        x, y = next(alone)
        np.testing.assert_array_equal(x, next(bright))
        np.testing.assert_array_equal(y, next(same))


def test_labels_are_not_blended_if_the_nearest_pixel_is_asked_for(pictures):
    flows = _flows(ImageDataGenerator, pictures, brightness_range=(0.5, 1.5))
    flows[1].interpolation = "bilinear"
    blended = legacy.pair(*_flows(ImageDataGenerator, pictures))
    nearest = legacy.pair(*flows, nearest=True)
    batches = [(next(nearest)[1], next(blended)[1]) for _ in range(7)]
    assert set(np.unique([batch[0] for batch in batches[:2]])) == {0, 100, 200}
    assert len(np.unique([batch[1] for batch in batches[:2]])) > 50


def test_arrays_can_be_paired_and_a_network_trained(pictures):
    x = np.random.default_rng(0).uniform(0, 255, (6, 16, 16, 3))
    flows = [ImageDataGenerator(**GEOMETRY).flow(a, batch_size=3, seed=1) for a in (x, x[..., :1])]
    pairs = legacy.pair(*flows)
    inputs = keras.Input((16, 16, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(1, 1)(inputs))
    model.compile("sgd", "mse")
    model.fit(pairs, epochs=2, verbose=0)
    x, y = pairs[0]
    np.testing.assert_array_equal(x[..., :1], y)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"rotation_range": 5}, "same rotation_range; received 30 and 5"),
        ({"horizontal_flip": False}, "same horizontal_flip"),
    ],
)
def test_masks_that_would_change_otherwise_are_refused(pictures, change, message):
    with pytest.raises(InputError, match=message):
        legacy.pair(*_flows(ImageDataGenerator, pictures, of_masks=change))


def test_flows_of_another_length_seed_or_position_are_refused(pictures):
    images, masks = _flows(ImageDataGenerator, pictures)
    next(images)
    with pytest.raises(InputError, match="same total_batches_seen; received 1 and 0"):
        legacy.pair(images, masks)
    (pictures[1] / "all" / "0.png").unlink()
    with pytest.raises(InputError, match="same n; received 10 and 9"):
        legacy.pair(*_flows(ImageDataGenerator, pictures))
    images, masks = (
        ImageDataGenerator().flow(np.zeros((4, 8, 8, 3)), seed=seed) for seed in (1, 2)
    )
    with pytest.raises(InputError, match="same seed"):
        legacy.pair(images, masks)
    flow = ImageDataGenerator().flow(np.zeros((4, 8, 8, 3)))
    with pytest.raises(InputError, match="must have the same seed=; received none"):
        legacy.pair(flow, flow)
