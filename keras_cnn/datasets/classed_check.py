"""The part of `check` about class folders: their pictures, and the files that training passes over.

Findings are tuples: the kind, the path relative to the checked folder, the reason.
"""

import os
from collections.abc import Collection
from pathlib import Path

from keras_cnn.datasets import folders
from keras_cnn.errors import InputError
from keras_cnn.i18n import N_
from keras_cnn.images import files

Place = tuple[str, str, str]
Finding = tuple[str, str, str]


def pictures(
    layout: folders.FolderLayout, *, directory: Path, without: Collection[str] = ()
) -> tuple[list[Place], list[Finding]]:
    """Find the pictures of class folders, and what is said about all other files and folders.

    Args:
        layout: The folders.
        directory: The checked folder.
        without: Absolute paths of pictures that are left out.

    Returns:
        (path relative to the folder, folder of its split, class) of each picture; and the
        findings.
    """
    entries, findings = [], []
    for path, reason in layout.ignored.items():
        findings.append(("not used", str(path.relative_to(layout.directory)), reason))
    for path in layout.outputs:
        reason = N_("looks like the output of a training; it is left out")
        findings.append(("output", str(path.relative_to(layout.directory)), reason))
    if layout.splits:
        findings += _beside_classes(directory, "")
    for split in _split_names(layout):
        try:
            classes = folders.class_folders(layout.directory / split)
        except OSError as error:
            findings.append(("unreadable", split or ".", (error.strerror or "").lower()))
            continue
        for folder, label in classes.items() if classes else [(".", ".")]:
            found = _class_folder(directory, os.path.join(split, folder), findings)
            found = [path for path in found if os.path.abspath(directory / path) not in without]
            if not classes:  # a folder of pictures without classes
                found = [path for path in found if os.path.dirname(path) == split]
            if not found and classes:
                reason = N_("has no pictures")
                findings.append(("empty class", os.path.join(split, folder), reason))
            entries += [(path, split, label) for path in found]
        if classes:
            findings += _beside_classes(directory, split)
    return entries, findings


def _split_names(layout):
    """Return the names of the folders of splits; [""] for a folder of class folders."""
    return [folder.name for folder in layout.splits.values()] or [""]


def _class_folder(directory, folder, findings):
    """Return the pictures of a class folder, as training lists them; add findings on the rest."""
    try:
        names = files.pictures_in(directory / folder)
    except (InputError, OSError) as error:
        findings.append(("unreadable", folder, str(error)))
        return []
    for root, folder_names, file_names in os.walk(directory / folder):
        inside = os.path.relpath(root, directory)
        for name in filter(files.is_hidden, folder_names + file_names):
            path = os.path.normpath(os.path.join(inside, name))
            findings.append(("hidden", path, N_("is left out, since it is hidden")))
        for name in file_names:
            if not files.is_hidden(name) and not files.is_picture_name(name):
                reason = N_(f"is left out: its name ends in none of {', '.join(files.FORMATS)}")
                path = os.path.normpath(os.path.join(inside, name))
                findings.append(("no picture", path, reason))
        folder_names[:] = [name for name in folder_names if not files.is_hidden(name)]
    return [os.path.normpath(os.path.join(folder, name)) for name in names]


def _beside_classes(directory, split):
    """Return findings about pictures and hidden files beside class folders or splits."""
    findings = []
    for path in sorted((directory / split).iterdir()):
        inside = os.path.join(split, path.name)
        if files.is_hidden(path.name):
            findings.append(("hidden", inside, N_("is left out, since it is hidden")))
        elif path.is_file() and files.is_picture_name(path.name):
            findings.append(("no picture", inside, N_("lies in no class folder")))
    return findings
