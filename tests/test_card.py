"""Cards of saved models: written, read, and refused where they cannot be trusted."""

import dataclasses
import functools
import json
import os
import zipfile

import keras
import numpy as np
import pytest

from keras_cnn import ImageDataGenerator, InputError, Recipe, card, models
from keras_cnn.card import Card
from keras_cnn.datasets.fingerprint import fingerprint
from keras_cnn.images import scaled_generator
from keras_cnn.images.preparation import Preparation, Scaling
from keras_cnn.splits import classification_splits

CARD = Card(task="classification", class_names=("行书", "楷书"), scores={"accuracy": 0.5})


@pytest.fixture
def saved(tmp_path):
    """A model without a card."""
    inputs = keras.Input((4, 4, 1))
    outputs = keras.layers.Dense(2)(keras.layers.Flatten()(inputs))
    path = tmp_path / "model.keras"
    keras.Model(inputs, outputs).save(path)
    return path


def test_a_card_can_be_read_back_and_does_not_change_the_model(saved):
    x = np.ones((1, 4, 4, 1), np.float32)
    before = keras.saving.load_model(saved)(x)
    card.write(saved, CARD)
    assert card.read(saved) == CARD
    np.testing.assert_array_equal(card.load_model(saved)(x), before)
    np.testing.assert_array_equal(keras.saving.load_model(saved)(x), before)


def test_a_card_keeps_class_names_that_are_not_utf8(saved):
    names = ("行书", "\udcb9\udcb7", r"\udcb9")  # 狗 in GBK, as Linux reads it
    card.write(saved, dataclasses.replace(CARD, class_names=names))
    assert card.read(saved).class_names == names


def test_a_second_card_replaces_the_first(saved):
    card.write(saved, CARD)
    card.write(saved, dataclasses.replace(CARD, scores={"accuracy": 1.0}))
    assert card.read(saved).scores == {"accuracy": 1.0}
    assert zipfile.ZipFile(saved).namelist().count(card.ENTRY) == 1
    assert [path.name for path in saved.parent.iterdir()] == ["model.keras"]


def test_a_failed_write_does_not_change_the_model(saved, monkeypatch):
    before = saved.read_bytes()

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(card.shutil, "copyfileobj", full)
    with pytest.raises(OSError):
        card.write(saved, CARD)
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == ["model.keras"]


def test_a_model_without_a_card_is_refused(saved):
    assert not card.is_in(saved)
    with pytest.raises(InputError, match="has no card, which names its classes"):
        card.read(saved)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be understood"),
        ("[]", "cannot be understood"),
        ('{"format": 9, "task": "classification"}', "its format is 9"),
        ('{"format": 1, "task": "chess"}', "its task is 'chess'"),
        ('{"format": 1, "task": "regression", "class_names": "ab"}', "no list of names"),
        ('{"format": 1, "task": "regression", "recipe": []}', "its recipe is no table"),
        ('{"format": 1, "task": "regression", "priors": 3}', "priors are no name"),
    ],
)
def test_an_invalid_card_is_refused(saved, content, message):
    with zipfile.ZipFile(saved, "a") as archive:
        archive.writestr(card.ENTRY, content)
    with pytest.raises(InputError, match=message):
        card.read(saved)


def test_a_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "text.keras").write_text("no archive")
    for name in ("text.keras", "missing.keras"):
        for use in (card.read, card.load_model, card.is_in):
            with pytest.raises(InputError, match="cannot read the model.*name a run's folder"):
                use(tmp_path / name)


def test_a_damaged_model_is_refused(saved):
    with zipfile.ZipFile(saved) as archive:
        config = archive.read("config.json")
    with zipfile.ZipFile(saved, "w") as archive:
        archive.writestr("config.json", config)
    with pytest.raises(InputError, match="cannot load the model"):
        card.load_model(saved)


def test_code_in_a_model_runs_only_with_unsafe(tmp_path):
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Lambda(lambda x: 2 * x, output_shape=(2,))(inputs))
    path = tmp_path / "code.keras"
    model.save(path)
    with pytest.raises(InputError, match="holds a Lambda layer.*--unsafe"):
        card.load_model(path)
    np.testing.assert_array_equal(card.load_model(path, unsafe=True)(np.ones((1, 2))), [[2, 2]])


def test_a_decompression_bomb_is_refused(tmp_path):
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", bytes(10_000_000))
    with pytest.raises(InputError, match="decompression bomb"):
        card.load_model(path)


def test_a_moved_folder_keeps_its_fingerprint(tmp_path):
    hashes = []
    for top, size in (("a", 3), ("b", 3), ("c", 4)):
        for name in ("x/1.png", "y/2.png"):
            (tmp_path / top / name).parent.mkdir(parents=True)
            (tmp_path / top / name).write_bytes(bytes(size))
        paths = [tmp_path / top / "y/2.png", tmp_path / top / "x/1.png"]
        hashes.append(fingerprint(paths))
        assert fingerprint(paths[::-1]) == hashes[-1]
    assert hashes[0] == hashes[1] != hashes[2]


def test_other_classes_are_refused_with_both_lists():
    card.check_classes(CARD, ["楷书", "行书"], where="folder")
    with pytest.raises(InputError, match=r"\['行书', '楷书'\].*\['cat', '行书'\]"):
        card.check_classes(CARD, ["行书", "cat"], where="folder")


def _flow(generator, folder, **options):
    return generator.flow_from_directory(
        folder / "train", target_size=(20, 22), shuffle=False, batch_size=4, **options
    )


APPLICATIONS = keras.applications
GENERATORS = {
    "plain": {},
    "rescaled": {"rescale": 1 / 255},
    "named": {"preprocessing_function": Scaling("caffe")},
    "named and rescaled": {"preprocessing_function": Scaling("tf", 2.0), "rescale": 0.5},
    "of a builder": {
        "preprocessing_function": functools.partial(
            models.preprocess_input, model=models.DenseNet121
        )
    },
    "Keras' caffe": {"preprocessing_function": APPLICATIONS.vgg16.preprocess_input},
    "Keras' tf": {"preprocessing_function": APPLICATIONS.inception_v3.preprocess_input},
    "Keras' torch": {"preprocessing_function": APPLICATIONS.densenet.preprocess_input},
    "Keras' nothing": {"preprocessing_function": APPLICATIONS.efficientnet.preprocess_input},
    "centred": {"rescale": 1 / 255, "samplewise_center": True},
    "aspect": {"rescale": 1 / 255, "reduced_decoding": True},
}


@pytest.mark.parametrize("options", GENERATORS.values(), ids=GENERATORS.keys())
def test_a_preparation_returns_the_pixels_of_the_training(stripes, options):
    flow = _flow(
        ImageDataGenerator(**options),
        stripes,
        interpolation="bilinear",
        keep_aspect_ratio="reduced_decoding" in options,
    )
    rule = Preparation.from_dict(json.loads(json.dumps(Preparation.of(flow).to_dict())))
    pixels = np.stack([rule.read(path) for path in flow.filepaths[:4]])
    np.testing.assert_array_equal(rule.scale(pixels), flow[0][0])
    assert rule.scale(pixels).dtype == np.float32


def _third(image):
    return image / 3


def _claims_to_be_of_keras(image):
    return image if image.mean() < 200 else image / 3


_claims_to_be_of_keras.__module__ = "keras.src.applications.mine"


@pytest.mark.parametrize(
    "options",
    [
        {"preprocessing_function": _third},
        {"preprocessing_function": _claims_to_be_of_keras},
        {"samplewise_center": True, "samplewise_std_normalization": True},
        {"data_format": "channels_first"},
    ],
)
def test_a_scaling_by_user_code_is_refused(stripes, options):
    flow = _flow(ImageDataGenerator(**options), stripes)
    rule = Preparation.from_dict(Preparation.of(flow).to_dict())
    assert rule.size == (20, 22)
    with pytest.raises(InputError, match="a function of the user's own"):
        rule.scale(rule.read(flow.filepaths[0]))


def test_a_grey_picture_gets_its_margin(stripes):
    rule = Preparation(size=(32, 30), color_mode="grayscale", margin=2)
    picture = rule.read(next((stripes / "train" / "lying").iterdir()))
    assert picture.shape == (32, 30, 1)
    assert picture.sum() == picture[2:-2, 2:-2].sum() > 0


@pytest.mark.parametrize(
    "invalid",
    [
        {"size": [0, 3]},
        {"size": [3]},
        {"size": "ab"},
        {"margin": 9},
        {"color_mode": "cmyk"},
        {"interpolation": "magic"},
        {"scaling": {"mode": "keras"}},
        {"scaling": {"mode": None, "rescale": "2"}},
        {"scaling": 3},
    ],
)
def test_an_invalid_preparation_is_refused(invalid):
    fields = Preparation(size=(8, 8)).to_dict() | invalid
    with pytest.raises(InputError):
        Preparation.from_dict(fields)
    with pytest.raises(InputError, match="does not tell how its pictures were prepared"):
        Preparation.from_dict({})


def test_a_second_scaling_is_refused():
    assert scaled_generator(Scaling.of_model(models.VGG16), rotation_range=9).rotation_range == 9
    for option in ("rescale", "preprocessing_function", "samplewise_center"):
        with pytest.raises(InputError, match=f"{option} would scale them once more"):
            scaled_generator(Scaling("caffe"), **{option: 1})


def test_a_card_holds_the_classes_and_the_fingerprint_of_the_pictures(stripes, saved):
    recipe = Recipe(name="case", dataset="stripes", data=stripes, image_size=24)
    splits = classification_splits(recipe, ImageDataGenerator(rescale=1 / 255))
    splits.save(keras.saving.load_model(saved), saved)
    its_card = card.read(saved)
    assert its_card.class_names == ("lying", "upright")
    scaling = {"mode": None, "rescale": 1 / 255, "samplewise_center": False}
    assert its_card.preparation["scaling"] == scaling
    assert its_card.data["test"]["pictures"] == 16
    os.remove(splits.test.filepaths[0])
    again = classification_splits(recipe, ImageDataGenerator()).card()
    assert again.data["test"]["hash"] != its_card.data["test"]["hash"]
    assert again.data["train"] == its_card.data["train"]
