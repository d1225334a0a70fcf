"""Exports in 8 and 16 bits: as small as they should be, and compared with Keras."""

import dataclasses
import json
import os
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_cnn import InputError, Predictor, card
from keras_cnn.cli import main
from keras_cnn.inference import export, labelled, quantization, trial
from keras_cnn.inference.exported import Exported

layers = keras.layers
pytestmark = [
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="Keras exports these from TensorFlow"
    ),
    pytest.mark.filterwarnings("ignore"),  # of the converters
]
POINTWISE = "pointwise"
PACKAGES = {"litert": ["ai_edge_litert"], "onnx": ["tf2onnx", "onnxruntime"]}


def _depthwise(*, channels=16):
    """Return a network that rounding shifts: channels of a depthwise layer differ by far."""
    keras.utils.set_random_seed(3)
    image = keras.Input((24, 24, 3))
    x = layers.Conv2D(channels, 3, strides=2, use_bias=False)(image)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    x = layers.Conv2D(64, 1, name=POINTWISE)(x)
    x = layers.Dense(2, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    return keras.Model(image, x)


def _onnx_kernel(path):
    """Return the kernel (64, 16) of `POINTWISE` as the file has it."""
    import onnx

    tensors = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}
    name = next(name for name in tensors if tensors[name].shape == (64, 16, 1, 1))
    scale, zero = (
        tensors[name.removesuffix("_quantized") + end].astype("float32")[:, None]
        for end in ("_scale", "_zero_point")
    )
    return (tensors[name].reshape(64, 16).astype("float32") - zero) * scale


def _litert_kernel(path):
    """Return the kernel (64, 16) of `POINTWISE` as the file has it."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    details = interpreter.get_tensor_details()
    detail = next(d for d in details if tuple(d["shape"]) == (64, 1, 1, 16))
    scales = detail["quantization_parameters"]["scales"]
    return interpreter.get_tensor(detail["index"]).reshape(64, 16) * scales[:, None]


def _litert_types(path):
    """Return the types of the tensors of a file."""
    from ai_edge_litert.interpreter import Interpreter

    return {detail["dtype"] for detail in Interpreter(str(path)).get_tensor_details()}


KERNELS = {"onnx": _onnx_kernel, "litert": _litert_kernel}


@pytest.fixture(scope="module")
def learnt():
    """Weights with which `_depthwise` tells the stripes apart: filled by the first test."""
    return []


@pytest.fixture
def trained(run, stripes, learnt):
    """The run of stripes, with a depthwise network that has learnt to tell them apart."""
    its_card = card.read(run / "model.keras")
    model = _depthwise()
    if learnt:
        model.set_weights(learnt[0])
    else:
        labels = labelled.pictures(its_card, stripes, split="train")
        preparation = Predictor.load(run).preparation
        pixels = np.stack([preparation.read(path) for path in labels])
        model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
        truth = np.array(list(labels.values()))
        model.fit(preparation.scale(pixels), truth, epochs=25, verbose=0)
        learnt.append(model.get_weights())
    model.save(run / "model.keras")
    # As a step behind an 8-bit softmax the temperature would spoil small probabilities.
    card.write(run / "model.keras", dataclasses.replace(its_card, temperature=1.2))
    return run


@pytest.mark.parametrize("format", PACKAGES)
@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_a_small_export_takes_the_same_pixels_and_answers_nearly_as_keras_does(
    trained, stripes, format, precision
):
    for package in PACKAGES[format]:
        pytest.importorskip(package)
    data = stripes if precision == "int8" else None
    path = export.export(trained, format=format, precision=precision, data=data)
    assert path.parent.name == f"export_{format}_{precision}"
    predictor = Predictor.load(trained)
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (4, 24, 24, 3), np.uint8) // [[[[1]]], [[[2]]], [[[3]]], [[[9]]]]
    pixels = pixels.astype(np.uint8)
    expected = predictor.scores(pixels)
    answers = Exported.load(path).run(pixels)
    assert answers.dtype == np.float32
    np.testing.assert_allclose(answers, expected, atol=0.02 if precision == "float16" else 0.1)
    content = json.loads((path.parent / "card.json").read_text("utf-8"))
    assert content["precision"] == precision
    if (format, precision) == ("litert", "float16"):
        types = _litert_types(path)
        assert np.float16 in types and np.int8 not in types
    if precision == "int8":
        layer = next(layer for layer in predictor.model.layers if layer.name.endswith(POINTWISE))
        kernel = KERNELS[format](path)
        own = quantization._rounded(layer, format).reshape(kernel.shape[::-1]).T
        np.testing.assert_allclose(kernel, own, atol=1e-6)  # else biases are corrected wrongly
        assert content["accuracy"]["pictures"] == 16
        assert abs(content["accuracy"]["keras"] - content["accuracy"]["int8"]) <= trial.POINT


def test_only_kernels_become_float16(tmp_path):
    onnx = pytest.importorskip("onnx")
    table = np.full((2, 2), 1.0001, "float32")
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("MatMul", ["x", "kernel"], ["y"]),
            onnx.helper.make_node("Add", ["y", "priors"], ["z"]),
        ],
        "graph",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 2])],
        [onnx.helper.make_tensor_value_info("z", onnx.TensorProto.FLOAT, [2, 2])],
        [onnx.numpy_helper.from_array(table, name) for name in ("kernel", "priors")],
    )
    onnx.save(onnx.helper.make_model(graph), tmp_path / "model.onnx")
    quantization.onnx_to_float16(tmp_path / "model.onnx")
    types = {t.name: t.data_type for t in onnx.load(tmp_path / "model.onnx").graph.initializer}
    assert types == {
        "kernel_float16": onnx.TensorProto.FLOAT16,
        "priors": onnx.TensorProto.FLOAT,
    }


def test_the_command_shows_both_accuracies_of_an_int8_export(trained, stripes, capsys):
    pytest.importorskip("ai_edge_litert")
    words = ["export", str(trained), "--format", "litert", "--int8", "--data", str(stripes)]
    assert main(words) == 0
    written = capsys.readouterr()
    assert "accuracy on 16 pictures: Keras " in written.out
    assert "note:" not in written.err
    shutil.rmtree(stripes / "train")
    assert main([*words, "--json"]) == 0
    written = capsys.readouterr()
    assert "note: the int8 model is calibrated on pictures of" in written.err
    answer = json.loads(written.out)
    assert answer["precision"] == "int8" and answer["accuracy"].keys() >= {"keras", "int8"}


def test_a_corrected_bias_removes_the_shift_of_rounded_weights():
    model = _depthwise()
    for norm in (layer for layer in model.layers if "normalization" in layer.name):
        rng = np.random.default_rng(1)
        norm.moving_mean.assign(rng.normal(size=norm.moving_mean.shape))
        norm.moving_variance.assign(rng.uniform(0.01, 4, norm.moving_variance.shape))
    images = np.random.default_rng(2).uniform(0, 1, (8, 24, 24, 3)).astype("float32")
    depthwise = next(layer for layer in model.layers if "depthwise" in layer.name)
    norm = model.layers[model.layers.index(depthwise) + 1]
    kernel = np.array(depthwise.kernel)
    kernel[:, :, ::2] *= 0.003  # and one large weight: the others become rough
    kernel[1, 1, ::2] = 1.0
    depthwise.kernel.assign(kernel)
    means = keras.Model(model.input, norm.output)
    exact = means.predict_on_batch(images).mean(axis=(0, 1, 2))
    for format in ("litert", "onnx"):
        copy = keras.models.clone_model(model)
        copy.set_weights(model.get_weights())
        only = {id(layer) for layer in copy.layers if layer.name == depthwise.name}
        quantization.correct_biases(copy, images, format=format)
        its_layer = next(layer for layer in copy.layers if id(layer) in only)
        its_norm = copy.layers[copy.layers.index(its_layer) + 1]
        rounded = quantization._rounded(depthwise, format)
        depthwise.kernel.assign(rounded)
        shifted = means.predict_on_batch(images).mean(axis=(0, 1, 2))
        before = np.array(norm.moving_mean)
        norm.moving_mean.assign(its_norm.moving_mean)
        corrected = means.predict_on_batch(images).mean(axis=(0, 1, 2))
        assert np.abs(shifted - exact).max() > 1e-3
        np.testing.assert_allclose(corrected, exact, atol=2e-5)
        norm.moving_mean.assign(before)
        depthwise.kernel.assign(kernel)


def test_a_model_that_loses_more_than_a_point_is_refused_unless_forced(
    trained, stripes, monkeypatch
):
    pytest.importorskip("ai_edge_litert")

    def ruin(model, images, *, format):
        model.layers[-1].kernel.assign(-model.layers[-1].kernel)

    monkeypatch.setattr(quantization, "correct_biases", ruin)
    before = sorted(trained.iterdir())
    with pytest.raises(InputError, match="may lose one point.*on 16 pictures: export --float16"):
        export.export(trained, format="litert", precision="int8", data=stripes)
    assert sorted(trained.iterdir()) == before
    path = export.export(trained, format="litert", precision="int8", data=stripes, force=True)
    content = json.loads((path.parent / "card.json").read_text("utf-8"))
    assert content["accuracy"]["int8"] < 0.5 and content["accuracy"]["p_value"] < 0.05


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "openvino", "precision": "int8"}, "one of .'onnx', 'litert'.; received 'openv"),
        ({"format": "litert", "precision": "int4"}, "precision one of .*received .*'int4'"),
        ({"format": "litert", "precision": "int8", "data": "gone"}, "there is no 'gone'"),
        ({"format": "litert", "force": True}, "belong to int8.*add --int8"),
    ],
)
def test_choices_that_cannot_be_used_are_refused(run, options, message):
    with pytest.raises(InputError, match=message):
        export.export(run, **options)
    assert [path.name for path in run.iterdir()] == ["model.keras"]


@pytest.mark.slow
@pytest.mark.skipif("KERAS_CNN_DATA" not in os.environ, reason="needs weights and photographs")
@pytest.mark.parametrize("alpha, weights", [(0.25, "2_5"), (1.0, "1_0")])
def test_mobilenet_keeps_its_accuracy_in_int8(tmp_path, alpha, weights):
    data = Path(os.environ["KERAS_CNN_DATA"])
    weights = data / "weights" / f"mobilenet_{weights}_224_tf_no_top.h5"
    if not weights.is_file() or not (data / "cats_dogs").is_dir():
        pytest.skip("needs weights and photographs")
    words = ["--model", "mobilenet", "--alpha", alpha, "--weights", weights]
    words += ["--codes", "logistic", "--out", tmp_path]
    assert main(["train", str(data / "cats_dogs"), *map(str, words)]) == 0
    size = (tmp_path / "model.keras").stat().st_size
    for format in PACKAGES:  # `export` refuses a loss of more than a point
        path = export.export(tmp_path, format=format, precision="int8")
        assert path.stat().st_size <= size / 3.5
