"""Random choices of an epoch, which follow from the seed and the epoch's number."""

import random

import keras
import numpy as np


def batch_order(number: int, *, seed: int, epoch: int) -> list[int]:
    """Return the order in which an epoch reads its batches.

    Args:
        number: Batches per epoch.
        seed: Seed of the training.
        epoch: Number of the epoch, from 0.
    """
    order = list(range(number))
    random.Random(f"{seed} {epoch}").shuffle(order)
    return order


def begin(batches: keras.utils.PyDataset, epoch: int, *, seed: int) -> None:
    """Go to the start of an epoch, whose content and order follow from the seed and its number.

    Args:
        batches: A `sharding.Feed`, or another dataset with the method `seek`.
        epoch: Its number, from 0.
        seed: Seed of the training.
    """
    batches.seek(epoch, order=batch_order(len(batches), seed=seed, epoch=epoch))


class Seek(keras.callbacks.Callback):
    """Seeds every epoch's random choices by the seed and the epoch's number.

    A resumed training thus draws the same numbers as one that was never interrupted.
    """

    def __init__(self, batches: keras.utils.PyDataset | None, *, seed: int, notify: bool):
        """Watch a training.

        Args:
            batches: The training batches: a `sharding.Feed`, or `mixup.Mixed` around one; None if
                what Keras reads begins its epochs itself.
            seed: The seed.
            notify: Whether to call `on_epoch_begin` and `on_epoch_end` of the batches; Keras does
                unless it reads them through a `tf.data.Dataset`.
        """
        super().__init__()
        self._batches, self._seed, self._notify = batches, seed, notify

    def on_epoch_begin(self, epoch, logs=None):
        """Seed the libraries, and go to the start of the epoch."""
        random.seed(f"{self._seed} {epoch}")
        state = np.random.SeedSequence((self._seed, epoch)).generate_state(4)
        np.random.seed(state)
        if keras.backend.backend() == "torch":  # PyTorch's dropout ignores the seeds of Keras
            import torch

            torch.manual_seed(int(state[0]))
        if self._batches is not None:
            begin(self._batches, epoch, seed=self._seed)
        if self._notify:
            self._batches.on_epoch_begin()

    def on_epoch_end(self, epoch, logs=None):
        """Notify the dataset."""
        if self._notify:
            self._batches.on_epoch_end()
