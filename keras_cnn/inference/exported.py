"""Answer pictures by an exported model. Importing this module loads neither Keras nor TensorFlow.

The graph of an exported model scales the pixels; what is left is to read and to resize.
"""

import dataclasses
import functools
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from keras_cnn import card
from keras_cnn.card import Card
from keras_cnn.errors import InputError
from keras_cnn.i18n import N_
from keras_cnn.images import files, streaming
from keras_cnn.images.preparation import Preparation
from keras_cnn.inference.answers import Answer
from keras_cnn.inference.formats import (
    FORMATS,
    PRECISIONS,
    RUNTIMES,
    check_package,
    folder_name,
)

ENGINES = ("litert", "onnx")  # in this order `available` looks for an export


def find(run: str | os.PathLike, *, engine: str) -> Path:
    """Find the exported model that an engine runs.

    Args:
        run: Folder of a run, its `.keras` file, or the folder of an export.
        engine: One of `ENGINES`.

    Returns:
        The exported file. Of several precisions the highest: name the folder of another.

    Raises:
        InputError: There is none, or the run's model has changed since.
    """
    run = Path(run)
    name = FORMATS[engine][1]
    if (run / name).is_file():
        return run / name
    for path in find_all(run, engine=engine).values():
        check_age(path, run)
        return path
    raise InputError(
        f"--engine {engine} answers by an exported model, and {run} has none: run keras-cnn export "
        f"{run} --format {engine}"
    )


def find_all(run: str | os.PathLike, *, engine: str) -> dict[str, Path]:
    """Find the exported models beside a run's model.

    Args:
        run: Folder of a run, or its `.keras` file.
        engine: One of `ENGINES`.

    Returns:
        Precision -> exported file, the highest precision first. `check_age` finds the outdated.
    """
    model = _model_path(run)
    name = FORMATS[engine][1]
    paths = {
        precision: model.with_name(folder_name(engine, precision)) / name
        for precision in PRECISIONS
    }
    return {precision: path for precision, path in paths.items() if path.is_file()}


def check_age(exported: Path, run: str | os.PathLike) -> None:
    """Refuse an export of a model that has been trained again since.

    Args:
        exported: The exported file.
        run: Folder of the run, or its `.keras` file.

    Raises:
        InputError: The run's model has changed since, or the export has no card.
    """
    model = _model_path(run)
    content = card.exported_content(exported.parent)
    if model.is_file() and content.get("weights", None) not in (None, card.weights_sum(model)):
        raise InputError(
            f"{exported} must be an export of {model}, which has changed since: export it again"
        )


def available(run: str | os.PathLike) -> Path | None:
    """Return the first exported model of a run that can be run here, or None.

    Args:
        run: As in `find`. Exports of an earlier state of its model are passed over.
    """
    for engine in ENGINES:
        own = Path(run) / FORMATS[engine][1]
        paths = [own] if own.is_file() else find_all(run, engine=engine).values()
        for path in paths:
            try:
                check_package(RUNTIMES[engine], needed_by=f"--engine {engine}")
                if path != own:
                    check_age(path, run)
                return path
            except InputError:
                continue
    return None


@dataclasses.dataclass(frozen=True)
class Exported:
    """An exported classifier or regression.

    Attributes:
        card: Its card.
        run: From pixels (batch, height, width, 3), RGB from 0 to 255, to the answers.
    """

    card: Card
    run: Callable[[np.ndarray], np.ndarray]

    @classmethod
    def load(
        cls,
        path: str | os.PathLike,
        *,
        threads: int | None = None,
        its_card: Card | None = None,
    ) -> "Exported":
        """Load an exported file.

        Args:
            path: What `find` returned.
            threads: Number of threads; by default one per core.
            its_card: Its card; by default that beside the file.

        Raises:
            InputError: The file has no card, answers for boxes or pixels, or its runtime is not
                installed.
        """
        path = Path(path)
        its_card = its_card or card.read_exported(path.parent)
        if its_card.task not in ("classification", "regression"):
            way_out = N_("leave it out")
            if its_card.task == "detection":
                way_out = N_("find objects by keras-cnn detect")
            raise InputError(
                f"{path} is a model for {its_card.task}: --engine answers with the class or the "
                f"value of a picture; {way_out}"
            )
        engine = {name: format for format, (_, name, _) in FORMATS.items()}[path.name]
        check_package(RUNTIMES[engine], needed_by=f"--engine {engine}")
        start = {"onnx": _onnx, "litert": _litert}[engine]
        return cls(its_card, start(path, threads or files.cores()))

    @functools.cached_property
    def preparation(self) -> Preparation:
        """How pictures become the pixels that `run` takes."""
        return Preparation.from_dict(self.card.preparation).without_margin

    def stream(
        self,
        pictures: Iterable,
        *,
        batch_size: int = 32,
        on_error: Callable[[Any, InputError], None] | None = None,
    ) -> Iterator[tuple[Any, Answer]]:
        """Answer pictures as they come, as `Predictor.stream` does.

        Args:
            pictures: File names, from any iterable.
            batch_size: Pictures that the model takes at once.
            on_error: As in `Predictor.stream`.

        Yields:
            The file name and the answer.
        """
        batches = streaming.batches(pictures, self.read, batch_size=batch_size, on_error=on_error)
        for batch, pixels in batches:
            for picture, scores in zip(batch, self.run(np.stack(pixels)), strict=True):
                yield picture, Answer(scores, self.card.class_names)

    def read(self, path: str | os.PathLike) -> np.ndarray:
        """Read a picture as the training did.

        Args:
            path: File name.

        Returns:
            uint8 (height, width, channels) without the margin, which is part of the graph. A grey
            network takes its grey in each of three channels.

        Raises:
            InputError: The file cannot be read, or has more than 8 bits.
        """
        pixels = self.preparation.read(path)
        if pixels.dtype != np.uint8:
            raise InputError(
                f"an exported model takes pictures of 8 bits; {os.fspath(path)!r} has more: answer "
                "it by --engine keras"
            )
        return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels


def _model_path(run):
    return Path(run, "model.keras") if Path(run).is_dir() else Path(run)


def _onnx(path, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Threads that wait for the next picture must not take the cores of those who read it.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    dtype = np.uint8 if entry.type == "tensor(uint8)" else np.float32
    return lambda pixels: session.run(None, {entry.name: pixels.astype(dtype, copy=False)})[0]


def _litert(path, threads):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=threads)
    entry, output = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    shape = None

    def run(pixels):
        nonlocal shape
        if pixels.shape != shape:
            interpreter.resize_tensor_input(entry["index"], pixels.shape)
            interpreter.allocate_tensors()
            shape = pixels.shape
        interpreter.set_tensor(entry["index"], pixels.astype(entry["dtype"], copy=False))
        interpreter.invoke()
        return interpreter.get_tensor(output["index"])

    return run
