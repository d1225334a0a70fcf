"""Predict on several machines with Ray Data: each worker is a `Predictor` that keeps its model.

Ray divides the pictures among the workers, keeps their order and repeats what a lost machine had.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from keras_cnn import card
from keras_cnn.errors import InputError


class Worker:
    """A model, loaded once, that answers the batches which Ray hands to it."""

    def __init__(self, run: str | os.PathLike, *, unsafe: bool = False):
        """Load the model.

        Args:
            run: As in `Predictor.load`; a path that every machine can read.
            unsafe: As in `Predictor.load`.
        """
        from keras_cnn.inference.predictor import Predictor

        self.predictor = Predictor.load(run, unsafe=unsafe)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, list]:
        """Answer a batch.

        Args:
            batch: "path": names of files.

        Returns:
            One row per path, in the same order. Columns: "path"; "class" and "score", or "value"
            for a regression; "error", the reason why a picture cannot be read, else None.
        """
        from keras_cnn.inference.predictor import reason

        paths, errors = list(map(str, batch["path"])), {}
        answers = dict(
            self.predictor.stream(
                paths,
                batch_size=max(1, len(paths)),
                on_error=lambda path, error: errors.update({path: reason(error)}),
            )
        )
        rows = [answers.get(path) for path in paths]
        columns: dict[str, list] = {"path": paths}
        if self.predictor.card.class_names:
            top = [answer.top(1)[0] if answer else (None, None) for answer in rows]
            columns |= {"class": [name for name, _ in top], "score": [score for _, score in top]}
        else:
            columns["value"] = [answer.value if answer else None for answer in rows]
        return columns | {"error": [errors.get(path) for path in paths]}


def predict(
    run: str | os.PathLike,
    paths: Iterable[str],
    *,
    out: str | os.PathLike,
    workers: int = 2,
    batch_size: int = 32,
    unsafe: bool = False,
) -> dict[str, int]:
    """Answer pictures on the workers of a Ray cluster and write Parquet files.

    `RAY_ADDRESS` names the cluster; without it Ray starts one on this machine.

    Args:
        run: As in `Predictor.load`.
        paths: Names of files that every machine can read.
        out: Folder for the Parquet files, new or empty; its columns are those of `Worker`.
        workers: Number of processes that hold the model.
        batch_size: Pictures the network takes at once.
        unsafe: As in `Predictor.load`.

    Returns:
        "pictures", the number of rows, and "bad", the number of rows with an error.

    Raises:
        InputError: Ray is not installed, there is no model, or `out` is not empty.
    """
    try:
        import ray
    except ImportError:
        raise InputError(
            "--engine ray needs Ray Data, which is not installed: run pip install 'keras-cnn[ray]'"
        ) from None
    run, out = card.model_path(run).resolve(), Path(out).resolve()
    card.read(run)
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise InputError(
            f"--out must be a new or empty folder for Ray's Parquet files; {out} is not: name "
            "another"
        )
    items: list[dict[str, Any]] = [{"path": os.path.abspath(path)} for path in paths]
    if not ray.is_initialized():
        ray.init(log_to_driver=False, include_dashboard=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    answered = ray.data.from_items(items, override_num_blocks=max(workers, len(items) // 1000))
    answered.map_batches(
        Worker,
        fn_constructor_args=(str(run),),
        fn_constructor_kwargs={"unsafe": unsafe},
        batch_size=batch_size,
        compute=ray.data.ActorPoolStrategy(size=workers),
    ).write_parquet(str(out))
    rows = ray.data.read_parquet(str(out), columns=["error"])
    bad = rows.filter(lambda row: row["error"] is not None).count()
    return {"pictures": rows.count(), "bad": bad}
