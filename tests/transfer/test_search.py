"""Search for similar pictures: cosine of features, in code and as a command."""

import json

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.distance import cdist
from small_base import pictures_of_test, small_recipe, spread_of_rows_and_columns

from keras_cnn import InputError, Predictor, models
from keras_cnn.cli import main
from keras_cnn.images.scaling import Scaling
from keras_cnn.transfer import Base, ImageSearch, fit_features
from keras_cnn.transfer.search import closest


def test_the_closest_rows_are_those_of_scipys_cosine_distance():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(500, 64)).astype("float32") * rng.uniform(0.01, 100, (500, 1))
    rows, similarities = closest(features[7] * 3, features, top_k=20)
    distances = cdist(features[7:8], features, "cosine")[0]
    np.testing.assert_array_equal(rows, np.argsort(distances)[:20])
    np.testing.assert_allclose(similarities, 1 - np.sort(distances)[:20], atol=1e-6)


def test_a_picture_without_any_feature_is_similar_to_none():
    rows, similarities = closest(np.ones(3), np.array([[0, 0, 0], [2.0, 2, 2]]), top_k=5)
    assert rows.tolist() == [1, 0] and similarities == pytest.approx([1, 0])


def test_pictures_of_the_same_class_are_closest_and_the_picture_itself_is_left_out(stripes):
    base = Base(spread_of_rows_and_columns, Scaling(rescale=1 / 255))
    search = ImageSearch.of(base, image_size=24)
    paths = pictures_of_test(stripes)
    search.add(paths[:5])
    search.add(paths[5:])
    assert search.paths == [str(path) for path in paths]
    answers = search(paths[0], top_k=100)
    assert len(answers) == len(paths) - 1 and str(paths[0]) not in dict(answers)
    assert {path.split("/")[-2] for path, _ in answers[:7]} == {paths[0].parent.name}
    with Image.open(paths[0]) as picture:
        similar = search(picture.convert("RGB"), top_k=len(paths))
    assert dict(similar)[str(paths[0])] == pytest.approx(1, abs=1e-5)


def test_a_picture_that_cannot_be_read_is_left_out_and_reported(base, stripes, tmp_path):
    search, bad = ImageSearch.of(base, image_size=24), []
    paths = pictures_of_test(stripes)
    paths[3].write_bytes(b"no picture")
    gone = paths[0].with_name("gone.png")
    with pytest.raises(InputError, match="cannot read picture"):
        search.add(paths, cache=tmp_path / "codes.sqlite")
    for cache in (None, tmp_path / "codes.sqlite"):
        search = ImageSearch.of(base, image_size=24)
        search.add([*paths, gone], cache=cache, on_error=lambda path, error: bad.append(path))
        assert len(search.paths) == len(search.features) == len(paths) - 1
        assert np.isfinite(search.features).all()
    assert sorted(bad) == sorted(2 * [str(paths[3]), str(gone)])


def test_a_run_reads_pictures_as_in_its_training(base, stripes, tmp_path):
    fit_features(base, small_recipe(stripes, tmp_path / "out"))
    search, own = ImageSearch.of_run(tmp_path / "out"), ImageSearch.of(base, image_size=24)
    trained = Predictor.load(tmp_path / "out").preparation
    assert search.preparation == trained
    for index in (search, own):
        index.add(pictures_of_test(stripes))
    np.testing.assert_allclose(search.features, own.features, atol=1e-5)


def test_an_empty_index_finds_nothing(base, stripes):
    assert ImageSearch.of(base, image_size=24)(pictures_of_test(stripes)[0]) == []


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """Return the words of a small network with weights, and keep the user's cache clean."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    path = tmp_path / "mobilenet.weights.h5"
    models.MobileNet(input_shape=(32, 32, 3), alpha=1.0, classes=2).save_weights(path)
    return ["--model", "mobilenet", "--weights", str(path), "--image-size", "32"]


def test_the_command_searches_a_folder_from_the_cache_and_draws_a_sheet(
    weights, stripes, tmp_path, capsys
):
    picture, folder = str(pictures_of_test(stripes)[0]), str(stripes)
    sheet = tmp_path / "drawn" / "sheet.png"
    words = ["search-similar", *weights, picture, folder, "--top-k", "12"]
    assert main([*words, "--json", "--draw", str(sheet)]) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    assert answer["path"] == picture and len(answer["similar"]) == 12
    values = [other["similarity"] for other in answer["similar"]]
    assert values == sorted(values, reverse=True) and values[0] <= 1
    with Image.open(sheet) as drawn:
        assert drawn.height > drawn.width / 2  # three rows: the picture and twelve found
    assert (tmp_path / "home" / "keras_cnn" / "codes.sqlite").exists()
    (stripes / "test" / "bad.png").touch()
    assert main([*words, "--format", "csv"]) == 2
    shown = capsys.readouterr()
    assert shown.out.splitlines()[0] == "path,similar,similarity"
    assert len(shown.out.splitlines()) == 13 and "bad.png" in shown.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{picture}", "{folder}"], "received neither"),
        (["run", "{picture}", "{folder}", "--model", "resnet18"], "received both"),
        (["{picture}", "{folder}", "--model", "resnet18"], "--model needs --weights"),
        (["run", "{picture}", "{folder}", "--image-size", "64"], "--image-size belongs to a"),
        (["run", "{picture}", "{picture}"], "must be a folder"),
        (["run", "{folder}", "{folder}", "--draw", "a.png"], "the answer to one picture"),
        (["run", "{picture}", "{folder}", "--draw", "{folder}"], "it is a folder"),
        (["{picture}", "{folder}", "--model", "resnet18", "--weights", "gone"], "check the path"),
    ],
)
def test_options_that_contradict_one_another_are_refused(stripes, capsys, words, message):
    picture = str(pictures_of_test(stripes)[0])
    words = [word.format(picture=picture, folder=stripes) for word in words]
    assert main(["search-similar", *words]) == 2
    assert message in capsys.readouterr().err
