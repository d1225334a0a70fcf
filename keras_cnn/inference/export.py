"""Export a model for other programs, with the preparation of its pixels inside."""

import dataclasses
import json
import os
import shutil
import tempfile
import warnings
from pathlib import Path

import keras
import numpy as np
from keras import ops

from keras_cnn import card
from keras_cnn.card import Card
from keras_cnn.detection import boxes
from keras_cnn.errors import InputError
from keras_cnn.i18n import N_
from keras_cnn.images.preparation import Preparation
from keras_cnn.inference import quantization, tempering
from keras_cnn.inference.exported import Exported
from keras_cnn.inference.formats import FORMATS, PRECISIONS, check_packages, folder_name
from keras_cnn.inference.predictor import Predictor
from keras_cnn.inference.trial import Trial

DTYPES = ("uint8", "float32")
_LUMA = (19595.0, 38470.0, 7471.0)  # red, green and blue, over 65536, as Pillow has them


def export(
    run: str | os.PathLike,
    *,
    format: str,
    out: str | os.PathLike | None = None,
    dtype: str = "uint8",
    unsafe: bool = False,
    raw: bool = False,
    precision: str = "float32",
    data: str | os.PathLike | None = None,
    force: bool = False,
    **limits,
) -> Path:
    """Write a model that takes raw pixels, RGB from 0 to 255.

    A batch of pictures has the network's size; the graph contains the scaling, the luma of a grey
    network and the margin. A detector takes one picture of any size, (height, width, 3), and
    returns its objects: see `detection.graph.whole`. Beside the model lie `card.json` (size,
    resizing and training) and `labels.txt` (one class per line).

    Args:
        run: Folder of the run, or a `.keras` file.
        format: One of `FORMATS`.
        out: Folder to make; by default ``export_<format>`` beside the model, or
            ``export_<format>_<precision>``. An older export there is replaced once the new one is
            complete.
        dtype: Type of the pixels, one of `DTYPES`.
        unsafe: As in `card.load_model`.
        raw: Whether to write a detector's bare network, from a batch of (300, 300, 3) to offsets
            and logits: see `models.SSD300`. Then `card.json` holds the priors, corners in shares of
            the picture, and the variances.
        precision: "float32"; "float16", which halves the size; or "int8", a classifier that is
            calibrated on training pictures and compared with Keras on the test pictures, else the
            validation pictures, else all pictures. ONNX and LiteRT only.
        data: Of "int8": folder of these pictures; by default that of the training.
        force: Of "int8": whether to write a model that loses more than `POINT` of accuracy.
        **limits: Of a detector's objects: `score_threshold`, `iou_threshold`, `nms` and `top_k`, as
            in a call of `Detector`.

    Returns:
        The exported file, or the folder of a SavedModel.

    Raises:
        InputError: There is no such model, it cannot be exported, `out` is no export's folder, a
            package is missing, `raw`, `limits` or `precision` cannot be used for this model, or the
            int8 model loses too much.
    """
    if format not in FORMATS or dtype not in DTYPES or precision not in PRECISIONS:
        raise InputError(
            f"format must be one of {list(FORMATS)}, dtype one of {DTYPES} and precision one of "
            f"{PRECISIONS}; received {format!r}, {dtype!r} and {precision!r}"
        )
    keras_name, name, _ = FORMATS[format]
    check_packages(format, precision=precision)
    path = card.model_path(run)
    its_card = card.read(path)
    _check_detector(its_card, path, raw=raw, limits=limits)
    _check_precision(its_card, path, precision, has_choices=bool(data or force))
    out = path.with_name(folder_name(format, precision)) if out is None else Path(out)
    if out.exists() and not (out / card.ENTRY).is_file():
        raise InputError(
            f"--out must be a new folder, or that of an earlier export; {out} is neither: name "
            "another"
        )
    trial = Trial.prepare(its_card, data) if precision == "int8" else None
    model = card.load_model(path, unsafe=unsafe)
    content = dataclasses.asdict(its_card) | {"precision": precision}
    content["weights"] = card.weights_sum(path)
    if trial:
        trial.run_keras(Predictor(model, its_card, trial.preparation))
        quantization.correct_biases(model, trial.scaled, format=format)
    priors = its_card.priors or "voc"
    if its_card.task != "detection" or raw:
        # LiteRT's converter gives an int8 model the type of its input.
        own = "float32" if (format, precision) == ("litert", "int8") else dtype
        model = with_preparation(model, its_card, dtype=own)
    else:
        from keras_cnn.detection import graph  # imports TensorFlow, whichever the backend

        model = graph.whole(model, priors=priors, dtype=dtype, **limits)
    # Keras only exports a model once called.
    model(np.zeros([side or 1 for side in model.input_shape], model.input.dtype))
    if raw:
        content["prior_boxes"] = boxes.priors(priors).tolist()
        content["variances"] = boxes.VARIANCES.tolist()
    pixels = trial.pixels if trial else None
    options = {}
    if format == "litert" and precision != "float32":
        options = quantization.litert_options(precision, pixels, dtype=dtype)
    out.absolute().parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.absolute().parent))
    try:
        try:
            with warnings.catch_warnings(action="ignore"):  # the converters' own
                model.export(str(work / name), format=keras_name, verbose=False, **options)
                if format == "onnx" and precision == "int8":
                    quantization.onnx_to_int8(work / name, pixels)
                elif format == "onnx" and precision == "float16":
                    quantization.onnx_to_float16(work / name)
        except Exception as error:  # converters raise errors of nearly every type
            way_out = N_(f"choose another format of {list(FORMATS)}")
            if keras.backend.backend() != "tensorflow":  # every format takes its models
                way_out = N_(f"set KERAS_BACKEND=tensorflow, or {way_out}")
            raise InputError(
                f"{format} cannot hold {path} ({str(error).strip().splitlines()[0]}): {way_out}"
            ) from error
        labels = "".join(f"{label}\n" for label in its_card.class_names)
        # Class names that are not UTF-8 are escaped.
        utf_8 = {"encoding": "utf-8", "errors": "backslashreplace"}
        (work / "labels.txt").write_text(labels, **utf_8)
        if trial:
            exported = Exported.load(work / name, its_card=its_card)
            content["accuracy"] = trial.compare(exported, force=force)
        text = json.dumps(content, ensure_ascii=False, indent=None if raw else 2)
        (work / card.ENTRY).write_text(text + "\n", **utf_8)
        work.chmod(0o755)  # only the user can read a folder of mkdtemp
        if out.exists():
            shutil.rmtree(out)
        os.replace(work, out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return out / name


def with_preparation(model: keras.Model, its_card: Card, *, dtype: str = "uint8") -> keras.Model:
    """Return a model that scales its pictures itself.

    Args:
        model: The trained model.
        its_card: Its card.
        dtype: Type of the pixels that the new model takes.

    Returns:
        A model from RGB pixels (batch, height, width, 3), 0 to 255, at the network's size without
        margin, to the answers by which `model` was tested.

    Raises:
        InputError: The card does not hold the preparation of pictures.
    """
    if its_card.task == "detection":
        pixels = keras.Input(model.input_shape[1:], dtype=dtype, name="pixels")
        outputs = model(ops.cast(pixels, "float32"), training=False)
        return keras.Model(pixels, outputs, name=model.name)
    preparation = Preparation.from_dict(its_card.preparation)
    height, width = preparation.without_margin.size
    channels = max(3, preparation.image_shape[2])  # a grey network takes RGB too
    pixels = keras.Input((height, width, channels), dtype=dtype, name="pixels")
    x = ops.cast(pixels, "float32")
    if preparation.color_mode == "grayscale":
        luma = ops.sum(x * np.array(_LUMA, "float32"), axis=-1, keepdims=True)  # exact in float32
        x = ops.floor((luma + 32768.0) / 65536.0)
    if preparation.margin:
        x = keras.layers.ZeroPadding2D(preparation.margin)(x)
    tested = tempering.as_tested(model, its_card, image_shape=preparation.image_shape)
    return keras.Model(pixels, tested(preparation.scale(x), training=False), name=model.name)


def _check_precision(its_card, path, precision, *, has_choices):
    if precision == "int8" and its_card.task != "classification":
        raise InputError(
            f"int8 is for classifiers, whose accuracy is compared with Keras; {path} is a model "
            f"for {its_card.task}: use float16"
        )
    if precision == "int8" and keras.backend.backend() != "tensorflow":
        raise InputError(
            f"int8 is exported from TensorFlow only; the backend is {keras.backend.backend()}: set "
            "KERAS_BACKEND=tensorflow"
        )
    if precision != "int8" and has_choices:
        raise InputError(
            f"data and force belong to int8, which is calibrated; received precision {precision!r}:"
            " leave them out, or add --int8"
        )


def _check_detector(its_card, path, *, raw, limits):
    if its_card.task != "detection" and (raw or limits):
        raise InputError(
            f"{', '.join(['raw'] * raw + [*limits])} can be used for a detector only; {path} is a "
            f"model for {its_card.task}: leave it out"
        )
    if raw and limits:
        raise InputError(
            "raw writes the network without suppression, so there is nothing to limit; received "
            f"{', '.join(limits)}: leave out either"
        )
    if its_card.task == "detection" and not raw and keras.backend.backend() != "tensorflow":
        raise InputError(
            "a detector with its suppression is exported from TensorFlow only; the backend is "
            f"{keras.backend.backend()}: set KERAS_BACKEND=tensorflow, or raw=True (--raw)"
        )


def _export_of_module(*args, **options):
    warnings.warn("keras_cnn.export.export is now keras_cnn.export", FutureWarning, stacklevel=2)
    return export(*args, **options)


export.export = _export_of_module  # `keras_cnn.export` was this module in the last version
