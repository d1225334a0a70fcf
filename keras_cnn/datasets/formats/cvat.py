"""CVAT for images 1.1: one XML file of all pictures."""

from pathlib import Path

from keras_cnn.datasets.formats import rows, texts
from keras_cnn.datasets.reading import class_name
from keras_cnn.errors import InputError

_EDGES = {"box": ("xtl", "ytl", "xbr", "ybr"), "mask": ("left", "top", "width", "height")}
_POINTS = ("polygon", "polyline", "points")


def find(folder: Path) -> dict[str, tuple[Path, str]]:
    """Return the file and the split of each part; a picture's `subset` names its split.

    Args:
        folder: The set's folder.
    """
    for path in sorted(folder.glob("*.xml")):
        if texts.is_root(path, "annotations"):
            try:
                root = texts.xml_of(path, root="annotations", what="a CVAT file")
            except InputError:  # `read` tells it
                return {rows.ALL: (path, rows.ALL)}
            return {
                split: (path, split) for split in dict.fromkeys(map(_split, root.iter("image")))
            }
    return {}


def _split(image):
    return texts.split_of(image.get("subset", "")) or rows.ALL


def read(part: tuple[Path, str], faults: rows.Faults) -> rows.Table:
    """Read the pictures of a split; polygons, ellipses and masks count as the boxes around them.

    Args:
        part: A value of `find`.
        faults: Receives the pictures that cannot be used.
    """
    path, split = part
    root, table = texts.xml_of(path, root="annotations", what="a CVAT file"), []
    if root.find("track") is not None:
        raise InputError(
            f"{path} must be of the format 'CVAT for images 1.1'; it has tracks of a video: export "
            "it again in this format"
        )
    for number, image in enumerate(root.iter("image"), start=1):
        if _split(image) != split:
            continue
        source = f"{path}, image {image.get('name') or number}"
        with rows.collecting(faults, source):
            table.append(_row(image, path.parent, source))
    names = [label.findtext("name", "") for label in root.iterfind("meta//label")]
    return rows.Table(table, list(dict.fromkeys(map(class_name, names))) or None)


def _row(image, folder, source):
    name = image.get("name") or ""
    subset = image.get("subset") or ""
    inner = (folder / "images" / subset, folder / subset)
    picture = texts.find_picture(name, *texts.places(folder), *inner)
    if picture is None:
        raise texts.missing(source, folder / name)
    objects = []
    for element in image:
        if element.get("label") is not None and element.tag != "tag":
            objects.append(_object(element, f"{source}, object {len(objects) + 1}"))
    size = rows.stated_size(image.get("width"), image.get("height"))
    return rows.row(picture, objects, source, size=size)


def _object(element, source):
    def value(key):
        return rows.number(element.get(key), of=key, source=source)

    if element.tag in _POINTS:
        points = [point.split(",") for point in element.get("points", "").split(";")]
        box = rows.around(points, source=source)
    elif element.tag == "ellipse":
        x, y, rx, ry = map(value, ("cx", "cy", "rx", "ry"))
        box = (x - rx, y - ry, x + rx, y + ry)
    elif element.tag in _EDGES:
        box = [value(key) for key in _EDGES[element.tag]]
        if element.tag == "mask":
            box = [box[0], box[1], box[0] + box[2], box[1] + box[3]]
    else:
        raise InputError(
            f"{source} must be a box, polygon, ellipse or mask; it is a {element.tag}: remove it"
        )
    return rows.Object(tuple(box), element.get("label"))


FORMAT = rows.Format("CVAT for images 1.1", find, read)
