"""A recipe: every choice of a training run, in code and as command-line options.

Importing this module loads neither Keras nor TensorFlow, so that ``--help`` answers at once.
"""

import dataclasses
import importlib.util
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from keras_cnn.errors import InputError
from keras_cnn.listed import ListedChoices
from keras_cnn.options import OptionFields, flag, option

_FLIP = {"horizontal_flip": True}
_SHIFT = {"width_shift_range": 0.1, "height_shift_range": 0.1}
AUGMENTATIONS = {  # --augment -> options of ImageDataGenerator
    "none": {},
    "flip": _FLIP,
    # Handwriting: small shifts only. Mirroring changes the character, and a zoom the stroke width.
    "move": _SHIFT | {"rotation_range": 6, "shear_range": 6, "zoom_range": 0.06},
    "full": _FLIP | _SHIFT | {"rotation_range": 15, "zoom_range": 0.15},
    "alexnet": _FLIP,  # and crops and colours: `splits.tables.flows`
}
OF_FILES = (  # options of pictures in files, which cases with arrays are without
    *("image_size", "interpolation", "background", "classes", "skip_bad_images", "cache"),
    *("leave_out", "group_by", "folds"),
)
BUDGETED = (  # choices that `transfer.fit` makes itself
    *("epochs", "learning_rate", "schedule", "warmup", "early_stopping", "weight_decay", "ema"),
    *("runs", "resume", "mix", "distribute", "coordinator", "processes", "process", "precision"),
    *("tensorboard", "folds"),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingRecipe(ListedChoices, OptionFields):
    """The choices that every training has: of a classifier, a regression or a detector.

    Attributes:
        name: Name of the case; the run's folder is ``runs/<name>`` unless `out` is set.
        dataset: Name of the data set, a folder under the data root.
        data: Folder to use instead of the data set's own.
        batch_size: Pictures per training step.
        epochs: Passes over the training pictures.
        learning_rate: Step size of the optimizer.
        seed: Seed of weights, order and augmentation.
        out: Folder of the results.
        schedule: Change of the learning rate over the epochs: see `schedules.learning_rate`.
        warmup: Epochs over which the learning rate grows to its value.
        early_stopping: Epochs without a lower validation loss after which training ends.
        weight_decay: Share of each weight, times the learning rate, that every step subtracts
            (Loshchilov & Hutter, 2019). Biases and normalisation are exempt.
        ema: Whether the weights kept are a moving average over the last hundred steps, or the last
            tenth of a shorter training. Keras averages trainable weights only: the statistics of
            batch normalisation are those of the last step.
        precision: Arithmetic of the layers; weights stay float32.
        tensorboard: Whether to write logs for TensorBoard to ``<out>/tensorboard``.
        runs: Number of trainings, each with the next seed; the report gives mean and deviation.
        leave_out: File that lists pictures to leave out, as `check --quarantine` writes it.
        cache: Where resized pictures are kept: "auto" (the generator's choice, if there is one, or
            in memory and in at most a tenth of the user's disk), "memory", "none" or a folder.
        workers: Threads that decode pictures; None takes one per core.
        deterministic: Whether the same seed must give the same bits; slower.
        distribute: Devices to train on: see `distribution`.
        coordinator: "host:port" of the first of several processes.
        processes: Number of processes that train together.
        process: Number of this process, from 0.
        resume: Whether to go on from the last checkpoint in `out`, or start if there is none.
        without: Names of options that have no meaning for this case; it does not offer them.
        choices: Further choices of the case, which are no options: name -> value.
        listing: What the document's own listing chooses, where it differs: name of a field or of
            a choice -> value. It gives the case the option ``--listing``. A value of `without`
            withdraws options that the listing does not use.
        validate_on_test: Whether the test pictures are the validation pictures too, as in the
            listings: all training pictures train, and the weights of the last epoch are kept.
    """

    name: str
    dataset: str
    data: Path | None = option(
        None, "data set in the layout of the case's own (default: the case's own)"
    )
    batch_size: int = option(32, "pictures per training step", at_least=1)
    epochs: int = option(10, "passes over the training pictures", at_least=1)
    learning_rate: float = option(1e-3, "step size of the optimizer", above=0)
    seed: int = option(0, "seed of weights, order and augmentation", at_least=0, below=2**31)
    out: Path | None = option(None, "folder of the results (default: one in runs/)")
    schedule: Literal["constant", "step", "cosine", "cyclical", "plateau"] = option(
        "constant", "change of the learning rate over the epochs", whole_network=True
    )
    warmup: float = option(
        0.0,
        "epochs over which the learning rate grows to its value",
        at_least=0,
        whole_network=True,
    )
    early_stopping: int | None = option(
        None,
        "end after N epochs without a lower validation loss (default: never)",
        at_least=1,
        whole_network=True,
    )
    weight_decay: float = option(
        0.0,
        "share of the weights, times the learning rate, that each step subtracts",
        at_least=0,
        whole_network=True,
    )
    ema: bool = option(
        False, "keep a moving average of the weights over the steps", whole_network=True
    )
    precision: Literal["float32", "bfloat16", "float16"] = option(
        "float32", "arithmetic of the layers; weights stay float32", whole_network=True
    )
    tensorboard: bool = option(
        False, "write logs for TensorBoard into the results folder", whole_network=True
    )
    runs: int = option(
        1,
        "number of trainings, each with another seed; reports mean and deviation",
        at_least=1,
        whole_network=True,
    )
    leave_out: Path | None = option(
        None,
        "leave out the pictures that this file lists, one per line, as check --quarantine writes "
        "it",
        name="--without",
    )
    cache: str = option(
        "auto",
        "keep resized pictures for the next epoch and run: auto, memory, none or a folder; "
        "keras-cnn cache lists and removes them",
    )
    workers: int | None = option(None, "decoding threads (default: one per core)", at_least=1)
    deterministic: bool = option(
        False, "the same seed gives the same bits; slower", whole_network=True
    )
    distribute: Literal["auto", "none", "mirrored", "data-parallel"] = option(
        "auto",
        "several GPUs: mirrored (TensorFlow), data-parallel (JAX, also several machines)",
        whole_network=True,
    )
    coordinator: str | None = option(
        None, "host:port of the first of several processes", whole_network=True
    )
    processes: int | None = option(
        None, "number of processes that train together", at_least=1, whole_network=True
    )
    process: int | None = option(
        None, "number of this process, from 0", at_least=0, whole_network=True
    )
    resume: bool = option(
        False,
        "go on from the last checkpoint in the results folder, or start if there is none",
        whole_network=True,
    )
    without: tuple[str, ...] = ()
    choices: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    listing: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    validate_on_test: bool = False
    # `training.run` reads these of every recipe; only `Recipe` makes them options.
    augment_on: ClassVar[str] = "host"
    folds: ClassVar[int | None] = None
    mix: ClassVar[str] = "none"
    test_crops: ClassVar[int] = 1

    def __post_init__(self):
        """Refuse values out of range, and values that do not go together."""
        self.check_values()
        names = {field.name for field in dataclasses.fields(self)}
        if unknown := sorted(set(self.listing) - names - set(self.choices)):
            raise InputError(f"listing must name fields or choices; received {unknown}")
        if self.resume and self.runs > 1:
            raise InputError(
                f"--resume goes on with one run, not with --runs {self.runs}: choose one of the two"
            )
        if self.tensorboard and importlib.util.find_spec("tensorboard") is None:
            raise InputError(
                "--tensorboard needs the package tensorboard, which is not installed: run "
                "pip install tensorboard, or leave the option out"
            )

    @property
    def folder(self) -> Path:
        """Folder of the run's results."""
        return Path(self.out or Path("runs") / self.name)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields and choices as JSON can hold them."""
        left_out = {"without", "choices", "listing", *self.without}
        return {
            key: str(value) if isinstance(value, Path) else value
            for key, value in (dataclasses.asdict(self) | dict(self.choices)).items()
            if key not in left_out
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe(TrainingRecipe):
    """The choices of a classifier's or a regression's training.

    Attributes:
        classes: Class folders to use, separated by commas, in the order of the model's outputs;
            None uses all, sorted.
        image_size: Height and width to which pictures are resized, in pixels.
        interpolation: Filter of the resizing, one of `images.files.INTERPOLATIONS`. "nearest", as
            in 王汉生's listings, drops thin lines when it shrinks and makes blocks when it
            enlarges. Augmentation blurs these blocks in training but not in the test.
        background: Colour under the transparent pixels, such as "white"; None drops their alpha.
        validation_split: Share of the training pictures that picks the best weights, in (0, 1).
        group_by: Which pictures belong together and stay in one split, besides copies: see
            `datasets.groups.numbers`.
        folds: Number of folds of a cross-validation, which tests every picture once: see
            `training.folds`. None trains once.
        variant: Whether to build the network of the printed listing or of its paper.
        label_smoothing: Probability that is taken from the true class and spread over all classes.
        class_weights: "balanced" gives every class the same weight, whatever its size.
        augment: Random changes of training pictures, a key of `AUGMENTATIONS`, in place of those
            of the case's generator; None keeps those of the generator.
        augment_on: Where these changes are computed: "device", in the graph of a training step;
            "host", by threads; "auto" takes the device if it is a GPU and can.
        mix: Whether pairs of training pictures and their labels are blended (mixup, Zhang et al.,
            2018), or a piece of the second is pasted into the first (cutmix, Yun et al., 2019).
        test_crops: Crops of each test picture whose answers are averaged: see `tta.averaging`. The
            saved model remembers the number.
        skip_bad_images: Whether to go on without pictures that cannot be read.
        network: The builder and its options, such as "MobileNet(alpha=0.25)", where a command chose
            them; None in a case, whose script names its network.
    """

    classes: str | None = option(
        None,
        "class folders to use, separated by commas, in the order of the outputs (default: all)",
    )
    image_size: int = option(224, "height and width of the pictures in pixels", at_least=1)
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"] = option(
        "nearest", "filter of the resizing; nearest may lose thin lines, the others keep them"
    )
    background: str | None = option(
        None, "colour under transparent pixels, such as white (default: alpha is dropped)"
    )
    validation_split: float = option(
        0.15,
        "share of the training pictures; their loss chooses the best weights",
        above=0,
        below=1,
    )
    group_by: str | None = option(
        None,
        "keep pictures of a group in one split: a regular expression with a group that matches the "
        "group's name in a file's name; a csv file with the columns file and group; or near-copies "
        "(default: near-copies)",
    )
    folds: int | None = option(
        None,
        "cross-validation: test each picture once, by a network trained on the other folds; then "
        "train on all pictures (default: no)",
        at_least=2,
    )
    variant: Literal["book", "paper"] = option(
        "book", "the network of the printed listing, or that of its paper"
    )
    label_smoothing: float = option(
        0.0,
        "probability taken from the true class and spread over all classes",
        at_least=0,
        below=1,
        whole_network=True,
    )
    class_weights: Literal["equal", "balanced"] = option(
        "equal", "balanced: every class has the same weight, whatever its size", whole_network=True
    )
    augment: Literal["none", "flip", "move", "full", "alexnet"] | None = option(
        None,
        "random changes of training pictures: flip mirrors; move turns, shifts and zooms a little; "
        "full mirrors, and turns and zooms more; alexnet mirrors, takes 224-of-256 crops, and "
        "changes colours along their principal components (default: the case's own)",
        whole_network=True,
    )
    augment_on: Literal["auto", "device", "host"] = option(
        "auto",
        "where training pictures are changed: auto takes the device that trains if it is a GPU",
        whole_network=True,
    )
    mix: Literal["none", "mixup", "cutmix"] = option(
        "none",
        "blend pairs of training pictures, or paste a piece of one into the other",
        whole_network=True,
    )
    test_crops: Literal[1, 5, 10] = option(
        1,
        "average the answers to 5 shifted crops of a test picture, or to these and their mirror "
        "images",
        whole_network=True,
    )
    skip_bad_images: bool = option(False, "go on without pictures that cannot be read")
    network: str | None = None

    def __post_init__(self):
        """Refuse values out of range, and values that do not go together."""
        super().__post_init__()
        if self.folds and (self.runs > 1 or self.processes):
            raise InputError(
                f"--folds {self.folds} trains once per fold in one process: leave out --runs and "
                "--processes, or --folds"
            )
        is_possible = self.augment not in ("none", "alexnet") and self.mix == "none"
        if self.augment_on == "device" and not is_possible:
            raise InputError(
                "--augment-on device goes with --augment flip, move, full and no --mix; received "
                f"--augment {self.augment} --mix {self.mix}: choose others, or --augment-on host"
            )


def check_budget(minutes: float, choices: Iterable[str]) -> None:
    """Refuse a budget that is no time, and choices that it leaves no room for.

    Args:
        minutes: The budget of `transfer.fit`.
        choices: Names of the recipe's fields that the user chose.

    Raises:
        InputError: The budget is not above 0, or it decides one of the choices.
    """
    if not 0 < minutes < math.inf:
        raise InputError(f"--budget must be above 0 minutes; received {minutes}")
    for name in BUDGETED:
        if name in choices:
            raise InputError(
                f"{flag(name)} is decided by --budget: leave it out, or choose a network with "
                "--model"
            )
