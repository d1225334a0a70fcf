"""Every epoch's random choices follow from the seed and its number."""

import random

import keras
import numpy as np

from keras_cnn.training.sharding import Feed


class Seek(keras.callbacks.Callback):
    """Lets every epoch's random choices follow from the seed and its number."""

    def __init__(self, batches: Feed, *, seed: int, tell: bool):
        """Watch a training.

        Args:
            batches: What it reads; anything with a method `seek`.
            seed: The seed.
            tell: Whether to tell it of an epoch's begin and end, which Keras does where it knows
                the dataset itself.
        """
        super().__init__()
        self._batches, self._seed, self._tell = batches, seed, tell

    def on_epoch_begin(self, epoch, logs=None):
        """Go to the epoch's start."""
        random.seed(f"{self._seed} {epoch}")  # of the order of batches, which is shuffled
        state = np.random.SeedSequence((self._seed, epoch)).generate_state(4)
        np.random.seed(state)
        if keras.backend.backend() == "torch":  # whose dropout takes no seed of Keras'
            import torch

            torch.manual_seed(int(state[0]))
        self._batches.seek(epoch)
        if self._tell:
            self._batches.on_epoch_begin()

    def on_epoch_end(self, epoch, logs=None):
        """Tell the dataset."""
        if self._tell:
            self._batches.on_epoch_end()
