"""The state of an iterator: its random draws, and the batches that threads fill."""

import dataclasses
from concurrent.futures import Future

import numpy as np


@dataclasses.dataclass(frozen=True)
class Position:
    """State of the random draws: all that the next batch depends on."""

    random_state: tuple
    batches_seen: int = 0
    batch_index: int = 0
    index_array: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Batch:
    """A batch that threads are filling."""

    request: int | str
    position: Position  # after its draws
    indices: np.ndarray
    params: list[dict]
    seeds: list[int]  # of the user's own code; empty without such code
    suffixes: list[int]  # of files in save_to_dir
    x: np.ndarray
    settings: tuple  # with which it was begun
    tasks: list[Future] = dataclasses.field(default_factory=list)
