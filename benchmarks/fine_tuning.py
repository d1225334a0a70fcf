"""Compare ways to fine-tune a network with ImageNet weights on few pictures.

``python benchmarks/fine_tuning.py FOLDER WEIGHTS`` trains MobileNet on a folder with train and test
folders, three seeds each: a linear classifier on features; a head that sees augmented pictures;
and fine-tuning after the linear classifier, at several rates. It prints the accuracy and the cross
entropy of the test pictures, of the epoch with the lowest validation loss and of the last epoch.
"""

import argparse
import functools

import keras
import numpy as np
from sklearn import metrics

from keras_cnn import models
from keras_cnn.models.identify import identify
from keras_cnn.recipe import Recipe
from keras_cnn.transfer import Base, linear, thaw
from keras_cnn.transfer.base import build_base, splits_for
from keras_cnn.transfer.head import add_head

EPOCHS = 10
WAYS = {  # name -> (whether all layers learn, learning rate, whether it falls along a cosine)
    "head, 1e-3": (False, 1e-3, True),
    "all, 1e-5 constant": (True, 1e-5, False),
    "all, 1e-4 constant": (True, 1e-4, False),
    "all, 1e-4 cosine": (True, 1e-4, True),
}


class Scores(keras.callbacks.Callback):
    """Scores validation and test after every epoch."""

    def __init__(self, splits):
        """Start without a score.

        Args:
            splits: The pictures.
        """
        super().__init__()
        self.splits, self.rows = splits, []

    def on_epoch_end(self, epoch, logs=None):
        """Score an epoch."""
        self.rows.append(scores(self.model, self.splits))


def scores(model, splits):
    """Return validation loss, test accuracy and test loss."""
    row = []
    for name in ("validation", "test"):
        flow = getattr(splits, name)
        answers = np.concatenate(
            [np.asarray(model.predict_on_batch(flow[i][0])) for i in range(len(flow))]
        )
        targets = splits.targets[name]
        row += [np.mean(answers.argmax(1) == targets), metrics.log_loss(targets, answers)]
    return row[1:]


def main():
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("weights")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    network = identify(options.weights)
    builder = functools.partial(getattr(models, network.builder), **network.options)
    base = Base.of(builder, weights=options.weights)
    print("| seed | way | test accuracy, loss of the best epoch | of the last epoch |")
    print("|---|---|---|---|")
    for seed in range(options.seeds):
        keras.utils.set_random_seed(seed)
        choices = {"interpolation": "bilinear", "augment": "full", "batch_size": 16, "seed": seed}
        recipe = Recipe(name="t", dataset="t", data=options.folder, **choices)
        splits = splits_for(base, recipe)
        network = build_base(base, image_shape=splits.image_shape)
        head, _ = linear.probe(network, splits, recipe)
        model = with_solved_head(base, splits, head)
        _, accuracy, loss = scores(model, splits)
        print(f"| {seed} | linear classifier | {accuracy:.3f}, {loss:.3f} | |", flush=True)
        for name, (is_whole, rate, falls) in WAYS.items():
            model = with_solved_head(base, splits, head)
            if is_whole:
                thaw(model)
            steps = EPOCHS * len(splits.train)
            if falls:
                rate = keras.optimizers.schedules.CosineDecay(rate, steps)
            model.compile(keras.optimizers.Adam(rate), loss="categorical_crossentropy")
            watch = Scores(splits)
            model.fit(splits.train, epochs=EPOCHS, verbose=0, callbacks=[watch])
            best, last = min(watch.rows), watch.rows[-1]
            cells = [f"{accuracy:.3f}, {loss:.3f}" for _, accuracy, loss in (best, last)]
            print(f"| {seed} | {name} | {' | '.join(cells)} |", flush=True)


def with_solved_head(base, splits, weights):
    """Return the frozen base under the linear classifier."""
    model = add_head(build_base(base, image_shape=splits.image_shape), classes=splits.num_classes)
    model.get_layer("head").set_weights(weights)
    return model


if __name__ == "__main__":
    main()
