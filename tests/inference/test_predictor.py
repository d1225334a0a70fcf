"""The predictions of a saved model equal those on the training's own batches."""

import dataclasses
import os
import re

import numpy as np
import pytest
from PIL import Image
from tiny_networks import gap_network as network

from keras_cnn import ImageDataGenerator, InputError, Predictor, Recipe, card
from keras_cnn.cli import main
from keras_cnn.images.preparation import Preparation, Scaling
from keras_cnn.splits import classification_splits


@pytest.fixture
def run(stripes, tmp_path):
    """Return the folder of a run with an untrained network, and its splits."""
    recipe = Recipe(name="case", dataset="stripes", data=stripes, image_size=20)
    splits = classification_splits(recipe, ImageDataGenerator(rescale=1 / 255))
    (tmp_path / "run").mkdir()
    splits.save(network((20, 20, 3), 2), tmp_path / "run" / "model.keras")
    return tmp_path / "run", splits


def test_answers_equal_those_on_the_batches_of_the_training(run):
    folder, splits = run
    predictor = Predictor.load(folder)
    expected = splits.predict(predictor.model)
    answers = predictor(splits.test.filepaths, batch_size=5)
    np.testing.assert_allclose([a.scores for a in answers], expected, rtol=1e-5)
    assert answers[3].name == splits.class_names[expected[3].argmax()]
    names, scores = zip(*answers[3].top(9), strict=True)
    assert sorted(names) == splits.class_names and scores[0] >= scores[1]
    assert answers[3].value == scores[0]


def test_a_file_an_array_and_a_list_can_be_passed(run):
    folder, splits = run
    predictor = Predictor.load(folder / "model.keras")
    path = splits.test.filepaths[0]
    alone = predictor(path).scores
    pixels = np.asarray(Image.open(path).convert("RGB"))
    np.testing.assert_allclose(predictor(pixels).scores, alone)
    np.testing.assert_allclose(predictor([path])[0].scores, alone)
    with pytest.raises(ValueError, match="uint8.*received float64"):
        predictor(pixels / 255)


@pytest.mark.parametrize("color_mode", ["rgb", "grayscale", "rgba"])
def test_grey_arrays_and_pictures_of_pillow_are_answered_like_their_files(tmp_path, color_mode):
    preparation = Preparation(size=(20, 20), color_mode=color_mode, scaling=Scaling("tf"))
    if color_mode != "rgb":
        preparation = dataclasses.replace(preparation, scaling=Scaling(rescale=1 / 255))
    model = network(preparation.image_shape, 2)
    its_card = card.Card(task="classification", class_names=("a", "b"))
    predictor = Predictor(model, its_card, preparation)
    pixels = np.random.default_rng(0).integers(0, 256, (30, 24), np.uint8)
    pictures = {"grey": Image.fromarray(pixels), "colour": Image.fromarray(pixels).convert("RGBA")}
    pictures["turned"] = pictures["grey"].transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x112] = 6  # turn by 90 degrees to stand upright
    for name, picture in pictures.items():
        path = tmp_path / f"{name}.png"
        picture.save(path, exif=exif if name == "turned" else None)
        expected = predictor(path).scores
        with Image.open(path) as opened:
            np.testing.assert_allclose(predictor(opened).scores, expected, rtol=1e-5)
            np.testing.assert_allclose(predictor([opened])[0].scores, expected, rtol=1e-5)
    expected = predictor(tmp_path / "grey.png").scores
    np.testing.assert_allclose(predictor(pixels).scores, expected, rtol=1e-5)
    np.testing.assert_allclose(predictor([pixels, pixels])[1].scores, expected, rtol=1e-5)


@pytest.mark.parametrize("shape", [(0, 5), (30,), (30, 20, 2), (1, 30, 20, 3), ()])
def test_an_array_that_is_no_picture_is_refused_by_its_own_shape(run, shape):
    with pytest.raises(InputError, match=re.escape(f"received uint8 of shape {shape}")):
        Predictor.load(run[0])([np.zeros(shape, np.uint8)])


def test_a_picture_of_pillow_whose_file_is_damaged_is_refused(run, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:4000])
    with Image.open(tmp_path / "a.png") as opened:
        with pytest.raises(InputError, match="cannot read .*truncated"):
            Predictor.load(run[0])(opened)


def test_an_endless_stream_is_answered_as_it_comes(run):
    folder, splits = run
    asked = 0

    def endless():
        nonlocal asked
        while True:
            asked += 1
            yield splits.test.filepaths[0]

    answers = Predictor.load(folder).stream(endless(), batch_size=4)
    for _ in range(10):
        next(answers)
    assert asked <= 5 * 4


def test_a_bad_picture_raises_or_goes_to_on_error(run, tmp_path):
    folder, splits = run
    (tmp_path / "bad.png").write_text("no picture")
    paths = [splits.test.filepaths[0], str(tmp_path / "bad.png"), splits.test.filepaths[1]]
    predictor = Predictor.load(folder)
    with pytest.raises(InputError, match="bad.png"):
        list(predictor.stream(paths))
    bad = []
    answers = list(predictor.stream(paths, on_error=lambda path, error: bad.append(path)))
    assert [path for path, _ in answers] == paths[::2] and bad == paths[1:2]


def test_a_decompression_bomb_is_refused(run, tmp_path, monkeypatch):
    folder, splits = run
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(InputError, match="decompression bomb"):
        Predictor.load(folder)(splits.test.filepaths[0])


def test_evaluate_gives_the_score_of_the_training(run, stripes, tmp_path):
    folder, splits = run
    predictor = Predictor.load(folder)
    right = splits.predict(predictor.model).argmax(axis=1) == splits.test.classes
    result = predictor.evaluate(stripes)
    assert result["test"]["accuracy"] == pytest.approx(right.mean())
    assert predictor.evaluate(stripes / "test")["test"] == result["test"]
    out = tmp_path / "report"
    assert predictor.evaluate(stripes, out=out)["test"]["accuracy"] == result["test"]["accuracy"]
    assert {"report.html", "confusion.png"} <= {path.name for path in out.iterdir()}


def test_other_classes_are_refused_with_both_lists(run, stripes):
    os.rename(stripes / "test" / "lying", stripes / "test" / "standing")
    with pytest.raises(InputError, match=r"\['lying', 'upright'\].*\['standing', 'upright'\]"):
        Predictor.load(run[0]).evaluate(stripes)


def test_a_bad_picture_stops_evaluate_or_is_left_out_by_an_option(run, stripes):
    (stripes / "test" / "lying" / "void.png").touch()
    predictor = Predictor.load(run[0])
    with pytest.raises(InputError, match="void.png.*empty; .*--skip-bad-images$"):
        predictor.evaluate(stripes)
    result = predictor.evaluate(stripes, skip_bad_images=True)
    assert len(result["skipped"]) == 1 and result["test"]["samples"] == 16


def test_a_regression_answers_with_a_value(tmp_path):
    its_card = card.Card(task="regression", preparation=Preparation(size=(8, 8)).to_dict())
    path = tmp_path / "model.keras"
    network((8, 8, 3), 1, activation=None).save(path)
    card.write(path, its_card)
    Image.new("RGB", (30, 20), "red").save(tmp_path / "a.png")
    answer = Predictor.load(path)(tmp_path / "a.png")
    assert answer.value == answer.scores[0] and not answer.class_names
    with pytest.raises(InputError, match="the model is a regression"):
        Predictor.load(path).evaluate(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class_names": ("a", "b", "c")}, "names 3.*output is"),
        ({"preparation": Preparation(size=(9, 8)).to_dict()}, r"\(9, 8, 3\).*\(8, 8, 3\)"),
        ({"preparation": Preparation(size=(8, 8), color_mode="grayscale").to_dict()}, "8, 1"),
        ({"preparation": Preparation(size=(8, 8), scaling=None).to_dict()}, "of the user's own"),
        ({"preparation": {}}, "does not tell how"),
        ({"task": "detection"}, "holds a detector"),
    ],
)
def test_a_card_of_another_model_is_refused(tmp_path, changes, message):
    fits = {
        "task": "classification",
        "class_names": ("a", "b"),
        "preparation": Preparation(size=(8, 8), scaling=Scaling("tf")).to_dict(),
    }
    path = tmp_path / "model.keras"
    network((8, 8, 3), 2).save(path)
    card.write(path, card.Card(**fits))
    Predictor.load(path)
    card.write(path, card.Card(**fits | changes))
    with pytest.raises(InputError, match=message):
        Predictor.load(path)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="there is no model .*name the folder of a finished run"):
        Predictor.load(tmp_path)


def test_a_killed_predict_continues_at_the_end_of_its_file(
    run, stripes, tmp_path, capsys, monkeypatch
):
    out, command = (
        tmp_path / "answers.csv",
        ["predict", str(run[0]), str(stripes / "test"), "--out"],
    )
    assert main([*command, str(out)]) == 0
    whole = out.read_text("utf-8")
    assert "16 pictures answered, 0 were already" in capsys.readouterr().out
    out.write_text(whole[: len(whole) // 2], "utf-8")  # in the middle of a line
    read, pixels = [], Predictor._pixels
    monkeypatch.setattr(Predictor, "_pixels", lambda *a: read.append(a[1]) or pixels(*a))
    assert main([*command, str(out)]) == 0
    assert out.read_text("utf-8") == whole
    assert 0 < len(read) < 16
    assert (
        f"{len(read)} pictures answered, {16 - len(read)} were already" in capsys.readouterr().out
    )
    more = [command[0], command[1], str(stripes / "train"), *command[2:], str(out)]
    assert main([*more, "--top-k", "2"]) == 2
    assert "has the columns" in capsys.readouterr().err
    (tmp_path / "notes.csv").write_text("my notes\nno end")
    assert main([*command, str(tmp_path / "notes.csv")]) == 2
    assert "is another file" in capsys.readouterr().err
    assert (tmp_path / "notes.csv").read_text() == "my notes\nno end"
