"""The end of a training: its model is saved, tested and reported."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from keras_cnn import card, report
from keras_cnn.errors import InputError
from keras_cnn.filesystem import write_atomically
from keras_cnn.recipe import TrainingRecipe
from keras_cnn.report import calibration
from keras_cnn.report.calibration import Temperature
from keras_cnn.training.task import Task


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a report needs of a training.

    Attributes:
        answers: The model's answers to the test pictures, before the temperature.
        history: One list per metric, with its value of each epoch.
        samples: Training pictures with titles.
        facts: Entries of the report about the training.
        temperature: What `fit_temperature` returned.
    """

    answers: np.ndarray | list
    history: dict[str, list[float]]
    samples: list[tuple]
    facts: dict
    temperature: Temperature = Temperature()


def fit_temperature(
    task: Task, recipe: TrainingRecipe, *, answer: Callable[[], np.ndarray]
) -> Temperature:
    """Fit the temperature of a classifier to the validation pictures; that of others is 1.

    Args:
        task: The data.
        recipe: The choices.
        answer: Returns the answers to the validation pictures: (pictures, classes).
    """
    if getattr(task, "kind", None) != "classification":
        return Temperature()
    if recipe.validate_on_test:
        return Temperature(
            note="The temperature stays 1: the validation pictures are the test pictures, which "
            "must not change the answers."
        )
    return calibration.fit(task.targets["validation"], answer())


def save(model: keras.Model, task: Task, path: Path) -> None:
    """Save a model with its card, whole or not at all.

    Args:
        model: The model.
        task: The data it was trained on.
        path: A name that ends in `.keras`.

    Raises:
        InputError: The disk is full or the folder cannot be written.
    """
    try:
        with write_atomically(path) as temporary:
            task.save(model, temporary)
    except OSError as error:
        raise InputError(
            f"cannot save the model in {path.parent} ({error.strerror or error}): make room, then "
            "go on with --resume"
        ) from error


def conclude(outcome: Outcome, task: Task, recipe: TrainingRecipe, **facts) -> dict:
    """Write the report of a training whose model is saved in the run's folder; print a summary.

    Args:
        outcome: What the training left.
        task: The data.
        recipe: The choices.
        **facts: Further entries of the report.

    Returns:
        The content of ``report.json``.
    """
    answers, temperature = outcome.answers, outcome.temperature
    facts = task.facts | outcome.facts | facts
    if temperature.note:
        answers = calibration.tempered(answers, temperature.value)
        facts["calibration"] = dataclasses.asdict(temperature)
    facts |= {"name": recipe.name, "recipe": recipe.to_dict(), "samples": task.sizes}
    if recipe.listing:
        facts["listing"] = recipe.listing_facts()
    result = task.report(
        recipe.folder,
        answers=answers,
        history=outcome.history,
        samples=outcome.samples,
        facts=facts,
    )
    _complete_card(recipe.folder / "model.keras", result, temperature=temperature.value)
    print(report.sentence(result))
    print(f"Report: {recipe.folder / 'report.html'}")
    return result


def _complete_card(path, result, *, temperature):
    """Add what is known only after the test to the card of the saved model."""
    if not card.is_in(path):
        return
    scores = {
        name: value
        for name, value in result["test"].items()
        if isinstance(value, int | float | str) or name == "interval"
    }
    completed = dataclasses.replace(
        card.read(path),
        temperature=temperature,
        scores=scores,
        recipe=result["recipe"],
        versions=result["versions"],
    )
    card.write(path, completed)
