"""What watches a detector while it trains: its score, and whether its loss is a number."""

import json
from pathlib import Path

import keras
import numpy as np

from keras_cnn.datasets.annotations import size
from keras_cnn.detection import boxes, metrics
from keras_cnn.detection.batches import Batches
from keras_cnn.detection.detector import found


class MeanAveragePrecision(keras.callbacks.Callback):
    """Adds ``val_map``, ``val_map_voc07`` and ``val_map_coco`` to each epoch's logs.

    It must stand before the callbacks that read them.
    """

    def __init__(self, batches: Batches, *, class_names: list, every: int = 1):
        """Prepares the truth.

        Args:
            batches: The validation pictures, without augmentation.
            class_names: Names of the classes, without background.
            every: Epochs from one score to the next; the last score stands for those between.
        """
        super().__init__()
        self._batches, self._names, self._every = batches, class_names, every
        self._last = {}

    def on_epoch_end(self, epoch, logs=None):
        """Scores the validation pictures."""
        if epoch % self._every == 0 or not self._last:
            scores = score(self.model, self._batches, class_names=self._names)
            keys = ("map", "map_voc07", "map_coco")
            self._last = {f"val_{key}": scores[key] or 0.0 for key in keys}
        logs.update(self._last)


def score(model: keras.Model, batches: Batches, *, class_names: list) -> dict:
    """Scores a model on pictures.

    Args:
        model: What `models.SSD300` builds.
        batches: The pictures, without augmentation or order.
        class_names: Names of the classes, without background.

    Returns:
        As `metrics.summary`, and "found": what was found in each picture.
    """
    answers = []
    for index in range(len(batches)):
        squares = np.stack([batches.sample(number)[0] for number in batches.members(index)])
        outputs = np.asarray(model.predict_on_batch(squares.astype(np.float32)))
        for number, output in zip(batches.members(index), outputs, strict=True):
            width, height = size(batches.filepaths[number])
            view = boxes.letterbox(width, height)
            answers.append(found(output, view, (height, width), priors=batches.priors))
    truths = [(entry.boxes, entry.labels, entry.difficult) for entry in batches.pictures]
    return metrics.summary(truths, answers, class_names=class_names) | {"found": answers}


class StopWhenNotFinite(keras.callbacks.Callback):
    """Ends training at the first loss that is no number, and writes down why.

    The batches of the epoch are run again with the weights of its start. The first whose loss is
    not finite is told with its files and boxes, and the first layer whose output is not finite; if
    there is none, the steps themselves made the weights diverge.
    """

    def __init__(self, batches: Batches, folder: Path):
        """Prepares for a run.

        Args:
            batches: The training pictures.
            folder: Where ``not_finite.json`` goes.
        """
        super().__init__()
        self._batches, self._path = batches, Path(folder) / "not_finite.json"
        self._start, self._epoch = None, 0

    def on_epoch_begin(self, epoch, logs=None):
        """Remembers the weights."""
        self._epoch, self._start = epoch, self.model.get_weights()

    def on_train_batch_end(self, batch, logs=None):
        """Looks at the loss."""
        if logs is None or np.isfinite(logs.get("loss", 0.0)):
            return
        self.model.stop_training = True
        told = {
            "epoch": self._epoch + 1,
            "step": int(batch) + 1,
            "learning_rate": float(np.asarray(self.model.optimizer.learning_rate)),
            "weights_not_finite": [
                layer.name
                for layer in self.model.layers
                if any(not np.isfinite(value).all() for value in layer.get_weights())
            ][:3],
        }
        self.model.set_weights(self._start)
        told |= self._culprit()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(told, indent=2, ensure_ascii=False), encoding="utf-8")
        print(f"\nThe loss is no finite number: {told['cause']}. See {self._path}")

    def _culprit(self):
        for index in range(len(self._batches)):
            pictures, targets = self._batches[index]
            outputs = self.model.predict_on_batch(pictures)
            loss = float(np.asarray(self.model.loss(targets, outputs)))
            if np.isfinite(loss):
                continue
            chosen = [self._batches.pictures[number] for number in self._batches.members(index)]
            layer = self._first_not_finite(pictures)
            return {
                "cause": f"batch {index + 1} alone makes it so"
                + (f", from {layer} on" * bool(layer)),
                "first_layer": layer,
                "files": [entry.path for entry in chosen],
                "boxes": [entry.boxes.tolist() for entry in chosen],
                "targets_finite": bool(np.isfinite(targets).all()),
            }
        return {"cause": "the weights diverged; lower the learning rate, or warm up longer"}

    def _first_not_finite(self, pictures):
        tensors = [layer.output for layer in self.model.layers]
        outputs = keras.Model(self.model.input, tensors).predict_on_batch(pictures)
        for layer, output in zip(self.model.layers, outputs, strict=True):
            if not np.isfinite(np.asarray(output, np.float32)).all():
                return layer.name
        return None
