"""Grey pictures of more than 8 bits keep their depth, in training as in prediction."""

import dataclasses

import numpy as np
import pytest
from keras.src.legacy.preprocessing.image import ImageDataGenerator as Legacy
from PIL import Image

from keras_cnn import ImageDataGenerator
from keras_cnn.images import files
from keras_cnn.images.preparation import Preparation

pytestmark = [
    # Warnings of the legacy class.
    pytest.mark.filterwarnings("ignore:Please import `affine_transform`:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated:DeprecationWarning"),
]
KINDS = {  # kind -> largest value, type, extensions of the files
    "12 bits": (4095, np.uint16, ("png",)),
    "16 bits": (65535, np.uint16, ("png", "tif")),
    "32 bits": (10**6, np.int32, ("tif",)),
}
AUGMENTATION = {
    "rotation_range": 30,
    "shear_range": 5.0,
    "zoom_range": 0.2,
    "width_shift_range": 0.2,
    "channel_shift_range": 9.0,
    "horizontal_flip": True,
}
GREY = {"color_mode": "grayscale", "target_size": (70, 66), "class_mode": None}


@pytest.fixture(params=[*KINDS, "mixed"])
def scans(request, tmp_path):
    """A folder of deep grey pictures, and their largest value."""
    kinds = list(KINDS.values()) if request.param == "mixed" else [KINDS[request.param]]
    if request.param == "mixed":
        kinds.insert(1, (255, np.uint8, ("png",)))
    rng = np.random.default_rng(0)
    (tmp_path / "scan").mkdir()
    for index in range(6):
        largest, dtype, extensions = kinds[index % len(kinds)]
        coarse = Image.fromarray(rng.random((5, 6), np.float32))
        smooth = np.clip(np.asarray(coarse.resize((80, 90), Image.Resampling.BILINEAR)), 0, 1)
        image = Image.fromarray((smooth / smooth.max() * largest).astype(dtype))
        image.save(tmp_path / "scan" / f"{index}.{extensions[index % len(extensions)]}")
    return tmp_path, max(largest for largest, _, _ in kinds)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "lanczos"])
def test_batches_hold_the_values_of_the_legacy_class(scans, interpolation):
    folder, largest = scans
    options = GREY | {"interpolation": interpolation, "seed": 1}
    theirs = next(Legacy().flow_from_directory(folder, **options))
    ours = next(ImageDataGenerator().flow_from_directory(folder, **options))
    assert ours.max() > 0.8 * largest
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("brightness_range", [None, (0.5, 1.5)])
def test_augmentation_keeps_the_depth_of_the_legacy_class(scans, brightness_range):
    folder, largest = scans
    options = AUGMENTATION | {"brightness_range": brightness_range}
    theirs, ours = (
        next(kind(**options).flow_from_directory(folder, **GREY, seed=2))
        for kind in (Legacy, ImageDataGenerator)
    )
    assert len(np.unique(ours)) > 256
    level = largest / 256  # brightness works on 256 levels
    np.testing.assert_allclose(ours, theirs, atol=level * (0.01 if not brightness_range else 4))
    assert (np.abs(ours - theirs) > 0.1 * level).mean() < (0.01 if brightness_range else 1e-3)


@pytest.mark.parametrize("where", ["auto", True, "disk"])
def test_the_cache_keeps_the_depth(scans, tmp_path_factory, where):
    folder, _ = scans
    where = tmp_path_factory.mktemp("cache") if where == "disk" else where
    plain = ImageDataGenerator(cache=False, **AUGMENTATION).flow_from_directory(
        folder, **GREY, seed=1
    )
    cached = ImageDataGenerator(cache=where, prefetch=0, **AUGMENTATION).flow_from_directory(
        folder, **GREY, seed=1
    )
    for _ in range(3):
        np.testing.assert_array_equal(next(cached), next(plain))


def test_prediction_reads_the_values_of_training(scans):
    folder, _ = scans
    flow = ImageDataGenerator(rescale=1 / 4095).flow_from_directory(folder, **GREY, shuffle=False)
    preparation = Preparation.from_dict(Preparation.of(flow).to_dict())
    pixels = np.stack([preparation.read(path) for path in flow.filepaths])
    np.testing.assert_array_equal(preparation.scale(pixels), next(flow))


def test_models_with_an_older_card_get_the_8_bits_that_they_were_trained_on(tmp_path):
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    Image.fromarray(values).save(tmp_path / "deep.png")
    preparation = Preparation(size=(256, 256), color_mode="grayscale")
    np.testing.assert_array_equal(preparation.read(tmp_path / "deep.png")[..., 0], values)
    card = preparation.to_dict()
    for name in ("background", "full_depth", "crop_from"):
        del card[name]
    old = Preparation.from_dict(card)
    assert old == dataclasses.replace(preparation, full_depth=False)
    np.testing.assert_array_equal(old.read(tmp_path / "deep.png")[..., 0], values // 256)


def test_only_deep_grey_has_a_deep_type(tmp_path):
    image = Image.new("RGB", (4, 4))
    names = {"colour.png": "RGB", "grey.png": "L", "bits.png": "1", "deep.png": "I;16"}
    for name, mode in names.items():
        image.convert("L").convert(mode).save(tmp_path / name)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    names["broken.png"] = None
    types = {name: files.grey_type(tmp_path / name).name for name in names}
    assert types == dict.fromkeys(names, "uint8") | {"deep.png": "uint16"}


def _icon(mode):
    """A black disc on a transparent ground, black underneath, as icon sets have it."""
    y, x = np.mgrid[:32, :32] - 15.5
    alpha = Image.fromarray(np.where(x**2 + y**2 < 100, 255, 0).astype(np.uint8))
    black = Image.new("L", (32, 32))
    if mode == "LA":
        return Image.merge("LA", (black, alpha)), {}
    if mode == "RGBA":
        return Image.merge("RGBA", (black, black, black, alpha)), {}
    disc = Image.fromarray((np.asarray(alpha) == 0).astype(np.uint8))  # 1 outside the disc
    if mode == "P":
        disc = Image.fromarray(np.asarray(disc), "L")
        disc.putpalette([0, 0, 0, 0, 0, 0])
        return disc, {"transparency": 1}
    if mode == "RGB":  # one colour counts as transparent
        return Image.merge("RGB", (disc, disc, disc)), {"transparency": (1, 1, 1)}
    return disc, {"transparency": 1}


@pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated:DeprecationWarning")
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB", "L"])
@pytest.mark.parametrize("color_mode", ["rgb", "grayscale"])
def test_a_background_makes_black_icons_visible(tmp_path, mode, color_mode):
    (tmp_path / "icon").mkdir()
    image, options = _icon(mode)
    image.save(tmp_path / "icon" / "disc.png", **options)
    flow = {"color_mode": color_mode, "target_size": (32, 32), "class_mode": None}
    dark = next(ImageDataGenerator().flow_from_directory(tmp_path, **flow))
    assert dark.max() <= 1
    batches = ImageDataGenerator(background="white").flow_from_directory(tmp_path, **flow)
    white = next(batches)
    assert white[0, 0, 0, 0] == 255 and white[0, 16, 16, 0] == 0
    preparation = Preparation.from_dict(Preparation.of(batches).to_dict())
    np.testing.assert_array_equal(preparation.read(batches.filepaths[0]), white[0])


def test_half_transparent_pixels_are_blended_and_rgba_keeps_its_alpha(tmp_path):
    Image.new("RGBA", (2, 2), (200, 0, 0, 51)).save(tmp_path / "glass.png")
    pixels = files.read(tmp_path / "glass.png", background="#00ff00")
    assert pixels[0, 0].tolist() == [40, 204, 0]
    rgba = files.read(tmp_path / "glass.png", background="#00ff00", color_mode="rgba")
    assert rgba[0, 0].tolist() == [200, 0, 0, 51]
