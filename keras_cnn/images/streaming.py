"""Read pictures on threads, a few batches ahead of the network that takes them."""

import collections
import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from keras_cnn.errors import InputError
from keras_cnn.images import files, memory


def batches(
    pictures: Iterable,
    read: Callable[[Any], Any],
    *,
    batch_size: int,
    on_error: Callable[[Any, InputError], None] | None = None,
) -> Iterator[tuple[list, list]]:
    """Read pictures batch by batch; at most three batches are in memory at any time.

    Args:
        pictures: File names, pixels, or whatever `read` takes; the iterable may be endless.
        read: Called on a thread with one picture; returns its pixels.
        batch_size: Number of pictures in a batch.
        on_error: Called with a picture that cannot be read and the reason; the picture is then
            left out of its batch. None raises.

    Yields:
        The pictures of a batch, and what `read` returned for each; batches without any readable
        picture are skipped.

    Raises:
        InputError: A picture cannot be read and `on_error` is None.
    """
    memory.keep()
    source, pending = iter(pictures), collections.deque()
    with ThreadPoolExecutor(files.cores()) as pool:

        def start_next():
            if chunk := list(itertools.islice(source, batch_size)):
                pending.append([(picture, pool.submit(read, picture)) for picture in chunk])

        start_next()
        start_next()
        while pending:
            readable, pixels = [], []
            for picture, future in pending.popleft():
                try:
                    pixels.append(future.result())
                except InputError as error:
                    if on_error is None:
                        raise
                    on_error(picture, error)
                else:
                    readable.append(picture)
            start_next()
            if readable:
                yield readable, pixels
