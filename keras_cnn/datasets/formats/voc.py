"""PASCAL VOC: an XML file per picture, with lists of the splits or without.

Coordinates are taken as written and count from 0 at the left and top edge of the picture. VOC's own
files count from 1, most tools that write its layout from 0; one pixel does not change a score.
"""

import functools
from pathlib import Path

from keras_cnn.datasets.formats import rows, texts
from keras_cnn.errors import InputError

FLAGS = ("1", "-1", "0")  # in VOC's list of one class: present, absent, difficult
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_LISTS = Path("ImageSets", "Main")


def find_lists(folder: Path) -> dict[str, Path]:
    """Return the lists of the splits.

    Args:
        folder: The set's folder.
    """
    lists = {split: folder / _LISTS / f"{split}.txt" for split in ("train", "val", "test")}
    found = {split: path for split, path in lists.items() if path.is_file()}
    whole = folder / _LISTS / "trainval.txt"
    if "train" not in found and whole.is_file():
        found = {"train": whole} | found
    return found


def read_list(listing: Path, faults: rows.Faults) -> rows.Table:
    """Read the XML files of the pictures that a list names, one name without ending per line.

    Args:
        listing: A value of `find_lists`.
        faults: Receives the files that cannot be used.
    """
    folder, table = listing.parents[2], []
    for line in filter(str.strip, texts.text(listing).splitlines()):
        source = listing
        try:
            name, picture = _listed(line.strip(), folder / "JPEGImages", listing)
            source = folder / "Annotations" / f"{name}.xml"
            table.append(_row(source, lambda _, picture=picture: picture))
        except InputError as error:
            faults.append((str(source), error))
    return rows.Table(table)


def _listed(line, images, listing):
    """Name and file of a listed picture; in VOC's lists of one class a flag follows the name."""
    *first, last = line.rsplit(maxsplit=1)
    names = [line, *first] if last in FLAGS else [line]
    for name in names:
        if picture := texts.find_by_stem(name, images):
            return name, picture
    raise InputError(
        f"{listing} names {images / names[-1]}.jpg, which does not exist: add it, or drop its line"
    )


def find_files(folder: Path) -> dict[str, list[Path]]:
    """Return the XML files of a folder: beside their pictures, or in `Annotations`.

    Args:
        folder: The set's folder.
    """
    return texts.find_by_split(folder, ".xml", lambda path: texts.is_root(path, "annotation"))


def read_files(paths: list[Path], faults: rows.Faults) -> rows.Table:
    """Read XML files and find the picture of each.

    Args:
        paths: A value of `find_files`.
        faults: Receives the files that cannot be used.
    """
    table = []
    for path in paths:
        try:
            table.append(_row(path, functools.partial(_beside, path)))
        except InputError as error:
            faults.append((str(path), error))
    return rows.Table(table)


def _beside(path, root):
    """The picture of an XML file: of its own name, or the one that it names."""
    places = texts.places(path.parent)
    name = root.findtext("filename", "")
    picture = texts.find_by_stem(path.stem, *places) or texts.find_picture(name, *places)
    if not picture:
        raise texts.missing(path, name.strip() or f"{path.stem}.jpg")
    return picture


def _row(path, find_picture):
    root = texts.xml_of(path, root="annotation", what="a VOC annotation")
    for element in root:
        is_misspelt = element.tag.lower() == "object" or element.find(".//bndbox") is not None
        if element.tag != "object" and is_misspelt:
            raise InputError(
                f"{path} must name its objects <object>; it has <{element.tag}>: rename it"
            )
    objects = []
    for number, element in enumerate(root.findall("object"), start=1):
        source = f"{path}, object {number}"
        box = [_number(element, f"bndbox/{corner}", source) for corner in _CORNERS]
        flag = (element.findtext("difficult") or "").strip()
        difficult = bool(flag) and _number(element, "difficult", source) == 1
        crowd = (element.findtext("iscrowd") or "").strip() == "1"  # as `convert` writes it
        objects.append(rows.Object(box, element.findtext("name") or "", difficult, crowd))
    size = rows.stated_size(root.findtext("size/width"), root.findtext("size/height"))
    return rows.row(find_picture(root), objects, path, size=size)


def _number(element, path, source):
    return rows.number(element.findtext(path), of=f"<{path.rpartition('/')[2]}>", source=source)


LISTED = rows.Format("PASCAL VOC", find_lists, read_list)
LOOSE = rows.Format("PASCAL VOC without lists (labelImg)", find_files, read_files)
