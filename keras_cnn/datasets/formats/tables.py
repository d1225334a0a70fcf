"""CSV: an object per line, with a header, or without one as keras-retinanet's."""

from pathlib import Path

from keras_cnn.datasets.formats import delimited, rows, texts


def find(folder: Path) -> dict[str, Path]:
    """Return the table of each split.

    Args:
        folder: The set's folder.
    """
    paths, splits = [*sorted(folder.glob("*.csv")), *sorted(folder.glob("*/*.csv"))], {}
    for path in filter(delimited.has_boxes, paths):
        split = texts.split_of_file(path, folder)
        splits.setdefault(split or rows.ALL, path)
    return {key: path for key, path in splits.items() if key != rows.ALL or len(splits) == 1}


def read(path: Path, faults: rows.Faults) -> rows.Table:
    """Read a table; lines of one picture follow one another or not.

    Args:
        path: A value of `find`.
        faults: Receives the lines that cannot be used.
    """
    places = [*texts.places(path.parent), *(path.parent / name for name in ("train", "test"))]
    places += [path.parent / path.stem, path.parent / "images" / path.stem]
    objects, sizes = {}, {}
    for source, cells in delimited.objects(path, faults):
        with rows.collecting(faults, source):
            name = cells["path"]
            picture = texts.find_picture(name, *places) or texts.find_by_stem(name, *places)
            if picture is None:
                raise texts.missing(source, path.parent / name)
            its_objects = objects.setdefault(picture, [])
            sizes[picture] = rows.stated_size(*(cells.get(side) for side in ("width", "height")))
            if any(map(cells.get, (*delimited.EDGES, "class"))):  # else it has no objects
                box = [_edge(cells[key], key, source) for key in delimited.EDGES]
                its_objects.append(rows.Object(tuple(box), cells["class"]))
    return rows.Table(
        [rows.row(p, its, f"{path}, {p}", size=sizes[p]) for p, its in objects.items()]
    )


def _edge(text, key, source):
    """Return the number of a cell; "nan" is an empty cell, as pandas writes it."""
    return rows.number("" if text.strip().lower() == "nan" else text, of=key, source=source)


FORMAT = rows.Format("CSV", find, read)
