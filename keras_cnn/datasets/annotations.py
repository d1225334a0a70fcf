"""Read pictures with boxes: PASCAL VOC folders, lines of text, COCO JSON.

Coordinates are taken as written and count from 0 at the left and top edge of the picture. VOC's own
files count from 1, most tools that write its layout from 0; one pixel does not change a score.
"""

import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from keras_cnn.datasets import annotation_files
from keras_cnn.errors import InputError, unusable
from keras_cnn.images import decoding

CLASSES = tuple(  # of VOC2007 and VOC2012
    "aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike "
    "person pottedplant sheep sofa train tvmonitor".split()
)
ROUNDING = (1, 0.005)  # pixels, and share of the picture, by which rounding may move an edge


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture's file and its objects.

    Attributes:
        path: The picture's file.
        boxes: Corners in pixels, shape (n, 4).
        labels: Class ids from 1 on, shape (n,).
        difficult: Whether each object may be missed, shape (n,).
        source: The annotation's file, with the line or picture in a file of many pictures.
        stated_size: Width and height in pixels that the annotation states, or None.
    """

    path: str
    boxes: np.ndarray
    labels: np.ndarray
    difficult: np.ndarray
    source: str
    stated_size: tuple[int, int] | None = None

    @property
    def truth(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Boxes, class ids and difficult flags, as `detection.metrics` takes them."""
        return self.boxes, self.labels, self.difficult


@dataclasses.dataclass(frozen=True)
class Annotations:
    """One split of a set.

    Attributes:
        class_names: Names of the classes; class id k is number k - 1.
        pictures: The pictures.
    """

    class_names: tuple[str, ...]
    pictures: tuple[Picture, ...]


def read(
    folder: str | os.PathLike,
    *,
    split: str,
    class_names: Sequence[str] | None = None,
    on_error: Callable[[str, InputError], None] | None = None,
) -> Annotations:
    """Read one split of a set, in the layout that its folder has.

    - `ImageSets/Main/<split>.txt`: PASCAL VOC, see `read_voc`;
    - `<split>.json`: COCO, see `read_coco`, with the pictures in `<split>/` or in the folder;
    - `<split>.txt` and `classes.txt`, one class name per line: lines of text, see `read_lines`.

    Args:
        folder: The set's folder.
        split: Name of the split: "train", "val" or "test".
        class_names: Names that the classes must have, in the order of their ids; None accepts any.
        on_error: Called with the file and the reason for each annotation that cannot be used, which
            is then left out; None raises.

    Returns:
        The split.

    Raises:
        InputError: `on_error` is None, and the folder has none of these layouts, a file is missing
            or cannot be parsed, there is no picture or no object, or the classes are not
            `class_names`. The message lists all faults.
    """
    folder = Path(folder)
    return _collect(
        lambda faults: _read(folder, split, class_names, faults),
        source=folder,
        on_error=on_error,
    )


def _read(folder, split, class_names, faults):
    listing = naming = folder / "ImageSets" / "Main" / f"{split}.txt"
    if (folder / f"{split}.json").is_file():
        listing, images = folder / f"{split}.json", folder / split
        naming = listing
        annotations = _coco(listing, images if images.is_dir() else folder, faults)
    elif (folder / f"{split}.txt").is_file():
        listing, naming = folder / f"{split}.txt", folder / "classes.txt"
        annotations = _lines(listing, annotation_files.read_names(naming), faults)
    else:
        annotations = _voc(folder, split, class_names, faults)
    if faults:  # what else is missing may only be a consequence
        return annotations
    if not annotations.pictures:
        raise InputError(f"{listing} lists no picture: add some")
    if not any(len(picture.boxes) for picture in annotations.pictures):
        raise InputError(
            f"the list {split} of {folder} has no object to find: add objects to its pictures"
        )
    if class_names is not None and annotations.class_names != tuple(class_names):
        raise InputError(
            f"all splits and the model must have the same classes; {naming} has "
            f"{list(annotations.class_names)} in place of {list(class_names)}: correct it"
        )
    return annotations


def _collect(read_split, *, source, on_error=None):
    """Read a split, then hand all its faults to `on_error` or raise them."""
    faults, annotations = [], Annotations((), ())
    try:
        annotations = read_split(faults)
    except InputError as error:  # of the split as a whole
        faults.append((str(source), error))
    if on_error is not None:
        for fault in faults:
            on_error(*fault)
    elif len(faults) == 1:
        raise faults[0][1]
    elif faults:
        lines = "".join(f"\n  {error}" for _, error in faults)
        raise InputError(f"{len(faults)} annotations cannot be used; correct them:{lines}")
    return annotations


def has(folder: str | os.PathLike, split: str) -> bool:
    """Return whether a set has a split, in any layout that `read` knows.

    Args:
        folder: The set's folder.
        split: Name of the split.
    """
    names = (f"ImageSets/Main/{split}.txt", f"{split}.json", f"{split}.txt")
    return any((Path(folder) / name).is_file() for name in names)


def read_voc(
    folder: str | os.PathLike, *, split: str, class_names: Sequence[str] | None = None
) -> Annotations:
    """Read one split of a folder in the layout of PASCAL VOC.

    Args:
        folder: It holds `Annotations/*.xml`, `JPEGImages/` and `ImageSets/Main/<split>.txt`.
        split: Name of the split: "train", "val", "trainval" or "test".
        class_names: Names of the classes in the order of their ids; by default the names in the
            split, sorted.

    Returns:
        The split, its pictures in the order of the list.

    Raises:
        InputError: A file is missing or cannot be parsed, or a class is not in `class_names`.
    """
    folder = Path(folder)
    return _collect(lambda faults: _voc(folder, split, class_names, faults), source=folder)


def _voc(folder, split, class_names, faults):
    listing = folder / "ImageSets" / "Main" / f"{split}.txt"
    if not listing.is_file():
        raise InputError(
            f"the splits of a VOC folder are listed in ImageSets/Main/<split>.txt; {listing} does "
            "not exist: add it, with one picture's name without its ending per line, or give "
            f"{split}.json of COCO's layout, or {split}.txt with a picture and its boxes per line"
        )
    rows = annotation_files.voc(listing, folder=folder, faults=faults)
    return _annotations(rows, class_names, faults)


def read_lines(path: str | os.PathLike, *, class_names: Sequence[str]) -> Annotations:
    """Read a text file of one picture per line: ``path x1,y1,x2,y2,class x1,y1,x2,y2,class …``.

    Args:
        path: The file. Paths of pictures are relative to its folder and may hold spaces.
        class_names: Names of the classes; class 0 of a line is the first.

    Returns:
        The pictures, line by line.

    Raises:
        InputError: The file or a picture is missing, a line cannot be parsed, or a class is not in
            `class_names`.
    """
    path = Path(path)
    return _collect(lambda faults: _lines(path, class_names, faults), source=path)


def _lines(path, class_names, faults):
    rows = annotation_files.lines(path, class_names=class_names, faults=faults)
    return _annotations(rows, class_names, faults)


def read_coco(path: str | os.PathLike, *, images: str | os.PathLike) -> Annotations:
    """Read a JSON file in COCO's layout; crowds count as difficult.

    Args:
        path: The file.
        images: Folder of the pictures.

    Returns:
        The pictures in the file's order, also those without objects; the classes in the order of
        their ids.

    Raises:
        InputError: The file or a picture is missing, or the file cannot be parsed.
    """
    path, images = Path(path), Path(images)
    return _collect(lambda faults: _coco(path, images, faults), source=path)


def _coco(path, images, faults):
    class_names, rows = annotation_files.coco(path, images=images, faults=faults)
    return _annotations(rows, class_names, faults)


def check(
    annotations: Annotations, *, skip_bad_boxes: bool = False, option: str = "--skip-bad-boxes"
) -> tuple[Annotations, dict[str, str]]:
    """Find the boxes that cannot be used: they would make the loss infinite or teach nothing.

    Args:
        annotations: The split to check.
        skip_bad_boxes: Whether to go on without bad boxes.
        option: The command-line option that does so, for the message.

    Returns:
        The split without bad boxes; and "file, object" -> reason of each bad box.

    Raises:
        InputError: There are bad boxes and `skip_bad_boxes` is off, and the message lists them all;
            or a picture cannot be opened.
    """
    bad, pictures, total = {}, [], 0
    for picture in annotations.pictures:
        actual_size = size(picture.path)
        other_pixels = _size_fault(picture, actual_size)
        boxes = _without_rounding(picture.boxes, actual_size)
        reasons = [other_pixels or _fault(box, *actual_size) for box in boxes]
        total += len(reasons)
        for number, reason in enumerate(reasons, start=1):
            if reason:
                name = annotations.class_names[picture.labels[number - 1] - 1]
                bad[f"{picture.source}, object {number} ({name})"] = reason
        if other_pixels and reasons:
            continue  # without its objects the picture would teach that it is background
        good = np.array([not reason for reason in reasons], bool)
        kept = {key: getattr(picture, key)[good] for key in ("labels", "difficult")}
        pictures.append(dataclasses.replace(picture, boxes=boxes[good], **kept))
    if bad and not skip_bad_boxes:
        way_out = f"mend or remove them, or go on without them with {option}"
        raise unusable(bad, total=total, what="boxes", way_out=way_out)
    return dataclasses.replace(annotations, pictures=tuple(pictures)), bad


def size(path: str | os.PathLike) -> tuple[int, int]:
    """Return a picture's width and height in pixels after the turn that its EXIF data asks for.

    Args:
        path: The picture; only its header is read.

    Raises:
        InputError: The file is missing or no picture.
    """
    width, height, turned = _header(path)
    return (height, width) if turned else (width, height)


def _header(path):
    """Width and height as stored, and whether EXIF swaps them."""
    try:
        with open(path, "rb") as file:
            return decoding.read_header(file)
    except Exception as error:  # damaged headers make Pillow raise nearly every type there is
        raise InputError(f"cannot open picture {os.fspath(path)!r}: {error}") from None


def _without_rounding(boxes, actual_size):
    """Boxes whose edges leave the picture by no more than rounding, clipped to it."""
    limits = np.tile(np.array(actual_size, float), 2)
    clipped = boxes.clip(0, limits)
    tolerance = np.maximum(ROUNDING[0], ROUNDING[1] * limits)
    return np.where(abs(boxes - clipped) <= tolerance, clipped, boxes)


def _size_fault(picture, actual_size):
    """The reason why boxes belong to a picture of another size, or None."""
    stated = picture.stated_size

    def differs(stated):
        pairs = zip(stated, actual_size, strict=True)
        return any(abs(a - b) > max(ROUNDING[0], ROUNDING[1] * b) for a, b in pairs)

    if stated is None or not differs(stated):
        return None
    cause = "the picture was resized: scale its boxes, or put the original in its place"
    if not differs(stated[::-1]):
        cause = "the picture was turned: draw its boxes on the turned picture"
        if _header(picture.path)[2]:
            cause = (
                "EXIF turns the picture upright: draw its boxes on the upright picture, or save "
                "the picture without its EXIF data"
            )
    width, height = actual_size
    return f"is drawn on {stated[0]}x{stated[1]} pixels, the picture has {width}x{height}: {cause}"


def _fault(box, width, height):
    """The reason why a box cannot be used, or None."""
    x1, y1, x2, y2 = box
    # As many digits as tell the edge from the picture's.
    text = ",".join(np.format_float_positional(edge, trim="-") for edge in box)
    if not np.isfinite(box).all():
        return f"{text} is not four numbers"
    if x2 < x1 or y2 < y1:
        return f"{text} is inverted: its right or bottom edge comes first"
    if x2 == x1 or y2 == y1:
        return f"{text} has no area"
    if x1 < 0 or y1 < 0 or x2 > width or y2 > height:
        return f"{text} reaches outside the picture of {width}x{height}"
    if max(x2, y2) <= 1 < min(width, height):
        return f"{text} lies within one pixel: give its edges in pixels, not in shares"
    return None


def _annotations(rows, class_names, faults):
    """Replace class names by ids."""
    if class_names is None:
        class_names = sorted({name for row in rows for name in row.names})
    ids = {annotation_files.class_name(name): k for k, name in enumerate(class_names, start=1)}
    if len(ids) < len(class_names):
        raise InputError(f"each class must have its own name; received {list(class_names)}")
    pictures = []
    for row in rows:
        if unknown := set(row.names) - set(ids):
            reason = (
                f"a class must be one of {list(class_names)}; {row.source} has "
                f"{sorted(unknown)[0]!r}: correct it, or name all classes"
            )
            faults.append((row.source, InputError(reason)))
            continue
        labels = np.array([ids[name] for name in row.names], int)
        pictures.append(Picture(row.path, row.boxes, labels, row.difficult, row.source, row.size))
    return Annotations(tuple(class_names), tuple(pictures))
