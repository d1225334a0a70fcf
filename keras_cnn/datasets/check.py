"""Check a folder of pictures before a training: unreadable files, leaks, copies, classes."""

import collections
import dataclasses
import itertools
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from keras_cnn.box_layouts import LINES
from keras_cnn.datasets import boxed_check, classed_check, copies, division, examination, folders
from keras_cnn.datasets.annotations import Reading
from keras_cnn.errors import InputError
from keras_cnn.i18n import N_
from keras_cnn.images import files

IMBALANCE = 10  # least ratio of the largest class to the smallest that is reported

# Kind -> whether it is a fault, which spoils the training or its score; the others are notes.
KINDS = {
    N_("unreadable"): True,
    N_("leak"): True,
    N_("two labels"): True,
    N_("class missing"): True,
    N_("empty class"): True,
    N_("too few"): True,
    N_("bad annotation"): True,
    N_("bad box"): True,
    N_("near leak"): True,
    N_("32 bits"): True,
    N_("duplicate"): False,
    N_("wrong extension"): False,
    N_("colours"): False,
    N_("animation"): False,
    N_("16 bits"): False,
    N_("imbalance"): False,
    N_("near duplicate"): False,
    N_("small objects"): False,
    N_("no objects"): False,
    N_("listed twice"): False,
    N_("not used"): False,
    N_("output"): False,
    N_("no picture"): False,
    N_("hidden"): False,
}


@dataclasses.dataclass(frozen=True)
class Finding:
    """A fault or a note about a file or a folder.

    Attributes:
        kind: One of `KINDS`.
        path: The file or folder, relative to the checked folder.
        reason: What is wrong with it.
        quarantine: Whether training is better without the file.
    """

    kind: str
    path: str
    reason: str
    quarantine: bool = False

    @property
    def is_fault(self) -> bool:
        """Whether it spoils the training or its score."""
        return KINDS[self.kind]


@dataclasses.dataclass(frozen=True)
class Check:
    """The contents of a folder, and the findings about them.

    Attributes:
        counts: Split -> class -> number of pictures; the split is "" if the folder has none.
        sizes: "smallest", "median" and "largest" -> (width, height) in pixels, by area.
        findings: In the order of `KINDS`.
        layout: A sentence on the layout of pictures with boxes; "" for class folders.
        objects: See `boxed_check.objects`; empty for class folders.
    """

    counts: dict[str, dict[str, int]]
    sizes: dict[str, tuple[int, int]]
    findings: tuple[Finding, ...]
    layout: str = ""
    objects: dict[str, dict] = dataclasses.field(default_factory=dict)

    @property
    def quarantine(self) -> list[str]:
        """Files to leave out: unreadable ones, and copies of test pictures in other splits."""
        return sorted({finding.path for finding in self.findings if finding.quarantine})


@dataclasses.dataclass(frozen=True, slots=True)
class _Entry:
    """A picture to examine: path relative to the checked folder, folder of its split, class."""

    path: str
    split: str
    label: str


@dataclasses.dataclass(frozen=True)
class _Pictures:
    """Readable pictures, n of each; those of a split follow one another."""

    entries: list[_Entry]
    digests: list[bytes]
    hashes: np.ndarray  # float32 (n, 256)

    def of(self, splits):
        rows = [row for row, entry in enumerate(self.entries) if entry.split in splits]
        rows = slice(rows[0], rows[-1] + 1) if rows else slice(0)
        return _Pictures(self.entries[rows], self.digests[rows], self.hashes[rows])


def check(
    directory: str | os.PathLike,
    *,
    workers: int | None = None,
    watch: Callable[[Iterable, int], Iterable] = lambda items, total: items,
    validation_split: float = 0.15,
    seed: int = 0,
    reading: Reading | None = None,
    fix_boxes: bool = False,
    group_by: str | None = None,
) -> Check:
    """Read every file of a folder and report what is wrong; change no file.

    Two pictures are near copies if their perceptual hashes, 16 x 16 centred grey levels, correlate
    by 0.99 or more. This finds copies that were saved again, resized, or changed in brightness, not
    mirrored or cropped ones. A picture of one shade has no hash. In a folder with boxes (see
    `annotations.read`) the pictures of a split count as one class.

    If a training would split the folder itself, the check makes the same split and judges it.

    Args:
        directory: A folder with splits (see `folders.SPLIT_NAMES`), each with a folder per class;
            a folder of class folders; or a folder of pictures with boxes.
        workers: Number of threads; by default one per core.
        watch: Function that receives the iterable of results and their number, and returns the
            iterable, such as a progress bar.
        validation_split: Share of the pictures in a split that training makes, as in `Recipe`.
        seed: Seed of such a split.
        reading: How annotations are read, and which pictures are left out.
        fix_boxes: As in `annotations.check`.
        group_by: As in `boxed_division.divide`.

    Returns:
        The counts, sizes and findings.

    Raises:
        InputError: The folder is missing or has no pictures, or a choice cannot be used.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise InputError(f"pictures must lie in a folder; {str(directory)!r} is none: correct it")
    annotated, faults = boxed_check.read(directory, reading=reading)
    boxed, layout = annotated.splits, folders.read_layout(directory)
    left_out = () if reading is None else reading.without
    if boxed or faults:
        entries = [_Entry(*place, "pictures") for place in boxed_check.pictures(directory, boxed)]
    else:
        _refuse_options_of_boxes(directory, reading, fix_boxes=fix_boxes, group_by=group_by)
        places, faults = classed_check.pictures(layout, directory=directory, without=left_out)
        entries = list(itertools.starmap(_Entry, places))
    findings = list(itertools.starmap(Finding, faults))
    if not entries and not findings:
        raise InputError(
            f"{str(directory)!r} must hold pictures in <class>/* or {{train,val,test}}/<class>/*; "
            f"there is none ({', '.join(files.FORMATS)}); or pictures with boxes in one of these "
            f"layouts:{LINES}"
        )
    paths = (os.path.join(directory, entry.path) for entry in entries)
    results = examination.examine_all(paths, workers=workers)
    counts, sizes = collections.defaultdict(collections.Counter), []
    hashes = np.zeros((len(entries), copies.SIDE**2), np.float32)
    pictures = _Pictures([], [], hashes)
    for entry, examined in zip(entries, watch(results, len(entries)), strict=True):
        counts[entry.split][entry.label] += bool(examined.size)
        for kind, reason in examined.findings:
            findings.append(Finding(kind, entry.path, reason, quarantine=kind == "unreadable"))
        if examined.size:
            hashes[len(sizes)] = 0 if examined.hash is None else examined.hash
            pictures.entries.append(entry)
            pictures.digests.append(examined.digest)
            sizes.append(examined.size)
    split_names = (
        boxed_check.SPLITS if boxed else [folder.name for folder in layout.splits.values()] or [""]
    )
    findings += _copies(pictures, split_names) + _near_copies(pictures, split_names)
    if boxed:
        read = {entry.path: size for entry, size in zip(pictures.entries, sizes, strict=True)}
        boxed, faults = boxed_check.boxes(directory, boxed, sizes=read, fix_boxes=fix_boxes)
        source = pictures.of([boxed_check.to_make(boxed)[0]])
        faults += boxed_check.division(
            boxed,
            source.digests,
            source.hashes,
            share=validation_split,
            seed=seed,
            group_by=group_by,
        )
        findings += itertools.starmap(Finding, faults)
    else:
        findings += _classes(counts)
        findings += _split_by_training(
            pictures, layout, counts, validation_split=validation_split, seed=seed
        )
    order = list(KINDS)
    findings.sort(key=lambda finding: (order.index(finding.kind), finding.path))
    return Check(
        {split: dict(classes) for split, classes in counts.items()},
        _sizes(sizes),
        tuple(findings),
        annotated.sentence if boxed else "",
        boxed_check.objects(boxed),
    )


def _sizes(sizes):
    if not sizes:
        return {}
    by_area = sorted(sizes, key=lambda size: size[0] * size[1])
    return {"smallest": by_area[0], "median": by_area[len(by_area) // 2], "largest": by_area[-1]}


def _refuse_options_of_boxes(directory, reading, *, fix_boxes, group_by):
    given = {
        "--rename": reading and reading.rename,
        "--classes": reading and reading.classes,
        "--fix-boxes": fix_boxes,
        "--group-by": group_by,
    }
    for option, value in given.items():
        if value:
            raise InputError(
                f"{option} is for pictures with boxes; {directory} has none of their layouts: "
                "leave it out"
            )


def _copies(pictures, split_names):
    """Return findings about files with equal bytes."""
    first_entries, groups = {}, {}  # digest -> its first picture; -> all, if there are several
    for entry, digest in zip(pictures.entries, pictures.digests, strict=True):
        first = first_entries.setdefault(digest, entry)
        if entry is not first:
            groups.setdefault(digest, [first]).append(entry)
    findings = []
    for group in groups.values():
        # The copy of the last split stays: test pictures are never left out.
        kept = max(group, key=lambda entry: split_names.index(entry.split))
        for entry in group:
            if entry is kept:
                continue
            if entry.path == kept.path:
                reason = N_(f"is listed in {entry.split} and in {kept.split}")
                findings.append(Finding("leak", entry.path, reason))
                continue
            if entry.label != kept.label:
                kind, reason = "two labels", N_(f"has the same bytes as {kept.path}")
            elif entry.split != kept.split:
                kind, reason = "leak", N_(f"is a copy of {kept.path}")
            else:
                kind, reason = "duplicate", N_(f"is a copy of {kept.path}")
            findings.append(Finding(kind, entry.path, reason, quarantine=kind != "duplicate"))
    return findings


def _near_copies(pictures, split_names):
    """Return findings about pictures of different splits that look the same."""
    findings = []
    for number, split in enumerate(split_names):
        earlier, later = pictures.of([split]), pictures.of(split_names[number + 1 :])
        if not (earlier.entries and later.entries):
            continue
        nearest = {}  # row -> correlation with the nearest picture, and its row
        for i, j, correlations in copies.near_pairs(earlier.hashes, later.hashes):
            for row, other, correlation in zip(i, j, correlations, strict=True):
                nearest[row] = max((float(correlation), other), nearest.get(row, (0.0, 0)))
        for row, (correlation, other) in nearest.items():
            if earlier.digests[row] != later.digests[other]:
                path, alike = earlier.entries[row].path, later.entries[other].path
                reason = N_(f"looks like {alike} (correlation {correlation:.3f})")
                findings.append(Finding("near leak", path, reason, quarantine=True))
    return findings


def _classes(counts):
    """Return findings about classes that a split lacks, and about very unequal classes."""
    findings = []
    present = {
        split: {name for name in classes if classes[name]} for split, classes in counts.items()
    }
    all_names = set().union(*present.values())
    for split, names in present.items():
        for name in sorted(all_names - names):
            other = next(other for other in present if name in present[other])
            path = str(Path(split) / name)
            findings.append(Finding("class missing", path, N_(f"exists in {other} only")))
        largest = max(names, key=counts[split].get, default=None)
        smallest = min(names, key=counts[split].get, default=None)
        if largest and counts[split][largest] >= IMBALANCE * counts[split][smallest]:
            reason = N_(
                f"{counts[split][smallest]:d} pictures, {largest} {counts[split][largest]:d}"
            )
            findings.append(Finding("imbalance", str(Path(split) / smallest), reason))
    return findings


def _split_by_training(pictures, layout, counts, *, validation_split, seed):
    """Return findings about the split that a training would make of this folder."""
    made = [split for split in ("test", "validation") if split not in layout.splits]
    train = layout.splits["train"].name if "train" in layout.splits else ""
    if not made or (layout.splits and not train):
        return []
    findings = []
    for label, count in counts[train].items():
        if 0 < count <= len(made):
            reason = N_(f"has {count} pictures; training needs {len(made) + 1} to split them")
            findings.append(Finding("too few", str(Path(train) / label), reason))
    pictures = pictures.of([train])
    entries, labels = pictures.entries, np.array([entry.label for entry in pictures.entries])
    if findings or len(set(labels)) < 2:
        return findings
    groups = copies.group(pictures.digests, pictures.hashes)
    findings += _near_duplicates(pictures, groups, made)
    left = np.arange(len(entries))
    for split in made:
        try:
            first, second = division.divide(
                labels[left], groups[left], share=validation_split, seed=seed
            )
        except InputError as error:
            return [*findings, Finding("too few", train or ".", str(error))]
        others = {groups[left[index]]: entries[left[index]].path for index in second}
        for index in left[first]:
            if other := others.get(groups[index]):
                reason = N_(f"is a copy of {other}, which training would put into {split}")
                findings.append(Finding("leak", entries[index].path, reason))
        left = left[first]
    return findings


def _near_duplicates(pictures, groups, made):
    """Return findings about near copies that training will keep on one side of its split."""
    firsts, findings = {}, []
    rows = zip(pictures.entries, pictures.digests, groups.tolist(), strict=True)
    for entry, digest, group in rows:
        first, digests = firsts.setdefault(group, (entry, {digest}))
        if digest not in digests:
            digests.add(digest)
            reason = N_(f"looks like {first.path}; both stay out of {made[0]}, or both go there")
            findings.append(Finding("near duplicate", entry.path, reason))
    return findings
