"""PASCAL VOC's lists of splits, which name the XML files that `voc` reads."""

from pathlib import Path

from keras_cnn.datasets.formats import rows, texts, voc
from keras_cnn.errors import InputError

_FLAGS = ("1", "-1", "0")  # in VOC's list of one class: present, absent, difficult
_LISTS = Path("ImageSets", "Main")


def find(folder: Path) -> dict[str, Path]:
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


def read(listing: Path, faults: rows.Faults) -> rows.Table:
    """Read the XML files of the pictures that a list names, one name without ending per line.

    Args:
        listing: A value of `find`.
        faults: Receives the files that cannot be used.
    """
    folder, table = listing.parents[2], []
    for line in filter(str.strip, texts.text(listing).splitlines()):
        with rows.collecting(faults, listing):
            name, picture = _listed(line.strip(), folder / "JPEGImages", listing)
            path = folder / "Annotations" / f"{name}.xml"
            with rows.collecting(faults, path):
                table.append(voc.row(path, picture))
    return rows.Table(table)


def _listed(line, images, listing):
    """Name and file of a listed picture; in VOC's lists of one class a flag follows the name."""
    *first, last = line.rsplit(maxsplit=1)
    names = [line, *first] if last in _FLAGS else [line]
    for name in names:
        if picture := texts.find_by_stem(name, images):
            return name, picture
    raise InputError(
        f"{listing} names {images / names[-1]}.jpg, which does not exist: add it, or drop its line"
    )


FORMAT = rows.Format("PASCAL VOC", find, read)
