"""A detector as one graph finds the objects that `Detector` finds, in every exported format."""

import json
import os
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_cnn import InputError
from keras_cnn.detection import boxes
from keras_cnn.detection.detector import Detector
from keras_cnn.images import files
from keras_cnn.inference import export
from keras_cnn.models.ssd import SSD300

pytestmark = [
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="a detector is exported from TensorFlow"
    ),
    pytest.mark.filterwarnings("ignore"),  # of the converters
]
NAMES = ("书", "bird", "cat")
SIZES = [(640, 480), (37, 90), (1, 50), (899, 500), (1199, 1198)]
LIMITS = [
    {},
    {"nms": "all", "iou_threshold": 0.2},
    {"score_threshold": 0.7, "top_k": 7},
    {"score_threshold": 0.05},
]


def _pictures():
    """Return pictures of odd sizes, of coarse colours and fine noise."""
    rng = np.random.default_rng(0)
    for width, height in SIZES:
        coarse = rng.integers(0, 200, (1 + height // 40, 1 + width // 40, 3))
        large = coarse.repeat(40, axis=0).repeat(40, axis=1)[:height, :width]
        yield (large + rng.integers(0, 56, (height, width, 3))).astype(np.uint8)


@pytest.fixture(scope="module")
def detector():
    """Return a detector of one layer per feature map, with random weights."""
    keras.utils.set_random_seed(3)
    image = keras.Input((300, 300, 3))
    x, maps = keras.layers.Rescaling(1 / 30, offset=-4.0)(image), []
    for cells, ratios in zip(boxes.CELLS, boxes.RATIOS, strict=True):
        filters = (2 + 2 * len(ratios)) * (4 + 1 + len(NAMES))
        y = keras.layers.Conv2D(filters, 5, -(-300 // cells), padding="same")(x)
        maps.append(keras.layers.Reshape((-1, 5 + len(NAMES)))(y))
    return Detector(keras.Model(image, keras.layers.Concatenate(axis=1)(maps)), NAMES)


@pytest.fixture(scope="module")
def saved(detector, tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "model.keras"
    detector.save(path)
    return path


def _assert_equal(answer, expected):
    assert len(answer["boxes"]) == len(expected.boxes)
    np.testing.assert_array_equal(answer["classes"], expected.labels - 1)
    np.testing.assert_allclose(answer["scores"], expected.scores, atol=1e-5)
    np.testing.assert_allclose(answer["boxes"], expected.boxes, atol=1e-3)


def _onnx(path):
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda pixels: dict(zip(names, session.run(None, {"pixels": pixels}), strict=True))


def _litert(path):
    runtime = pytest.importorskip("ai_edge_litert.interpreter")
    answer = runtime.Interpreter(str(path)).get_signature_runner()
    return lambda pixels: answer(pixels=pixels)


def _savedmodel(path):
    tf = pytest.importorskip("tensorflow")
    model = tf.saved_model.load(str(path))
    return lambda pixels: {name: value.numpy() for name, value in model.serve(pixels).items()}


def _openvino(path):
    openvino = pytest.importorskip("openvino")
    model = openvino.compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda pixels: {
        output.any_name: value for output, value in model(pixels).to_dict().items()
    }


RUNTIMES = {"onnx": _onnx, "litert": _litert, "savedmodel": _savedmodel, "openvino": _openvino}
CONVERTERS = {"onnx": "tf2onnx", "openvino": "openvino"}


@pytest.mark.parametrize("limits", LIMITS[1:3])
def test_the_graph_finds_what_the_detector_finds(detector, limits):
    from keras_cnn.detection import graph

    model, found = graph.whole(detector.model, **limits), 0
    for picture in _pictures():
        expected = detector(picture, **limits)
        answer = model(picture)
        _assert_equal({name: np.asarray(value) for name, value in answer.items()}, expected)
        found += len(expected.boxes)
    assert found >= 10


@pytest.mark.parametrize(("format", "limits"), list(zip(RUNTIMES, LIMITS, strict=True)))
def test_an_exported_detector_finds_what_the_detector_finds(
    detector, saved, tmp_path, format, limits
):
    pytest.importorskip(CONVERTERS.get(format, "tensorflow"))
    path = export.export(saved, format=format, out=tmp_path / "out", **limits)
    answer = RUNTIMES[format](path)
    for picture in _pictures():
        _assert_equal(answer(picture), detector(picture, **limits))
    nothing = answer(np.full((300, 300, 3), 120, np.uint8))
    assert nothing["boxes"].shape == (0, 4) and nothing["scores"].shape == (0,)
    assert (path.parent / "labels.txt").read_text("utf-8").split() == list(NAMES)


def test_a_raw_export_has_priors_and_variances_in_its_card(detector, saved, tmp_path):
    path = export.export(saved, format="savedmodel", out=tmp_path / "out", raw=True)
    content = json.loads((path.parent / "card.json").read_text("utf-8"))
    squares = np.random.default_rng(0).integers(0, 256, (2, 300, 300, 3)).astype(np.uint8)
    tf = pytest.importorskip("tensorflow")
    loaded = tf.saved_model.load(str(path))  # it must live as long as its function
    expected = detector.model.predict_on_batch(squares.astype(np.float32))
    np.testing.assert_allclose(loaded.serve(squares), expected, atol=1e-4)
    np.testing.assert_array_equal(np.float32(content["prior_boxes"]), boxes.priors())
    np.testing.assert_allclose(content["variances"], [0.1, 0.1, 0.2, 0.2], atol=1e-7)
    assert content["priors"] == "voc" and content["class_names"] == list(NAMES)


def test_options_of_detectors_are_refused_where_they_have_no_effect(saved, tmp_path, monkeypatch):
    def refused(message, path=saved, **options):
        with pytest.raises(InputError, match=message):
            export.export(path, format="savedmodel", out=tmp_path / "out", **options)

    refused("nothing to limit; received top_k", raw=True, top_k=3)
    refused(r"^nms must be one of \['all', 'class'\]; received nms='foo'", nms="foo")
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    refused("the backend is jax: set KERAS_BACKEND=tensorflow, or raw=True")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_exported_detectors_equal_the_detector_on_fifty_photographs(tmp_path):
    data = Path(os.environ.get("KERAS_CNN_DATA", "absent"))
    weights = data / "weights" / "mobilenet_2_5_224_tf_no_top.h5"
    if not weights.is_file() or not (data / "bccd").is_dir():
        pytest.skip("needs bccd and weights in the folder of KERAS_CNN_DATA")
    keras.utils.set_random_seed(0)
    model = SSD300(base="mobilenet", alpha=0.25, classes=4, weights=str(weights))
    for layer in model.layers:
        if "_mbox_" in layer.name and layer.weights:  # random heads are too sure of themselves
            layer.set_weights([0.5 * weight for weight in layer.get_weights()])
    detector = Detector(model, NAMES)
    detector.save(tmp_path / "model.keras")
    paths = sorted((data / "bccd" / "JPEGImages").iterdir())[:50]
    answers = [
        RUNTIMES[format](
            export.export(tmp_path / "model.keras", format=format, score_threshold=0.85)
        )
        for format in ("onnx", "litert")
    ]
    found = 0
    for path in paths:
        pixels = files.read(path)
        expected = detector(pixels, score_threshold=0.85).boxes
        found += len(expected)
        for answer in answers:
            actual = answer(pixels)["boxes"]
            assert len(actual) == len(expected)
            # Boxes of nearly the same score may change places.
            differences = np.abs(actual[:, None] - expected[None]).max(axis=2)
            assert differences.min(axis=0).max() < 1e-3 and differences.min(axis=1).max() < 1e-3
    assert found > 300
