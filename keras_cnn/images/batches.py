"""The state of an iterator: its random draws, and the batches that threads fill."""

import dataclasses
from collections.abc import Sequence
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


class Requests:
    """The numbers of the batches that are requested in an epoch, beside the expected order."""

    def __init__(self, order: Sequence[int] | None, *, length: int):
        """Expect requests in an order, from its start.

        Args:
            order: The numbers; None for 0, 1, 2, ...
            length: Number of batches of an epoch.
        """
        self._order = range(length) if order is None else order
        self._made = 0  # in this epoch
        self._are_as_expected = True

    def note(self, number: int) -> None:
        """Compare a request with the expected order.

        Args:
            number: The batch's number.
        """
        if self._made >= len(self._order):  # a loop that reads the epoch again
            self._made = 0
        self._are_as_expected = self._are_as_expected and number == self._order[self._made]
        self._made += 1

    def upcoming(self) -> Sequence[int]:
        """Return the numbers that will be requested next; none if an earlier guess was wrong."""
        return self._order[self._made :] if self._are_as_expected else ()
