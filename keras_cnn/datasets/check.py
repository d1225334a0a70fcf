"""Check a folder of pictures before a training: unreadable files, leaks, copies, classes."""

import collections
import dataclasses
import hashlib
import itertools
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from keras_cnn.datasets import boxed_check, copies
from keras_cnn.errors import InputError
from keras_cnn.images import files

SPLITS = ("train", "val", "test")
IMBALANCE = 10  # least ratio of the largest class to the smallest that is reported
_EXTENSIONS = {"JPEG": ("jpg", "jpeg"), "MPO": ("jpg", "jpeg"), "TIFF": ("tif", "tiff")}

# Kind -> whether it is a fault, which spoils the training or its score; the others are notes.
KINDS = {
    "unreadable": True,
    "leak": True,
    "two labels": True,
    "class missing": True,
    "empty class": True,
    "bad annotation": True,
    "bad box": True,
    "near leak": True,
    "32 bits": True,
    "duplicate": False,
    "wrong extension": False,
    "colours": False,
    "animation": False,
    "16 bits": False,
    "imbalance": False,
    "no picture": False,
    "hidden": False,
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
    """

    counts: dict[str, dict[str, int]]
    sizes: dict[str, tuple[int, int]]
    findings: tuple[Finding, ...]

    @property
    def quarantine(self) -> list[str]:
        """Files to leave out: unreadable ones, and copies of test pictures in other splits."""
        return sorted({finding.path for finding in self.findings if finding.quarantine})


@dataclasses.dataclass(frozen=True)
class _ExaminedPicture:
    path: str
    split: str
    label: str
    findings: tuple[Finding, ...] = ()
    size: tuple[int, int] | None = None  # width, height; None if it cannot be read
    digest: bytes = b""
    hash: np.ndarray | None = None


def check(
    directory: str | os.PathLike,
    *,
    workers: int | None = None,
    watch: Callable[[Iterable, int], Iterable] = lambda items, total: items,
) -> Check:
    """Read every file of a folder and report what is wrong; change no file.

    Two pictures are near copies if their perceptual hashes, 16 x 16 centred grey levels, correlate
    by 0.99 or more. This finds copies that were saved again, resized, or changed in brightness, not
    mirrored or cropped ones. A picture of one shade has no hash. In a folder with boxes (see
    `annotations.read`) the pictures of a split count as one class.

    Args:
        directory: A folder with `train`, `val` or `test`, each with a folder per class; a folder of
            class folders; or a folder of pictures with boxes.
        workers: Number of threads; by default one per core.
        watch: Function that receives the iterable of results and their number, and returns the
            iterable, such as a progress bar.

    Returns:
        The counts, sizes and findings.

    Raises:
        InputError: The folder is missing or has no pictures.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise InputError(f"pictures must lie in a folder; {str(directory)!r} is none: correct it")
    boxed, faults = boxed_check.read(directory)
    if boxed:
        entries = [(*place, "pictures") for place in boxed_check.pictures(directory, boxed)]
        findings = list(itertools.starmap(Finding, faults))
    else:
        entries, findings = _class_folders(directory)
    if not entries and not findings:
        raise InputError(
            f"{str(directory)!r} must hold pictures in <class>/* or {{train,val,test}}/<class>/*; "
            f"there is none ({', '.join(files.FORMATS)}): check the path"
        )
    with ThreadPoolExecutor(workers or files.cores()) as pool:
        results = pool.map(lambda entry: _examine(directory, *entry), entries)
        pictures = list(watch(results, len(entries)))
    findings += [finding for picture in pictures for finding in picture.findings]
    readable = [picture for picture in pictures if picture.size]
    counts = collections.defaultdict(collections.Counter)
    for picture in pictures:
        counts[picture.split][picture.label] += bool(picture.size)
    findings += _copies(readable) + _near_copies(readable)
    if boxed:
        paths = {picture.path for picture in readable}
        faults = boxed_check.bad_boxes(directory, boxed, readable=paths)
        findings += itertools.starmap(Finding, faults)
    else:
        findings += _classes(counts)
    order = list(KINDS)
    findings.sort(key=lambda finding: (order.index(finding.kind), finding.path))
    return Check(
        {split: dict(classes) for split, classes in counts.items()},
        _sizes(readable),
        tuple(findings),
    )


def _sizes(pictures):
    if not pictures:
        return {}
    by_area = sorted((picture.size for picture in pictures), key=lambda size: size[0] * size[1])
    return {"smallest": by_area[0], "median": by_area[len(by_area) // 2], "largest": by_area[-1]}


def _class_folders(directory):
    """Return the pictures (path, split, class) of class folders, and findings about other files."""
    splits = [split for split in SPLITS if (directory / split).is_dir()] or [""]
    pictures, findings = [], []
    for split in splits:
        before = len(pictures)
        names = sorted(entry.name for entry in (directory / split).iterdir() if entry.is_dir())
        labels = [name for name in names if not name.startswith(".")]
        for path, is_folder in _walk(directory / split, links=True):
            inside, name = str(path.relative_to(directory)), path.name
            label = path.relative_to(directory / split).parts[0] if labels else "."
            if name.startswith("."):
                findings.append(Finding("hidden", inside, "is left out, since it is hidden"))
            elif is_folder:
                continue
            elif labels and label not in labels:  # beside class folders, a readme is no mistake
                if files.is_picture_name(name):
                    findings.append(Finding("no picture", inside, "lies in no class folder"))
            elif files.is_picture_name(name):
                pictures.append((inside, split, label))
            else:
                reason = f"is left out: its name ends in none of {', '.join(files.FORMATS)}"
                findings.append(Finding("no picture", inside, reason))
        for label in set(labels) - {label for _, _, label in pictures[before:]}:
            findings.append(Finding("empty class", str(Path(split) / label), "has no pictures"))
    return pictures, findings


def _walk(folder, *, links=False):
    """Yield all files and folders below: (path, whether it is a folder); open no hidden folder.

    As in training, links to folders are not followed, except class folders that are links.
    """
    for root, folders, names in os.walk(folder):
        for name in folders:
            yield Path(root, name), True
        for name in sorted(names):
            yield Path(root, name), False
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if links and Path(root) == folder:
            for name in folders:
                if os.path.islink(os.path.join(root, name)):
                    yield from _walk(folder / name)


def _examine(directory, path, split, label):
    """Read a picture to its last pixel."""
    pixels, reason = files.judge(directory / path)
    if reason:
        unreadable = Finding("unreadable", path, reason, quarantine=True)
        return _ExaminedPicture(path, split, label, (unreadable,))
    with open(directory / path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
        file.seek(0)
        with Image.open(file) as image:
            findings = tuple(_conversions(image, path))
    height, width = pixels.shape[:2]
    hash = copies.perceptual_hash(pixels)
    return _ExaminedPicture(path, split, label, findings, (width, height), digest, hash)


def _conversions(image, path):
    """Yield findings about conversions by the reader that the owner may not expect."""
    extension = Path(path).suffix[1:].lower()
    if extension not in _EXTENSIONS.get(image.format, (image.format.lower(),)):
        yield Finding("wrong extension", path, f"holds {image.format}, and is read as such")
    if image.mode in ("CMYK", "LAB"):
        yield Finding("colours", path, f"{image.mode} is converted to RGB")
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
        yield Finding("animation", path, f"only the first of {image.n_frames} frames is read")
    if image.mode.startswith("I;16"):
        yield Finding("16 bits", path, "its 65,536 shades are scaled to 256")
    elif image.mode in ("I", "F"):
        reason = "its shades are cut to whole numbers of 0 to 255: save it with 8 or 16 bits"
        yield Finding("32 bits", path, reason)


def _copies(pictures):
    """Return findings about files with equal bytes."""
    findings = []
    for indices in copies.groups_of_equal_files([picture.digest for picture in pictures]):
        group = [pictures[index] for index in indices]
        # The copy of the last split stays: test pictures are never left out.
        kept = max(group, key=lambda picture: SPLITS.index(picture.split) if picture.split else 0)
        for picture in group:
            if picture is kept:
                continue
            if picture.path == kept.path:
                reason = f"is listed in {picture.split} and in {kept.split}"
                findings.append(Finding("leak", picture.path, reason))
                continue
            if picture.label != kept.label:
                kind, reason = "two labels", f"has the same bytes as {kept.path}"
            elif picture.split != kept.split:
                kind, reason = "leak", f"is a copy of {kept.path}"
            else:
                kind, reason = "duplicate", f"is a copy of {kept.path}"
            findings.append(Finding(kind, picture.path, reason, quarantine=kind != "duplicate"))
    return findings


def _near_copies(pictures):
    """Return findings about pictures of different splits that look the same."""
    findings = []
    hashed = [picture for picture in pictures if picture.hash is not None]
    by_split = [[picture for picture in hashed if picture.split == split] for split in SPLITS]
    for number, earlier in enumerate(by_split):
        later = [picture for split in by_split[number + 1 :] for picture in split]
        if not (earlier and later):
            continue
        hashes, later_hashes = (
            np.stack([picture.hash for picture in split]) for split in (earlier, later)
        )
        for row, column, correlation in copies.nearest(hashes, later_hashes):
            picture, other = earlier[row], later[column]
            if picture.digest != other.digest:
                reason = f"looks like {other.path} (correlation {correlation:.3f})"
                findings.append(Finding("near leak", picture.path, reason, quarantine=True))
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
            findings.append(Finding("class missing", path, f"exists in {other} only"))
        largest = max(names, key=counts[split].get, default=None)
        smallest = min(names, key=counts[split].get, default=None)
        if largest and counts[split][largest] >= IMBALANCE * counts[split][smallest]:
            reason = f"{counts[split][smallest]} pictures, {largest} {counts[split][largest]}"
            findings.append(Finding("imbalance", str(Path(split) / smallest), reason))
    return findings
