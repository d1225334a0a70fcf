"""A training keeps in its classifier the features that detect unknown pictures."""

import time
from pathlib import Path

import keras
import numpy as np

from keras_cnn.datasets.division import same_share
from keras_cnn.images import streaming
from keras_cnn.images.preparation import Preparation
from keras_cnn.inference.left_out import choose
from keras_cnn.inference.unknown import Pictures
from keras_cnn.models import surgery
from keras_cnn.splits import ClassificationSplits
from keras_cnn.training.compiling import jit_compile
from keras_cnn.training.task import Task

# Pictures that pass the network once more; in all about 2,000.
MOST = {"train": 1000, "validation": 500, "test": 500}
_BATCH = 32


def add(
    model: keras.Model,
    task: Task,
    path: Path,
    *,
    features: dict[str, np.ndarray] | None = None,
) -> dict:
    """Put what detects unknown pictures into a saved classifier, and measure how well it does.

    A training does not fail where this does: the report then says why.

    Args:
        model: The trained model in memory, one crop per picture.
        task: The data.
        path: The same model, saved.
        features: Split -> what the last layer takes, (pictures, features), if it is known already.

    Returns:
        The entry "unknown" of report.json in a table; empty unless the model is a classifier.
    """
    if not isinstance(task, ClassificationSplits):
        return {}
    started = time.perf_counter()
    try:
        measured = _measured(model, task, path, features)
    except Exception as error:  # of the network, the disk, memory: the trained model is worth more
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        return {"unknown": {"obstacle": reason.rstrip(".")}}
    return {"unknown": measured | {"seconds": time.perf_counter() - started}}


def pictures(sizes: dict[str, int]) -> int:
    """Return the number of pictures that `add` has answered by the network.

    Args:
        sizes: Number of pictures of each split.
    """
    return sum(min(number, sizes[name]) for name, number in MOST.items())


def _measured(model, task, path, features):
    if hasattr(task, "folds"):
        raise ValueError(
            "the last network of a cross-validation has learned from all pictures, so that none is "
            "left for a threshold"
        )
    cut = surgery.penultimate(model)
    cut.model.jit_compile = jit_compile()
    rows = {name: same_share(task.targets[name], number, seed=0) for name, number in MOST.items()}
    if features is None:
        features = _features(cut.model, task, rows)
    else:
        features = {name: features[name][chosen] for name, chosen in rows.items()}
    sets = [
        Pictures(vectors, cut.logits(vectors), task.targets[name][rows[name]])
        for name, vectors in features.items()
    ]
    fitted, measured = choose(*sets)
    fitted.write(path)
    return measured


def _features(model, task, rows):
    """Return the features of chosen pictures of each split, read as `Predictor` reads them."""
    if not hasattr(task.train, "image_data_generator"):
        raise ValueError("its pictures come from a dataset of your own")
    preparation = Preparation.of(task.train, margin=task.margin)
    preparation.require_scaling()
    features = {}
    for name, chosen in rows.items():
        flow = getattr(task, name)
        if hasattr(flow, "filepaths"):
            pictures, read = [flow.filepaths[row] for row in chosen], preparation.read
        else:
            pictures, read = list(chosen), flow.x.__getitem__  # arrays have the size already
        features[name] = np.concatenate(
            [
                np.asarray(model.predict_on_batch(preparation.scale(np.stack(pixels))))
                for _, pixels in streaming.batches(pictures, read, batch_size=_BATCH)
            ]
        )
    return features
