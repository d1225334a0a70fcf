"""The training loop: shuffle, take a step per batch, evaluate."""

from collections.abc import Callable

import numpy as np

from keras_cnn.scratch.networks import Network


class Trainer:
    """Train a network and keep the history.

    Attributes:
        history: `"loss"` of every step; `"accuracy"` on training pictures after every epoch, and
            `"val_accuracy"` on validation pictures, if there are any.
    """

    def __init__(
        self,
        network: Network,
        *,
        optimizer,
        batch_size: int = 100,
        augment: Callable[[np.ndarray, np.random.Generator], np.ndarray] | None = None,
        seed: int | np.random.Generator = 0,
    ):
        """Set network, optimizer and options.

        Args:
            network: The network; its weights are changed in place.
            optimizer: An optimizer, such as `Adam()`.
            batch_size: Pictures per step.
            augment: Function of a batch and a generator that returns the batch changed at random.
            seed: Seed of the order and of `augment`, or the generator to draw from.
        """
        self.network = network
        self.optimizer = optimizer
        self.batch_size = batch_size
        self.augment = augment
        self.rng = np.random.default_rng(seed)
        self.history = {"loss": [], "accuracy": [], "val_accuracy": []}

    def step(self, x: np.ndarray, labels: np.ndarray) -> float:
        """Train on one batch.

        Args:
            x: Pictures.
            labels: Their classes `(n,)`, or one-hot `(n, classes)`.

        Returns:
            The loss before the step.
        """
        loss, grads = self.network.loss_and_gradient(x, labels)
        self.optimizer.update(self.network.params, grads)
        self.history["loss"].append(loss)
        return loss

    def fit(
        self,
        x: np.ndarray,
        labels: np.ndarray,
        *,
        epochs: int,
        validation_data: tuple[np.ndarray, np.ndarray] | None = None,
        schedule: Callable[[float], float] | None = None,
        evaluate: int = 1000,
        verbose: bool = True,
    ) -> dict[str, list[float]]:
        """Train for some epochs, each in a new order; another call continues the training.

        Args:
            x: Pictures.
            labels: Their classes `(n,)`, or one-hot `(n, classes)`.
            epochs: Number of passes over the pictures.
            validation_data: Validation pictures and their labels.
            schedule: Learning rate as a function of the progress of this call, from 0 to 1; None
                keeps the optimizer's.
            evaluate: Number of training pictures on which `"accuracy"` is measured.
            verbose: Whether to print a line after each epoch.

        Returns:
            The history.

        Raises:
            ValueError: If the numbers of pictures and labels differ, or there are no pictures.
        """
        if not 0 < len(x) == len(labels):
            raise ValueError(
                f"each picture needs one label; received {len(x)} pictures and {len(labels)} labels"
            )
        steps = -(-len(x) // self.batch_size)
        for epoch in range(epochs):
            order = self.rng.permutation(len(x))
            for step in range(steps):
                if schedule:
                    progress = (epoch * steps + step) / (epochs * steps)
                    self.optimizer.learning_rate = schedule(progress)
                indices = order[step * self.batch_size : (step + 1) * self.batch_size]
                batch = x[indices]
                if self.augment:
                    batch = self.augment(batch, self.rng)
                self.step(batch, labels[indices])
            self._evaluate((x[:evaluate], labels[:evaluate]), validation_data)
            if verbose:
                print(self._line(steps), flush=True)
        return self.history

    def _evaluate(self, training, validation):
        self.history["accuracy"].append(self.network.accuracy(*training))
        if validation:
            self.history["val_accuracy"].append(self.network.accuracy(*validation))

    def _line(self, steps):
        history = self.history
        line = f"epoch {len(history['accuracy'])}: loss {np.mean(history['loss'][-steps:]):.4f}"
        line += f", accuracy {history['accuracy'][-1]:.4f}"
        if history["val_accuracy"]:
            line += f", validation accuracy {history['val_accuracy'][-1]:.4f}"
        return line
