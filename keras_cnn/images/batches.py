"""The state of an iterator: its random draws, and the batches that threads fill."""

import dataclasses
import random
from collections.abc import Sequence
from concurrent.futures import Future

import numpy as np

NEXT = "next"  # request of `next`; all other requests are batch numbers


@dataclasses.dataclass(frozen=True)
class Position:
    """State of the random draws: all that the next batch depends on."""

    random_state: tuple
    batches_seen: int = 0
    batch_index: int = 0
    index_array: np.ndarray | None = None

    def place(self, request: int | str, *, n: int, batch_size: int) -> tuple[int, int]:
        """Return the place of a batch's first picture in the epoch, and the next `batch_index`.

        Args:
            request: The batch's number, or `NEXT`.
            n: Number of pictures.
            batch_size: Pictures per batch.
        """
        if request != NEXT:
            return request * batch_size, self.batch_index
        first = self.batch_index * batch_size % n  # as the legacy class, if `batch_size` changed
        return first, self.batch_index + 1 if first + batch_size < n else 0


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
    """The numbers of the batches that are requested in an epoch, beside the expected orders."""

    def __init__(self, order: Sequence[int] | None, *, length: int):
        """Expect requests in an order, from its start.

        Args:
            order: The numbers; None for 0, 1, 2, ...
            length: Number of batches of an epoch.
        """
        self._first = range(length) if order is None else order
        self._made = 0  # in this epoch
        self._orders = [self._first]  # those that fit the requests so far

    def expect_shuffled(self) -> None:
        """Begin an epoch; expect also the order into which `fit` shuffles the numbers next."""
        shuffler, order = random.Random(), list(range(len(self._first)))
        shuffler.setstate(random.getstate())
        shuffler.shuffle(order)
        self._made, self._orders = 0, [order, self._first]

    def note(self, number: int) -> None:
        """Compare a request with the expected order.

        Args:
            number: The batch's number.
        """
        if self._made >= len(self._first):  # a loop that reads the epoch again
            self._made = 0
        self._orders = [order for order in self._orders if order[self._made] == number]
        self._made += 1

    def upcoming(self) -> Sequence[int]:
        """Return the numbers that will be requested next; none if an earlier guess was wrong."""
        return self._orders[0][self._made :] if self._orders else ()
