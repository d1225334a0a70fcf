import io
import shutil
import zlib

import keras
import numpy as np
import pytest
from PIL import Image

from keras_cnn import InputError
from keras_cnn.images import files

RNG = np.random.default_rng(0)


def _pixels(height=61, width=97, channels=3):
    coarse = RNG.integers(0, 256, (7, 9, channels), dtype=np.uint8)
    layers = [Image.fromarray(coarse[..., c]).resize((width, height), 2) for c in range(channels)]
    return np.stack(layers, axis=-1)


def _image(mode):
    colour = Image.fromarray(_pixels())
    if mode == "PA-transparent":  # saved as a palette with one transparent entry, like a GIF
        return colour.convert("P")
    return colour.convert(mode)


def _save(folder, image, name, **options):
    image.save(folder / name, **options)
    return folder / name


@pytest.mark.parametrize("color_mode", ["rgb", "rgba", "grayscale"])
@pytest.mark.parametrize(
    ("mode", "name", "options"),
    [
        ("RGB", "colour.jpg", {}),
        ("RGB", "progressive.jpg", {"progressive": True, "subsampling": 1}),
        ("RGB", "full_chroma.jpeg", {"subsampling": 0, "quality": 95}),
        ("L", "grey.jpg", {}),
        ("CMYK", "print.jpg", {}),
        ("RGB", "commented.jpg", {"comment": b"\xff\xc0\0\x0b\x08\0\x09\0\x09\1"}),  # "grey"
        ("RGB", "two.jpg", {"format": "MPO", "save_all": True, "append_images": [_image("L")]}),
        ("RGB", "colour.png", {}),
        ("RGBA", "alpha.png", {}),
        ("LA", "grey_alpha.png", {}),
        ("L", "grey.png", {}),
        ("1", "bits.png", {}),
        ("P", "palette.png", {}),
        ("PA-transparent", "palette_alpha.png", {"transparency": 3}),
        ("RGB", "colour.bmp", {}),
        ("RGB", "colour.ppm", {}),
        ("RGB", "colour.tif", {"compression": "tiff_lzw"}),
        ("CMYK", "print.tiff", {}),
    ],
)
def test_pictures_of_every_kind_have_the_pixels_that_keras_reads(
    tmp_path, mode, name, options, color_mode
):
    path = _save(tmp_path, _image(mode), name, **options)
    expected = keras.utils.img_to_array(keras.utils.load_img(path, color_mode=color_mode))
    pixels = files.read(path, color_mode=color_mode)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, expected)


def test_16_bit_grey_is_scaled_not_clipped(tmp_path):
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    path = _save(tmp_path, Image.fromarray(values), "deep.png")
    for color_mode in ("rgb", "grayscale"):
        np.testing.assert_array_equal(
            files.read(path, color_mode=color_mode)[..., 0], values // 256
        )


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["photo.jpg", "scan.png"])
def test_pictures_are_turned_upright_unless_exif_rotation_is_off(tmp_path, orientation, name):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = _save(tmp_path, Image.fromarray(_pixels()), name, exif=exif)
    stored = np.asarray(Image.open(path))
    turns = {  # EXIF 2.3, section 4.6.4, tag 274
        1: stored,
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: stored.swapaxes(0, 1),
        6: stored.swapaxes(0, 1)[:, ::-1],
        7: stored.swapaxes(0, 1)[::-1, ::-1],
        8: stored.swapaxes(0, 1)[::-1],
    }
    np.testing.assert_array_equal(files.read(path), turns[orientation])
    np.testing.assert_array_equal(files.read(path, exif_rotation=False), stored)


@pytest.mark.parametrize("interpolation", files.INTERPOLATIONS)
@pytest.mark.parametrize("keep_aspect_ratio", [False, True])
@pytest.mark.parametrize("size", [(24, 24), (50, 31), (61, 97), (130, 200), (1, 7)])
def test_resized_pixels_are_those_of_keras(tmp_path, interpolation, keep_aspect_ratio, size):
    for channels, color_mode in ((3, "rgb"), (1, "grayscale"), (4, "rgba")):
        image = Image.fromarray(_pixels(channels=channels).squeeze())
        path = _save(tmp_path, image, f"{channels}.png")
        options = {"interpolation": interpolation, "keep_aspect_ratio": keep_aspect_ratio}
        expected = keras.utils.load_img(path, color_mode=color_mode, target_size=size, **options)
        resized = files.resize(files.read(path, color_mode=color_mode), size=size, **options)
        np.testing.assert_array_equal(resized, keras.utils.img_to_array(expected))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32"])
@pytest.mark.parametrize("size", [(70, 66), (33, 80), (224, 224), (299, 299), (60, 7)])
def test_half_way_between_two_pixels_the_nearest_is_that_of_keras(tmp_path, size, dtype):
    image = Image.fromarray(_pixels(60, 80)[..., 0].astype(dtype))
    path = _save(tmp_path, image, "scan.tif")
    options = {"color_mode": "grayscale"}
    expected = keras.utils.load_img(path, target_size=size, **options)
    resized = files.resize(files.read(path, full_depth=True, **options), size=size)
    assert resized.dtype == dtype
    np.testing.assert_array_equal(resized, keras.utils.img_to_array(expected))


def _jpeg():
    buffer = io.BytesIO()
    Image.fromarray(_pixels(200, 300)).save(buffer, "JPEG")
    return buffer.getvalue()


def _png_header(width, height):
    buffer = io.BytesIO()
    Image.new("L", (1, 1)).save(buffer, "PNG")
    data = bytearray(buffer.getvalue())
    data[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


BAD = {
    "empty.jpg": (lambda: b"", "empty"),
    "letter.png": (lambda: "亲爱的 reader".encode(), "no picture"),
    "truncated.jpg": (lambda: _jpeg()[:-500], "truncated"),
    "headless.jpg": (lambda: _jpeg()[100:], "no picture"),
    "half.png": (lambda: _png_header(64, 64), "."),
    "bomb.png": (lambda: _png_header(50_000, 50_000), "decompression bomb"),
    "big.png": (lambda: _png_header(10_000, 10_000), "decompression bomb"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_named_with_the_reason_and_the_way_out(tmp_path, name):
    make, reason = BAD[name]
    path = tmp_path / "坏文件 ü" / name
    path.parent.mkdir()
    path.write_bytes(make())
    with pytest.raises(InputError, match=rf"{name}.*{reason}.*; mend or remove it$"):
        files.read(path)


def test_find_bad_finds_all_bad_files_and_no_good_one(tmp_path):
    folder = tmp_path / "图片"
    folder.mkdir()
    for name, (make, _) in BAD.items():
        (folder / name).write_bytes(make())
    Image.new("RGB", (1, 1)).save(folder / "pixel.png")
    good = [_save(folder, _image("RGB"), "好.jpg"), _save(folder, _image("P"), "é.png")]
    trailing = folder / "trailing.jpg"  # some cameras write harmless bytes after the end
    trailing.write_bytes(_jpeg() + b"\0\0MPF")
    missing = str(folder / "missing.png")
    bad = files.find_bad([*sorted(folder.iterdir()), missing])
    assert set(bad) == {*(str(folder / name) for name in BAD), str(folder / "pixel.png"), missing}
    assert not {str(trailing), *map(str, good)} & set(bad)
    assert "no such file" in bad[missing]


def test_a_folder_in_place_of_a_picture_is_refused_in_one_sentence(tmp_path):
    with pytest.raises(InputError, match="directory"):
        files.read(tmp_path)


@pytest.fixture
def folders(tmp_path):
    for name in ("b/2.png", "b/10.JPG", "b/inner/x.bmp", "a/1.png", "a/.hidden.png", ".git/g.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "a" / ".ipynb_checkpoints").mkdir()
    (tmp_path / "a" / ".ipynb_checkpoints" / "1-checkpoint.png").touch()
    (tmp_path / ".ipynb_checkpoints").mkdir()
    (tmp_path / "a" / "notes.txt").touch()
    (tmp_path / "top.png").touch()
    return tmp_path


def test_classes_are_sorted_and_hidden_folders_are_skipped(folders):
    classes, pictures = files.find(folders)
    assert classes == ["a", "b"]
    assert pictures == [("a/1.png", 0), ("b/10.JPG", 1), ("b/2.png", 1), ("b/inner/x.bmp", 1)]


def test_named_classes_keep_their_order(folders):
    classes, pictures = files.find(folders, classes=["b", "a"])
    assert classes == ["b", "a"] and pictures[0] == ("b/10.JPG", 0)
    assert ("./top.png", 0) in files.find(folders, classes=["."])[1]


def test_links_are_followed_only_with_follow_links(folders, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "linked.png").touch()
    (folders / "a" / "link").symlink_to(elsewhere, target_is_directory=True)
    assert len(files.find(folders)[1]) == 4
    assert len(files.find(folders, follow_links=True)[1]) == 5


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda folder: folder / "typo", "no folder: check the path"),
        (lambda folder: folder / "top.png", "no folder: check the path"),
        (lambda folder: folder / "b" / "inner", "holds no class folders"),
        (lambda folder: (folder / "c").mkdir() or folder, "c' is missing or has no pictures"),
    ],
)
def test_an_unusable_folder_is_refused_in_one_sentence_with_the_way_out(folders, spoil, sentence):
    with pytest.raises(InputError, match=sentence) as error:
        files.find(spoil(folders))
    assert "\n" not in str(error.value)


def test_a_folder_may_hold_a_single_class(folders):
    shutil.rmtree(folders / "a")
    assert files.find(folders)[0] == ["b"]


def test_reduced_decoding_returns_at_least_the_least_size(tmp_path):
    path = _save(tmp_path, Image.fromarray(_pixels(400, 600)), "large.jpg")
    assert files.read(path, least_size=(100, 100)).shape == (100, 150, 3)
    assert files.read(path, least_size=(101, 10)).shape == (200, 300, 3)
    assert files.read(path, least_size=(500, 500)).shape == (400, 600, 3)
