"""PASCAL VOC: an XML file per picture, as labelImg writes it; `voc_lists` has the lists.

Coordinates are taken as written and count from 0 at the left and top edge of the picture. VOC's own
files count from 1, most tools that write its layout from 0; one pixel does not change a score.
"""

from pathlib import Path

from keras_cnn.datasets.formats import rows, texts
from keras_cnn.errors import InputError

_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def find(folder: Path) -> dict[str, list[Path]]:
    """Return the XML files of a folder: beside their pictures, or in `Annotations`.

    Args:
        folder: The set's folder.
    """
    return texts.find_by_split(folder, ".xml", lambda path: texts.is_root(path, "annotation"))


def read(paths: list[Path], faults: rows.Faults) -> rows.Table:
    """Read XML files and find the picture of each.

    Args:
        paths: A value of `find`.
        faults: Receives the files that cannot be used.
    """
    table = []
    for path in paths:
        with rows.collecting(faults, path):
            table.append(row(path))
    return rows.Table(table)


def _beside(path, root):
    """Return the picture of an XML file: of its own name, or the one that it names."""
    places = texts.places(path.parent)
    name = root.findtext("filename", "")
    picture = texts.find_by_stem(path.stem, *places) or texts.find_picture(name, *places)
    if not picture:
        raise texts.missing(path, name.strip() or f"{path.stem}.jpg")
    return picture


def row(path: Path, picture: str | None = None) -> rows.Row:
    """Read an XML file.

    Args:
        path: The file.
        picture: The picture's file; None takes the one beside the XML file.

    Raises:
        InputError: The file is damaged, or there is no picture beside it.
    """
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
    return rows.row(picture or _beside(path, root), objects, path, size=size)


def _number(element, path, source):
    return rows.number(element.findtext(path), of=f"<{path.rpartition('/')[2]}>", source=source)


FORMAT = rows.Format("PASCAL VOC without lists (labelImg)", find, read)
