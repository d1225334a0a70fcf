"""Exported models take raw pixels, and answer as Keras does."""

import dataclasses
import json

import keras
import numpy as np
import pytest
from PIL import Image

from keras_cnn import InputError, Predictor, card
from keras_cnn.card import Card
from keras_cnn.images.preparation import Preparation, Scaling
from keras_cnn.inference import export, formats

layers = keras.layers
tensorflow_only = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="Keras exports these from TensorFlow"
)
RULES = {
    "rescaled": Preparation(size=(20, 24), scaling=Scaling(rescale=1 / 255)),
    "caffe": Preparation(size=(20, 24), scaling=Scaling("caffe"), interpolation="bilinear"),
    "torch": Preparation(size=(20, 24), scaling=Scaling("torch")),
    "centred": Preparation(size=(20, 24), scaling=Scaling(None, 1 / 64, samplewise_center=True)),
    "grey with a margin": Preparation(
        size=(20, 24), color_mode="grayscale", margin=2, scaling=Scaling(rescale=1 / 255)
    ),
}


def _run(folder, rule):
    """Return a run whose network reacts to a wrong preparation."""
    keras.utils.set_random_seed(1)
    channels = 1 if rule.color_mode == "grayscale" else 3
    scale = {"caffe": 1 / 128}.get(rule.scaling.mode, 2.0)
    inputs = keras.Input((*rule.size, channels))
    x = layers.Conv2D(8, 3, strides=2)(inputs * scale)  # as large as after training
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Dense(3, activation="softmax")(layers.Flatten()(x))
    folder.mkdir()
    keras.Model(inputs, x).save(folder / "model.keras")
    fields = {"class_names": ("一", "二", "三"), "preparation": rule.to_dict()}
    fields["temperature"] = 0.8  # applied twice or never, it would change the answers
    card.write(folder / "model.keras", Card(task="classification", **fields))
    return folder


@pytest.fixture
def jpegs(tmp_path):
    paths = []
    rng = np.random.default_rng(0)
    for number in range(3):
        pixels = rng.integers(0, 256, (5, 6, 3)).astype(np.uint8)
        path = tmp_path / f"{number}.jpg"
        Image.fromarray(pixels).resize((60, 50)).save(path, quality=95)
        paths.append(path)
    return paths


def _client_pixels(paths, rule):
    """What a program without keras_cnn feeds: pictures resized by Pillow, and nothing else."""
    height, width = (side - 2 * rule.margin for side in rule.size)
    resample = Image.Resampling[rule.interpolation.upper()]
    opened = [Image.open(path).resize((width, height), resample) for path in paths]
    return np.stack([np.asarray(picture.convert("RGB")) for picture in opened])


def _onnx(path, pixels):
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: pixels})[0]


def _litert(path, pixels):
    runtime = pytest.importorskip("ai_edge_litert.interpreter")
    interpreter = runtime.Interpreter(str(path))
    entry, answer = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    interpreter.resize_tensor_input(entry["index"], pixels.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(entry["index"], pixels)
    interpreter.invoke()
    return interpreter.get_tensor(answer["index"])


def _savedmodel(path, pixels):
    tf = pytest.importorskip("tensorflow")
    loaded = tf.saved_model.load(str(path))  # it must live as long as its function
    return loaded.serve(pixels).numpy()


def _openvino(path, pixels):
    openvino = pytest.importorskip("openvino")
    model = openvino.compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return model(pixels)[0]


RUNTIMES = {"onnx": _onnx, "litert": _litert, "savedmodel": _savedmodel, "openvino": _openvino}
NEEDED = {
    "onnx": ("tf2onnx", "onnxruntime"),
    "litert": ("ai_edge_litert",),
    "savedmodel": (),
    "openvino": ("openvino",),
}


@tensorflow_only
@pytest.mark.filterwarnings("ignore")  # of the converters
def test_class_names_that_are_not_utf8_are_exported_escaped(tmp_path):
    run = _run(tmp_path / "run", RULES["rescaled"])
    names = ("\udcb9\udcb7", "二", "三")  # 狗 in GBK, as Linux reads it
    changed = dataclasses.replace(card.read(run / "model.keras"), class_names=names)
    card.write(run / "model.keras", changed)
    folder = export.export(run, format="savedmodel").parent
    assert (folder / "labels.txt").read_text("utf-8") == "\\udcb9\\udcb7\n二\n三\n"
    assert json.loads((folder / "card.json").read_text("utf-8"))["class_names"] == list(names)


@tensorflow_only
@pytest.mark.filterwarnings("ignore")  # of the converters
@pytest.mark.parametrize(
    ("format", "rule"),
    [(format, "rescaled") for format in RUNTIMES]
    + [("onnx", name) for name in list(RULES)[1:]]
    + [("litert", "grey with a margin")],
)
def test_an_exported_model_answers_raw_pixels_as_keras_does(tmp_path, jpegs, format, rule):
    for package in NEEDED[format]:
        pytest.importorskip(package)
    rule = RULES[rule]
    run = _run(tmp_path / "run", rule)
    path = export.export(run, format=format)
    expected = [answer.scores for answer in Predictor.load(run)(jpegs)]
    assert np.ptp(expected, axis=0).max() > 0.05  # the answers differ, or nothing is shown
    assert np.max(expected) < 0.99  # nor by a saturated softmax
    answers = RUNTIMES[format](path, _client_pixels(jpegs, rule))
    np.testing.assert_allclose(answers, expected, atol=1e-4)
    labels = (path.parent / "labels.txt").read_text(encoding="utf-8").split()
    assert labels == ["一", "二", "三"]
    content = json.loads((path.parent / "card.json").read_text(encoding="utf-8"))
    assert content["preparation"] == rule.to_dict()


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
def test_the_graph_prepares_pixels_as_the_training_did(tmp_path, jpegs, rule):
    predictor = Predictor.load(_run(tmp_path / "run", rule))
    expected = [answer.scores for answer in predictor(jpegs)]
    for dtype in export.DTYPES:
        model = export.with_preparation(predictor.model, predictor.card, dtype=dtype)
        pixels = _client_pixels(jpegs, rule).astype(dtype)
        np.testing.assert_allclose(model.predict_on_batch(pixels), expected, atol=1e-6)


def test_every_shade_of_grey_equals_pillow_s(tmp_path):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (64, 64, 3)).astype(np.uint8)
    inputs = keras.Input((64, 64, 1))
    its_card = Card(
        task="regression",
        preparation=Preparation(size=(64, 64), color_mode="grayscale").to_dict(),
    )
    model = export.with_preparation(keras.Model(inputs, inputs * 1.0), its_card)
    grey = np.asarray(Image.fromarray(pixels).convert("L"))
    np.testing.assert_array_equal(model.predict_on_batch(pixels[None])[0, ..., 0], grey)


def test_a_detector_takes_raw_pixels_and_prepares_them_itself():
    inputs = keras.Input((30, 30, 3))
    network = keras.Model(inputs, layers.Conv2D(4, 3)(inputs - 120.0))
    model = export.with_preparation(network, Card(task="detection", class_names=("book",)))
    pixels = np.random.default_rng(0).integers(0, 256, (1, 30, 30, 3)).astype(np.uint8)
    expected = network.predict_on_batch(pixels.astype(np.float32))
    np.testing.assert_allclose(model.predict_on_batch(pixels), expected, atol=1e-3)


@tensorflow_only
def test_an_export_replaces_an_older_export_but_no_other_folder(tmp_path, monkeypatch):
    run = _run(tmp_path / "run", RULES["rescaled"])
    first = export.export(run, format="savedmodel", out=tmp_path / "out")
    (first.parent / "leftover").touch()
    (tmp_path / ".out-settings").mkdir()  # somebody's, like ~/.vscode-server beside ~/vscode
    export.export(run, format="savedmodel", out=tmp_path / "out")
    assert not (first.parent / "leftover").exists() and first.exists()
    (tmp_path / "mine").mkdir()
    with pytest.raises(InputError, match="must be a new folder, or that of an earlier export"):
        export.export(run, format="savedmodel", out=tmp_path / "mine")

    def fail(*arguments, **options):
        raise RuntimeError("no such operation\nand more")

    monkeypatch.setattr(keras.Model, "export", fail)
    with pytest.raises(InputError, match=r"savedmodel cannot hold .*\(no such operation\)"):
        export.export(run, format="savedmodel", out=tmp_path / "new")
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(InputError, match=r"\): set KERAS_BACKEND=tensorflow, or choose another"):
        export.export(run, format="savedmodel", out=tmp_path / "new")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [".out-settings", "mine", "out", "run"]


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    run = _run(tmp_path / "run", RULES["rescaled"])
    monkeypatch.setattr(formats.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"needs the package tf2onnx.*keras-cnn\[export\]"):
        export.export(run, format="onnx")


def test_options_of_detectors_are_refused_for_other_models(tmp_path):
    run = _run(tmp_path / "run", RULES["rescaled"])
    with pytest.raises(
        InputError, match="raw, nms can be used for a detector only.*classification"
    ):
        export.export(run, format="savedmodel", raw=True, nms="all")


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(InputError, match="must be one of.*received 'pdf'"):
        export.export(tmp_path, format="pdf")
