"""A recipe: every choice of a training run, in code and as command-line options.

Importing this module loads neither Keras nor TensorFlow, so that ``--help`` answers at once.
"""

import argparse
import dataclasses
import importlib.util
import math
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from keras_cnn.errors import InputError
from keras_cnn.options import Parser, add_option, flag, kind_of, option

_FLIP = {"horizontal_flip": True}
_MOVE = {"width_shift_range": 0.1, "height_shift_range": 0.1}
AUGMENTATIONS = {  # --augment -> options of ImageDataGenerator
    "none": {},
    "flip": _FLIP,
    # As much as writing bears: no mirror leaves it what it was, and the strokes' width tells hands.
    "move": _MOVE | {"rotation_range": 6, "shear_range": 6, "zoom_range": 0.06},
    "full": _FLIP | _MOVE | {"rotation_range": 15, "zoom_range": 0.15},
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a run trains on, how, and where it leaves its results.

    Attributes:
        name: Name of the case; the run's folder is ``runs/<name>`` unless `out` names another.
        dataset: Name of the data set, a folder under the data root.
        data: Folder to use instead of the data set's own.
        image_size: Height and width to which pictures are resized, in pixels.
        interpolation: How they are resized, one of `images.files.INTERPOLATIONS`. "nearest", the
            listings' own, drops thin lines when it shrinks and makes blocks when it enlarges;
            augmentation blurs these, so that training pictures look unlike those of the test.
        batch_size: Pictures per training step.
        epochs: Passes over the training pictures.
        learning_rate: Step size of the optimizer.
        validation_split: Part of the training pictures that picks the best weights, in (0, 1).
        seed: Seed of weights, order and augmentation.
        out: Folder of the results.
        variant: Whether the network is the chapter's listing or that of its paper.
        schedule: How the learning rate goes over the epochs: see `schedules.learning_rate`.
        warmup: Epochs over which the learning rate grows to its value.
        early_stopping: Epochs without a lower validation loss after which training ends.
        label_smoothing: Probability that is taken from the true class and spread over all.
        weight_decay: Share of each weight, times the learning rate, that every step takes away
            (Loshchilov & Hutter, 2019); biases and normalisation are spared.
        class_weights: "balanced" lets every class count alike, however few its pictures.
        ema: Whether the weights kept are a moving average over the last hundred steps, or the last
            tenth of a shorter training. Keras averages what learns: the statistics of batch
            normalisation are those of the last step.
        augment: Random changes of training pictures, a key of `AUGMENTATIONS`, in place of those
            of the case's generator; None keeps those.
        mix: Whether pairs of training pictures are blended (mixup, Zhang et al., 2018) or pasted
            into one another (cutmix, Yun et al., 2019), labels likewise.
        precision: Arithmetic of the layers; weights stay float32.
        tensorboard: Whether to write logs for TensorBoard to ``<out>/tensorboard``.
        test_crops: Crops of each test picture whose mean answer counts: see `crops.averaging`. The
            saved model remembers it.
        runs: Trainings, each with the next seed; the report tells their mean and deviation.
        workers: Threads that decode pictures; None takes one per core.
        deterministic: Whether the same seed must give the same bits; slower.
        distribute: On which devices to train: see `distribution`.
        coordinator: "host:port" of the first of several processes.
        processes: Number of processes that train together.
        process: Number of this one, from 0.
        resume: Whether to go on from the last checkpoint in `out`, or start where there is none.
        skip_bad_images: Whether to go on without pictures that cannot be read.
        without: Names of the options that mean nothing to this case; it does not offer them.
    """

    name: str
    dataset: str
    data: Path | None = option(None, "a set laid out as the case's own (default: that one)")
    image_size: int = option(224, "height and width of the pictures in pixels", at_least=1)
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"] = option(
        "nearest", "how pictures are resized; all but nearest keep lines whole"
    )
    batch_size: int = option(32, "pictures per training step", at_least=1)
    epochs: int = option(10, "passes over the training pictures", at_least=1)
    learning_rate: float = option(1e-3, "step size of the optimizer", above=0)
    validation_split: float = option(
        0.15, "part of the training pictures that picks the best weights", above=0, below=1
    )
    seed: int = option(0, "seed of weights, order and augmentation", at_least=0, below=2**31)
    out: Path | None = option(None, "folder of the results (default: one in runs/)")
    variant: Literal["book", "paper"] = option(
        "book", "the network of the chapter's listing, or that of its paper"
    )
    schedule: Literal["constant", "step", "cosine", "cyclical", "plateau"] = option(
        "constant", "how the learning rate goes over the epochs"
    )
    warmup: float = option(
        0.0, "epochs over which the learning rate grows to its value", at_least=0
    )
    early_stopping: int | None = option(
        None, "end after N epochs without a lower validation loss (default: never)", at_least=1
    )
    label_smoothing: float = option(
        0.0, "probability taken from the true class and spread over all", at_least=0, below=1
    )
    weight_decay: float = option(
        0.0, "share of the weights, times the learning rate, taken away each step", at_least=0
    )
    class_weights: Literal["equal", "balanced"] = option(
        "equal", "balanced: classes count alike, however few their pictures"
    )
    ema: bool = option(False, "keep a moving average of the weights over the steps")
    augment: Literal["none", "flip", "move", "full"] | None = option(
        None,
        "random changes of training pictures: mirror them; turn, shift and zoom them a little; or "
        "all of these, and more (default: the case's own)",
    )
    mix: Literal["none", "mixup", "cutmix"] = option(
        "none", "blend pairs of training pictures, or paste one into the other"
    )
    precision: Literal["float32", "bfloat16", "float16"] = option(
        "float32", "arithmetic of the layers; weights stay float32"
    )
    tensorboard: bool = option(False, "write logs for TensorBoard into the results folder")
    test_crops: Literal[1, 5, 10] = option(
        1, "answer by the mean over 5 shifted crops of a picture, or over 10, 5 of them mirrored"
    )
    runs: int = option(1, "trainings with other seeds; mean and deviation are told", at_least=1)
    workers: int | None = option(None, "decoding threads (default: one per core)", at_least=1)
    deterministic: bool = option(False, "the same seed gives the same bits; slower")
    distribute: Literal["auto", "none", "mirrored", "data-parallel"] = option(
        "auto", "several GPUs: mirrored (TensorFlow), data-parallel (JAX, also several machines)"
    )
    coordinator: str | None = option(None, "host:port of the first of several processes")
    processes: int | None = option(None, "processes that train together", at_least=1)
    process: int | None = option(None, "number of this process, from 0", at_least=0)
    resume: bool = option(
        False, "go on from the last checkpoint in the results folder, or start if there is none"
    )
    skip_bad_images: bool = option(False, "go on without pictures that cannot be read")
    without: tuple[str, ...] = ()

    def __post_init__(self):
        """Refuse values outside their range, and choices there are not."""
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if "help" in field.metadata and value is not None:
                _check(field, value)
        if self.resume and self.runs > 1:
            raise InputError(
                f"--resume goes on with one run, not with --runs {self.runs}: give one of the two"
            )
        if self.tensorboard and importlib.util.find_spec("tensorboard") is None:
            raise InputError(
                "--tensorboard needs the package tensorboard, which is not installed: run "
                "pip install tensorboard, or leave the option out"
            )

    @property
    def folder(self) -> Path:
        """Folder of the run's results."""
        return self.out or Path("runs") / self.name

    def parse(self, argv: Sequence[str] | None = None, *, description: str | None = None):
        """Read command-line options; this recipe's values are the defaults.

        Args:
            argv: Options such as ``["--epochs", "3"]``; None takes the script's own.
            description: Text above the options in ``--help``, the script's docstring.

        Returns:
            A `Recipe` with the options' values.

        Raises:
            SystemExit: With code 2 for a wrong option or value, with code 0 after ``--help``.
        """
        parser = Parser(
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self.add_options(parser)
        options = parser.parse_args(argv)
        try:
            return self.with_options(options)
        except InputError as error:
            parser.error(str(error))

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the recipe's options to a parser.

        Args:
            parser: It may have options of its own.
        """
        for field in self._offered():
            add_option(parser, field, default=getattr(self, field.name))

    def with_options(self, options: argparse.Namespace, **changes: Any) -> "Recipe":
        """Return this recipe with the values that a parser read.

        Args:
            options: What the parser returned; options that are not the recipe's are left alone.
            **changes: Values of further fields.

        Raises:
            InputError: A value is out of its range.
        """
        given = {field.name: getattr(options, field.name) for field in self._offered()}
        return dataclasses.replace(self, **given | changes)

    def _offered(self):
        return [
            field
            for field in dataclasses.fields(self)
            if "help" in field.metadata and field.name not in self.without
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them."""
        return {
            key: str(value) if isinstance(value, Path) else value
            for key, value in dataclasses.asdict(self).items()
            if key != "without" and key not in self.without
        }


def _check(field, value):
    limits, kind = field.metadata, kind_of(field)
    choices = typing.get_args(kind) if typing.get_origin(kind) is Literal else ()
    if choices and value not in choices:
        rule = f"must be one of {list(choices)}"
    elif isinstance(value, float) and not math.isfinite(value):
        rule = "must be a finite number"
    elif limits["at_least"] is not None and not value >= limits["at_least"]:
        rule = f"must be at least {limits['at_least']}"
    elif limits["above"] is not None and not value > limits["above"]:
        rule = f"must be above {limits['above']}"
    elif limits["below"] is not None and not value < limits["below"]:
        rule = f"must be below {limits['below']}"
    else:
        return
    raise InputError(f"{flag(field.name)} {rule}; received {value!r}")
