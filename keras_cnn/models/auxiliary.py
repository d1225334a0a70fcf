"""Auxiliary classifiers, which carry gradient into the early layers of a deep network."""

from typing import Any

import keras


@keras.saving.register_keras_serializable("keras_cnn")
class AuxiliaryModel(keras.Model):
    """A classifier with auxiliary classifiers: outputs after the first count in training only.

    `fit` takes the labels of one output. The loss of a training step is the first output's, plus
    `WEIGHT` times that of each other output. Validation and metrics look at the first output alone.
    With one label array per output, everything is as in any Keras model of several outputs.

    References:
        Szegedy et al., 2015. Going Deeper with Convolutions, section 5.
    """

    WEIGHT = 0.3

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the loss of a batch.

        Args:
            x: The pictures.
            y: The labels of the first output, or a list, one per output.
            y_pred: The list of the outputs.
            sample_weight: Weight of each picture, or None.
            training: Whether the auxiliary classifiers count.
        """
        if isinstance(y, list | tuple):
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        first, *others = [
            super(AuxiliaryModel, self).compute_loss(x, y, output, sample_weight, training)
            for output in (y_pred if training else y_pred[:1])
        ]
        return first + self.WEIGHT * sum(others) if others else first

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict:
        """Update the metrics by the first output, and return their values.

        Args:
            x: The pictures.
            y: As in `compute_loss`.
            y_pred: The list of the outputs.
            sample_weight: Weight of each picture, or None.
        """
        y_pred = y_pred if isinstance(y, list | tuple) else y_pred[0]
        return super().compute_metrics(x, y, y_pred, sample_weight)
