"""The choices of a detector's training.

Importing this module loads neither Keras nor TensorFlow, so that ``--help`` answers at once.
"""

import argparse
import dataclasses
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

from keras_cnn.box_layouts import NAMES
from keras_cnn.errors import InputError
from keras_cnn.options import option
from keras_cnn.recipe import TrainingRecipe

# The defaults of `keras-cnn train-detector` and of the case, whose drawn sample needs fewer epochs:
# for the light base, a few hundred pictures and processors.
LIGHT = {
    "batch_size": 8,
    "epochs": 40,
    "learning_rate": 3e-3,
    "schedule": "cosine",
    "warmup": 1,
    "alpha": 0.25,
    "zoom_out": 1.2,
    "crop": 0.6,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class DetectionRecipe(TrainingRecipe):
    """The choices of a detector's training.

    Attributes:
        data: Folder to use instead of the data set's own.
        base: Feature extractor of the network: see `models.SSD300`.
        alpha: Multiplier of the number of filters in the light base and the stages after it.
        weights: Initial weights: "auto", "imagenet", "none" or None, a file, or the folder of a
            run: see `start.settled` and `models.SSD300`.
        freeze: Whether the first stages of the base keep their weights (`ssd.freeze`) in a first
            phase, and are trained with the others in a second phase.
        optimizer: Adam, or stochastic gradient descent with momentum as in the paper.
        zoom_out: Largest factor by which training pictures are zoomed out.
        crop: Smallest side of a random crop in training, as a share of the picture; 1 is no crop.
        flip: Probability that a training picture is mirrored; 0 for text, and other objects whose
            mirror image does not occur.
        skip_bad_boxes: Whether to go on without boxes that cannot be used.
        fix_boxes: Whether boxes on a picture of another size are turned or scaled to it.
        rename: OLD=NEW of each class that gets another name.
        classes: Names of all classes in the order of their ids, separated by commas; None takes
            those of the set.
        validation_split: Share of the validation pictures, and of the test pictures, where the set
            is not divided.
        group_by: Regular expression that takes a group's name out of a file's name; a group stays
            in one split.
    """

    data: Path | None = option(
        None, f"folder of pictures with boxes: {NAMES} (default: the case's set)"
    )
    base: Literal["mobilenet", "vgg16"] = option("mobilenet", "feature extractor of the network")
    alpha: float = option(1.0, "multiplier of the number of filters in the light network", above=0)
    weights: str | None = option(
        "auto",
        "imagenet for the base, none, or a file of the base or of a whole network, or the folder "
        "of a run; auto is imagenet for the light base where it can be had, else none",
    )
    freeze: bool = option(
        False, "train with the first stages frozen, then all stages for as many epochs"
    )
    optimizer: Literal["adam", "sgd"] = option("adam", "Adam, or SGD with a momentum of 0.9")
    zoom_out: float = option(4.0, "largest factor of zooming out in training", at_least=1)
    crop: float = option(0.3, "smallest side of a random crop, as a share of the picture", above=0)
    flip: float = option(0.5, "probability of mirroring a training picture", at_least=0)
    skip_bad_boxes: bool = option(False, "go on without boxes that cannot be used")
    fix_boxes: bool = option(
        False, "turn or scale boxes that were drawn on another turn or size of their picture"
    )
    rename: tuple[str, ...] | None = option(
        None, "OLD=NEW: read class OLD as NEW; may be repeated; =NEW names objects without a class"
    )
    classes: str | None = option(
        None,
        "all classes, separated by commas, in the order of their ids (default: those of the set)",
    )
    validation_split: float = option(
        0.15, "share of each split that is made where the set has none", above=0, below=0.5
    )
    group_by: str | None = option(
        None,
        "regular expression with one pair of brackets: pictures whose file names agree in this "
        "part stay in one split",
    )

    def __post_init__(self):
        """Refuse values that do not go together."""
        super().__post_init__()
        if self.crop > 1:
            raise InputError(f"--crop must be at most 1, the whole view; received {self.crop}")
        if self.flip > 1:
            raise InputError(f"--flip must be at most 1, every picture; received {self.flip}")
        if self.base == "vgg16" and self.alpha != 1:
            raise InputError(
                f"--alpha applies to the light network only; received --alpha {self.alpha} with "
                "--base vgg16: leave it out, or use --base mobilenet"
            )
        if self.freeze and self.weights in (None, "none"):
            raise InputError("--freeze keeps trained weights: name them by --weights")

    def add_options(
        self, parser: argparse.ArgumentParser, *, names: Collection[str] | None = None
    ) -> None:
        """Add the recipe's options to a parser, in which alpha is None unless --alpha is given.

        Args:
            parser: The parser; it may have other options.
            names: Names of the options to add; None adds all.
        """
        super().add_options(parser, names=names)
        parser.set_defaults(alpha=None)

    def with_options(self, options: argparse.Namespace, **changes: Any) -> "DetectionRecipe":
        """Return this recipe with the values that a parser read.

        Args:
            options: Result of the parser; --base vgg16 sets alpha to 1 unless --alpha is given.
            **changes: Values of further fields.

        Raises:
            InputError: A value is out of its range, or values do not go together.
        """
        if getattr(options, "alpha", None) is None:
            # A case's alpha is for its light base: with VGG16 the recipe must not record it.
            is_light = getattr(options, "base", self.base) == "mobilenet"
            changes = {"alpha": self.alpha if is_light else 1.0} | changes
        return super().with_options(options, **changes)
