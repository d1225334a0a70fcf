"""Callbacks that watch a detector while it trains: its score, and whether its loss is finite."""

import json
from pathlib import Path

import keras
import numpy as np

from keras_cnn.detection import metrics, prediction
from keras_cnn.detection.batches import Batches
from keras_cnn.i18n import say


class MeanAveragePrecision(keras.callbacks.Callback):
    """Add ``val_map``, ``val_map_voc07`` and ``val_map_coco`` to each epoch's logs.

    It must stand before the callbacks that read them.
    """

    def __init__(self, batches: Batches, *, class_names: list):
        """Keep the validation pictures.

        Args:
            batches: The validation pictures, without augmentation.
            class_names: Names of the classes, without background.
        """
        super().__init__()
        self._batches, self._names = batches, class_names

    def on_epoch_end(self, epoch, logs=None):
        """Score the validation pictures."""
        scores = score(self.model, self._batches, class_names=self._names)
        for key in ("map", "map_voc07", "map_coco"):
            logs[f"val_{key}"] = scores[key] or 0.0


def score(model: keras.Model, batches: Batches, *, class_names: list) -> dict:
    """Score a model on pictures.

    Args:
        model: What `models.SSD300` builds.
        batches: The pictures, without augmentation or shuffling.
        class_names: Names of the classes, without background.

    Returns:
        As `metrics.summary`.
    """
    truths = [picture.truth for picture in batches.pictures]
    answers = prediction.predict(model, batches)
    return metrics.summary(truths, answers, class_names=class_names)


class StopWhenNotFinite(keras.callbacks.Callback):
    """End training at the first loss that is not finite, and write down the cause.

    The batches of the epoch are run again with the weights of its start. If one of them has a loss
    that is not finite, the file names its pictures, its boxes and the first layer whose output is
    not finite. Otherwise the steps themselves made the weights diverge.
    """

    def __init__(self, batches: Batches, folder: Path):
        """Prepare for a run.

        Args:
            batches: The training pictures.
            folder: Folder for ``not_finite.json``.
        """
        super().__init__()
        self._batches, self._path = batches, Path(folder) / "not_finite.json"
        self._start, self._epoch = None, 0

    def on_epoch_begin(self, epoch, logs=None):
        """Remember the weights."""
        self._epoch, self._start = epoch, self.model.get_weights()

    def on_train_batch_end(self, batch, logs=None):
        """Look at the loss."""
        if logs is None or np.isfinite(logs.get("loss", 0.0)):
            return
        self.model.stop_training = True
        report = {
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
        report |= self._cause()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        content = json.dumps(report, indent=2, ensure_ascii=False)
        self._path.write_text(content, encoding="utf-8", errors="backslashreplace")
        say(f"\nThe loss is not a finite number: {report['cause']}. See {self._path}")

    def _cause(self):
        """Return the first batch whose loss is not finite, or that there is none."""
        for index in range(len(self._batches)):
            pictures, targets = self._batches[index]
            outputs = self.model.predict_on_batch(pictures)
            loss = float(np.asarray(self.model.loss(targets, outputs)))
            if np.isfinite(loss):
                continue
            annotated = [self._batches.pictures[number] for number in self._batches.members(index)]
            layer = self._first_not_finite(pictures)
            return {
                "cause": f"batch {index + 1} alone makes it so"
                + (f", from {layer} on" if layer else ""),
                "first_layer": layer,
                "files": [picture.path for picture in annotated],
                "boxes": [picture.boxes.tolist() for picture in annotated],
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
