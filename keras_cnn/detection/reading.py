"""Reading an annotated set for a training: every picture and every box is checked."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from keras_cnn.datasets import annotations, boxed_division, copies
from keras_cnn.datasets.examination import examine_all
from keras_cnn.datasets.reading import of_options
from keras_cnn.detection.recipe import DetectionRecipe
from keras_cnn.errors import InputError, unusable
from keras_cnn.images.disk import Disk


def annotated(
    folder: Path, recipe: DetectionRecipe, *, cache: Disk | None = None
) -> tuple[dict, dict, list[str]]:
    """Read a set, check all of it, and divide what it does not divide.

    Args:
        folder: Its folder.
        recipe: The choices.
        cache: Where records of the pictures that can be read are kept for the next run.

    Returns:
        Split -> annotations; place -> reason of each box left out; and notes for the report.

    Raises:
        InputError: As in `task.detection_splits`.
    """
    options = {name: getattr(recipe, name) for name in ("rename", "leave_out", "classes")}
    found = annotations.read_set(folder, reading=of_options(folder, **options))
    splits = found.splits
    share = recipe.choices.get("one_list_split")
    if share:
        splits.pop("val", None)
    source, made = ("train", ()) if share else boxed_division.to_make(splits)
    if not splits:
        raise annotations.no_layout(folder)
    if source not in splits:
        raise InputError(
            f"{folder} has no list train; as {found.layout} it has {list(splits)}: add it"
        )
    notes = [found.sentence]
    examined = _refuse_bad(splits, recipe, cache)
    sizes = {path: item.size for path, item in examined.items()}
    splits, skipped = _without_bad_boxes(splits, folder, recipe, sizes)
    groups = np.zeros(0, int)
    if made:
        items = [examined[picture.path] for picture in splits[source].pictures]
        groups = copies.group([i.digest for i in items], copies.stack([i.hash for i in items]))
    options = {"share": recipe.validation_split, "seed": recipe.seed, "group_by": recipe.group_by}
    splits = splits if share else boxed_division.divide(splits, groups, **options)
    if made:
        parts = ", ".join(f"{len(part.pictures)} in {name}" for name, part in splits.items())
        notes.append(f"The set was divided by class, copies on one side: {parts}.")
    if unused := splits["train"].without_objects:
        notes.append(f"Classes without objects in train: {', '.join(unused)}.")
    for name, reason in annotations.small_objects(splits["train"], sizes=sizes).items():
        notes.append(f"Small objects of {name} in train: {reason}.")
    for note in notes:
        print(note)
    return splits, skipped, notes


def _refuse_bad(splits, recipe, cache):
    """Refuse pictures that cannot be read; return path -> its examination."""
    paths = list({picture.path: None for part in splits.values() for picture in part.pictures})
    records = cache.records(paths, kind="examined") if cache else None
    items = examine_all(paths, workers=recipe.workers, records=records)
    examined = dict(zip(paths, items, strict=True))
    bad = {path: item.findings[0][1] for path, item in examined.items() if not item.size}
    if bad:
        way_out = "mend them, or take them out of their list"
        raise unusable(bad, total=len(paths), what="pictures", way_out=way_out)
    return examined


def _without_bad_boxes(splits, folder, recipe, sizes):
    """Return the splits without boxes that cannot be used, and place -> reason of these boxes."""
    good, bad = {}, {}
    for name, part in splits.items():
        good[name], its_bad = annotations.check(
            part, skip_bad_boxes=True, fix_boxes=recipe.fix_boxes, sizes=sizes
        )
        bad |= its_bad
    if not recipe.skip_bad_boxes and bad:
        total = sum(len(picture.boxes) for part in splits.values() for picture in part.pictures)
        way_out = "mend or remove them, or go on without them with --skip-bad-boxes"
        raise unusable(bad, total=total, what="boxes", way_out=way_out)
    for name, part in good.items():
        if not any(len(picture.boxes) for picture in part.pictures):
            raise InputError(f"no box of the list {name} of {folder} can be used: correct them")
    return good, bad


def split_as_listing(pictures: Sequence, share: float) -> tuple[list, list]:
    """Shuffle as the listing does, with NumPy's seed 1, and split off the last pictures.

    Args:
        pictures: At least 2 pictures.
        share: Share of the second list.

    Raises:
        InputError: There is only one picture.
    """
    if len(pictures) < 2:
        raise InputError(f"a list to be split must have 2 pictures; it has {len(pictures)}")
    order = np.random.RandomState(1).permutation(len(pictures))
    number = len(order) - max(1, int(len(order) * share))
    return tuple([pictures[k] for k in rows] for rows in (order[:number], order[number:]))
