"""COCO: a JSON file of pictures, objects and categories per split."""

import os
from pathlib import Path

from keras_cnn.datasets.formats import coco_sets, rows, texts
from keras_cnn.datasets.reading import class_name
from keras_cnn.errors import InputError


def read(path: Path, faults: rows.Faults) -> rows.Table:
    """Read a JSON file; the classes are in the order of their ids.

    Args:
        path: A value of `coco_sets.find`.
        faults: Receives the entries that cannot be used.
    """
    data = texts.json_of(path)
    for key in ("images", "annotations", "categories"):
        if not (isinstance(data, dict) and isinstance(data.get(key), list)):
            raise InputError(
                f"{path} is not in COCO's layout (images, annotations, categories): it has no list "
                f"{key!r}"
            )
    names = _categories(path, data["categories"])
    objects = _images(path, data["images"])
    used = set()
    for number, entry in enumerate(data["annotations"], start=1):
        source = f"{path}, annotation {number}"
        with rows.collecting(faults, source):
            image, its_object = _annotation(entry, source, names, objects)
            objects[image].append(its_object)
            used.add(its_object.name)
    table, places = [], coco_sets.places(path)
    for image in data["images"]:
        source = f"{path}, image {image['id']}"
        with rows.collecting(faults, source):
            picture = texts.find_picture(image["file_name"], *places)
            if picture is None:
                raise texts.missing(source, os.path.join(places[0], image["file_name"]))
            size = rows.stated_size(image.get("width"), image.get("height"))
            table.append(rows.row(picture, objects[image["id"]], source, size=size))
    # Roboflow writes the name of the set as a category of its own, above the others.
    above = {str(category.get("supercategory")) for category in data["categories"]}
    kept = [name for name in names.values() if name in used or name not in above]
    return rows.Table(table, list(dict.fromkeys(kept)))


def _categories(path, categories):
    """Category id -> class name, in the order of the ids."""
    try:
        categories = sorted(categories, key=lambda category: category["id"])
        names = {category["id"]: class_name(str(category["name"])) for category in categories}
    except (LookupError, TypeError):
        raise InputError(f"{path} must give each of its categories an id and a name") from None
    for name in names.values():
        if not texts.is_text(name):
            raise InputError(f"{path} has the class name {name!a}, which is no text: correct it")
    return names


def _images(path, images):
    """Image id -> an empty list for its objects."""
    objects = {}
    for number, image in enumerate(images, start=1):
        try:
            is_usable = texts.is_text(image["file_name"])
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
    """Return the image's id and the object of an annotation."""
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
    # Tools write VOC's flag beside COCO's own; `convert` does, too.
    flags = [entry.get(flag) in (1, True, "1") for flag in ("difficult", "iscrowd")]
    return entry["image_id"], rows.Object(box, names[entry["category_id"]], *flags)


FORMAT = rows.Format("COCO", coco_sets.find, read)
