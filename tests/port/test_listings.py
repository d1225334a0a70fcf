"""Every code listing of the documents: ported, run on small data, compared with our networks.

The documents are no part of the project. KERAS_CNN_LISTINGS names the folder with their texts.

SSD300's listing is not run. Four of its six pieces are no valid Python. The two others, the helper
for boxes and the script that trains, call functions that only the four define. They also misspell
names (``lines.f.readlines()``, ``model.laod_weights``), and the helper opens a session of
TensorFlow 1. A listing with all of that mended would no longer be the document's.
"""

import ast
import importlib.util
import os
import re
from functools import partial
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
from keras_breakers import breakers
from lively_weights import randomise
from PIL import Image

pytest.importorskip("libcst")
from keras_cnn import models
from keras_cnn.port import rewriting

FOLDER = os.environ.get("KERAS_CNN_LISTINGS")
pytestmark = pytest.mark.skipif(not FOLDER, reason="KERAS_CNN_LISTINGS is not set")
CASES = Path(__file__).resolve().parents[2] / "cases"
# A line that is prose: it begins with a Chinese character, a number, a bullet or a sentence.
PROSE = re.compile(r"[^\x00-\x7f]|\d+(\.\d+)*[.、))]|\s*•|[A-Z][a-z]+ [a-z]+ [a-z]+")
STATEMENT = re.compile(r"^(import|from|class|def) |^\s*\w+ ?= ?\w+.*\(|^for ", re.M)


def _head(classes):
    """Return our network of the listing that trains a new head on a frozen InceptionV3."""
    base = models.InceptionV3(weights=None, include_top=False, input_shape=(75, 75, 3))
    base.trainable = False
    x = keras.layers.GlobalAveragePooling2D()(base.output)
    return keras.Model(base.input, keras.layers.Dense(classes, activation="softmax")(x))


def _printed(name, size, **options):
    return partial(getattr(models.book, name), input_shape=(size, size, 3), **options)


BOOK = {  # case, in the order of the book -> picture size here, folders, our network
    "food_linear": (16, None, _printed("LinearRegression", 16)),
    "digits_softmax": (28, None, partial(models.book.SoftmaxRegression, classes=10)),
    "digits_lenet5": (28, None, partial(models.book.LeNet5, classes=10)),
    "calligraphy_alexnet": (
        67,
        ("ChineseStyle/train", "ChineseStyle/test", 2),
        _printed("AlexNet", 67, classes=2),
    ),
    "birds_vgg16": (
        32,
        ("data_vgg/train", "data_vgg/test", 200),
        _printed("VGG16", 32, classes=200, as_printed=True),
    ),
    "flowers_inceptionv1": (
        32,
        ("data_flower/train", "data_flower/test", 17),
        _printed("InceptionV1", 32, classes=17, as_printed=True),
    ),
    "catsdogs_inceptionv3": (75, ("CatDog/train", "CatDog/validation", 2), partial(_head, 2)),
    "flowers_resnet": (
        32,
        ("data_res/train", "data_res/test", 3),
        _printed("ResNet", 32, classes=3, as_printed=True),
    ),
    "gender_densenet": (
        32,
        ("data_des/train", "data_des/test", 2),
        _printed("DenseNet", 32, classes=2, as_printed=True),
    ),
    "dogs_mobilenet": (
        32,
        ("data_mob", None, 10),
        _printed("MobileNet", 32, classes=10, as_printed=True),
    ),
}


def _documents():
    return [path.read_text(encoding="utf-8") for path in sorted(Path(FOLDER).glob("*.txt"))]


def listings(text):
    """Return the code between the prose of a document."""
    pieces = [[]]
    for line in text.splitlines():
        if PROSE.match(line):
            pieces.append([])
        else:
            pieces[-1].append(line)
    codes = ("\n".join(lines).strip("\n") + "\n" for lines in pieces)
    return [code for code in codes if STATEMENT.search(code)]


def _all_listings():
    return [code for text in _documents() for code in listings(text)]


def _with_landmark(landmark):
    (code,) = (code for code in _all_listings() if landmark in code)
    return code


def _is_python(code):
    try:
        ast.parse(code)
    except SyntaxError:
        return False
    return True


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Work in an empty folder; figures open no window."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))
    yield tmp_path
    keras.backend.clear_session()


def _execute(code):
    new, findings = rewriting.port(code)
    assert findings == [] and breakers(new) == [] and rewriting.port(new)[0] == new
    names = {"__name__": "__main__"}
    exec(compile(new, "listing", "exec"), names)
    return names


def test_the_listings_of_pytorch_and_numpy_stay_as_they_are():
    others = [code for code in _all_listings() if "keras" not in code and "_generator(" not in code]
    readable = [code for code in others if _is_python(code)]
    assert len(readable) > 20
    for code in readable:
        assert rewriting.port(code) == (code, [])


def test_a_listing_that_is_no_python_is_refused_at_its_first_wrong_line():
    refused = [code for code in _all_listings() if not _is_python(code)]
    assert len(refused) > 5
    for code in refused:
        with pytest.raises(SyntaxError, match="no Python 3"):
            rewriting.port(code)


def _pictures(folder, *, classes, size):
    rng = np.random.default_rng(classes)
    for index in range(max(classes, 24)):
        place = Path(folder, f"class_{index % classes:03}")
        place.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 255, (size + 3, size, 3), np.uint8)
        Image.fromarray(pixels).save(place / f"{index}.png")


def _data(case, size, folders, monkeypatch):
    rng = np.random.default_rng(1)
    if folders:
        *places, classes = folders
        for place in filter(None, places):
            _pictures(place, classes=classes, size=size)
    elif case == "food_linear":
        Path("data_foodscore").mkdir()
        rows = ["ID,score"]
        for index in range(12):
            pixels = rng.integers(0, 255, (20, 24, 3), np.uint8)
            Image.fromarray(pixels).save(f"data_foodscore/{index}.jpg")
            rows.append(f"{index},{1 + index % 5}")
        Image.fromarray(pixels).save("MyPic.jpg")
        Path("FoodScore.csv").write_text("\n".join(rows))
    else:
        pixels = rng.integers(0, 255, (40, 28, 28), np.uint8)
        labels = np.arange(40) % 10
        halves = (pixels[:30], labels[:30]), (pixels[30:], labels[30:])
        monkeypatch.setattr(keras.datasets.mnist, "load_data", lambda: halves)


def _recipe(case):
    spec = importlib.util.spec_from_file_location(case, CASES / f"{case}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.RECIPE.parse(["--listing"])


def _batches(x, y, size):
    if y is None:
        return [x[index % len(x)][:2] for index in range(3)]
    return [(x[at : at + size], y[at : at + size]) for at in (0, 8, 0)]


def _ours(theirs, build, rate, inputs):
    """Return our network with the weights and the dropout of another, as its case compiles it."""
    ours = build()
    if case_is_flat := len(theirs.input_shape) == 2:
        assert np.prod(ours.input_shape[1:]) == theirs.input_shape[1]
    ours.set_weights(theirs.get_weights())
    pairs = [
        [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
        for model in (theirs, ours)
    ]
    for layer, own in zip(*pairs, strict=True):
        own.seed_generator.state.assign(layer.seed_generator.state)
    loss = "mse" if ours.output_shape[-1] == 1 else "categorical_crossentropy"
    ours.compile(keras.optimizers.Adam(rate), loss, run_eagerly=True)
    return ours, (lambda x: x.reshape(-1, *ours.input_shape[1:])) if case_is_flat else inputs


@pytest.mark.parametrize("case", BOOK)
def test_a_ported_listing_of_the_book_has_the_first_losses_of_ours(case, place, monkeypatch):
    size, folders, build = BOOK[case]
    recipe, fitted = _recipe(case), []

    def fit(self, x, y=None, *, batch_size=None, validation_data=None, epochs=1):
        assert (epochs, validation_data is None) == (recipe.epochs, False)
        assert recipe.batch_size == (x.batch_size if y is None else batch_size)
        self.run_eagerly = True  # three steps take less time than building a graph for them
        ours, inputs = _ours(self, build, recipe.learning_rate, lambda x: x)
        for pixels, targets in _batches(x, y, 8):
            loss = float(np.ravel(self.train_on_batch(pixels, targets))[0])
            own = float(np.ravel(ours.train_on_batch(inputs(pixels), targets))[0])
            fitted.append((loss, own))
        history = keras.callbacks.History()
        history.history = {"accuracy": [0.0]}
        return history

    _data(case, size, folders, monkeypatch)
    monkeypatch.setattr(keras.Model, "fit", fit)
    code = [c for text in _documents() for c in listings(text) if ":description:" in c]
    code = re.sub(r"(?m)^(\s*IMSIZE = )\d+", rf"\g<1>{size}", code[list(BOOK).index(case)])
    keras.utils.set_random_seed(0)
    _execute(code.replace("'imagenet', include_top", "None, include_top"))
    losses = np.array(fitted)
    assert losses.shape == (3, 2) and len(set(losses[:, 0])) == 3
    np.testing.assert_allclose(losses[:, 0], losses[:, 1], rtol=1e-6)


@pytest.mark.parametrize(
    ("landmark", "name", "file", "size"),
    [
        ("def InceptionV3(", "InceptionV3", "inception_v3_weights_tf_dim_ordering_tf_kernels", 299),
        ("def MobileNet(", "MobileNet", "mobilenet_1_0_224_tf", 224),
    ],
)
def test_a_ported_listing_with_published_weights_answers_as_keras_does(
    landmark, name, file, size, place, monkeypatch
):
    published = randomise(getattr(keras.applications, name)(weights=None), 0)
    published.save(f"{file}.h5")
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (size, size, 3), np.uint8)).save("elephant.jpg")
    classes = {str(index): (f"n{index}", f"class {index}") for index in range(1000)}
    monkeypatch.setattr(keras.src.applications.imagenet_utils, "CLASS_INDEX", classes)
    names = _execute(_with_landmark(landmark))
    answers = published.predict(np.concatenate([names["x"], 0 * names["x"]]))
    assert np.abs(answers[0] - answers[1]).max() > 1e-3  # the answer depends on the picture
    np.testing.assert_allclose(names["preds"], answers[:1], atol=1e-6)
