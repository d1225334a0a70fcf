"""What is wrong with a folder of pictures, found before a training finds it out, or hides it."""

import collections
import dataclasses
import hashlib
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from keras_cnn.datasets import annotations
from keras_cnn.errors import InputError
from keras_cnn.images import files

PARTS = ("train", "val", "test")
SIDE = 16  # pixels of the perceptual hash's side
ALIKE = 0.99  # correlation of two hashes from which on they count as one picture
IMBALANCE = 10  # times as many pictures in the largest class as in the smallest
_ROWS = 2048  # hashes compared at once
_ENDINGS = {"JPEG": ("jpg", "jpeg"), "MPO": ("jpg", "jpeg"), "TIFF": ("tif", "tiff")}

# Kind -> whether it is a fault, which spoils a training or its score; the rest is worth knowing.
KINDS = {
    "unreadable": True,
    "leak": True,
    "two labels": True,
    "class missing": True,
    "empty class": True,
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
    """One thing found.

    Attributes:
        kind: One of `KINDS`.
        path: The file or folder, relative to the one that was checked.
        reason: What is wrong with it.
        quarantine: Whether the file is better left out.
    """

    kind: str
    path: str
    reason: str
    quarantine: bool = False

    @property
    def is_fault(self) -> bool:
        """Whether it spoils a training or its score."""
        return KINDS[self.kind]


@dataclasses.dataclass(frozen=True)
class Check:
    """What a folder holds, and what is wrong with it.

    Attributes:
        counts: Part -> class -> number of pictures; the part is "" where the folder has none.
        sizes: "smallest", "median" and "largest" -> (width, height) in pixels, by area.
        findings: In the order of `KINDS`.
    """

    counts: dict[str, dict[str, int]]
    sizes: dict[str, tuple[int, int]]
    findings: tuple[Finding, ...]

    @property
    def quarantine(self) -> list[str]:
        """Files better left out: unreadable ones, and copies of test pictures outside of test."""
        return sorted({found.path for found in self.findings if found.quarantine})


@dataclasses.dataclass(frozen=True)
class _Picture:
    path: str
    part: str
    label: str
    findings: tuple[Finding, ...] = ()
    size: tuple[int, int] | None = None
    digest: bytes = b""
    hash: np.ndarray | None = None


def check(
    directory: str | os.PathLike,
    *,
    workers: int | None = None,
    watch: Callable[[Iterable, int], Iterable] = lambda items, total: items,
) -> Check:
    """Look at every file of a folder; change none.

    Two pictures are near duplicates where their perceptual hashes, 16 x 16 shades of grey less
    their mean, correlate by 0.99: copies saved anew, resized, or changed in brightness are found,
    mirrored and cropped ones are not. A picture of one shade has no hash. Of a folder with boxes
    (see `annotations.read`) the pictures of a part count as one class.

    Args:
        directory: It holds `train`, `val` or `test`, each with a folder per class; or the class
            folders; or parts with boxes.
        workers: Number of threads; by default one per core.
        watch: Takes the pictures' results as they come and their number, and passes them on.

    Returns:
        What was found.

    Raises:
        InputError: The folder is missing or has no pictures.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise InputError(f"pictures are looked for in a folder; {str(directory)!r} is none")
    boxed = {
        part: annotations.read(directory, split=part)
        for part in PARTS
        if annotations.has(directory, part)
    }
    wanted, findings = (_boxed(directory, boxed), []) if boxed else _class_folders(directory)
    if not wanted:
        raise InputError(
            f"{str(directory)!r} must hold pictures in <class>/* or {{train,val,test}}/<class>/*; "
            f"there is none ({', '.join(files.FORMATS)}): check the path"
        )
    with ThreadPoolExecutor(workers or files.cores()) as pool:
        results = pool.map(lambda place: _examine(directory, *place), wanted)
        pictures = list(watch(results, len(wanted)))
    findings += [found for picture in pictures for found in picture.findings]
    good = [picture for picture in pictures if picture.size]
    counts = collections.defaultdict(collections.Counter)
    for picture in pictures:
        counts[picture.part][picture.label] += bool(picture.size)
    findings += _copies(good) + _near_copies(good)
    if boxed:
        findings += _bad_boxes(directory, boxed, readable={picture.path for picture in good})
    else:
        findings += _classes(counts)
    order = list(KINDS)
    findings.sort(key=lambda found: (order.index(found.kind), found.path))
    by_area = sorted((picture.size for picture in good), key=lambda size: size[0] * size[1])
    places = {"smallest": 0, "median": len(good) // 2, "largest": -1} if good else {}
    return Check(
        {part: dict(classes) for part, classes in counts.items()},
        {name: by_area[place] for name, place in places.items()},
        tuple(findings),
    )


def _class_folders(directory):
    """The pictures (path, part, class) of class folders, and what else lies there."""
    parts = [part for part in PARTS if (directory / part).is_dir()] or [""]
    pictures, findings = [], []
    for part in parts:
        before = len(pictures)
        names = sorted(entry.name for entry in (directory / part).iterdir() if entry.is_dir())
        labels = [name for name in names if not name.startswith(".")]
        for path, is_folder in _walk(directory / part, links=True):
            inside, name = str(path.relative_to(directory)), path.name
            label = path.relative_to(directory / part).parts[0] if labels else "."
            if name.startswith("."):
                findings.append(Finding("hidden", inside, "is never looked at"))
            elif is_folder:
                continue
            elif labels and label not in labels:  # beside the class folders a readme is at home
                if files.is_picture_name(name):
                    findings.append(Finding("no picture", inside, "lies in no class folder"))
            elif files.is_picture_name(name):
                pictures.append((inside, part, label))
            else:
                reason = f"is left out: its name ends in none of {', '.join(files.FORMATS)}"
                findings.append(Finding("no picture", inside, reason))
        for label in set(labels) - {label for _, _, label in pictures[before:]}:
            findings.append(Finding("empty class", str(Path(part) / label), "has no pictures"))
    return pictures, findings


def _walk(folder, *, links=False):
    """All files and folders below, hidden folders unopened: (path, whether it is a folder).

    Linked folders are passed over, too, but for those of the classes themselves, as in training.
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


def _boxed(directory, parts):
    """The pictures (path, part, class) of parts with boxes."""
    return [
        (os.path.relpath(picture.path, directory), part, "pictures")
        for part, annotated in parts.items()
        for picture in annotated.pictures
    ]


def _bad_boxes(directory, parts, *, readable):
    findings = []
    for part in parts.values():
        pictures = [p for p in part.pictures if os.path.relpath(p.path, directory) in readable]
        part = dataclasses.replace(part, pictures=tuple(pictures))
        _, bad = annotations.check(part, skip_bad_boxes=True)
        for place, reason in bad.items():
            findings.append(Finding("bad box", os.path.relpath(place, directory), reason))
    return findings


def _examine(directory, path, part, label):
    """Read one picture to its last pixel."""
    pixels, reason = files.judge(directory / path)
    if reason:
        return _Picture(path, part, label, (Finding("unreadable", path, reason, quarantine=True),))
    with open(directory / path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
        file.seek(0)
        with Image.open(file) as image:
            findings = tuple(_oddities(image, path))
    height, width = pixels.shape[:2]
    return _Picture(path, part, label, findings, (width, height), digest, _hash(pixels))


def _oddities(image, path):
    """What a reader does something about that its owner may not expect."""
    ending = Path(path).suffix[1:].lower()
    if ending not in _ENDINGS.get(image.format, (image.format.lower(),)):
        reason = f"holds {image.format}, read by its content"
        yield Finding("wrong extension", path, reason)
    if image.mode in ("CMYK", "LAB"):
        yield Finding("colours", path, f"{image.mode} is turned into RGB")
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
        yield Finding("animation", path, f"only the first of {image.n_frames} frames is read")
    if image.mode.startswith("I;16"):
        yield Finding("16 bits", path, "its 65,536 shades are scaled to 256")
    elif image.mode in ("I", "F"):
        reason = "its shades are cut to whole numbers of 0 to 255: save it with 8 or 16 bits"
        yield Finding("32 bits", path, reason)


def _hash(pixels):
    """Grey shades (256,) less their mean, of length 1; None for a picture of one shade."""
    grey = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA).mean(-1).ravel()
    grey -= grey.mean()
    length = np.linalg.norm(grey)
    return (grey / length).astype(np.float32) if length > SIDE else None  # one grey level each


def _copies(pictures):
    """The same bytes in several places."""
    findings = []
    groups = collections.defaultdict(list)
    for picture in pictures:
        groups[picture.digest].append(picture)
    for group in groups.values():
        kept = max(group, key=lambda picture: PARTS.index(picture.part) if picture.part else 0)
        for picture in group:
            if picture is kept:
                continue
            if picture.path == kept.path:
                reason = f"is listed in {picture.part} and in {kept.part}"
                findings.append(Finding("leak", picture.path, reason))
                continue
            if picture.label != kept.label:
                kind, reason = "two labels", f"is also {kept.path}"
            elif picture.part != kept.part:
                kind, reason = "leak", f"is a copy of {kept.path}"
            else:
                kind, reason = "duplicate", f"is a copy of {kept.path}"
            findings.append(Finding(kind, picture.path, reason, quarantine=kind != "duplicate"))
    return findings


def _near_copies(pictures):
    """Pictures that look the same in different parts."""
    findings = []
    hashed = [picture for picture in pictures if picture.hash is not None]
    parts = [[p for p in hashed if p.part == part] for part in PARTS]
    for number, earlier in enumerate(parts):
        later = [picture for part in parts[number + 1 :] for picture in part]
        if not (earlier and later):
            continue
        theirs = np.stack([picture.hash for picture in later])
        for start in range(0, len(earlier), _ROWS):
            rows = earlier[start : start + _ROWS]
            alike = np.stack([picture.hash for picture in rows]) @ theirs.T
            for row, column in zip(range(len(rows)), alike.argmax(axis=1), strict=True):
                one, other = rows[row], later[column]
                if alike[row, column] >= ALIKE and one.digest != other.digest:
                    reason = f"looks like {other.path} ({alike[row, column]:.3f})"
                    findings.append(Finding("near leak", one.path, reason, quarantine=True))
    return findings


def _classes(counts):
    findings = []
    names = {part: {name for name in found if found[name]} for part, found in counts.items()}
    every = set().union(*names.values())
    for part, found in names.items():
        for name in sorted(every - found):
            where = next(other for other in names if name in names[other])
            findings.append(
                Finding("class missing", str(Path(part) / name), f"is a class of {where} only")
            )
        most = max(found, key=counts[part].get, default=None)
        least = min(found, key=counts[part].get, default=None)
        if most and counts[part][most] >= IMBALANCE * counts[part][least]:
            reason = f"{counts[part][least]} pictures, {most} {counts[part][most]}"
            findings.append(Finding("imbalance", str(Path(part) / least), reason))
    return findings
