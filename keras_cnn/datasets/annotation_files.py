"""Parse files of annotations: PASCAL VOC's XML, lines of text, COCO's JSON.

Each reader returns a row per picture. It appends the source and the reason of each annotation that
cannot be used to a list of faults, so that one reading finds all of them.
"""

import codecs
import json
import os
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np

from keras_cnn.errors import InputError
from keras_cnn.images import files

_ENDINGS = tuple(  # VOC's own first
    f".{ending}"
    for name in dict.fromkeys(("jpg", *files.FORMATS))
    for ending in (name, name.upper())
)
FLAGS = ("1", "-1", "0")  # in VOC's list of one class: present, absent, difficult
CORNERS = ("xmin", "ymin", "xmax", "ymax")
_EDGE = r"-?\d+(?:\.\d*)?"
_DECLARED = re.compile(
    rb"""<\?xml[^>]*?\sencoding\s*=\s*["']([^"'>]+)"""
)  # encoding of an XML file
_LINE_BOX = re.compile(rf"\s({_EDGE}(?:,{_EDGE}){{3}},\d{{1,9}})(?=\s|$)", re.ASCII)

Faults = list[tuple[str, InputError]]  # where an annotation stands, and why it cannot be used


class Row(NamedTuple):
    """The annotation of one picture."""

    path: str  # the picture's file
    boxes: np.ndarray  # corners in pixels, (n, 4)
    names: list[str]  # class names, (n,)
    difficult: np.ndarray  # whether each object may be missed, (n,)
    source: str  # the annotation's file, with the line or picture in a file of many
    size: tuple[int, int] | None = None  # width and height that the annotation states


def class_name(text: str) -> str:
    """Return a class name without outer blanks, its accents composed (NFC) as on most systems.

    Args:
        text: The name as written.
    """
    return unicodedata.normalize("NFC", text.strip())


def read_names(path: Path) -> list[str]:
    """Read the class names of a text file, one per line.

    Args:
        path: The file.

    Raises:
        InputError: The file is missing or not UTF-8.
    """
    return [class_name(line) for line in _text(path).splitlines() if line.strip()]


def voc(listing: Path, *, folder: Path, faults: Faults) -> list[Row]:
    """Read the XML files of a VOC folder.

    Args:
        listing: The split's file, one picture's name per line.
        folder: It holds `Annotations/*.xml` and `JPEGImages/`.
        faults: Receives the files that cannot be used.

    Returns:
        A row per line.

    Raises:
        InputError: The list is missing or not UTF-8.
    """
    rows = []
    for line in filter(str.strip, _text(listing).splitlines()):
        source = listing
        try:
            name, picture = _picture(line.strip(), folder / "JPEGImages", listing)
            source = folder / "Annotations" / f"{name}.xml"
            rows.append(_voc_row(source, picture))
        except InputError as error:
            faults.append((str(source), error))
    return rows


def _voc_row(path, picture):
    try:
        root = ElementTree.fromstring(_text(path, is_xml=True))
    except (ElementTree.ParseError, ValueError) as error:
        raise InputError(f"{path} is not a VOC annotation, or damaged: {error}") from None
    if root.tag.startswith("{"):
        namespace = root.tag[1:].partition("}")[0]
        raise InputError(
            f"{path} is not a VOC annotation: it has the namespace {namespace!r}; remove xmlns"
        )
    if root.tag != "annotation":
        raise InputError(
            f"{path} is not a VOC annotation: its root must be <annotation>; it is <{root.tag}>"
        )
    for element in root:
        is_misspelt = element.tag.lower() == "object" or element.find(".//bndbox") is not None
        if element.tag != "object" and is_misspelt:
            raise InputError(
                f"{path} must name its objects <object>; it has <{element.tag}>: rename it"
            )
    boxes, names, difficult = [], [], []
    for number, element in enumerate(root.findall("object"), start=1):
        source = f"{path}, object {number}"
        name = class_name(element.findtext("name") or "")
        if not name:
            raise InputError(f"{source} has no class: write it into <name>")
        boxes.append([_number(element, f"bndbox/{corner}", source) for corner in CORNERS])
        names.append(name)
        is_difficult = (element.findtext("difficult") or "").strip()
        difficult.append(bool(is_difficult) and _number(element, "difficult", source) == 1)
    boxes = np.array(boxes, float).reshape(-1, 4)
    stated = tuple(root.findtext(f"size/{side}", "") for side in ("width", "height"))
    return Row(picture, boxes, names, np.array(difficult, bool), str(path), _stated_size(stated))


def _number(element, path, source):
    """The number in an XML element below an object."""
    text = element.findtext(path)
    try:
        return float(text)
    except (TypeError, ValueError):
        has = "none" if text is None else repr(text)
        name = path.rpartition("/")[2]
        raise InputError(f"{source} must have a number in <{name}>; it has {has}") from None


def _stated_size(sides):
    """Width and height as whole numbers; None for sizes that tools leave empty or 0."""
    try:
        width, height = (int(float(side)) for side in sides)
    except (TypeError, ValueError, OverflowError):
        return None
    return (width, height) if width > 0 and height > 0 else None


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


def lines(path: Path, *, class_names: Sequence[str], faults: Faults) -> list[Row]:
    """Read a text file of one picture per line: ``path x1,y1,x2,y2,class x1,y1,x2,y2,class …``.

    Args:
        path: The file. Paths of pictures are relative to its folder and may hold spaces.
        class_names: Names of the classes; class 0 of a line is the first.
        faults: Receives the lines that cannot be used.

    Returns:
        A row per line.

    Raises:
        InputError: The file is missing or not UTF-8.
    """
    rows = []
    for number, line in enumerate(_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        source = f"{path}, line {number}"
        try:
            rows.append(_line_row(line, path.parent, source, class_names))
        except InputError as error:
            faults.append((source, error))
    return rows


def _line_row(line, folder, source, class_names):
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
    picture = folder / name.strip()
    if not os.path.isfile(picture):
        raise InputError(f"{source} names {picture}, which does not exist: correct the path")
    if ids and max(ids) >= len(class_names):
        raise InputError(
            f"a class must be below the number of classes, {len(class_names)}; {source} has "
            f"{max(ids)}: correct it, or name all classes"
        )
    corners = np.array([row[:4] for row in rows], float).reshape(-1, 4)
    names = [class_names[index] for index in ids]
    return Row(str(picture), corners, names, np.zeros(len(rows), bool), source)


def coco(path: Path, *, images: Path, faults: Faults) -> tuple[list[str], list[Row]]:
    """Read a JSON file in COCO's layout; crowds count as difficult.

    Args:
        path: The file.
        images: Folder of the pictures.
        faults: Receives the entries that cannot be used.

    Returns:
        The class names in the order of their ids, and a row per image.

    Raises:
        InputError: The file is missing or not in COCO's layout.
    """
    try:
        data = json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON, or damaged: {error}") from None
    for key in ("images", "annotations", "categories"):
        if not (isinstance(data, dict) and isinstance(data.get(key), list)):
            raise InputError(
                f"{path} is not in COCO's layout (images, annotations, categories): it has no list "
                f"{key!r}"
            )
    names = _categories(path, data["categories"])
    objects = _images(path, data["images"])
    for number, entry in enumerate(data["annotations"], start=1):
        source = f"{path}, annotation {number}"
        try:
            image, its_object = _annotation(entry, source, names, objects)
            objects[image].append(its_object)
        except InputError as error:
            faults.append((source, error))
    rows = []
    for image in data["images"]:
        source, picture = f"{path}, image {image['id']}", images / image["file_name"]
        if not os.path.isfile(picture):
            reason = f"{source} names {picture}, which does not exist: add it, or correct file_name"
            faults.append((source, InputError(reason)))
            continue
        its_objects = objects[image["id"]]
        boxes = np.array([box for box, _, _ in its_objects], float).reshape(-1, 4)
        crowds = np.array([is_crowd for _, _, is_crowd in its_objects], bool)
        size = _stated_size((image.get("width"), image.get("height")))
        rows.append(
            Row(str(picture), boxes, [name for _, name, _ in its_objects], crowds, source, size)
        )
    return list(names.values()), rows


def _categories(path, categories):
    """Category id -> class name, in the order of the ids."""
    try:
        categories = sorted(categories, key=lambda category: category["id"])
        names = {category["id"]: class_name(str(category["name"])) for category in categories}
    except (LookupError, TypeError):
        raise InputError(f"{path} must give each of its categories an id and a name") from None
    for name in names.values():
        if not name or not _is_utf8(name):
            raise InputError(f"{path} has the class name {name!a}, which is no text: correct it")
    return names


def _is_utf8(text):
    """Whether a text can be written; JSON's escapes may stand for half a character."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _images(path, images):
    """Image id -> an empty list for its objects."""
    objects = {}
    for number, image in enumerate(images, start=1):
        try:
            is_usable = isinstance(image["file_name"], str) and _is_utf8(image["file_name"])
            is_known = image["id"] in objects
        except (LookupError, TypeError):
            is_usable = False
        if not is_usable:
            raise InputError(
                f"{path} must give each image an id and a file_name; see its image {number}"
            )
        if is_known:
            raise InputError(f"{path} must give each image its own id; two have {image['id']!r}")
        objects[image["id"]] = []
    return objects


def _annotation(entry, source, names, objects):
    """The image's id, and box, class name and crowd flag of an object."""
    try:
        x, y, width, height = map(float, entry["bbox"])
    except (LookupError, TypeError, ValueError, OverflowError):
        raise InputError(f"{source} must have a bbox of four numbers: correct it") from None
    for key, known in (("image_id", objects), ("category_id", names)):
        try:
            is_known = entry[key] in known
        except (LookupError, TypeError):
            is_known = False
        if not is_known:
            raise InputError(f"{source} must have the {key} of an entry in its file; correct it")
    box = (x, y, x + width, y + height)
    return entry["image_id"], (box, names[entry["category_id"]], bool(entry.get("iscrowd", 0)))


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
