"""The card inside a saved model: class names, preparation of pictures, scores, versions.

`model.keras` is a zip archive; Keras ignores the additional entry `card.json`. The entry holds the
fields of `Card` and no code, so reading it is safe.
"""

import contextlib
import copy
import dataclasses
import json
import math
import os
import shutil
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_cnn.errors import InputError
from keras_cnn.filesystem import write_atomically
from keras_cnn.i18n import N_

ENTRY = "card.json"
FORMAT = 1
LARGEST_RATIO = 20  # of unpacked to packed size; Keras itself does not compress
LARGEST_ENTRY = 1 << 26  # bytes of an entry that `get` reads
TASKS = ("classification", "regression", "detection", "segmentation")
# Errors of reading an archive: truncated, encrypted, unknown compression, nested too deep.
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Card:
    """Facts on a model that its weights do not hold.

    Attributes:
        task: One of `TASKS`.
        class_names: Names of the classes, in the order of the outputs; empty for a regression,
            without background for a detector.
        preparation: How pictures become the network's input: see `Preparation.to_dict`; empty for
            a detector, which prepares its pictures itself.
        priors: Row of `detection.boxes.TABLES`; None without boxes.
        baseline: The boxes that a detector must beat: see `detection.baseline.ConstantBoxes`.
        temperature: What the logits of a classifier are divided by; the saved network does not do
            it, `inference.tempering` and an exported model do.
        recipe: The choices of the training.
        scores: Scores on the test pictures.
        data: Fingerprint and number of the pictures of each split.
        versions: Package -> version.
    """

    task: str
    class_names: tuple[str, ...] = ()
    preparation: dict = dataclasses.field(default_factory=dict)
    priors: str | None = None
    baseline: dict = dataclasses.field(default_factory=dict)
    temperature: float = 1.0
    recipe: dict = dataclasses.field(default_factory=dict)
    scores: dict = dataclasses.field(default_factory=dict)
    data: dict = dataclasses.field(default_factory=dict)
    versions: dict = dataclasses.field(default_factory=dict)

    @property
    def test_crops(self) -> int:
        """Number of crops whose mean is the answer: see `tta.averaging`."""
        return self.recipe.get("test_crops", 1)


def write(path: str | os.PathLike, card: Card) -> None:
    """Put a card into a saved model; it replaces an older card.

    Args:
        path: A `.keras` file.
        card: The card.

    Raises:
        InputError: There is no such file, or it is no saved model.
    """
    content = json.dumps({"format": FORMAT} | dataclasses.asdict(card), ensure_ascii=False)
    put(path, ENTRY, content.encode("utf-8", "backslashreplace"))  # JSON's own escape


def put(path: str | os.PathLike, entry: str, content: bytes) -> None:
    """Put an entry into a saved model; it replaces an older one of its name.

    A new archive is written beside the old and renamed, so a reader sees the model with either the
    old entry or the new one.

    Args:
        path: A `.keras` file.
        entry: Name of the entry; Keras ignores those that it does not know.
        content: Its bytes.

    Raises:
        InputError: There is no such file, or it is no saved model.
    """
    with (
        _open(path) as archive,
        write_atomically(path) as beside,
        zipfile.ZipFile(beside, "w") as new,
    ):
        for old in archive.infolist():
            if old.filename != entry:
                with archive.open(old) as source, new.open(copy.copy(old), "w") as target:
                    shutil.copyfileobj(source, target, 1 << 20)
        new.writestr(entry, content)


def get(path: str | os.PathLike, entry: str) -> bytes | None:
    """Return the bytes of an entry of a saved model, None if it has no such entry.

    Args:
        path: A `.keras` file.
        entry: Name of the entry.

    Raises:
        InputError: There is no such file, it is no saved model, or the entry is larger than
            `LARGEST_ENTRY`.
    """
    with _open(path) as archive:
        sizes = {each.filename: each.file_size for each in archive.infolist()}
        if sizes.get(entry, 0) > LARGEST_ENTRY:
            raise InputError(
                f"{entry} in {os.fspath(path)} has {sizes[entry]:,} bytes, more than "
                f"{LARGEST_ENTRY:,}, and is refused: train the model anew"
            )
        return archive.read(entry) if entry in sizes else None


def read(path: str | os.PathLike) -> Card:
    """Read the card of a saved model.

    Args:
        path: A `.keras` file.

    Raises:
        InputError: There is no such file, it is no saved model, or it has no valid card.
    """
    with _open(path) as archive:
        if ENTRY not in archive.namelist():
            raise InputError(
                f"{os.fspath(path)} has no card, which names its classes and how its pictures were "
                "prepared: train it with keras-cnn train, or give it a card with "
                "keras_cnn.card.write"
            )
        try:
            return _checked(json.loads(archive.read(ENTRY)))
        except (ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
            raise InputError(
                f"the card of {os.fspath(path)} cannot be understood ({error}): save the model "
                "anew, or give it a card with keras_cnn.card.write"
            ) from None


def exported_content(folder: str | os.PathLike) -> dict:
    """Return what stands in the card beside an exported model.

    Args:
        folder: Folder of the export.

    Raises:
        InputError: There is no such file, or it is no card.
    """
    path = Path(folder, ENTRY)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {"format": FORMAT} | content
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"{path} must be the card of an exported model ({error}): export the model again"
        ) from None


def read_exported(folder: str | os.PathLike) -> Card:
    """Read the card beside an exported model.

    Args:
        folder: Folder of the export.

    Raises:
        InputError: There is none, or it is no valid card.
    """
    try:
        return _checked(exported_content(folder))
    except (ValueError, TypeError, KeyError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"the card in {os.fspath(folder)} cannot be understood ({error}): export the model "
            "again"
        ) from None


def weights_sum(path: str | os.PathLike) -> int | None:
    """Return the checksum of a saved model's weights, which stands in its archive.

    Args:
        path: A `.keras` file.

    Raises:
        InputError: There is no such file, or it is no saved model.
    """
    with _open(path) as archive:
        entries = {entry.filename: entry.CRC for entry in archive.infolist()}
    return entries.get("model.weights.h5")


def model_path(run: str | os.PathLike) -> Path:
    """Find the saved model of a run.

    Args:
        run: Folder of the run, or the `.keras` file itself.

    Raises:
        InputError: There is none.
    """
    path = Path(run)
    if path.is_dir():
        path /= "model.keras"
    if not path.is_file():
        raise InputError(
            f"there is no model {str(path)!r}: name the folder of a finished run, or a .keras file"
        )
    return path


def is_in(path: str | os.PathLike) -> bool:
    """Return whether a saved model has a card.

    Args:
        path: A `.keras` file.

    Raises:
        InputError: There is no such file, or it is no saved model.
    """
    with _open(path) as archive:
        return ENTRY in archive.namelist()


def load_model(path: str | os.PathLike, *, unsafe: bool = False) -> Any:
    """Load a saved model for predictions, not for further training.

    Args:
        path: A `.keras` file.
        unsafe: Whether to run code that the file holds. Only for files from people you trust.

    Returns:
        A functional `keras.Model`.

    Raises:
        InputError: There is no such file, it is no saved model or a damaged one, it holds code and
            `unsafe` is not set, it would unpack to far more than its size, or its model is neither
            functional nor Sequential.
    """
    with _open(path) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
        config = archive.read("config.json") if "config.json" in archive.namelist() else b""
    if unpacked > LARGEST_RATIO * os.path.getsize(path):
        raise InputError(
            f"{os.fspath(path)} would unpack to {unpacked:,} bytes, far more than its "
            f"{os.path.getsize(path):,}: it may be a decompression bomb and is refused"
        )
    if not unsafe and b'"class_name":"Lambda"' in config.replace(b" ", b""):
        raise InputError(
            f"{os.fspath(path)} holds a Lambda layer, code that would run here: load it with "
            "--unsafe (unsafe=True) if you trust its author"
        )
    import keras  # takes seconds; reading a card does not need it

    from keras_cnn.models import surgery  # the package also registers its layers

    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=not unsafe)
    except Exception as error:  # Keras raises errors of nearly every type for a damaged archive
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise InputError(
            f"cannot load the model {os.fspath(path)!r} ({reason.rstrip('.')}): save it anew, or "
            "name another"
        ) from error
    try:
        return surgery.as_functional(model)
    except InputError as error:
        raise InputError(f"cannot use the model {os.fspath(path)!r}: {error}") from None


def check_classes(card: Card, names: Sequence[str], *, where: str | os.PathLike) -> None:
    """Refuse a folder whose classes are not the model's.

    Args:
        card: The model's card.
        names: The folder's class names.
        where: The folder.

    Raises:
        InputError: They differ; the message shows both lists.
    """
    if sorted(names) != sorted(card.class_names):
        raise InputError(
            f"the classes of {os.fspath(where)} must be those of the model; the model has "
            f"{list(card.class_names)}, the folder {sorted(names)}: rename, add or remove class "
            "folders"
        )


@contextlib.contextmanager
def _open(path):
    """Open the archive; damage becomes an `InputError`, now or while it is read."""

    def refusal(reason):
        return InputError(
            f"cannot read the model {os.fspath(path)!r} ({reason}): name a run's folder, or a "
            ".keras file"
        )

    try:
        archive = zipfile.ZipFile(path)
    except OSError as error:
        raise refusal((error.strerror or str(error)).lower()) from None
    except (ValueError, *_DAMAGE):
        raise refusal(N_("it is no .keras archive")) from None
    with archive:
        try:
            yield archive
        except _DAMAGE as error:
            raise refusal(N_(f"it is damaged: {error}")) from None


def _checked(content):
    """Return the card that JSON holds, or raise."""
    if content["format"] > FORMAT:
        raise ValueError(f"its format is {content['format']}, this version reads up to {FORMAT}")
    if content["task"] not in TASKS:
        raise ValueError(f"its task is {content['task']!r}, not one of {TASKS}")
    names = content.get("class_names", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("its class_names are no list of names")
    priors = content.get("priors")
    if not isinstance(priors, str | None):
        raise ValueError("its priors are no name")
    temperature = content.get("temperature", 1.0)
    if not isinstance(temperature, int | float) or not 0 < temperature < math.inf:
        raise ValueError(f"its temperature is {temperature!r}, no positive number")
    tables = {
        key: content.get(key, {})
        for key in ("preparation", "baseline", "recipe", "scores", "data", "versions")
    }
    for key, table in tables.items():
        if not isinstance(table, dict):
            raise ValueError(f"its {key} is no table")
    return Card(
        task=content["task"],
        class_names=tuple(names),
        priors=priors,
        temperature=temperature,
        **tables,
    )
