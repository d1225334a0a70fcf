"""The training of a detector: what its case and `keras-cnn train-detector` run."""

from functools import partial

from keras_cnn import detection
from keras_cnn.models import ssd
from keras_cnn.training import phases
from keras_cnn.training.run import run

# Of the listing's later stages: what to unfreeze, and the factors of its rate and its epochs.
_STAGES = ((None, 0.1, 1), (ssd.unfreeze, 0.01, 4 / 3))


def train_detector(recipe: detection.DetectionRecipe) -> dict:
    """Read an annotated set, train SSD300 on it, score it once, and report.

    Args:
        recipe: The choices. `freeze` adds a second phase with all stages; the choice
            `later_stages`, unless it is "none", adds the listing's second and third stage.

    Returns:
        What report.json holds.

    Raises:
        InputError: As in `detection.detection_splits` and `run.run`.
    """
    splits = detection.detection_splits(recipe)  # faults of the data before any download
    recipe = detection.settled(recipe)
    is_staged = recipe.choices.get("later_stages", "none") != "none"
    return run(
        partial(detection.network, recipe),
        splits,
        recipe,
        optimizer=detection.optimizer(recipe),
        fine_tune=ssd.unfreeze if recipe.freeze else None,
        phases=partial(phases.staged, stages=_STAGES) if is_staged else None,
    )
