"""Find, read, check and resize image files."""

import mimetypes
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
from PIL import Image

from keras_cnn.environment import cores
from keras_cnn.errors import InputError
from keras_cnn.i18n import N_
from keras_cnn.images import decoding
from keras_cnn.images.disk_files import Entries

FORMATS = ("png", "jpg", "jpeg", "bmp", "ppm", "tif", "tiff")  # Keras' own list
CHANNELS = decoding.CHANNELS  # color_mode -> number
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")


def find(
    directory: str | os.PathLike,
    *,
    classes: Sequence[str] | None = None,
    follow_links: bool = False,
    allow_empty: bool = False,
) -> tuple[list[str], list[tuple[str, int]]]:
    """Find the pictures of a folder that holds one folder per class.

    A picture is a file with one of the extensions `FORMATS`. It may lie in a subfolder of its
    class. Hidden files and folders (``.git``, ``.ipynb_checkpoints``) are skipped.

    Args:
        directory: The folder of class folders.
        classes: Names of the class folders to use, in the order of their indices. By default all,
            sorted. ``["."]`` takes the pictures of `directory` itself as one class.
        follow_links: Whether to follow symbolic links to folders inside the class folders.
        allow_empty: Whether some class folders, but not all, may have no pictures.

    Returns:
        The class names, and for each picture its file name relative to `directory` and the index
        of its class; class by class, sorted.

    Raises:
        InputError: The folder is missing, holds no class folders, or a class has no pictures.
    """
    directory = os.fspath(directory)
    if not os.path.isdir(directory):
        raise InputError(
            "pictures are read from a folder that holds one folder per class; "
            f"{directory!r} is no folder: check the path"
        )
    classes = list(classes) if classes else visible_folders(directory)
    if not classes:
        raise InputError(
            f"{directory!r} holds no class folders: put the pictures of each class into a folder "
            "named after the class"
        )
    pictures = []
    for index, class_name in enumerate(classes):
        folder = os.path.join(directory, class_name)
        names = pictures_in(folder, follow_links=follow_links)
        if not names and not (allow_empty and os.path.isdir(folder)):
            raise InputError(
                f"class folder {folder!r} is missing or has no pictures ({', '.join(FORMATS)}): "
                "add some, or name the folders to use with classes="
            )
        pictures += [(os.path.join(class_name, name), index) for name in names]
    if not pictures:
        raise InputError(
            f"the class folders of {directory!r} have no pictures ({', '.join(FORMATS)}): add some"
        )
    return classes, pictures


def visible_folders(directory: str | os.PathLike) -> list[str]:
    """Return the names of the folders in a folder that are not hidden, sorted.

    Args:
        directory: The folder.
    """
    with os.scandir(directory) as entries:
        names = [entry.name for entry in entries if entry.is_dir()]
    return sorted(name for name in names if not is_hidden(name))


def walk_visible(
    folder: str | os.PathLike, *, follow_links: bool = False
) -> Iterator[tuple[str, list[str], list[str]]]:
    """Walk through a folder as `os.walk` does, but enter no hidden folder.

    Args:
        folder: The folder.
        follow_links: Whether to follow symbolic links to folders.

    Yields:
        Path of a folder, the names of its visible folders, and the names of its files.

    Raises:
        InputError: A folder cannot be read.
    """

    def refuse(error):
        raise InputError(
            f"folder {error.filename!r} cannot be read ({_reason(error)}): change its permissions "
            "or move it away"
        ) from error

    for root, folders, names in os.walk(folder, onerror=refuse, followlinks=follow_links):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        yield root, folders, names


def pictures_in(folder: str | os.PathLike, *, follow_links: bool = False) -> list[str]:
    """Return the file names of all pictures in a folder and its subfolders, sorted by folder.

    Args:
        folder: The folder.
        follow_links: Whether to follow symbolic links to folders.

    Returns:
        Names relative to `folder`.

    Raises:
        InputError: A subfolder cannot be read.
    """
    if not os.path.isdir(folder):
        return []
    pictures = []
    for root, _, names in walk_visible(folder, follow_links=follow_links):
        pictures += [(root, name) for name in names if is_picture_name(name)]
    prefixes = {root: os.path.relpath(root, folder) for root, _ in pictures}
    return [
        name if prefixes[root] == os.curdir else os.path.join(prefixes[root], name)
        for root, name in sorted(pictures)
    ]


def is_hidden(name: str) -> bool:
    """Return whether a file or folder is hidden, or written by a system beside the user's files.

    Args:
        name: Its name, without its folder.
    """
    return name.startswith(".") or name in ("@eaDir", "__MACOSX")  # of Synology, of macOS' archives


def is_picture_name(name: str) -> bool:
    """Return whether a file has a picture's extension and is not hidden."""
    return name.lower().endswith(FORMATS) and not os.path.basename(name).startswith(".")


def left_out_note(pictures: Iterable[str | os.PathLike], *, directory: str | os.PathLike) -> str:
    """Return a sentence on the image files beside pictures whose format is not in `FORMATS`.

    Args:
        pictures: File names.
        directory: The folder that the file names in the sentence are relative to.

    Returns:
        A sentence; empty if there are no such files.
    """
    left_out = []
    for folder in {os.path.dirname(path) for path in pictures}:
        names = [name for name in os.listdir(folder or ".") if not name.startswith(".")]
        others = [name for name in names if not is_picture_name(name)]
        left_out += [os.path.join(folder, name) for name in others if _is_image(name)]
    if not left_out:
        return ""
    first = ", ".join(os.path.relpath(path, directory) for path in sorted(left_out)[:3])
    first += ", …" * (len(left_out) > 3)
    return N_(
        f"Left out, since their names end in none of {', '.join(FORMATS)}: {first} "
        f"({len(left_out):d} in all); convert them to use them."
    )


def _is_image(name):
    """Return whether a file name has the extension of any image format."""
    return (mimetypes.guess_type(name, strict=False)[0] or "").startswith("image/")


def read(
    path: str | os.PathLike,
    *,
    color_mode: str = "rgb",
    exif_rotation: bool = True,
    least_size: tuple[int, int] | None = None,
    background: str | None = None,
    full_depth: bool = False,
) -> np.ndarray:
    """Read a picture of any kind.

    Palettes and CMYK become RGB. Colour becomes grey by ITU-R 601 luma. Alpha is dropped, not
    blended, unless `color_mode` is "rgba" or there is a `background`. The pixels are those of
    Keras' `load_img`, with two exceptions: a picture is turned upright as its EXIF orientation
    says, and where 16-bit grey becomes 8-bit, its 65,536 shades are scaled to 256, not clipped.

    Args:
        path: File name.
        color_mode: "rgb", "rgba" or "grayscale".
        exif_rotation: Whether to turn the picture upright as its EXIF orientation says.
        least_size: (height, width), or None. A JPEG is decoded at 1/2, 1/4 or 1/8 of its size if
            the result is at least this large: several times faster, but pixels are smoother.
        background: Colour under transparent pixels, such as "white" or "#ffffff"; None leaves them
            the colour that the file has there, often black.
        full_depth: Whether 16-bit and 32-bit grey keeps its depth if `color_mode` is "grayscale",
            as in `load_img`.

    Returns:
        uint8 array (height, width, channels); at full depth uint16 or int32 for files that have it.

    Raises:
        InputError: The file is missing, empty, truncated or not a picture, or it may be a
            decompression bomb: it has more pixels than `PIL.Image.MAX_IMAGE_PIXELS` in very few
            bytes, or more than four times that number. The environment variable
            KERAS_CNN_MAX_PIXELS sets another number; 0 lifts the limit.
    """
    try:
        with open(path, "rb") as file:
            return decoding.decode(
                file.read(),
                color_mode=color_mode,
                exif_rotation=exif_rotation,
                least_size=least_size,
                background=background,
                full_depth=full_depth,
            )
    except Exception as error:  # broken files make decoders raise nearly every type there is
        raise InputError(
            f"cannot read picture {os.fspath(path)!r}: {_reason(error)}; mend or remove it"
        ) from error


def size(path: str | os.PathLike) -> tuple[int, int]:
    """Return the height and width of the picture that `read` returns; only the header is read.

    Args:
        path: Name of a file that can be read.
    """
    with open(path, "rb") as file:
        width, height, is_turned = decoding.read_header(file)
    return (width, height) if is_turned else (height, width)


def grey_type(path: str | os.PathLike) -> np.dtype:
    """Return the type of the pixels that `read` returns of a grey picture at full depth.

    Args:
        path: File name. Only the header is read; a file that cannot be read counts as uint8.
    """
    try:
        with Image.open(path) as image:
            mode = image.mode
    except Exception:  # broken files make Pillow raise errors of nearly every type
        mode = "L"
    return np.dtype({"I": "int32", "L": "uint8"}.get(mode, "uint16" if mode[0] == "I" else "uint8"))


def find_bad(
    paths: Iterable[str | os.PathLike],
    *,
    workers: int | None = None,
    records: Entries | None = None,
) -> dict[str, str]:
    """Find the files that cannot be read to their last pixel, or have only one pixel.

    Args:
        paths: File names.
        workers: Number of threads; by default one per core.
        records: Records of the files that an earlier run has read; good files are added. Bad files
            are read in each run.

    Returns:
        Name of each bad file -> reason.
    """

    def judge_new(path):
        reason = None

        def read():
            nonlocal reason
            _, reason = judge(path)
            return None if reason else np.empty(0, np.uint8)

        if records:
            records.get(path, read)
        else:
            read()
        return reason

    paths = [os.fspath(path) for path in paths]
    with ThreadPoolExecutor(workers or cores()) as pool:
        reasons = pool.map(judge_new, paths)
        return {path: reason for path, reason in zip(paths, reasons, strict=True) if reason}


def judge(path: str | os.PathLike) -> tuple[np.ndarray | None, str | None]:
    """Read a picture to its last pixel and judge whether a network can learn from it.

    Args:
        path: File name.

    Returns:
        Its RGB pixels, uint8 array (height, width, 3), and None; or None and the reason.
    """
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        return None, _reason(error)
    return judge_data(data)


def judge_data(data: bytes) -> tuple[np.ndarray | None, str | None]:
    """Decode the bytes of a picture; otherwise as `judge`.

    Args:
        data: Content of the file.
    """
    try:
        pixels = decoding.decode(data)
    except Exception as error:  # broken files make decoders raise nearly every type there is
        return None, _reason(error)
    return (None, N_("it is a single pixel")) if pixels.shape[:2] == (1, 1) else (pixels, None)


def _reason(error):
    match error:
        case Image.UnidentifiedImageError():
            return N_("it is no picture")
        case Image.DecompressionBombError() | Image.DecompressionBombWarning():
            limit = Image.MAX_IMAGE_PIXELS
            return N_(
                f"it has more than {limit:,} pixels and may be a decompression bomb (the "
                "environment variable KERAS_CNN_MAX_PIXELS=0 lifts the limit)"
            )
        case OSError(strerror=str(text)):
            return text.lower()  # "no such file or directory"
        case _:
            return str(error) or type(error).__name__


def resize(
    pixels: np.ndarray,
    *,
    size: tuple[int, int],
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> np.ndarray:
    """Resize a picture to the pixels of Keras' `load_img`, which uses Pillow.

    Args:
        pixels: uint8 array (height, width, channels), or uint16 or int32 array (height, width, 1).
        size: The new (height, width).
        interpolation: One of `INTERPOLATIONS`. All but "nearest" average when they shrink.
        keep_aspect_ratio: Whether to crop the largest centred box of the new aspect ratio first,
            rather than to distort.

    Returns:
        Array (*size, channels) of the same type; `pixels` itself if it already has that size.
    """
    if pixels.shape[:2] == tuple(size):
        return pixels
    height, width = size
    nearest = interpolation == "nearest" and not keep_aspect_ratio
    # OpenCV is faster. Half-way between two pixels, Pillow rounds down, but with 16 bits only.
    if nearest and pixels.dtype != np.uint16:
        resized = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    else:
        image = Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels)
        box = _centre_box(image, height, width) if keep_aspect_ratio else None
        resample = Image.Resampling[interpolation.upper()]
        resized = np.asarray(image.resize((width, height), resample, box))
    return resized.reshape(height, width, -1)


def _centre_box(image, height, width):
    """Return the largest centred box (left, top, right, bottom) of this aspect ratio."""
    box_height = min(image.height, image.width * height // width)
    box_width = min(image.width, image.height * width // height)
    left, top = (image.width - box_width) // 2, (image.height - box_height) // 2
    return left, top, left + box_width, top + box_height
