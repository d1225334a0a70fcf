"""202 picture files of the kinds that folders of real users hold, most of them odd."""

import io
import random

import numpy as np
from PIL import Image

MODES = ("RGB", "RGBA", "L", "LA", "1", "P", "CMYK", "I;16", "I", "F", "YCbCr", "LAB")
FORMATS = {  # extension -> modes that its files can hold
    "jpg": ("RGB", "L", "CMYK"),
    "png": ("RGB", "RGBA", "L", "LA", "1", "P", "I;16"),
    "bmp": ("RGB", "L", "1", "P", "RGBA"),
    "ppm": ("RGB", "L", "1", "I;16"),
    "tif": ("RGB", "RGBA", "L", "LA", "1", "P", "CMYK", "I;16", "I", "F", "YCbCr", "LAB"),
}
SIZES = ((97, 61), (16, 20), (1, 1), (2, 1), (1, 300), (700, 3), (64, 64), (33, 250))
NUMBER = 202


def write_all(folder):
    """Write the files into a folder and return their paths, sorted.

    Args:
        folder: Path of an empty folder.
    """
    for name, data in _files():
        (folder / name).write_bytes(data)
    paths = sorted(folder.iterdir())
    assert len(paths) == NUMBER
    return paths


def picture(mode, size, seed=0):
    """Make a picture of a mode with smooth shades and a sharp edge.

    Args:
        mode: Mode of a Pillow image.
        size: (width, height).
        seed: Makes another picture.
    """
    rng = np.random.default_rng(seed)
    width, height = size
    coarse = Image.fromarray(rng.integers(0, 256, (5, 6, 4), dtype=np.uint8), "RGBA")
    smooth = np.array(coarse.resize(size, Image.Resampling.BILINEAR))
    smooth[: height // 3, : width // 2] //= 3
    image = Image.fromarray(smooth)
    if mode == "I;16":
        return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257 // 3)
    if mode == "I":
        return Image.fromarray(np.asarray(image.convert("L")).astype(np.int32) * 301)
    if mode == "F":
        return Image.fromarray(np.asarray(image.convert("L")).astype(np.float32) / 2)
    if mode == "LAB":
        return Image.merge("LAB", image.convert("RGB").split())
    return image.convert(mode)


def encode(image, extension, **options):
    """Return the bytes of a picture's file.

    Args:
        image: A Pillow image.
        extension: Extension of the format.
        **options: For `Image.save`.
    """
    buffer = io.BytesIO()
    image.save(buffer, {"jpg": "JPEG", "tif": "TIFF"}.get(extension, extension.upper()), **options)
    return buffer.getvalue()


def with_orientation(value):
    """Return EXIF data with an orientation."""
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def _files():
    yield from _every_mode_of_every_format()  # 31
    yield from _upright_or_not()  # 24
    yield from _variants()  # 32
    yield from _several_frames()  # 12
    yield from _wrong_extensions()  # 10
    yield from _every_size()  # 40
    yield from _damaged()  # 53


def _every_mode_of_every_format():
    for extension, modes in FORMATS.items():
        for index, mode in enumerate(modes):
            name = f"mode_{mode.replace(';', '')}.{extension}"
            image = picture(mode, ((97, 61), (20, 16), (24, 31))[index % 3], index)
            yield name, encode(image, extension)


def _upright_or_not():
    for value in range(1, 9):
        exif = with_orientation(value)
        image = picture("RGB", (40, 25), value)
        yield f"exif_{value}.jpg", encode(image, "jpg", exif=exif)
        yield f"exif_{value}.png", encode(image, "png", exif=exif)
        yield f"exif_{value}.tif", encode(picture("L", (40, 25), value), "tif", exif=exif)


def _variants():
    colour, grey = picture("RGB", (97, 61)), picture("L", (97, 61))
    for subsampling in (0, 1, 2):
        for progressive in (False, True):
            for quality in (20, 95):
                options = {"subsampling": subsampling, "progressive": progressive}
                name = f"jpeg_{subsampling}_{progressive}_{quality}.jpg"
                yield name, encode(colour, "jpg", quality=quality, **options)
    yield "grey_progressive.jpg", encode(grey, "jpg", progressive=True)
    yield "cmyk_large.jpg", encode(picture("CMYK", (300, 200)), "jpg")
    yield "comment.jpg", encode(colour, "jpg", comment=b"\xff\xc0\0\x0b\x08\0\x09\0\x09\1")
    yield "restart.jpg", encode(colour, "jpg", restart_marker_blocks=3)
    yield "icc.jpg", encode(colour, "jpg", icc_profile=b"profile" * 9000)
    yield "trailing.jpg", encode(colour, "jpg") + b"\0\0MPF"
    for compression in ("raw", "tiff_lzw", "tiff_deflate", "packbits", "jpeg"):
        yield f"{compression}.tif", encode(colour, "tif", compression=compression)
    palette = picture("RGB", (50, 40)).convert("P")
    yield "palette_index.png", encode(palette, "png", transparency=3)
    yield "palette_bytes.png", encode(palette, "png", transparency=bytes(range(256)))
    yield "palette_4_bits.png", encode(colour.quantize(9), "png", bits=4)
    yield "rgb_transparent.png", encode(colour, "png", transparency=(0, 0, 0))
    yield "grey_transparent.png", encode(grey, "png", transparency=0)
    yield "16_bit_transparent.png", encode(picture("I;16", (30, 20)), "png", transparency=9)
    yield "level_9.png", encode(colour, "png", compress_level=9)
    yield "big_endian.tif", _big_endian(picture("I;16", (40, 30)))
    yield (
        "12_bit.png",
        encode(Image.fromarray(np.arange(4096, dtype=np.uint16).reshape(64, 64)), "png"),
    )


def _big_endian(image):
    image = Image.frombytes("I;16B", image.size, np.asarray(image).astype(">u2").tobytes())
    return encode(image, "tif")


def _several_frames():
    frames = [picture("RGB", (40, 30), seed) for seed in range(3)]
    grey = [picture("L", (40, 30), seed) for seed in range(3)]
    options = {"save_all": True, "duration": 50}
    for name, images in (("colour", frames), ("grey", grey)):
        more = {"append_images": images[1:], **options}
        yield f"animated_{name}.png", encode(images[0], "png", **more)
        # Browsers name these so; the reader goes by the content, not by the extension.
        yield f"animated_{name}_gif.png", encode(images[0], "gif", **more)
        yield f"animated_{name}_webp.png", encode(images[0], "webp", **more)
        yield f"pages_{name}.tif", encode(images[0], "tif", save_all=True, append_images=images[1:])
        mpo = {"save_all": True, "append_images": images[1:]}
        yield f"pages_{name}.jpg", encode(images[0], "mpo", **mpo)
    yield "animated_alpha_gif.png", encode(picture("RGBA", (40, 30)), "gif", **options)
    yield "still_webp.png", encode(picture("RGBA", (40, 30)), "webp", lossless=True)


def _wrong_extensions():
    colour = picture("RGB", (45, 30))
    for content, extension in (
        ("png", "jpg"),
        ("jpg", "png"),
        ("bmp", "jpeg"),
        ("gif", "jpg"),
        ("webp", "jpg"),
        ("tif", "bmp"),
        ("ppm", "tiff"),
        ("jpg", "bmp"),
        ("png", "tif"),
        ("tga", "png"),
    ):
        yield f"is_{content}.{extension}", encode(colour, content)


def _every_size():
    for width, height in SIZES:
        for extension, mode in (
            ("jpg", "RGB"),
            ("jpg", "L"),
            ("png", "RGBA"),
            ("png", "I;16"),
            ("bmp", "RGB"),
        ):
            name = f"size_{width}x{height}_{mode.replace(';', '')}.{extension}"
            yield name, encode(picture(mode, (width, height)), extension)


def _damaged():
    whole = {
        "colour.jpg": encode(picture("RGB", (97, 61)), "jpg"),
        "progressive.jpg": encode(picture("RGB", (97, 61)), "jpg", progressive=True),
        "cmyk.jpg": encode(picture("CMYK", (97, 61)), "jpg"),
        "colour.png": encode(picture("RGB", (97, 61)), "png"),
        "deep.png": encode(picture("I;16", (97, 61)), "png"),
        "colour.bmp": encode(picture("RGB", (97, 61)), "bmp"),
        "lzw.tif": encode(picture("RGB", (97, 61)), "tif", compression="tiff_lzw"),
        "colour_gif.png": encode(picture("RGB", (97, 61)), "gif"),
        "colour_webp.png": encode(picture("RGB", (97, 61)), "webp"),
    }
    chance = random.Random(0)
    for name, data in whole.items():
        for share in (0.1, 0.5, 0.9):
            yield f"cut_{share}_{name}", data[: int(share * len(data))]
        for number in range(2):
            spoilt = bytearray(data)
            for _ in range(5):
                spoilt[chance.randrange(len(data))] = chance.randrange(256)
            yield f"spoilt_{number}_{name}", bytes(spoilt)
    yield "cut_2.jpg", whole["colour.jpg"][:-2]
    yield "behind_zeros.jpg", b"\0" * 10 + whole["colour.jpg"]
    yield "empty.png", b""
    yield "letter.jpg", "亲爱的读者".encode()
    yield "signature.png", b"\x89PNG\r\n\x1a\n"
    yield "signature.jpg", b"\xff\xd8\xff\xd9"
    yield "html.jpg", b"<!DOCTYPE html><title>404</title>"
    yield "zeros.bmp", b"\0" * 500
