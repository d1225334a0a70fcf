"""The choices of a detector's training.

Importing this module loads neither Keras nor TensorFlow, so that ``--help`` answers at once.
"""

import argparse
import dataclasses
from pathlib import Path
from typing import Any, Literal

from keras_cnn.errors import InputError
from keras_cnn.options import option
from keras_cnn.recipe import TrainingRecipe


@dataclasses.dataclass(frozen=True, kw_only=True)
class DetectionRecipe(TrainingRecipe):
    """The choices of a detector's training.

    Attributes:
        data: Folder to use instead of the data set's own.
        base: First stages of the network: see `models.SSD300`.
        alpha: Share of their filters that the light base and the stages behind it have.
        weights: What the network starts from: see `models.SSD300`.
        freeze: Whether the base's first stages first keep their weights, as `ssd.freeze` tells, and
            learn in a second phase.
        optimizer: Adam, or the paper's gradient descent with momentum.
        zoom_out: How many times larger than the picture a view gets at most in training.
        crop: Least side of a random crop in training, in shares of the view; 1 is none.
        skip_bad_boxes: Whether to go on without boxes that cannot be used.
    """

    data: Path | None = option(
        None, "folder in the layout of VOC, or with <part>.json of COCO (default: the case's set)"
    )
    base: Literal["mobilenet", "vgg16"] = option("mobilenet", "first stages of the network")
    alpha: float = option(1.0, "share of its filters the light network has", above=0)
    weights: str | None = option(None, "imagenet, or the file of a whole network (default: random)")
    freeze: bool = option(False, "train with the first stages frozen, then as many epochs all")
    optimizer: Literal["adam", "sgd"] = option("adam", "Adam, or SGD with a momentum of 0.9")
    zoom_out: float = option(4.0, "most that pictures shrink in training", at_least=1)
    crop: float = option(0.3, "least side of a random crop, in shares of the view", above=0)
    skip_bad_boxes: bool = option(False, "go on without boxes that cannot be used")

    def __post_init__(self):
        """Refuse values that do not go together."""
        super().__post_init__()
        if self.crop > 1:
            raise InputError(f"--crop must be at most 1, the whole view; received {self.crop}")
        if self.base == "vgg16" and self.alpha != 1:
            raise InputError(
                f"--alpha thins the light network only; received --alpha {self.alpha} with --base "
                "vgg16: leave it out, or take --base mobilenet"
            )
        if self.freeze and self.weights is None:
            raise InputError("--freeze keeps weights that are known: name them by --weights")

    def with_options(self, options: argparse.Namespace, **changes: Any) -> "DetectionRecipe":
        """Return this recipe with the values that a parser read.

        Args:
            options: What the parser returned; --base vgg16 sets the recipe's own alpha to 1.
            **changes: Values of further fields.

        Raises:
            InputError: A value is out of its range, or values do not go together.
        """
        # A case's own alpha is meant for its light base; under the other the record would not hold.
        untouched = getattr(options, "alpha", self.alpha) == self.alpha
        if untouched and getattr(options, "base", None) == "vgg16":
            changes = {"alpha": 1.0} | changes
        return super().with_options(options, **changes)
