"""The search for wrong labels that the page starts: on a thread, with its progress."""

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from keras_cnn import filesystem
from keras_cnn.errors import InputError
from keras_cnn.i18n import N_


class LabelSearch:
    """A search in a folder; it begins at once.

    Attributes:
        directory: The set's folder.
        out: Folder of its results, as `keras-cnn clean --out` writes them.
        stage: 0 at first, 1 while the pictures are read, 2 while their features are computed.
        done: Pictures of this stage that are done.
        total: Pictures of this stage.
        fault: Why it ended without a result; None if it did not.
    """

    def __init__(self, directory: Path, *, out: Path):
        """Start it.

        Args:
            directory: The set's folder: `<class>/*` or `{train,val,test}/<class>/*`.
            out: Folder of the results; made if it is missing.
        """
        self.directory, self.out = directory, out
        self.stage = self.done = self.total = 0
        self.fault = None
        self._stops = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End it soon; features computed so far stay in the cache."""
        self._stops.set()

    def wait(self, seconds: float) -> None:
        """Wait until it ends.

        Args:
            seconds: Longest time.
        """
        self._thread.join(seconds)

    def _run(self):
        try:
            self._search()
        except _StoppedError:
            self.fault = N_("the search was stopped; the next goes on from here")
        except InputError as error:
            self.fault = str(error)
        except Exception as error:  # the page says so; the server goes on
            self.fault = N_(f"the search failed: {type(error).__name__}: {error}")

    def _search(self):
        from keras_cnn.transfer import available, feature_cache, label_errors, labelled_features

        filesystem.check_writable(self.out)
        base, why = available.available_base()
        if base is None:
            raise InputError(
                f"the search needs the ImageNet weights of a pretrained network, and {why}: "
                "connect this computer to the internet for the first search, or search with a "
                f"file of weights by keras-cnn clean {self.directory} --weights FILE, and name "
                "its suspects.csv here"
            )
        pictures = labelled_features.read(
            self.directory, base=base, cache=feature_cache.shared_file(), watch=self._watched
        )
        ranked = label_errors.suspects(pictures)
        listed = label_errors.most_suspicious(ranked)
        label_errors.write(listed, filesystem.writable(self.out))

    def _watched(self, items: Iterable, total: int) -> Iterator:
        self.stage, self.done, self.total = self.stage + 1, 0, total
        for item in items:
            if self._stops.is_set():
                raise _StoppedError
            self.done += 1
            yield item


class _StoppedError(Exception):
    """The user has stopped the search."""
