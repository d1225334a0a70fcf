"""The option --listing of every case: the document's own choices, in table, run and report."""

import importlib.util
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import keras_cnn
from keras_cnn import models
from keras_cnn.datasets.synthetic import draw as synthetic
from keras_cnn.training import detectors

CASES = Path(__file__).resolve().parents[1] / "cases"
PRINTED = {  # case -> image size, batch, epochs, learning rate of the document
    "birds_vgg16": (224, 20, 20, 1e-3),
    "calligraphy_alexnet": (227, 200, 20, 1e-3),
    "catsdogs_inceptionv3": (299, 100, 1, 1e-3),
    "digits_lenet5": (None, 200, 10, 1e-3),
    "digits_softmax": (None, 1000, 50, 1e-2),
    "dogs_mobilenet": (112, 150, 20, 1e-3),
    "fashion_cnn": (None, 20, 1, 1e-3),
    "flowers_inceptionv1": (224, 20, 20, 1e-3),
    "flowers_resnet": (224, 1, 20, 1e-3),
    "food_linear": (128, 100, 100, 1e-3),
    "gender_densenet": (128, 20, 20, 1e-3),
    "voc_ssd300": (None, 4, 15, 1e-4),
}
WITHOUT_LISTING = {"shapes_fcn"}  # its document prints no code
SMALL = {  # case on folders -> options that make its listing small
    "birds_vgg16": 32,
    "calligraphy_alexnet": 67,
    "catsdogs_inceptionv3": 75,
    "dogs_mobilenet": 32,
    "flowers_inceptionv1": 32,
    "flowers_resnet": 32,
    "gender_densenet": 32,
}
SLOW = set(SMALL) - {"dogs_mobilenet"}


def _case(name):
    spec = importlib.util.spec_from_file_location(name, CASES / f"{name}.py")
    case = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(case)
    return case


@pytest.fixture(autouse=True)
def no_download(monkeypatch):
    """Keep tests from the network and from the user's cache."""

    def fetch(file):
        raise OSError(f"put {file.address} into the cache")

    monkeypatch.setattr(models.weights, "_fetch", fetch)


@pytest.mark.parametrize("name", PRINTED)
def test_the_option_listing_sets_what_is_printed_and_later_options_replace_it(name):
    recipe = _case(name).RECIPE
    assert recipe.parse(["--ema"]).differences()["ema"] == (False, True)
    printed = recipe.parse(["--listing"])
    size, *others = PRINTED[name]
    assert [printed.batch_size, printed.epochs, printed.learning_rate] == others
    assert size in (None, getattr(printed, "image_size", None))
    assert printed.validate_on_test == (name != "voc_ssd300")
    assert printed.differences() == {} and printed.listing_facts() == {"as printed": "yes"}
    changed = recipe.parse(["--batch-size", "7", "--listing"])
    assert changed.listing_facts() == {"batch_size": f"{others[0]}, here 7"}
    assert recipe.parse([]) == recipe


def test_every_choice_of_a_case_is_read_by_it_and_every_printed_case_has_a_listing():
    assert {path.stem for path in CASES.glob("*.py")} == set(PRINTED) | WITHOUT_LISTING
    room = Path(keras_cnn.__file__).parent
    modules = [*(room / "detection").glob("*.py"), room / "training" / "detectors.py"]
    elsewhere = {"voc_ssd300": modules}
    for name in PRINTED:
        recipe = _case(name).RECIPE
        assert recipe.listing, name
        texts = (CASES / f"{name}.py").read_text("utf-8").split("def main")[1]
        texts += "".join(path.read_text("utf-8") for path in elsewhere.get(name, ()))
        unread = [choice for choice in recipe.choices if f'"{choice}"' not in texts]
        assert not unread or "**recipe.choices" in texts, (name, unread)


def test_help_shows_the_listing_beside_the_default(capsys):
    with pytest.raises(SystemExit, match="0"):
        _case("calligraphy_alexnet").RECIPE.parse(["--help"], description="Text.")
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    at = lines.index("--listing default")
    assert "batch size 200 32" in lines[at:] and "samplewise center no yes" in lines[at:]
    assert any(line.startswith("--listing do as the document's listing") for line in lines[at:])


def test_a_listing_that_names_no_field_and_no_choice_is_refused():
    with pytest.raises(keras_cnn.InputError, match="must name fields or choices.*'bacth_size'"):
        keras_cnn.Recipe(name="x", dataset="x", listing={"bacth_size": 3})


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in SMALL]
)
def test_a_listing_on_folders_trains_and_reports_what_it_is(name, stripes, undrawn, tmp_path):
    options = ["--listing", "--data", stripes, "--image-size", SMALL[name], "--epochs", 1]
    options += ["--batch-size", 20, "--out", tmp_path / "out"]
    result = _case(name).main(list(map(str, options)))
    assert result["samples"] == {"train": 40, "validation": 16, "test": 16}
    assert any("no honest test score" in note for note in result["notes"])
    assert result["listing"]["image_size"].endswith(f"here {SMALL[name]}")
    assert not {"validate_on_test", "as_printed"} & set(result["listing"])


def test_the_listing_of_dogs_augments_the_pictures_that_it_scores(stripes, monkeypatch, tmp_path):
    splits = []
    monkeypatch.setattr(keras_cnn, "run", lambda build, data, recipe: splits.append(data))
    folder = stripes / "train"  # class folders alone: 60 % train, 40 % validate
    for options in ([], ["--listing"]):
        _case("dogs_mobilenet").main([*options, "--data", str(folder)])
    ours, printed = splits
    assert printed.sizes == {"train": 24, "validation": 16, "test": 16}
    assert printed.validation is printed.test
    assert printed.test.image_data_generator.zoom_range == [-1, 3]
    assert ours.test.image_data_generator.zoom_range == [1, 1]
    assert ours.train.image_data_generator.zoom_range == [0.8, 1.2]


@pytest.fixture
def digits(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {}
    for split, number in {"train": 40, "test": 20}.items():
        arrays[f"x_{split}"] = rng.integers(0, 255, (number, 28, 28)).astype(np.uint8)
        arrays[f"y_{split}"] = (np.arange(number) % 10).astype(np.uint8)
    np.savez(tmp_path / "digits.npz", **arrays)
    return tmp_path / "digits.npz"


@pytest.mark.parametrize("name", ["digits_softmax", "digits_lenet5", "fashion_cnn"])
def test_a_listing_on_arrays_trains_on_all_training_pictures(name, digits, undrawn, tmp_path):
    options = ["--listing", "--data", digits, "--epochs", 2, "--out", tmp_path / "out"]
    result = _case(name).main(list(map(str, options)))
    assert result["samples"] == {"train": 40, "validation": 20, "test": 20}
    assert result["best_epoch"] == 2  # the last: test pictures choose nothing
    assert result["listing"] == {"epochs": f"{PRINTED[name][2]}, here 2"}


def test_the_softmax_listing_sees_pixels_from_0_to_255(digits, monkeypatch):
    seen = []

    def run(build, data, recipe):
        seen.append(data.train[0][0].max())
        raise StopIteration

    monkeypatch.setattr(keras_cnn, "run", run)
    for options in ([], ["--listing"]):
        with pytest.raises(StopIteration):
            _case("digits_softmax").main(
                [*options, "--data", str(digits), "--validation-split", "0.25"]
            )
    assert seen[0] <= 1 and seen[1] > 200


def test_the_listing_of_food_trains_by_adam_and_is_compared_with_the_training_mean(
    tmp_path, undrawn
):
    folder = tmp_path / "dishes"
    (folder / "data_foodscore").mkdir(parents=True)
    red = np.random.default_rng(0).integers(0, 255, 8)
    for number, value in enumerate(red):
        path = folder / "data_foodscore" / f"pic{number}.jpg"
        Image.fromarray(np.full((12, 16, 3), (value, 90, 90), np.uint8)).save(path)
    table = pd.DataFrame({"ID": [f"pic{k}" for k in range(8)], "score": 1 + red / 64})
    table.to_csv(folder / "FoodScore.csv", index=False)
    optimizers = []
    real = keras.Model.compile

    def compile_(self, optimizer, **options):
        optimizers.append(type(optimizer).__name__)
        return real(self, optimizer, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.Model, "compile", compile_)
        options = ["--listing", "--data", folder, "--epochs", 1, "--out", tmp_path / "out"]
        result = _case("food_linear").main(list(map(str, options)))
    assert optimizers[0] == "Adam" and result["recipe"]["bias_starts_at"] == "zero"
    _, _, train, test = _halves(table["score"].to_numpy())
    baseline = result["test"]["baseline"]["mse"]
    np.testing.assert_allclose(baseline, np.mean((test - train.mean()) ** 2), rtol=1e-6)
    assert result["samples"] == {"train": 4, "validation": 4, "test": 4}


def _halves(scores):
    from sklearn.model_selection import train_test_split

    return train_test_split(np.arange(len(scores)), scores, test_size=0.5, random_state=0)


def _tiny_ssd(*, classes, input_shape, weights):
    image = keras.Input(input_shape)
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D(100)(image))
    x = keras.layers.Dense(2)(x)
    x = keras.layers.Dense(9092 * (4 + classes))(x)
    return keras.Model(image, keras.layers.Reshape((9092, 4 + classes))(x))


def test_the_listing_of_ssd300_trains_in_three_stages_on_one_list(tmp_path, undrawn, monkeypatch):
    monkeypatch.setattr(models.book, "SSD300", _tiny_ssd)
    synthetic.shapes.write(tmp_path / "set", split_sizes={"train": 4, "val": 1, "test": 1})
    options = ["--listing", "--data", tmp_path / "set", "--epochs", 1, "--out", tmp_path / "out"]
    case = _case("voc_ssd300")
    rates = []
    real = keras.Model.compile

    def compile_(self, optimizer, **rest):
        rates.append(float(np.asarray(optimizer.learning_rate)))
        return real(self, optimizer, **rest)

    monkeypatch.setattr(keras.Model, "compile", compile_)
    result = case.main(list(map(str, options)))
    np.testing.assert_allclose(rates[:3], [1e-4, 1e-5, 1e-6], rtol=1e-4)
    assert result["samples"] == {"train": 3, "validation": 1, "test": 1}
    lines = (tmp_path / "out" / "history.csv").read_text().splitlines()
    assert len(lines) == 4 and result["listing"] == {"epochs": "15, here 1"}
    detector = keras_cnn.Detector.load(tmp_path / "out")
    assert detector.priors == "listing"
    with pytest.raises(SystemExit):
        case.RECIPE.parse(["--listing", "--zoom-out", "3"])


def test_the_listings_stages_end_at_the_printed_epochs(monkeypatch):
    case = _case("voc_ssd300")
    monkeypatch.setattr(keras_cnn.detection, "detection_splits", lambda recipe: None)
    monkeypatch.setattr(
        detectors, "run", lambda build, splits, recipe, phases, **_: list(phases(recipe))
    )
    stages = case.main(["--listing"])
    printed = [(stage.recipe.epochs, stage.recipe.learning_rate) for stage in stages]
    np.testing.assert_allclose(printed, [(15, 1e-4), (15, 1e-5), (20, 1e-6)])
