"""What the folder of a run says: its scores, curves and choices, finished or in training."""

import dataclasses
import functools
import math
from pathlib import Path

from keras_cnn import running
from keras_cnn.app.studio import Studio
from keras_cnn.app.texts import mark
from keras_cnn.errors import InputError
from keras_cnn.inference import runs
from keras_cnn.report import side_by_side

STATES = (mark("finished"), mark("in training"), mark("interrupted"), mark("no report"))


@dataclasses.dataclass(frozen=True)
class Record:
    """A run.

    Attributes:
        name: Its name in the studio.
        folder: Its folder, or the file of a model.
        state: One of `STATES`.
        report: Content of `report.json`, {} without one.
        history: Metric -> its value after each epoch.
        seconds: Duration of the training so far, None if it is not known.
        recipe: Its choices, {} if they are not known.
    """

    name: str
    folder: Path
    state: str
    report: dict
    history: dict[str, list[float]]
    seconds: float | None
    recipe: dict

    @property
    def epochs(self) -> int:
        """Number of finished epochs."""
        return max(map(len, self.history.values()), default=0)

    @property
    def best_epoch(self) -> int | None:
        """Number of the epoch whose weights were kept, or would be so far; None without one."""
        if self.report:
            return self.report.get("best_epoch")
        losses = self.history.get("val_loss", [])
        finite = [loss for loss in losses if math.isfinite(loss)]
        return losses.index(min(finite)) + 1 if finite else None

    @property
    def score(self) -> float | None:
        """Its main score on the test pictures, None without one."""
        return self.report["test"].get(runs.SCORES[self.report["task"]]) if self.report else None


def read(studio: Studio, name: str) -> Record:
    """Return a run.

    Args:
        studio: The studio.
        name: One of the names of `studio.runs`.

    Raises:
        InputError: It is not there any more.
    """
    return _read(name, studio.folder(name))


def read_all(studio: Studio) -> dict[str, Record]:
    """Return name -> run of all runs, the newest first.

    Args:
        studio: The studio.
    """
    return {name: _read(name, folder) for name, folder in studio.runs().items()}


def _read(name, folder):
    is_training = running.process(folder) is not None
    history, seconds = running.history(folder)
    report = {} if is_training else _report(folder)
    if is_training:
        state = "in training"
    elif history or report.get("interrupted"):
        state = "interrupted"
    else:
        state = "finished" if report else "no report"
    recipe = report.get("recipe") or running.recipe(folder)
    if report:
        history = side_by_side.history(folder)
        its_seconds = report.get("seconds")
        seconds = its_seconds.get("train") if isinstance(its_seconds, dict) else its_seconds
    return Record(name, folder, state, report, history, seconds or None, recipe)


def _report(folder):
    path = folder / "report.json"
    try:
        return _report_of(folder, path.stat().st_mtime_ns)
    except (OSError, InputError):
        return {}


@functools.lru_cache(maxsize=256)
def _report_of(folder, changed):
    """Return a report; `changed`, the time of its last change, belongs to the key of the cache."""
    return runs.read_report(folder)
