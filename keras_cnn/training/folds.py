"""Cross-validation: every picture is tested once, by a network that has not learned from it.

References:
    Stone, 1974. Cross-validatory choice and assessment of statistical predictions. Journal of the
    Royal Statistical Society B 36.
"""

import dataclasses
import json
import statistics
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from keras_cnn import report
from keras_cnn.errors import InputError
from keras_cnn.filesystem import write_atomically
from keras_cnn.recipe import Recipe
from keras_cnn.report.calibration import Temperature
from keras_cnn.training.outcome import Outcome

ANSWERS = "answers.npz"  # in the folder of a fold that is finished


def cross_validate(train: Callable, finish: Callable, splits: Any, recipe: Recipe) -> dict:
    """Train and test once per fold, then train on all pictures; write one report.

    ``<folder>/fold_<number>`` has the model and the report of a fold. The report in the folder
    itself scores the answers to all pictures, each by the network of the fold that left it out.
    ``model.keras`` is trained on all pictures, as many epochs as the median of the folds' best. A
    run that was interrupted goes on with the fold that it was at.

    Args:
        train: Called with splits, a recipe and perhaps ``last_epoch=``, returns an `Outcome`.
        finish: Called with an outcome, splits and a recipe: writes the report and returns it.
        splits: A `splits.FoldedSplits`.
        recipe: The choices.

    Returns:
        The content of ``report.json``; empty if Ctrl-C ended it before the last training.

    Raises:
        InputError: The splits have no folds, or `recipe.resume` finds other ones.
    """
    results, temperatures = [], []
    answers = np.full((len(splits.test_names), splits.num_classes), np.nan)
    for number, (fold, rows) in enumerate(_folds(splits, recipe), start=1):
        choices = dataclasses.replace(recipe, folds=None, out=recipe.folder / f"fold_{number}")
        result = _read(choices, fold) if recipe.resume else None
        if result is None:
            print(f"Fold {number} of {recipe.folds}: {len(rows):,} test pictures.", flush=True)
            (choices.folder / ANSWERS).unlink(missing_ok=True)
            outcome = train(fold, choices)
            facts = finish(outcome, fold, choices)
            if facts["interrupted"]:
                print(f"Interrupted in fold {number} of {recipe.folds}: --resume goes on with it.")
                return {}
            result = outcome.answers, facts, outcome.history, outcome.temperature
            _write(choices, fold, *result)
        answers[rows] = result[0]
        temperatures.append(result[3])
        results.append(result[1:3])
    reported = [facts for facts, _ in results]
    epochs = round(statistics.median(facts["best_epoch"] for facts in reported))
    print(f"All {len(answers):,} pictures: {epochs} epochs, the median of the best of the folds.")
    outcome = train(splits, dataclasses.replace(recipe, folds=None), last_epoch=epochs)
    outcome = dataclasses.replace(
        outcome, answers=answers, history=_mean([history for _, history in results])
    )
    return finish(with_folds(outcome, splits, reported, temperatures), splits, recipe)


def with_folds(
    outcome: Outcome, splits: Any, reported: list[dict], temperatures: list[Temperature]
) -> Outcome:
    """Return the outcome of a cross-validation, with the report's facts of the folds.

    Args:
        outcome: The last training, with the answers of the folds and the mean of their curves.
        splits: A `splits.FoldedSplits`.
        reported: Content of `report.json` of each fold.
        temperatures: That of each fold. Their geometric mean is that of the model and of all
            answers: the model itself has no pictures that it did not learn from.
    """
    summary = report.summarize_runs(reported, unit="fold")
    note = (
        f"Cross-validation in {len(reported)} folds: each of {len(outcome.answers):,} pictures was "
        "tested by a network that had not learned from it. model.keras has learned from all of "
        "them; it has not been tested itself."
    )
    notes = [*splits.facts["notes"], note, summary["sentence"]]
    temperature = Temperature()
    if all(of_fold.note for of_fold in temperatures):
        mean = statistics.geometric_mean(of_fold.value for of_fold in temperatures)
        note = f"The temperature {mean:.3g} is the geometric mean of those of the folds."
        temperature = Temperature(mean, note)
    facts = outcome.facts | {"folds": summary, "notes": notes}
    return dataclasses.replace(outcome, facts=facts, temperature=temperature)


def _folds(splits, recipe):
    if not hasattr(splits, "folds"):
        raise InputError(
            f"--folds {recipe.folds} needs class folders of pictures; these are "
            f"{type(splits).__name__}: leave it out"
        )
    return zip(splits.folds, splits.rows, strict=True)


def _mean(histories):
    """Return the mean curve of each metric, as long as the shortest."""
    names = [name for name in histories[0] if all(name in history for history in histories)]
    length = min(len(history[name]) for history in histories for name in names) if names else 0
    return {
        name: np.mean([history[name][:length] for history in histories], axis=0).tolist()
        for name in names
    }


def _write(recipe, fold, answers, _, history, temperature):
    """Keep what a resume needs of a finished fold."""
    facts = {"pictures": fold.fingerprints, "history": history}
    facts = json.dumps(facts | {"temperature": dataclasses.asdict(temperature)})
    with write_atomically(recipe.folder / ANSWERS) as temporary, temporary.open("wb") as file:
        np.savez(file, answers=answers, facts=facts)


def _read(recipe, fold):
    """Return what a fold has left: answers, report, history, temperature; None if unfinished."""
    path = recipe.folder / ANSWERS
    if not path.is_file():
        return None
    try:
        # NumPy would leave the file of a damaged archive open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            answers, facts = kept["answers"], json.loads(str(kept["facts"]))
        reported = json.loads(Path(recipe.folder, "report.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None  # damaged: the fold is trained again
    own = json.loads(json.dumps([fold.fingerprints, _choices(recipe.to_dict())]))
    if own != [facts["pictures"], _choices(reported["recipe"])]:
        raise InputError(
            f"--resume finds other pictures or choices than the run in {recipe.folder} had: use "
            "its options, or drop --resume to start anew"
        )
    return answers, reported, facts["history"], Temperature(**facts["temperature"])


def _choices(choices):
    """Return the choices that change the result."""
    free = ("resume", "out", "name", "workers", "cache", "tensorboard")
    return {name: value for name, value in choices.items() if name not in free}
