"""Large pictures, decompression bombs and EXIF orientation."""

import importlib
import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageOps

from keras_cnn import InputError
from keras_cnn.images import decoding, files

LIMIT = 5000  # pixels, in place of Pillow's 89 million


@pytest.fixture
def low_limit(monkeypatch):
    """A pixel limit that small pictures exceed."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", LIMIT)


def _photo(pixels):
    """A noisy picture of about so many pixels."""
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 256, (pixels // 100, 100, 3), dtype=np.uint8))


def _jpeg(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


@pytest.mark.parametrize("behind_the_end", [b"", b"\0SEFT"])
@pytest.mark.parametrize("times", [1.2, 2.3, 3.9])
def test_photographs_above_the_limit_of_pillow_are_read(low_limit, tmp_path, times, behind_the_end):
    path = tmp_path / "phone.jpg"
    path.write_bytes(_jpeg(_photo(int(times * LIMIT))) + behind_the_end)
    assert files.read(path).shape == (times * LIMIT // 100, 100, 3)
    assert files.find_bad([path]) == {}


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_png_up_to_twice_the_limit_is_read(low_limit, tmp_path):
    _photo(int(1.9 * LIMIT)).save(tmp_path / "scan.png")
    assert files.read(tmp_path / "scan.png").shape == (95, 100, 3)
    _photo(int(2.1 * LIMIT)).save(tmp_path / "larger.png")
    with pytest.raises(InputError, match="decompression bomb"):
        files.read(tmp_path / "larger.png")


@pytest.mark.parametrize("name", ["flat.png", "flat.jpg"])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_many_pixels_in_few_bytes_are_refused_with_the_way_out(monkeypatch, tmp_path, name):
    Image.new("L", (2000, 2000)).save(tmp_path / name, quality=10)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2_500_000)
    monkeypatch.setattr(decoding, "PIXELS_PER_BYTE", 20)
    sentence = r"2000 x 2000 pixels in [\d,]+ bytes.*decompression bomb.*KERAS_CNN_MAX_PIXELS=0"
    with pytest.raises(InputError, match=sentence):
        files.read(tmp_path / name)


def test_reduced_decoding_reads_what_is_too_large_to_be_read_whole(low_limit, tmp_path):
    path = tmp_path / "huge.jpg"
    path.write_bytes(_jpeg(_photo(5 * LIMIT)))
    with pytest.raises(InputError, match="decompression bomb"):
        files.read(path)
    assert files.read(path, least_size=(20, 20)).shape == (63, 25, 3)


@pytest.mark.parametrize(("value", "limit"), [("0", None), ("123", 123), ("many", 89_478_485)])
def test_an_environment_variable_sets_the_limit(monkeypatch, value, limit):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 89_478_485)
    monkeypatch.setenv("KERAS_CNN_MAX_PIXELS", value)
    importlib.reload(decoding)
    assert Image.MAX_IMAGE_PIXELS == limit


def _exif(orientation, *, tag_type):
    """EXIF data with one tag: an orientation as SHORT (3) or LONG (4)."""
    value = struct.pack("<HH", orientation, 0) if tag_type == 3 else struct.pack("<I", orientation)
    entry = struct.pack("<HHI", 0x0112, tag_type, 1) + value
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 1) + entry + b"\0\0\0\0"


def _xmp(orientation):
    return (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description '
        b'tiff:Orientation="%d"/></rdf:RDF></x:xmpmeta>' % orientation
    )


TAGS = {
    "SHORT": lambda orientation: {"exif": _exif(orientation, tag_type=3)},
    "LONG": lambda orientation: {"exif": _exif(orientation, tag_type=4)},
    "XMP": lambda orientation: {"xmp": _xmp(orientation)},
}


@pytest.mark.parametrize("tags", TAGS)
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_an_orientation_turns_a_jpeg_alike_whatever_its_type_and_the_bytes_behind_it(
    tmp_path, tags, orientation, mode
):
    image = _photo(3000).convert(mode)
    upright = Image.open(io.BytesIO(_jpeg(image, exif=_exif(orientation, tag_type=3))))
    expected = np.asarray(ImageOps.exif_transpose(upright))
    expected = expected.reshape(*expected.shape[:2], -1)
    data = _jpeg(image, **TAGS[tags](orientation))
    for behind in (b"", b"\0\0MPF"):
        (tmp_path / "photo.jpg").write_bytes(data + behind)
        pixels = files.read(
            tmp_path / "photo.jpg", color_mode="rgb" if mode == "RGB" else "grayscale"
        )
        np.testing.assert_array_equal(pixels, expected)


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0garbage"]
)
@pytest.mark.filterwarnings("ignore::UserWarning:PIL.*")
def test_damaged_exif_leaves_a_jpeg_as_it_is(tmp_path, exif):
    data = _jpeg(_photo(3000), exif=exif)
    for behind in (b"", b"\0\0MPF"):
        (tmp_path / "photo.jpg").write_bytes(data + behind)
        assert files.read(tmp_path / "photo.jpg").shape == (30, 100, 3)
