"""Read pictures with boxes: PASCAL VOC folders, lines of text, COCO JSON.

Coordinates are taken as written and count from 0 at the left and top edge of the picture. VOC's own
files count from 1, most tools that write its layout from 0; one pixel does not change a score.
"""

import codecs
import dataclasses
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from keras_cnn.errors import InputError, unusable
from keras_cnn.images import files

CLASSES = tuple(  # of VOC2007 and VOC2012
    "aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike "
    "person pottedplant sheep sofa train tvmonitor".split()
)
_ENDINGS = tuple(  # VOC's own first
    f".{ending}"
    for name in dict.fromkeys(("jpg", *files.FORMATS))
    for ending in (name, name.upper())
)
FLAGS = ("1", "-1", "0")  # in VOC's list of one class: present, absent, difficult
TURNED = (5, 6, 7, 8)  # EXIF orientations that swap width and height
_EDGE = r"-?\d+(?:\.\d*)?"
_DECLARED = re.compile(
    rb"""<\?xml[^>]*?\sencoding\s*=\s*["']([^"'>]+)"""
)  # encoding of an XML file
_LINE_BOX = re.compile(rf"\s({_EDGE}(?:,{_EDGE}){{3}},\d{{1,9}})(?=\s|$)", re.ASCII)


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture's file and its objects.

    Attributes:
        path: The picture's file.
        boxes: Corners in pixels, shape (n, 4).
        labels: Class ids from 1 on, shape (n,).
        difficult: Whether each object may be missed, shape (n,).
        source: The annotation's file, with the line or picture in a file of many pictures.
    """

    path: str
    boxes: np.ndarray
    labels: np.ndarray
    difficult: np.ndarray
    source: str

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
    folder: str | os.PathLike, *, split: str, class_names: Sequence[str] | None = None
) -> Annotations:
    """Read one split of a set, in the layout that its folder has.

    - `ImageSets/Main/<split>.txt`: PASCAL VOC, see `read_voc`;
    - `<split>.json`: COCO, see `read_coco`, with the pictures in `<split>/` or in the folder;
    - `<split>.txt` and `classes.txt`, one class name per line: lines of text, see `read_lines`.

    Args:
        folder: The set's folder.
        split: Name of the split: "train", "val" or "test".
        class_names: Names that the classes must have, in the order of their ids; None accepts any.

    Returns:
        The split.

    Raises:
        InputError: The folder has none of these layouts, a file is missing or cannot be parsed,
            there is no picture, or the classes are not `class_names`.
    """
    folder = Path(folder)
    if (folder / f"{split}.json").is_file():
        listing, images = folder / f"{split}.json", folder / split
        naming = listing
        annotations = read_coco(listing, images=images if images.is_dir() else folder)
    elif (folder / f"{split}.txt").is_file():
        listing, naming = folder / f"{split}.txt", folder / "classes.txt"
        names = [line.strip() for line in _text(naming).splitlines()]
        annotations = read_lines(listing, class_names=list(filter(None, names)))
    else:
        listing = naming = folder / "ImageSets" / "Main" / f"{split}.txt"
        annotations = read_voc(folder, split=split, class_names=class_names)
    if not annotations.pictures:
        raise InputError(f"{listing} lists no picture: add some")
    if class_names is not None and annotations.class_names != tuple(class_names):
        raise InputError(
            f"all splits and the model must have the same classes; {naming} has "
            f"{list(annotations.class_names)} in place of {list(class_names)}: correct it"
        )
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
    listing = folder / "ImageSets" / "Main" / f"{split}.txt"
    if not listing.is_file():
        raise InputError(
            f"the splits of a VOC folder are listed in ImageSets/Main/<split>.txt; {listing} does "
            "not exist: add it, with one picture's name without its ending per line, or give "
            f"{split}.json of COCO's layout, or {split}.txt with a picture and its boxes per line"
        )
    rows = []
    for line in filter(str.strip, _text(listing).splitlines()):
        name, path = _picture(line.strip(), folder / "JPEGImages", listing)
        source = folder / "Annotations" / f"{name}.xml"
        rows.append((path, *_voc_objects(source), str(source)))
    return _annotations(rows, class_names)


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
    pictures = []
    for number, line in enumerate(_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        source = f"{path}, line {number}"
        first = _LINE_BOX.search(line)
        end = first.start() if first else len(line)
        name, boxes = line[:end], line[end:]
        if not_boxes := _LINE_BOX.sub("", boxes).strip():
            raise InputError(
                f"a line must be 'path x1,y1,x2,y2,class …' with numbers; {source} has "
                f"{not_boxes!r}: correct it"
            )
        rows = [box.split(",") for box in _LINE_BOX.findall(boxes)]
        ids = [int(row[4]) for row in rows]
        picture = path.parent / name.strip()
        if not os.path.isfile(picture):
            raise InputError(f"{source} names {picture}, which does not exist: correct the path")
        if ids and max(ids) >= len(class_names):
            raise InputError(
                f"a class must be below the number of classes, {len(class_names)}; {source} has "
                f"{max(ids)}: correct it, or name all classes"
            )
        labels = [class_names[index] for index in ids]
        corners = np.array([row[:4] for row in rows], float).reshape(-1, 4)
        pictures.append((str(picture), corners, labels, np.zeros(len(rows), bool), source))
    return _annotations(pictures, class_names)


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
    text = _text(Path(path))
    try:
        data = json.loads(text)
        categories = sorted(data["categories"], key=lambda category: category["id"])
        names = {category["id"]: str(category["name"]) for category in categories}
        objects = {image["id"]: [] for image in data["images"]}
        for entry in data["annotations"]:
            x, y, width, height = map(float, entry["bbox"])
            box = (x, y, x + width, y + height)
            crowd = bool(entry.get("iscrowd", 0))
            objects[entry["image_id"]].append((box, names[entry["category_id"]], crowd))
        pictures = [(Path(images) / image["file_name"], image["id"]) for image in data["images"]]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{path} is not in COCO's layout (images, annotations, categories): {error!r}"
        ) from None
    rows = []
    for picture, image in pictures:
        if not os.path.isfile(picture):
            raise InputError(f"{path} names {picture}, which does not exist: correct images=")
        corners = np.array([box for box, _, _ in objects[image]], float).reshape(-1, 4)
        difficult = np.array([crowd for _, _, crowd in objects[image]], bool)
        labels = [name for _, name, _ in objects[image]]
        rows.append((str(picture), corners, labels, difficult, f"{path}, image {image}"))
    return _annotations(rows, list(names.values()))


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
        width, height = size(picture.path)
        reasons = [_fault(box, width, height) for box in picture.boxes]
        total += len(reasons)
        for number, reason in enumerate(reasons, start=1):
            if reason:
                name = annotations.class_names[picture.labels[number - 1] - 1]
                bad[f"{picture.source}, object {number} ({name})"] = reason
        good = np.array([not reason for reason in reasons], bool)
        kept = {key: getattr(picture, key)[good] for key in ("boxes", "labels", "difficult")}
        pictures.append(dataclasses.replace(picture, **kept))
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
    try:
        with Image.open(path) as image:
            width, height = image.size
            turned = image.getexif().get(0x0112) in TURNED
    except Exception as error:  # damaged headers make Pillow raise nearly every type there is
        raise InputError(f"cannot open picture {os.fspath(path)!r}: {error}") from None
    return (height, width) if turned else (width, height)


def _fault(box, width, height):
    """The reason why a box cannot be used, or None."""
    x1, y1, x2, y2 = box
    text = ",".join(f"{value:g}" for value in box)
    if not np.isfinite(box).all():
        return f"{text} is not four numbers"
    if x2 < x1 or y2 < y1:
        return f"{text} is inverted: its right or bottom edge comes first"
    if x2 == x1 or y2 == y1:
        return f"{text} has no area"
    if x1 < 0 or y1 < 0 or x2 > width or y2 > height:
        return f"{text} reaches outside the picture of {width}x{height}"
    return None


def _annotations(rows, class_names):
    """Replace class names by ids."""
    if class_names is None:
        class_names = sorted({name for _, _, names, _, _ in rows for name in names})
    ids = {name: number for number, name in enumerate(class_names, start=1)}
    pictures = []
    for path, corners, names, difficult, source in rows:
        if unknown := set(names) - set(ids):
            raise InputError(
                f"a class must be one of {list(class_names)}; {source} has {sorted(unknown)[0]!r}: "
                "correct it, or name all classes"
            )
        labels = np.array([ids[name] for name in names], int)
        pictures.append(Picture(path, corners, labels, difficult, source))
    return Annotations(tuple(class_names), tuple(pictures))


def _voc_objects(path):
    """Boxes (n, 4), class names and difficult flags (n,) of an XML file."""
    try:
        objects = ElementTree.fromstring(_text(path, is_xml=True)).findall("object")
        names = [entry.findtext("name").strip() for entry in objects]
        rows = [
            [float(entry.findtext(f"bndbox/{key}")) for key in ("xmin", "ymin", "xmax", "ymax")]
            for entry in objects
        ]
        difficult = [int(entry.findtext("difficult") or 0) == 1 for entry in objects]
    except (ElementTree.ParseError, AttributeError, TypeError, ValueError) as error:
        raise InputError(f"{path} is not a VOC annotation, or damaged: {error}") from None
    return np.array(rows, float).reshape(-1, 4), names, np.array(difficult, bool)


def _picture(line, images, listing):
    """Name and file of a listed picture; in VOC's lists of one class a flag follows the name."""
    *first, last = line.rsplit(maxsplit=1)
    names = [line, *first] if last in FLAGS else [line]
    for name in names:
        for ending in _ENDINGS:
            path = images / f"{name}{ending}"
            if os.path.isfile(path):
                return name, str(path)
    raise InputError(
        f"{listing} names {images / names[-1]}.jpg, which does not exist: add it, or drop its line"
    )


def _text(path, *, is_xml=False):
    """A file's text without the byte order mark of Windows."""
    try:
        content = path.read_bytes()
        return content.decode(_encoding(content) if is_xml else "utf-8-sig")
    except (UnicodeError, LookupError) as error:
        raise InputError(f"cannot read {path}: {error}; save it as UTF-8") from None
    except (OSError, ValueError) as error:  # a folder, a null in the name
        raise InputError(f"cannot read {path}: {error}") from None


def _encoding(content):
    """The encoding an XML file declares; Python knows the Chinese ones, the XML parser does not."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    declared = _DECLARED.match(content)
    encoding = declared[1].decode("ascii") if declared else "utf-8-sig"
    # .NET declares UTF-16 in files of UTF-8. In real UTF-16 the pattern would not have matched.
    return "utf-8-sig" if encoding.lower().startswith("utf-16") else encoding
