"""Folders of runs as a training leaves them, written without one."""

import csv
import json
import os

from keras_cnn import running

HISTORY = {"loss": [1.0, 0.5], "val_loss": [0.9, 0.7], "accuracy": [0.5, 0.7]}
HISTORY["val_accuracy"] = [0.5, 0.6]


def finish(folder, *, right, epochs=2, samples=40, changed=None):
    """Write a finished run that answers the first `right` of its test pictures right."""
    folder.mkdir(parents=True)
    test = {"accuracy": right / samples, "interval": [0.1, 0.9], "baseline": 0.5}
    test |= {"samples": samples, "verdict": "above"}
    recipe = {"name": folder.name, "epochs": epochs, "network": "LeNet5()"}
    report = {"name": folder.name, "task": "classification", "test": test, "recipe": recipe}
    report |= {"sentence": f"It has learned: {right} right.", "notes": [], "best_epoch": 2}
    report |= {"seconds": {"train": 60.0}, "interrupted": False}
    rows = [(f"{n:02d}.png", "a", "a" if n < right else "b", 0.9) for n in range(samples)]
    _table(folder / "predictions.csv", ("file", "truth", "prediction", "probability"), rows)
    _table(folder / "history.csv", ("epoch", *HISTORY), zip((1, 2), *HISTORY.values(), strict=True))
    (folder / "report.html").write_text(f"<title>{folder.name}</title>")
    (folder / "report.json").write_text(json.dumps(report))
    if changed is not None:
        os.utime(folder, (changed, changed))
    return folder


def save_epoch(folder, number):
    """Write the state that a training saves after an epoch."""
    checkpoint = folder / running.CHECKPOINT
    checkpoint.mkdir(parents=True, exist_ok=True)
    history = {"loss": [1 / (epoch + 1) for epoch in range(number)]}
    state = {"history": history | {"val_loss": history["loss"]}, "seconds": 3.0 * number}
    beside = checkpoint / "beside"
    beside.write_text(json.dumps(state | {"sha256": running.digest(state)}))
    beside.replace(checkpoint / f"state_{number:04d}.json")


def _table(path, head, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows])
