"""Read annotation files as text, JSON or XML, and find the pictures that they name."""

import codecs
import itertools
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from keras_cnn.datasets import folders
from keras_cnn.datasets.reading import class_name
from keras_cnn.errors import InputError
from keras_cnn.images import files

ENDINGS = tuple(  # VOC's own first
    f".{ending}"
    for name in dict.fromkeys(("jpg", *files.FORMATS))
    for ending in (name, name.upper())
)
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_FIRST = 20  # files that are looked at before another layout is tried
PICTURE_FOLDERS = ("", "images", "JPEGImages", "Images", "img", "imgs", "pictures")
_DECLARED = re.compile(
    rb"""<\?xml[^>]*?\sencoding\s*=\s*["']([^"'>]+)"""
)  # encoding of an XML file


def text(path: Path, *, is_xml: bool = False) -> str:
    """Return a file's text without the byte order mark of Windows.

    Args:
        path: The file.
        is_xml: Whether it may declare its encoding as XML does.

    Raises:
        InputError: It cannot be read, or is not in its encoding.
    """
    try:
        content = path.read_bytes()
        return content.decode(_encoding(content)) if is_xml else decoded(content)
    except (UnicodeError, LookupError) as error:
        raise InputError(f"cannot read {path}: {error}; save it as UTF-8") from None
    except (OSError, ValueError) as error:  # a folder, a null in the name
        raise InputError(f"cannot read {path}: {error}") from None


def decoded(content: bytes, *, errors: str = "strict") -> str:
    """Return the text of bytes in UTF-8, or in UTF-16 as Excel and Notepad write it.

    Args:
        content: The bytes.
        errors: As in `bytes.decode`.

    Raises:
        UnicodeError: The bytes are in another encoding.
    """
    return content.decode("utf-16" if content.startswith(_UTF16) else "utf-8-sig", errors)


def _encoding(content):
    """Return the encoding of XML. Python knows the Chinese ones, the XML parser does not."""
    if content.startswith(_UTF16):
        return "utf-16"
    declared = _DECLARED.match(content)
    encoding = declared[1].decode("ascii") if declared else "utf-8-sig"
    # .NET declares UTF-16 in files of UTF-8. In real UTF-16 the pattern would not have matched.
    return "utf-8-sig" if encoding.lower().startswith("utf-16") else encoding


def names(path: Path) -> list[str]:
    """Return the class names of a text file, one per line.

    Args:
        path: The file.

    Raises:
        InputError: The file is missing or not UTF-8.
    """
    return [class_name(line) for line in text(path).splitlines() if line.strip()]


def json_of(path: Path) -> Any:
    """Return the content of a JSON file.

    Args:
        path: The file.

    Raises:
        InputError: It cannot be read or parsed.
    """
    try:
        return json.loads(text(path))
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is not JSON, or damaged: {error}") from None


def xml_of(path: Path, *, root: str, what: str) -> ElementTree.Element:
    """Return the root of an XML file.

    Args:
        path: The file.
        root: Name that the root must have.
        what: What such a file is, for the message.

    Raises:
        InputError: The file cannot be parsed, or its root has another name or a namespace.
    """
    try:
        element = ElementTree.fromstring(text(path, is_xml=True))
    except (ElementTree.ParseError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is not {what}, or damaged: {error}") from None
    if element.tag.startswith("{"):
        namespace = element.tag[1:].partition("}")[0]
        raise InputError(f"{path} is not {what}: it has the namespace {namespace!r}; remove xmlns")
    if element.tag != root:
        raise InputError(f"{path} is not {what}: its root must be <{root}>; it is <{element.tag}>")
    return element


def is_text(value: Any) -> bool:
    """Return whether a value is text that can be written; JSON may hold half a character.

    Args:
        value: A value of a JSON file.
    """
    try:
        value.encode("utf-8")
    except (AttributeError, UnicodeEncodeError):
        return False
    return True


def split_of(name: str) -> str | None:
    """Return the split that a folder or file is named after, or None.

    Args:
        name: Its name without its ending, such as "valid", "train2017" or "test_labels".
    """
    words = re.split(r"[^a-z]+", name.lower())
    for split, split_names in folders.SPLIT_NAMES.items():
        if set(words) & set(split_names):
            return "val" if split == "validation" else split
    return None


def split_of_file(path: Path, folder: Path) -> str | None:
    """Return the split that a file, or its folder below a set's folder, is named after, or None.

    Args:
        path: The file.
        folder: The set's folder, whose own name does not count.
    """
    below = path.parent.name if path.parent != folder else ""
    return split_of(path.stem) or split_of(below)


def find_picture(name: str, *places: Path) -> str | None:
    """Return the file of a picture that an annotation names, or None.

    Paths of Windows and of another machine are looked up by their last parts as well, and the case
    of the ending does not count.

    Args:
        name: The name as written.
        *places: Folders to look in, in this order.
    """
    slashed = name.strip().replace("\\", "/")
    if not slashed or "\0" in slashed:
        return None
    parts = slashed.split("/")
    tails = ("/".join(parts[start:]) for start in range(len(parts)))
    for candidate in filter(None, dict.fromkeys((name, *tails))):
        stem, ending = os.path.splitext(candidate)
        for variant in dict.fromkeys((candidate, stem + ending.lower(), stem + ending.upper())):
            for place in places:
                path = os.path.join(place, variant)
                if os.path.isfile(path):
                    return path
    return None


def find_by_stem(stem: str, *places: Path) -> str | None:
    """Return the file of a picture of any format, or None.

    Args:
        stem: Its name without its ending.
        *places: Folders to look in, in this order.
    """
    for place in places:
        for ending in ENDINGS:
            path = os.path.join(place, stem + ending)
            if os.path.isfile(path):
                return path
    return None


def missing(source: object, picture: object) -> InputError:
    """Return the error of a picture that an annotation names and that does not exist.

    Args:
        source: Where it is named.
        picture: Its file.
    """
    return InputError(
        f"{source} names {picture}, which does not exist: add it, or correct the path"
    )


def walk(folder: Path, ending: str) -> Iterator[Path]:
    """Yield the visible files of a folder with an ending, sorted.

    Args:
        folder: The folder.
        ending: Such as ".xml", in any case.
    """
    for root, _, file_names in files.walk_visible(folder):
        for name in sorted(file_names):
            if name.lower().endswith(ending):
                yield Path(root, name)


def find_by_split(
    folder: Path, ending: str, is_one: Callable[[Path], bool]
) -> dict[str, list[Path]]:
    """Find the annotations of a set that has a file per picture, and the split of each.

    Args:
        folder: The set's folder.
        ending: Ending of their names, such as ".xml".
        is_one: Whether a file is an annotation.

    Returns:
        Split that one of a file's folders is named after -> its files. Files below no folder of a
        split are left out if others are below one; if none are, all belong to "all". {} if none of
        the first files is an annotation.

    Raises:
        InputError: A folder cannot be read.
    """
    try:
        has_one = any(map(is_one, itertools.islice(walk(folder, ending), _FIRST)))
    except InputError:  # the check of class folders reports it
        has_one = False
    splits = {}
    for path in walk(folder, ending) if has_one else ():
        parts = path.relative_to(folder).parts[:-1]
        split = next(filter(None, map(split_of, parts)), None)
        splits.setdefault(split, []).append(path)
    if None in splits:
        rest = splits.pop(None)
        splits = splits or {"all": rest}
    return splits


def places(folder: Path) -> list[Path]:
    """Return the folders that may hold the pictures of annotations in a folder.

    Args:
        folder: The folder of the annotations, such as `Annotations`.
    """
    return [base / name for base in (folder, folder.parent) for name in PICTURE_FOLDERS]


def is_root(path: Path, name: str) -> bool:
    """Return whether the first element of an XML file has a name.

    Args:
        path: The file.
        name: The name.
    """
    try:
        content = text(path, is_xml=True)
    except InputError:
        return False
    first = re.search(r"<\s*([^\s<>?!/]+)", content)  # the file may be damaged further on
    return first is not None and first[1].rpartition(":")[2] == name
